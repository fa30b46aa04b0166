//! Routing by path vectors: each node tells its neighbours the way it would take to every other.
//!
//! A way that names its nodes cannot loop, and a node that the mesh has given up is easily found in
//! it. The router believes what neighbours advertise; that a liar may attract traffic with ways
//! that do not exist is the routing protocol's affair, not the library's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A way: the nodes from its beginning to its end.
pub(crate) type Way = Vec<usize>;

/// For how long a doubt about a node holds that nobody utters again.
const DOUBT: Duration = Duration::from_secs(1);

/// What one node knows of ways.
pub(crate) struct Routes {
    me: usize,
    nodes: usize,
    /// What each neighbour advertised last.
    advertised: BTreeMap<usize, Vec<Way>>,
    /// Nodes that no way may lead through or to.
    isolated: BTreeSet<usize>,
    /// Nodes that another way is better than, and since when.
    doubtful: BTreeMap<usize, Instant>,
    best: BTreeMap<usize, Way>,
}

impl Routes {
    pub(crate) fn new(me: usize, nodes: usize) -> Self {
        let (advertised, isolated) = (BTreeMap::new(), BTreeSet::new());
        let (doubtful, best) = (BTreeMap::new(), BTreeMap::new());
        Self { me, nodes, advertised, isolated, doubtful, best }
    }

    /// Takes over what a neighbour advertises, as far as it makes sense. Tells whether any way
    /// changed.
    pub(crate) fn learn(&mut self, neighbour: usize, mut ways: Vec<Way>) -> bool {
        ways.truncate(self.nodes);
        ways.retain(|way| {
            let distinct: BTreeSet<&usize> = way.iter().collect();
            way.first() == Some(&neighbour)
                && distinct.len() == way.len()
                && way.iter().all(|node| *node < self.nodes)
        });
        self.advertised.insert(neighbour, ways);
        self.choose()
    }

    pub(crate) fn isolate(&mut self, node: usize) -> bool {
        // What others think of this node does not make it give up on itself.
        node != self.me && self.isolated.insert(node) && self.choose()
    }

    /// Prefers other ways for a while.
    pub(crate) fn doubt(&mut self, node: usize) -> bool {
        self.doubtful.insert(node, Instant::now()).is_none() && self.choose()
    }

    pub(crate) fn readmit(&mut self, node: usize) -> bool {
        self.isolated.remove(&node) && self.choose()
    }

    /// The best way to each node: one through nobody in doubt if there is one; the shortest, and of those the one whose nodes have the smallest
    /// numbers, so that all nodes choose alike.
    fn choose(&mut self) -> bool {
        self.doubtful.retain(|_, since| since.elapsed() < DOUBT);
        let mut best: BTreeMap<usize, Way> = BTreeMap::new();
        for way in self.advertised.values().flatten() {
            let Some(&end) = way.last() else { continue };
            if way.contains(&self.me) || way.iter().any(|node| self.isolated.contains(node)) {
                continue;
            }
            let way = [&[self.me], way.as_slice()].concat();
            let known = best.entry(end).or_insert_with(|| way.clone());
            let cost = |way: &Way| {
                let through = way.iter().filter(|node| **node != end);
                (through.filter(|node| self.doubtful.contains_key(*node)).count(), way.len())
            };
            if (cost(&way), &way) < (cost(known), &*known) {
                *known = way;
            }
        }
        let changed = best != self.best;
        self.best = best;
        changed
    }

    /// The neighbour through which a node is reached.
    pub(crate) fn next_hop(&self, to: usize) -> Option<usize> {
        self.best.get(&to)?.get(1).copied()
    }

    /// The nodes to which there is a way.
    pub(crate) fn reachable(&self) -> Vec<usize> {
        self.best.keys().copied().collect()
    }

    /// What this node advertises: itself, and its best ways.
    pub(crate) fn to_advertise(&self) -> Vec<Way> {
        let mut ways = vec![vec![self.me]];
        ways.extend(self.best.values().cloned());
        ways
    }
}
