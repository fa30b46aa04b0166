//! One node of the mesh: what outlives its software, and the software while it runs.

use std::sync::Arc;

use meshward::membership::NextKeys;
use meshward::suite::{Entropy, SigningKey};
use meshward::{Config, Epoch, Identity, Member, Millis, NodeId, Store, Suite, View};

use super::entropy::Seeded;
use super::guarded::Guarded;
use super::naive::Naive;
use super::peer::{Peer, Sort};
use super::support::{Chance, Disk, Liar, active_key};

/// How often the timers of a node run, in milliseconds.
pub(crate) const TICK_MS: u64 = 250;

pub(crate) struct Node {
    pub(crate) id: NodeId,
    disk: Disk,
    entropy: Arc<Seeded>,
    /// None while it is down.
    pub(crate) peer: Option<Box<dyn Peer>>,
    /// How often it was started.
    pub(crate) life: u32,
    /// By how much its clock is ahead of the world's.
    ahead_ms: u64,
    pub(crate) stalled_until: u64,
    pub(crate) ticks: u64,
    /// What its software holds on the heap, in bytes.
    pub(crate) holds: isize,
}

/// The name of the node at a place: its number, over and over, as far as it is one byte.
pub(crate) fn id(place: usize) -> NodeId {
    let [high, low] = u16::try_from(place + 1).unwrap().to_be_bytes();
    let mut bytes = [low; 32];
    if high > 0 {
        (bytes[0], bytes[1]) = (0, high);
    }
    NodeId::from_bytes(bytes)
}

/// Somebody who is no member, with a key that no member has.
pub(crate) fn stranger(place: usize, suite: Suite, seed: u64, view: &Arc<View>) -> Liar {
    let entropy = Arc::new(Seeded::new(seed ^ (place as u64) << 32));
    Liar {
        id: id(place),
        epoch: Epoch::FIRST,
        key: SigningKey::generate(suite, entropy.as_ref()).unwrap(),
        next: Vec::new(),
        recovery: NextKeys::NONE,
        view: Arc::clone(view),
        chance: Chance { entropy, said: Arc::default() },
    }
}

impl Node {
    /// A node that has an identity and has never run, and its public half.
    pub(crate) fn new(place: usize, suite: Suite, seed: u64) -> (Self, Member) {
        let (id, disk) = (id(place), Disk::default());
        let entropy = Arc::new(Seeded::new(seed ^ (place as u64) << 32));
        let made = Identity::create(&disk, id, suite, entropy.as_ref()).unwrap();
        let member = made.member(format!("n{place}"));
        let node = Self {
            id,
            disk,
            entropy,
            peer: None,
            life: 0,
            // No two hosts began at the same time.
            ahead_ms: 1_000_000 * place as u64,
            stalled_until: 0,
            ticks: 0,
            holds: 0,
        };
        (node, member)
    }

    /// Its keys, in other hands.
    pub(crate) fn keys(&self, view: &Arc<View>) -> Liar {
        let member = view.index_of(&self.id).and_then(|member| view.member(member)).unwrap();
        Liar {
            id: self.id,
            epoch: member.key.epoch,
            key: active_key(&self.disk, member.key.key.suite()),
            next: Vec::new(),
            recovery: member.key.recovery,
            view: Arc::clone(view),
            chance: Chance { entropy: Arc::clone(&self.entropy) as _, said: Arc::default() },
        }
    }

    /// So many bytes that its software had are held by somebody else.
    pub(crate) fn gives_away(&mut self, bytes: usize) {
        self.holds -= isize::try_from(bytes).unwrap();
    }

    pub(crate) const fn clock(&self, now: u64) -> Millis {
        Millis(now + self.ahead_ms)
    }

    pub(crate) const fn step_clock(&mut self, ms: u64) {
        self.ahead_ms += ms;
    }

    pub(crate) fn start(&mut self, sort: Sort, config: &Config, view: &Arc<View>, now: u64) {
        self.life += 1;
        let entropy: Arc<dyn Entropy> = Arc::clone(&self.entropy) as Arc<dyn Entropy>;
        let now = self.clock(now);
        self.peer = Some(match sort {
            Sort::Meshward => Box::new(Guarded::start(config, view, &self.disk, entropy, now)),
            Sort::Naive => {
                let times = (config.quorum.suspicion_ms, config.quorum.resend_ms);
                Box::new(Naive::start(self.keys(view), self.life, times, now))
            }
        });
    }
}
