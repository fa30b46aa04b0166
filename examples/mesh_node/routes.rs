//! A routing table, by distance vectors: each node tells its neighbours which members it reaches, in how many
//! hops and through whom.
//!
//! No packets of anybody's are routed by it: it stands for the table of the router that meshward is built
//! into, and shows what becomes of that when the mesh gives a member up. What neighbours advertise is signed and
//! may be a lie all the same; that is the routing protocol's affair, not the library's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use meshward::NodeId;
use serde::{Deserialize, Serialize};

/// Farther is out of reach: two nodes that lead to each other stop counting here.
const MOST_HOPS: u8 = 16;
/// Routes that a beacon tells of, the shortest, and that are taken of one. With the longest of names they fit a body.
const TOLD: usize = 32;
/// For how long a doubt holds that nobody utters again.
const DOUBT: Duration = Duration::from_secs(1);

/// The body of a beacon.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Beacon {
    /// What the configuration has it say.
    text: String,
    /// The members that its sender reaches, by name: through which neighbour, in how many hops.
    routes: BTreeMap<String, (String, u8)>,
    /// Who says so, in a beacon of an old node. One that is signed needs no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

/// The name in a beacon of an old node, which came before meshward: the same text, unsigned, in one datagram.
/// It is worth as much as the word of whoever sent it.
pub(crate) fn unsigned(datagram: &[u8]) -> Option<String> {
    // No packet of the library begins so.
    datagram.starts_with(b"{").then(|| serde_json::from_slice::<Beacon>(datagram).ok()?.from)?
}

/// What a neighbour tells of a member.
#[derive(Debug, Clone, Copy)]
struct Told {
    via: Option<NodeId>,
    hops: u8,
}

pub(crate) struct Routes {
    me: NodeId,
    /// What each neighbour told last.
    told: BTreeMap<NodeId, BTreeMap<NodeId, Told>>,
    /// Members that no route may lead to or through.
    isolated: BTreeSet<NodeId>,
    /// Members that another way is better than, and since when.
    doubtful: BTreeMap<NodeId, Instant>,
}

/// For each member that is reached, the neighbour that leads to it, and the number of hops.
pub(crate) type Table = BTreeMap<NodeId, (NodeId, u8)>;

impl Routes {
    pub(crate) const fn new(me: NodeId) -> Self {
        Self { me, told: BTreeMap::new(), isolated: BTreeSet::new(), doubtful: BTreeMap::new() }
    }

    /// Takes over what a neighbour tells, as far as it can be read.
    pub(crate) fn learn(
        &mut self,
        neighbour: NodeId,
        body: &[u8],
        id: impl Fn(&str) -> Option<NodeId>,
    ) {
        let Ok(beacon) = serde_json::from_slice::<Beacon>(body) else { return };
        let routes = beacon.routes.iter().take(TOLD).filter_map(|(to, (via, hops))| {
            let hops = hops.checked_add(1).filter(|hops| *hops <= MOST_HOPS)?;
            Some((id(to)?, Told { via: id(via), hops }))
        });
        self.told.insert(neighbour, routes.collect());
    }

    pub(crate) fn isolate(&mut self, node: NodeId) {
        // What others think of this node does not make it give up on itself.
        if node != self.me {
            self.isolated.insert(node);
        }
    }

    pub(crate) fn readmit(&mut self, node: NodeId) {
        self.isolated.remove(&node);
    }

    /// Prefers other ways for a while.
    pub(crate) fn doubt(&mut self, node: NodeId) {
        self.doubtful.insert(node, Instant::now());
    }

    /// The best routes over these neighbours: through nobody in doubt if there is such a one, else the shortest.
    pub(crate) fn table(&self, neighbours: impl Iterator<Item = NodeId>) -> Table {
        let is_doubtful =
            |node: &NodeId| self.doubtful.get(node).is_some_and(|since| since.elapsed() < DOUBT);
        let mut table = Table::new();
        let mut offer = |to: NodeId, via: NodeId, hops: u8| {
            let cost = |(via, hops): &(NodeId, u8)| (is_doubtful(via), *hops, *via);
            let offered = (via, hops);
            let best = table.entry(to).or_insert(offered);
            if cost(&offered) < cost(best) {
                *best = offered;
            }
        };
        for via in neighbours.filter(|via| !self.isolated.contains(via)) {
            offer(via, via, 1);
            for (to, told) in self.told.get(&via).into_iter().flatten() {
                let is_back = *to == self.me || told.via == Some(self.me);
                if !is_back && !self.isolated.contains(to) {
                    offer(*to, via, told.hops);
                }
            }
        }
        table
    }
}

/// The body of a beacon that tells of this table.
pub(crate) fn beacon(text: &str, table: &Table, name: impl Fn(&NodeId) -> String) -> Vec<u8> {
    let mut nearest: Vec<_> = table.iter().collect();
    nearest.sort_by_key(|(to, (_, hops))| (*hops, **to));
    let routes = nearest.into_iter().take(TOLD);
    let routes = routes.map(|(to, (via, hops))| (name(to), (name(via), *hops)));
    let beacon = Beacon { text: text.to_owned(), routes: routes.collect(), from: None };
    // It fails for no value of this type.
    serde_json::to_vec(&beacon).unwrap_or_default()
}
