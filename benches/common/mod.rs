//! What the benches start from: a mesh with keys, nodes of it, and what somebody says to them.

#![allow(dead_code, reason = "each bench uses a part of it")]

mod refusals;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use meshward::limit::Rate;
use meshward::membership::Member;
use meshward::suite::{EntropyError, Purpose, SigningKey, VerifyingKey};
use meshward::wire::{Frame, HEADER_LEN, Header, seal_frame};
use meshward::{
    Accepted, Config, Core, CriticalEvent, Digest, Entropy, Epoch, Identity, Kind, Link, LinkId,
    MemoryStore, Millis, NodeId, Nonce, Output, SentAt, Suite, View,
};

pub(crate) use refusals::Stage;

/// A neighbour that the transport vouches for.
pub(crate) const NEIGHBOUR: Link = Link::Proven(LinkId(1));
/// An address, which nobody vouches for and nobody blames.
pub(crate) const STRANGER: Link = Link::Claimed(LinkId(2));
/// Time between two messages of a member, as fast as the default rate allows.
pub(crate) const BEACON_MS: u64 = 100;
/// What a beacon of a router says.
pub(crate) const BODY: [u8; 64] = [7; 64];

/// The same bytes in each run, so that two runs do the same work. What the C code of Dilithium3 draws it
/// draws elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        blake3::Hasher::new().update(&count.to_le_bytes()).finalize_xof().fill(bytes);
        Ok(())
    }
}

pub(crate) fn id(place: usize) -> NodeId {
    let mut bytes = [1; 32];
    bytes[..8].copy_from_slice(&(place as u64).to_be_bytes());
    NodeId::from_bytes(bytes)
}

/// A configuration with budgets that no bench reaches.
pub(crate) fn generous() -> Config {
    let mut config = Config::default();
    let most = Rate { per_second: Rate::MOST, burst: Rate::MOST };
    config.gossip.link_packets = most;
    config.gossip.link_checks = most;
    config.gossip.newcomer_checks = most;
    config.gossip.claimed_checks = most;
    config
}

/// A mesh of which the first members run a node, and all others have a key only. The last of them says
/// what it is told to.
pub(crate) struct Mesh {
    pub(crate) nodes: Vec<Core>,
    pub(crate) stores: Vec<MemoryStore>,
    pub(crate) view: Arc<View>,
    pub(crate) speaker: Speaker,
}

impl Mesh {
    pub(crate) fn new(suite: Suite, members: usize, running: usize, config: &Config) -> Self {
        let entropy = Arc::new(Seeded::default());
        let stores: Vec<_> = (0..running).map(|_| MemoryStore::new()).collect();
        let own = |(place, store): (usize, &MemoryStore)| {
            Identity::create(store, id(place), suite, entropy.as_ref()).unwrap()
        };
        let identities: Vec<_> = stores.iter().enumerate().map(own).collect();
        let key = |_| SigningKey::generate(suite, entropy.as_ref()).unwrap();
        let mut keys: Vec<_> = (running..members).map(key).collect();
        let with_node = identities.iter().map(|identity| identity.member("node"));
        let others = (running..).zip(&keys);
        let others = others.map(|(at, key)| Member::new(id(at), "x", key.public_key().clone()));
        let view = Arc::new(View::genesis(with_node.chain(others).collect()).unwrap());
        let start = |(identity, store): (Identity, &MemoryStore)| {
            let (view, entropy) = (Arc::clone(&view), Arc::clone(&entropy));
            Core::start(config.clone(), view, identity, store, entropy, Millis(0)).unwrap()
        };
        let nodes = identities.into_iter().zip(&stores).map(start).collect();
        let speaker = Speaker::new(id(members - 1), keys.pop().unwrap(), &view, entropy);
        Self { nodes, stores, view, speaker }
    }

    /// A node, and a member that it hears. There are two more, so that one may be put in quarantine.
    pub(crate) fn pair(suite: Suite, config: &Config) -> (Core, Speaker) {
        let mut mesh = Self::new(suite, 4, 1, config);
        (mesh.nodes.remove(0), mesh.speaker)
    }

    /// The reports of the node at `place` that each member without a node has failed, and when they are
    /// taken.
    pub(crate) fn reports(&self, place: usize) -> Vec<(Vec<u8>, Millis)> {
        let mut now = Millis(60_000);
        let report = |subject: usize| {
            now = now.after(BEACON_MS);
            let event = CriticalEvent::NodeFailure { subject: id(subject), mark: None };
            let outputs = self.nodes[place].report_critical_event(event, now).unwrap().outputs;
            let sent = outputs.into_iter().find_map(|output| match output {
                Output::Send(packet) => Some(packet),
                _ => None,
            });
            (sent.unwrap(), now)
        };
        (self.nodes.len()..self.view.len()).map(report).collect()
    }

    /// The certificate that the last member has failed, by the nodes that run.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        for place in 0..self.nodes.len() {
            let (report, now) = self.reports(place).pop().unwrap();
            if place > 0 {
                let step = self.nodes[0].handle_frame(NEIGHBOUR, &report, now);
                assert!(matches!(step.result, Ok(Accepted::Attestation { .. })));
            }
        }
        let event = CriticalEvent::NodeFailure { subject: self.speaker.id(), mark: None };
        self.nodes[0].certificate(&event).unwrap().as_bytes().to_vec()
    }
}

/// A member with a key and no node.
pub(crate) struct Speaker {
    pub(crate) key: SigningKey,
    pub(crate) header: Header,
    entropy: Arc<Seeded>,
}

impl Speaker {
    fn new(id: NodeId, key: SigningKey, view: &View, entropy: Arc<Seeded>) -> Self {
        let header = Header {
            mesh: view.mesh(),
            suite: key.suite(),
            view: view.number(),
            origin: id,
            epoch: Epoch::FIRST,
            key: key.public_key().digest(),
            nonce: Nonce { boot: 1, sequence: 0 },
            sent_at: SentAt(0),
            kind: Kind::Beacon,
            body_len: 0,
            body: Digest::from_bytes([0; 32]),
        };
        Self { key, header, entropy }
    }

    pub(crate) const fn id(&self) -> NodeId {
        self.header.origin
    }

    /// When the last of its frames arrives.
    pub(crate) const fn now(&self) -> Millis {
        Millis(self.header.sent_at.0)
    }

    /// So many messages later.
    pub(crate) fn pass(&mut self, messages: u32) {
        self.header.nonce.sequence += messages;
        self.header.sent_at.0 += u64::from(messages) * BEACON_MS;
    }

    /// Its next beacon.
    pub(crate) fn beacon(&mut self) -> Vec<u8> {
        self.pass(1);
        self.say(&self.header, &BODY)
    }

    pub(crate) fn beacons(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.beacon()).collect()
    }

    /// Whatever it is told to say.
    pub(crate) fn say(&self, header: &Header, body: &[u8]) -> Vec<u8> {
        seal_frame(header.clone(), body, &self.key, self.entropy.as_ref()).unwrap()
    }
}

/// Hands `node` a beacon that it takes.
pub(crate) fn admit(node: &Core, beacon: &[u8], now: Millis) {
    admit_over(node, NEIGHBOUR, beacon, now);
}

pub(crate) fn admit_over(node: &Core, link: Link, beacon: &[u8], now: Millis) {
    let step = node.handle_frame(link, beacon, now);
    assert!(matches!(step.result, Ok(Accepted::Message(_))), "{:?}", step.result);
}

/// The same bytes with one of the signature changed.
pub(crate) fn with_bad_signature(mut frame: Vec<u8>) -> Vec<u8> {
    frame[HEADER_LEN] ^= 1;
    frame
}

/// The bare check of the signature of `frame`, read anew each time. Tells whether it holds.
pub(crate) fn raw_check(key: &VerifyingKey, frame: &[u8]) -> bool {
    let frame = Frame::parse(frame).unwrap();
    let signed = frame.signed_header();
    key.verify(Purpose::Frame, signed.signed(), signed.signature()).is_ok()
}
