//! A node on a disk that may stop, and what the world has seen of it.

use std::path::Path;
use std::sync::Arc;

use meshward::quorum::{Ballot, UncheckedBallot};
use meshward::wire::{Packet, Tag};
use meshward::{
    Config, CriticalEvent, Digest, DurableStore, Epoch, Error, Host, Identity, MemoryStore,
    MeshByzantineProtection, Millis, NodeId, OsEntropy, Store, StoreError, Suite, View,
};

use crate::disk::Disk;
use crate::support;

pub(crate) fn store(disk: &Disk) -> Result<DurableStore, StoreError> {
    DurableStore::open_over(disk.files(), Path::new("/var/lib/meshward"))
}

pub(crate) fn id(place: u8) -> NodeId {
    NodeId::from_bytes([place; 32])
}

/// What others have of a node: none of it may be contradicted after a crash.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// The highest boot in what it signed.
    pub(crate) boot: u32,
    /// The highest key epoch that it signed under, or that a rotation to it was acknowledged.
    pub(crate) epoch: Option<Epoch>,
    /// Its votes.
    pub(crate) ballots: Vec<Ballot>,
}

/// The mesh that the node on the disk is in.
pub(crate) struct World {
    pub(crate) view: Arc<View>,
    pub(crate) base: Disk,
}

impl World {
    /// Four members; the first one's identity lies on the disk.
    pub(crate) fn new(suite: Suite) -> Self {
        let base = Disk::new();
        let first = Identity::create(&store(&base).unwrap(), id(1), suite, &OsEntropy).unwrap();
        let others = (2..=4).map(|place| {
            Identity::create(&MemoryStore::new(), id(place), suite, &OsEntropy).unwrap()
        });
        let members = std::iter::once(first).chain(others);
        let members = members.map(|identity| identity.member(identity.node().to_string()));
        Self { view: Arc::new(View::genesis(members.collect()).unwrap()), base }
    }

    /// Starts the node.
    pub(crate) fn start(&self, disk: &Disk) -> Result<Node, Error> {
        let host = support::HostSide::default();
        let ours = Host::new(support::Disk::new(store(disk)?), host.clone(), host.clone());
        let (view, now) = (Arc::clone(&self.view), Millis(1_000_000));
        let guard = MeshByzantineProtection::start(Config::default(), view, ours, now)?;
        Ok(Node { guard, host, now, view: Arc::clone(&self.view) })
    }
}

pub(crate) struct Node {
    pub(crate) guard: MeshByzantineProtection,
    host: support::HostSide,
    pub(crate) now: Millis,
    view: Arc<View>,
}

impl Node {
    /// Time passes. A disk that fails is no news here.
    pub(crate) fn pass(&mut self, ms: u64, seen: &mut Seen) {
        for _ in 0..ms / 250 {
            self.now = self.now.after(250);
            let _acknowledged = self.guard.tick(self.now);
            self.show(seen);
        }
    }

    /// Signs something and shows the world all that was said.
    pub(crate) fn speak(&mut self, seen: &mut Seen) {
        self.now = self.now.after(1000);
        self.guard.sign_beacon(b"here", self.now).unwrap();
        self.show(seen);
    }

    pub(crate) fn show(&self, seen: &mut Seen) {
        for (bytes, _) in self.host.sent() {
            match Packet::parse(&bytes).unwrap() {
                Packet::Frame(frame) if frame.header().origin == id(1) => {
                    let mark = frame.header().mark();
                    seen.boot = seen.boot.max(mark.nonce.boot);
                    seen.epoch = seen.epoch.max(Some(mark.epoch));
                }
                Packet::Statement(statement)
                    if statement.head().origin == id(1) && statement.tag() == Tag::Ballot =>
                {
                    let read = UncheckedBallot::read(statement, &self.view).unwrap();
                    seen.ballots.push(*read.ballot());
                }
                _ => {}
            }
        }
    }

    /// The boot and the key epoch under which it signs.
    pub(crate) fn signs_under(&mut self) -> (u32, Epoch) {
        let mut seen = Seen::default();
        self.speak(&mut seen);
        (seen.boot, seen.epoch.unwrap())
    }
}

pub(crate) fn proposal(content: u8) -> CriticalEvent {
    let [topic, content] = [0, content].map(|byte| Digest::from_bytes([byte; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence: 1, content }
}

/// No two votes of one round and phase differ.
pub(crate) fn assert_consistent(ballots: &[Ballot], at: &str) {
    for one in ballots {
        let same = |other: &&Ballot| (one.round(), one.phase()) == (other.round(), other.phase());
        assert!(ballots.iter().filter(same).all(|other| one == other), "{at}: {ballots:?}");
    }
}

/// What must hold on a disk that is found after a crash, and after a second one that loses all that the
/// restart did not sync.
pub(crate) fn assert_continues(world: &World, disk: &Disk, seen: &Seen, at: &str) {
    let mut seen = seen.clone();
    let mut disk = disk.copy();
    for restart in 0..2 {
        let at = format!("{at}, restart {restart}");
        {
            let store = store(&disk).unwrap_or_else(|error| panic!("{at}: {error}"));
            // Never an empty store in its place, and one key, which is whole.
            let identity = Identity::load(&store as &dyn Store);
            let identity = identity.unwrap_or_else(|error| panic!("{at}: {error}"));
            assert_eq!(identity.node(), id(1), "{at}");
        }
        let mut node = world.start(&disk).unwrap_or_else(|error| panic!("{at}: {error}"));
        let (boot, epoch) = node.signs_under();
        assert!(boot > seen.boot, "{at}: boot {boot} after {}", seen.boot);
        assert!(Some(epoch) >= seen.epoch, "{at}: epoch {epoch} after {:?}", seen.epoch);
        let member = world.view.index_of(&id(1)).unwrap();
        let known = node.guard.core().directory().current(member).unwrap().epoch;
        assert_eq!(known, epoch, "{at}: it signs under the key that its history gives");
        (seen.boot, seen.epoch) = (boot, Some(epoch));
        if !seen.ballots.is_empty() {
            // Asked for something else it says what it said.
            let _tally = node.guard.report_critical_event(proposal(2), node.now);
            node.pass(6_000, &mut seen);
            assert_consistent(&seen.ballots, &at);
        }
        drop(node);
        disk = disk.after(crate::disk::Loss::Everything);
    }
}
