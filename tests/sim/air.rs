//! What becomes of a packet between two neighbours.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use crate::dice::Dice;

/// How good a hop is, in one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop {
    /// In milliseconds; what goes out later can arrive sooner.
    pub(crate) latency_ms: u64,
    pub(crate) jitter_ms: u64,
    /// In thousandths.
    pub(crate) loss: u64,
    pub(crate) twice: u64,
}

/// A packet on its way, or something else that is to happen. In the order of time, then of sending.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: u64,
    number: u64,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// A packet arrives.
    Packet { from: usize, to: usize, bytes: Arc<[u8]> },
    /// A node gets to its timers. Those of an earlier life are void.
    Wake { node: usize, life: u32 },
    /// Something befalls the mesh.
    Fault(Fault),
}

/// What befalls hosts and links.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// All that is to happen.
pub(crate) struct Air {
    due: BinaryHeap<Reverse<Due>>,
    number: u64,
    hops: BTreeMap<(usize, usize), Hop>,
    usual: Hop,
    parted: Option<(BTreeSet<usize>, bool)>,
    pub(crate) bytes_sent: u64,
}

impl Air {
    pub(crate) fn new(usual: Hop) -> Self {
        let (due, hops) = (BinaryHeap::new(), BTreeMap::new());
        Self { due, number: 0, hops, usual, parted: None, bytes_sent: 0 }
    }

    pub(crate) fn set(&mut self, from: usize, to: usize, hop: Hop) {
        self.hops.insert((from, to), hop);
    }

    pub(crate) fn at(&mut self, at: u64, what: What) {
        self.number += 1;
        self.due.push(Reverse(Due { at, number: self.number, what }));
    }

    pub(crate) fn next(&mut self) -> Option<(u64, What)> {
        self.due.pop().map(|Reverse(due)| (due.at, due.what))
    }

    pub(crate) fn part(&mut self, parted: Option<(BTreeSet<usize>, bool)>) {
        self.parted = parted;
    }

    /// Whether anything can get from one neighbour to the other now.
    pub(crate) fn is_open(&self, from: usize, to: usize) -> bool {
        self.parted.as_ref().is_none_or(|(island, is_one_way)| {
            let (out, into) = (island.contains(&from), island.contains(&to));
            out == into || *is_one_way && into
        })
    }

    pub(crate) fn send(
        &mut self,
        (from, to): (usize, usize),
        bytes: Arc<[u8]>,
        now: u64,
        dice: &mut Dice,
    ) {
        self.bytes_sent += bytes.len() as u64;
        let hop = self.hops.get(&(from, to)).copied().unwrap_or(self.usual);
        for _ in 0..1 + usize::from(dice.happens(hop.twice)) {
            let late = hop.latency_ms + dice.below(hop.jitter_ms + 1);
            if self.is_open(from, to) && !dice.happens(hop.loss) {
                self.at(now + late, What::Packet { from, to, bytes: Arc::clone(&bytes) });
            }
        }
    }
}
