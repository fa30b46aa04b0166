//! An enrolment as anybody might write it, written apart from the library's own code: the format as it is
//! documented, and whatever an attacker puts into it.

use bincode::config::{Configuration, Fixint, LittleEndian};
use meshward::suite::{Purpose, SigningKey};
use meshward::{Digest, Identity, Member, MeshId, NodeId, OsEntropy, Suite, View, ViewNumber};
use serde::Serialize;

use crate::authority::{Authority, Key, NOW, workload};
use crate::support::{Disk, active_key};

pub(crate) const HERE: &str = "spiffe://example.org/router/north";

/// A view of three members without SPIFFE ids.
pub(crate) fn view() -> View {
    let member = |seed: u8| {
        let key = SigningKey::generate(Suite::MlDsa65, &OsEntropy).unwrap();
        Member::new(node(seed), "old", key.public_key().clone())
    };
    View::genesis([1, 2, 3].map(member).to_vec()).unwrap()
}

pub(crate) fn node(seed: u8) -> NodeId {
    NodeId::from_bytes([seed; 32])
}

/// An identity, and its key in the test's hands.
pub(crate) fn identity(seed: u8) -> (Identity, SigningKey) {
    let disk = Disk::default();
    let identity = Identity::create(&disk, node(seed), Suite::MlDsa65, &OsEntropy).unwrap();
    (identity, active_key(&disk, Suite::MlDsa65))
}

#[derive(Clone, Serialize)]
pub(crate) struct Claim {
    pub(crate) mesh: MeshId,
    pub(crate) number: ViewNumber,
    pub(crate) view: Digest,
    pub(crate) member: Member,
    pub(crate) certificate: Digest,
    pub(crate) made: u64,
}

#[derive(Serialize)]
struct Parts<'a> {
    claim: &'a [u8],
    chain: &'a [Vec<u8>],
    by_svid: &'a [u8],
    by_key: &'a [u8],
}

/// All that makes up an enrolment; a test changes some of it.
pub(crate) struct Forge {
    pub(crate) claim: Claim,
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) svid_key: Key,
    pub(crate) key: SigningKey,
    /// The certificate is named by the digest that the claim has, whatever the chain is.
    pub(crate) keeps_digest: bool,
}

impl Forge {
    /// The enrolment of [`HERE`] as node 4, which nothing is wrong with.
    pub(crate) fn new(view: &View, authority: &Authority) -> Self {
        let svid_key = Key::p256();
        let chain = vec![authority.issue(&workload(HERE), &svid_key)];
        let (identity, key) = identity(4);
        let member = identity.member("north").with_spiffe_id(HERE.parse().unwrap());
        let claim = Claim {
            mesh: view.mesh(),
            number: view.number(),
            view: view.digest(),
            member: Member { joined: ViewNumber(view.number().0 + 1), ..member },
            certificate: Digest::from_bytes([0; 32]),
            made: NOW,
        };
        Self { claim, chain, svid_key, key, keeps_digest: false }
    }

    pub(crate) fn claimed(&self) -> Vec<u8> {
        let mut claim = self.claim.clone();
        if let (false, Some(leaf)) = (self.keeps_digest, self.chain.first()) {
            claim.certificate = Digest::of("meshward 2026 certificate of a workload", leaf);
        }
        encode(&claim)
    }

    /// What the key of the suite signs.
    fn to_sign(claim: &[u8]) -> Vec<u8> {
        [b"mwenroll\x02", claim].concat()
    }

    pub(crate) fn by_svid(&self, claim: &[u8]) -> Vec<u8> {
        let context = b"meshward/1/enrolment of a workload\0";
        self.svid_key.sign_enrolment(&[context.as_slice(), &Self::to_sign(claim)].concat())
    }

    pub(crate) fn by_key(&self, claim: &[u8], purpose: Purpose) -> Vec<u8> {
        let signed = self.key.sign(purpose, &Self::to_sign(claim), &OsEntropy);
        signed.unwrap().as_bytes().to_vec()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let claim = self.claimed();
        let (by_svid, by_key) = (self.by_svid(&claim), self.by_key(&claim, Purpose::Enrolment));
        self.with(&claim, &by_svid, &by_key)
    }

    pub(crate) fn with(&self, claim: &[u8], by_svid: &[u8], by_key: &[u8]) -> Vec<u8> {
        Self::to_sign(&encode(&Parts { claim, chain: &self.chain, by_svid, by_key }))
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    const CONFIG: Configuration<LittleEndian, Fixint> =
        bincode::config::standard().with_little_endian().with_fixed_int_encoding();
    bincode::serde::encode_to_vec(value, CONFIG).unwrap()
}
