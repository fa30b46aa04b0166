//! What holds for the frames of others, tried with real signatures between members of one mesh.

mod admission;
mod links;
mod once;
mod openings;
mod quarantine;
mod rotations;
mod succession;

use std::sync::Arc;

use super::*;
use crate::id::{Epoch, Link, LinkId, Millis, NodeId, Nonce, SentAt};
use crate::keyring::{Identity, Keyring};
use crate::limit::Rate;
use crate::membership::{Directory, KeyRecord, MemberIndex, RotatedKey, View};
use crate::replay::WindowWidth;
use crate::reputation::{Ledger, Offence, ReputationConfig};
use crate::store::MemoryStore;
use crate::suite::{OsEntropy, SigningKey, Suite};
use crate::wire::{Header, Kind, Refusal, seal_frame};

const NOW: Millis = Millis(1_000);
const LINK: Link = Link::Proven(LinkId(1));
const OTHER_LINK: Link = Link::Proven(LinkId(2));

/// Enough for any test.
const PLENTY: Rate = Rate { per_second: 1_000_000, burst: 1_000_000 };

/// A receiver and the keys of the others in its mesh.
struct Mesh {
    receiver: SignedGossip,
    directory: Arc<Directory>,
    ledgers: Arc<Ledgers>,
    /// By place in the view; the receiver's own is not there.
    senders: Vec<Keyring>,
    /// On which the receiver started.
    store: MemoryStore,
}

fn id(seed: u8) -> NodeId {
    NodeId::from_bytes([seed; 32])
}

/// The receiver stands at place 0, so the first sender stands at place 1.
const SENDER: MemberIndex = MemberIndex(1);

fn plenty() -> GossipConfig {
    GossipConfig {
        link_packets: PLENTY,
        link_checks: PLENTY,
        claimed_checks: PLENTY,
        ..GossipConfig::default()
    }
}

impl Mesh {
    fn new(suite: Suite, config: GossipConfig) -> Self {
        let stores = [1, 2, 3, 4].map(|seed| {
            let store = MemoryStore::new();
            let own = Identity::create(&store, id(seed), suite, &OsEntropy).unwrap();
            (store, own)
        });
        let members = stores.iter().map(|(_, own)| own.member("x")).collect();
        let view = Arc::new(View::genesis(members).unwrap());
        let mut nodes = stores.into_iter();
        let start = |(store, own): (MemoryStore, Identity)| {
            (Keyring::start(own, &store, view.mesh(), PLENTY, NOW).unwrap(), store)
        };
        let (own, store) = start(nodes.next().unwrap());
        let own = Arc::new(own);
        let senders = nodes.map(|node| start(node).0).collect();
        let directory = Arc::new(Directory::new(Arc::clone(&view), 8));
        let ledger = ReputationConfig::default;
        let ledgers = Arc::new(Ledgers {
            members: Ledger::new(ledger(), 4, Some(1)).unwrap(),
            links: Ledger::new(ledger(), 4, None).unwrap(),
        });
        let receiver = SignedGossip::new(
            Arc::clone(&directory),
            own,
            Arc::clone(&ledgers),
            Arc::new(OsEntropy),
            config,
        );
        Self { receiver: receiver.unwrap(), directory, ledgers, senders, store }
    }

    fn key(&self) -> Arc<crate::keyring::ActiveKey> {
        self.senders[0].active()
    }

    /// A header of the first sender. It says that it was sent late enough for its number.
    fn header(&self, sequence: u32) -> Header {
        let key = self.key();
        Header {
            mesh: self.directory.view().mesh(),
            suite: key.key.suite(),
            view: self.directory.view().number(),
            origin: id(2),
            epoch: key.epoch,
            key: key.key.public_key().digest(),
            nonce: Nonce { boot: 1, sequence },
            sent_at: SentAt(u64::from(sequence) * 1_000),
            kind: Kind::RouteUpdate,
            body_len: 0,
            body: Header::digest_body(b""),
        }
    }

    fn sealed(&self, header: Header, body: &[u8]) -> Vec<u8> {
        seal_frame(header, body, &self.key().key, &OsEntropy).unwrap()
    }

    fn frame(&self, sequence: u32) -> Vec<u8> {
        self.sealed(self.header(sequence), b"body")
    }

    fn beacon(&self, sequence: u32) -> Vec<u8> {
        self.sealed(Header { kind: Kind::Beacon, ..self.header(sequence) }, b"body")
    }

    fn take<'a>(&self, bytes: &'a [u8]) -> Result<Admitted<'a>, Refusal> {
        self.take_over(LINK, bytes, NOW)
    }

    fn take_over<'a>(
        &self,
        link: Link,
        bytes: &'a [u8],
        now: Millis,
    ) -> Result<Admitted<'a>, Refusal> {
        self.receiver.verify_message(link, bytes, now).map_err(|refused| refused.refusal)
    }

    fn refusal(&self, bytes: &[u8]) -> Option<Refusal> {
        self.take(bytes).err()
    }

    fn quarantine_the_sender(&self) {
        let _charge = self.ledgers.members.charge(id(2), Offence::Equivocation, NOW);
        assert!(self.ledgers.members.is_quarantined(&id(2), NOW));
    }

    /// Replaces the first sender's key in the directory, and gives the new one.
    fn rotate(&self, closing: u32, grace_until: Millis) -> SigningKey {
        let from = self.directory.current(SENDER).unwrap().epoch;
        let key = SigningKey::generate(self.key().key.suite(), &OsEntropy).unwrap();
        let epoch = from.next_operational().unwrap();
        let to = KeyRecord { epoch, ..KeyRecord::first(key.public_key().clone()) };
        let closing = Nonce { boot: 1, sequence: closing };
        assert!(self.directory.rotate(SENDER, from, RotatedKey { to, closing, grace_until }));
        key
    }
}

/// Puts other bytes in the place of some at the end: the body.
fn with_body(mut bytes: Vec<u8>, body: &[u8]) -> Vec<u8> {
    let at = bytes.len() - body.len();
    bytes[at..].copy_from_slice(body);
    bytes
}

/// Flips a bit in the signature.
fn with_bad_signature(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = crate::wire::HEADER_LEN + 10;
    bytes[at] ^= 1;
    bytes
}
