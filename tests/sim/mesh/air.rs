//! What becomes of a packet between two neighbours, and what else is to happen when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use meshward::CriticalEvent;

use super::dice::Dice;

/// How good a hop is, in one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop {
    /// In milliseconds; what goes out later can arrive sooner.
    pub(crate) latency_ms: u64,
    pub(crate) jitter_ms: u64,
    /// Of a thousand datagrams so many are lost, and of a thousand packets so many come twice.
    pub(crate) loss: u64,
    pub(crate) twice: u64,
    /// What a datagram holds, in bytes: a longer packet goes in several, and all have to arrive.
    pub(crate) mtu: usize,
}

impl Hop {
    /// A good radio link.
    pub(crate) const GOOD: Self =
        Self { latency_ms: 10, jitter_ms: 20, loss: 0, twice: 0, mtu: 65_507 };
}

/// Something that is to happen.
#[derive(Debug)]
pub(crate) enum What {
    /// A packet arrives.
    Packet { from: usize, to: usize, bytes: Arc<[u8]> },
    /// A node gets to its timers. Those of an earlier life are void.
    Wake { node: usize, life: u32 },
    /// A host proposes something.
    Propose { node: usize, event: CriticalEvent },
    /// Something befalls the mesh.
    Fault(Fault),
    /// What befell it is over.
    Over,
}

/// What befalls hosts and links.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    Crash {
        node: usize,
    },
    Restart {
        node: usize,
    },
    /// The process does not run for so long.
    Stall {
        node: usize,
        ms: u64,
    },
    /// Its clock jumps ahead.
    Step {
        node: usize,
        ms: u64,
    },
    /// Nothing passes between the two parts, or only what goes out from the first does not.
    Part {
        island: BTreeSet<usize>,
        is_one_way: bool,
    },
    Heal,
}

struct Due {
    at: u64,
    number: u64,
    what: What,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    /// In the order of time, then of sending.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// All that is to happen.
pub(crate) struct Air {
    due: BinaryHeap<Reverse<Due>>,
    number: u64,
    usual: Hop,
    /// Hops that are not as usual.
    hops: BTreeMap<(usize, usize), Hop>,
    parted: Option<(BTreeSet<usize>, bool)>,
}

impl Air {
    pub(crate) fn new(usual: Hop, hops: BTreeMap<(usize, usize), Hop>) -> Self {
        Self { due: BinaryHeap::new(), number: 0, usual, hops, parted: None }
    }

    pub(crate) fn at(&mut self, at: u64, what: What) {
        self.number += 1;
        self.due.push(Reverse(Due { at, number: self.number, what }));
    }

    /// The next thing that is to happen, if it is before `until`.
    pub(crate) fn next(&mut self, until: u64) -> Option<(u64, What)> {
        let is_due = self.due.peek().is_some_and(|Reverse(due)| due.at <= until);
        is_due.then(|| self.due.pop()).flatten().map(|Reverse(due)| (due.at, due.what))
    }

    pub(crate) fn part(&mut self, parted: Option<(BTreeSet<usize>, bool)>) {
        self.parted = parted;
    }

    fn hop(&self, from: usize, to: usize) -> Hop {
        self.hops.get(&(from, to)).copied().unwrap_or(self.usual)
    }

    /// Whether anything can get from one neighbour to the other now.
    pub(crate) fn is_open(&self, from: usize, to: usize) -> bool {
        let is_open = self.parted.as_ref().is_none_or(|(island, is_one_way)| {
            let (out, into) = (island.contains(&from), island.contains(&to));
            out == into || *is_one_way && into
        });
        is_open && (self.hops.is_empty() || self.hop(from, to).loss < 1000)
    }

    pub(crate) fn send(
        &mut self,
        (from, to): (usize, usize),
        bytes: Arc<[u8]>,
        at: u64,
        dice: &mut Dice,
    ) {
        let hop = self.hop(from, to);
        let datagrams = bytes.len().div_ceil(hop.mtu).max(1);
        for _ in 0..1 + usize::from(dice.happens(hop.twice)) {
            let late = hop.latency_ms + dice.below(hop.jitter_ms + 1);
            let is_lost = (0..datagrams).any(|_| dice.happens(hop.loss));
            if self.is_open(from, to) && !is_lost {
                self.at(at + late, What::Packet { from, to, bytes: Arc::clone(&bytes) });
            }
        }
    }
}
