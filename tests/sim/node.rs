//! One node of the mesh: the whole library, on a disk that outlives it.

use std::sync::Arc;

use meshward::store::Table;
use meshward::suite::{Entropy, SigningKey};
use meshward::{
    Config, Host, Identity, Member, MeshByzantineProtection, Millis, NodeId, Store, Suite, View,
};

use crate::entropy::Seeded;
use crate::support::{Disk, HostSide, Liar};

/// Beacons and ticks of every node, in milliseconds.
pub(crate) const BEACON_MS: u64 = 1_000;
pub(crate) const TICK_MS: u64 = 250;

pub(crate) struct Node {
    pub(crate) id: NodeId,
    disk: Disk,
    entropy: Arc<Seeded>,
    pub(crate) host: HostSide,
    /// None while it is down.
    pub(crate) guard: Option<MeshByzantineProtection>,
    /// How often it was started.
    pub(crate) life: u32,
    /// By how much its clock is ahead of the world's.
    ahead_ms: u64,
    pub(crate) stalled_until: u64,
    pub(crate) ticks: u64,
}

pub(crate) fn id(place: usize) -> NodeId {
    NodeId::from_bytes([u8::try_from(place + 1).unwrap(); 32])
}

impl Node {
    /// A node that has an identity and has never run, and its public half.
    pub(crate) fn new(place: usize, suite: Suite, seed: u64) -> (Self, Member) {
        let (id, disk) = (id(place), Disk::default());
        let entropy = Arc::new(Seeded::new(seed ^ (place as u64) << 32));
        let made = Identity::create(&disk, id, suite, entropy.as_ref()).unwrap();
        let member = made.member(format!("n{place}"));
        let host = HostSide::default();
        let node = Self {
            id,
            disk,
            entropy,
            host,
            guard: None,
            life: 0,
            // No two hosts began at the same time.
            ahead_ms: 1_000_000 * place as u64,
            stalled_until: 0,
            ticks: 0,
        };
        (node, member)
    }

    /// Its keys, in the hands of a liar.
    pub(crate) fn keys(&self, view: &Arc<View>) -> Liar {
        let member = view.index_of(&self.id).and_then(|member| view.member(member)).unwrap();
        let stored = self.disk.get(Table::Identity, b"active").unwrap().unwrap();
        // Node, epoch, suite and the length of the secret stand before it.
        let key = SigningKey::from_secret_bytes(member.key.key.suite(), &stored[32 + 8 + 1 + 8..]);
        Liar {
            id: self.id,
            epoch: member.key.epoch,
            key: key.unwrap(),
            next: Vec::new(),
            recovery: member.key.recovery,
            view: Arc::clone(view),
        }
    }

    pub(crate) fn clock(&self, now: u64) -> Millis {
        Millis(now + self.ahead_ms)
    }

    pub(crate) fn step_clock(&mut self, ms: u64) {
        self.ahead_ms += ms;
    }

    pub(crate) fn start(&mut self, config: &Config, view: &Arc<View>, now: u64) {
        self.host.sent();
        self.life += 1;
        let entropy: Arc<dyn Entropy> = Arc::clone(&self.entropy) as Arc<dyn Entropy>;
        let host = Host::new(self.disk.clone(), self.host.clone(), self.host.clone());
        let host = Host { entropy, ..host };
        let now = self.clock(now);
        let started = MeshByzantineProtection::start(config.clone(), Arc::clone(view), host, now);
        self.guard = Some(started.unwrap());
    }
}
