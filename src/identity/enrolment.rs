//! The statement by which a workload asks for its key to be admitted.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::claim::{BEGINNING, Claim, VERSION, by_key, by_svid};
use super::{EnrolmentError, Svid, SvidError, TrustBundles, leaf, path};
use crate::id::{Digest, SpiffeId, ViewNumber};
use crate::keyring::Identity;
use crate::membership::{Member, View};
use crate::suite::{Entropy, Purpose};
use crate::wire::{self, MAX_BODY_LEN};

/// The longest enrolment, in bytes: the longest record, two signatures, and 40 KiB of certificates. SPIRE's
/// are about 1 KiB each, twice that with RSA.
pub const MAX_ENROLMENT_LEN: usize = 48 * 1024;

const _: () = assert!(MAX_ENROLMENT_LEN <= MAX_BODY_LEN, "a message can carry an enrolment");

/// A workload's statement that a post-quantum key is its own and asks to speak for it: as a new member of
/// the next view, or, for a member that has lost its keys and every backup, in the place of the key that
/// the view gives it ([`Change::replace`](crate::Change::replace)).
///
/// It names the mesh, the view that it is for, and the whole [record](Member) that the next view is to have:
/// node id, name, SPIFFE id, suite and epoch of the key, the key, and its commitments; and when it was made. It
/// is signed with that key, and with the private key of the X.509-SVID, whose chain it carries. Nothing in it
/// is secret.
///
/// What it is is what it says: a signature of ECDSA can be written in two ways, and the certificates between
/// the workload's and the authority's can be exchanged for others that hold as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    claim: Claim,
    signed: Vec<u8>,
    chain: Vec<Vec<u8>>,
    by_svid: Vec<u8>,
    by_key: Vec<u8>,
}

/// As it is written behind its beginning and version.
#[derive(Serialize, Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    claim: &'a [u8],
    chain: Vec<&'a [u8]>,
    by_svid: &'a [u8],
    by_key: &'a [u8],
}

impl Enrolment {
    /// Makes the enrolment of this workload for `view`, which is the current one: as the node of `identity`,
    /// under `name`, or under the name that the view gives it if it is a member that has lost its keys. It says
    /// that it was made `at`, in whole seconds: of two for one view the later counts, so the second is to be made
    /// in a later second than the first.
    ///
    /// # Errors
    /// [`EnrolmentError`]: the workload is another member, or the node is a member and another workload; or a
    /// key cannot sign.
    pub fn seal(
        view: &View,
        (identity, name): (&Identity, &str),
        svid: &Svid,
        entropy: &dyn Entropy,
        at: SystemTime,
    ) -> Result<Self, EnrolmentError> {
        let node = identity.node();
        let known = view.index_of(&node).and_then(|place| view.member(place));
        let name = known.map_or(name, |known| &known.name);
        let member = identity.member(name).with_spiffe_id(svid.spiffe_id().clone());
        let next = ViewNumber(view.number().0.saturating_add(1));
        let claim = Claim {
            mesh: view.mesh(),
            number: view.number(),
            view: view.digest(),
            member: Member { joined: next, ..member },
            certificate: Claim::digest_of(svid.certificate()),
            made: seconds(at),
        };
        claim.fits(view)?;
        claim.stands(view)?;
        let signed = claim.to_bytes()?;
        let by_svid = svid.sign(&by_svid(&signed))?;
        let key = identity.signing_key();
        let by_key = key.sign(Purpose::Enrolment, &by_key(&signed), entropy)?;
        let (chain, by_key) = (svid.chain().to_vec(), by_key.as_bytes().to_vec());
        Ok(Self { claim, signed, chain, by_svid, by_key })
    }

    /// The one encoding of this enrolment: `mwenroll`, a byte of version, and its parts.
    ///
    /// # Errors
    /// [`EnrolmentError::TooLong`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, EnrolmentError> {
        let parts = Parts {
            claim: &self.signed,
            chain: self.chain.iter().map(Vec::as_slice).collect(),
            by_svid: &self.by_svid,
            by_key: &self.by_key,
        };
        let bytes = by_key(&wire::encode("an enrolment", &parts)?);
        match bytes.len() {
            found if found > MAX_ENROLMENT_LEN => Err(EnrolmentError::TooLong(found)),
            _ => Ok(bytes),
        }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Nothing is checked but the form: who passed it on may have
    /// written anything.
    ///
    /// # Errors
    /// [`EnrolmentError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnrolmentError> {
        if bytes.len() > MAX_ENROLMENT_LEN {
            return Err(EnrolmentError::TooLong(bytes.len()));
        }
        let rest = bytes.strip_prefix(&BEGINNING).ok_or(EnrolmentError::Beginning)?;
        let rest = match rest.split_first() {
            Some((&VERSION, rest)) => rest,
            Some((&other, _)) => return Err(EnrolmentError::Version(other)),
            None => return Err(EnrolmentError::Beginning),
        };
        let Parts { claim: signed, chain, by_svid, by_key } = wire::decode("an enrolment", rest)?;
        let claim: Claim = wire::decode("an enrolment", signed)?;
        claim.spiffe_id()?;
        Ok(Self {
            claim,
            signed: signed.to_vec(),
            chain: chain.into_iter().map(<[u8]>::to_vec).collect(),
            by_svid: by_svid.to_vec(),
            by_key: by_key.to_vec(),
        })
    }

    /// The record that it asks for. Until it is [verified](Self::verify) that is what somebody says.
    pub const fn member(&self) -> &Member {
        &self.claim.member
    }

    pub(super) fn spiffe_id(&self) -> Result<&SpiffeId, EnrolmentError> {
        self.claim.spiffe_id()
    }

    /// The digest of the view that it is for.
    pub(super) const fn view(&self) -> Digest {
        self.claim.view
    }

    /// When it says that it was made, in seconds since 1970.
    pub(super) const fn made(&self) -> u64 {
        self.claim.made
    }

    /// Whether it gives way to `known`, another of the same workload for the same view: that was made later, or
    /// in the same second for another record.
    pub(super) fn yields_to(&self, known: &VerifiedEnrolment) -> bool {
        let Claim { made, member, .. } = &self.claim;
        *made < known.made || (*made == known.made && *member != known.member)
    }

    /// Checks all of it at the time `at`, by the host's wall clock, which the certificates have to do with and
    /// nothing else here. `view` is the current one.
    ///
    /// What costs nothing is looked at first: anybody can write an enrolment that only the last check refuses. Then
    /// the chain costs one signature check for each certificate as a rule, and never more than two for each pair of
    /// a certificate and an authority of its trust domain; where it holds, one with the workload's certificate
    /// follows, and one of the suite.
    ///
    /// # Errors
    /// [`EnrolmentError`] says what is wrong with it.
    pub fn verify(
        &self,
        view: &View,
        bundles: &TrustBundles,
        at: SystemTime,
    ) -> Result<VerifiedEnrolment, EnrolmentError> {
        self.claim.fits(view)?;
        let certificate = self.chain.first().ok_or(SvidError::Empty)?;
        if Claim::digest_of(certificate) != self.claim.certificate {
            return Err(EnrolmentError::OtherCertificate);
        }
        let leaf = leaf::read(&self.chain)?;
        let claimed = self.claim.spiffe_id()?;
        if *claimed != leaf.spiffe_id {
            let (claimed, found) = (claimed.clone(), leaf.spiffe_id);
            return Err(EnrolmentError::OtherIdentity { claimed, found });
        }
        let made = self.claim.made;
        let in_force = leaf.not_before..=leaf.not_after;
        if !i64::try_from(made).is_ok_and(|made| in_force.contains(&made)) {
            return Err(EnrolmentError::Made(made));
        }
        path::check(&leaf, &self.chain, bundles, seconds(at))?;
        if !path::signed_by(certificate, &by_svid(&self.signed), &self.by_svid) {
            return Err(EnrolmentError::SvidSignature);
        }
        let key = &self.claim.member.key.key;
        key.verify(Purpose::Enrolment, &by_key(&self.signed), &self.by_key)
            .map_err(EnrolmentError::Possession)?;
        self.claim.stands(view)?;
        let not_after = u64::try_from(leaf.not_after).unwrap_or(0);
        let (view, member) = (self.claim.view, self.member().clone());
        let chain = self.chain.clone();
        Ok(VerifiedEnrolment { view, member, chain, made, not_after })
    }
}

/// An enrolment that was checked. Only a check makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEnrolment {
    view: Digest,
    member: Member,
    chain: Vec<Vec<u8>>,
    made: u64,
    /// When its certificate ends, in seconds since 1970.
    not_after: u64,
}

impl VerifiedEnrolment {
    /// The digest of the view that it is for.
    pub const fn view(&self) -> Digest {
        self.view
    }

    /// The record that the next view is to have.
    pub const fn member(&self) -> &Member {
        &self.member
    }

    pub(super) const fn made(&self) -> u64 {
        self.made
    }

    /// Whether its certificates hold by `bundles`, which may have changed since, at `at`.
    pub(super) fn holds(&self, bundles: &TrustBundles, at: SystemTime) -> Result<(), SvidError> {
        path::check(&leaf::read(&self.chain)?, &self.chain, bundles, seconds(at))
    }

    /// Whether its certificate has ended at `at`.
    pub(super) fn has_ended(&self, at: SystemTime) -> bool {
        self.not_after < seconds(at)
    }
}

/// Seconds since 1970; 0 for any time before, at which no certificate is valid.
fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
