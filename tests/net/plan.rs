//! Who is wired to whom, and what the cables do to what they carry.

use std::net::{Ipv6Addr, SocketAddr};

use meshward::{NodeId, Suite};
use serde::{Deserialize, Serialize};

/// The least MTU of IPv6.
pub(crate) const MTU: usize = 1_280;
/// What UDP over IPv6 carries of it.
pub(crate) const DATAGRAM_LEN: usize = MTU - 48;
pub(crate) const PORT: u16 = 4_000;
pub(crate) const BEACON_MS: u64 = 500;
pub(crate) const SUSPICION_MS: u64 = 2_000;

/// A mesh to be built.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) suite: Suite,
    pub(crate) nodes: usize,
    /// The cables, by the parties at their ends.
    pub(crate) cables: Vec<(usize, usize)>,
    /// Of a thousand datagrams that a cable carries, so many are lost.
    pub(crate) loss: u32,
    /// What each datagram takes at least, and by how much more it may be late, in milliseconds.
    pub(crate) delay_ms: (u64, u64),
    /// Who sends packets as they are, without cutting them.
    pub(crate) uncut: Option<usize>,
}

impl Plan {
    fn new(nodes: usize, cables: Vec<(usize, usize)>) -> Self {
        let suite = Suite::available().last().unwrap();
        Self { suite, nodes, cables, loss: 0, delay_ms: (1, 0), uncut: None }
    }

    pub(crate) fn line(nodes: usize) -> Self {
        Self::new(nodes, (1..nodes).map(|node| (node - 1, node)).collect())
    }

    /// Nine nodes, each wired to those beside, above and below it, over cables that lose 5 % and let
    /// datagrams overtake each other.
    pub(crate) fn grid() -> Self {
        let across = (0..9).filter(|node| node % 3 != 2).map(|node| (node, node + 1));
        let down = (0..6).map(|node| (node, node + 3));
        let plan = Self::new(9, across.chain(down).collect());
        Self { loss: 50, delay_ms: (3, 20), ..plan }
    }

    /// With a party that is no member, wired to these.
    pub(crate) fn with_stranger(mut self, victims: &[usize]) -> Self {
        self.cables.extend(victims.iter().map(|victim| (*victim, self.nodes)));
        self
    }

    /// The members, and the stranger if there is one.
    pub(crate) fn parties(&self) -> usize {
        let ends = self.cables.iter().map(|(_, end)| end + 1);
        ends.max().unwrap_or(0).max(self.nodes)
    }

    /// What the party has on its desk.
    pub(crate) fn setup(&self, me: usize, ids: &[NodeId]) -> Setup {
        let ends = self.cables.iter().enumerate().filter_map(|(cable, (one, other))| {
            let (side, to) = match me {
                me if me == *one => (0, *other),
                me if me == *other => (1, *one),
                _ => return None,
            };
            Some(End {
                to: u8::try_from(to).unwrap(),
                local: party_address(cable, side),
                remote: air_address(cable, side),
                key: blake3::derive_key("meshward tests/net: key of a cable", &[cable as u8]),
            })
        });
        Setup {
            me: u8::try_from(me).unwrap(),
            ids: ids.to_vec(),
            ends: ends.collect(),
            uncut: self.uncut == Some(me),
        }
    }
}

/// What a process is told at its start.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) me: u8,
    pub(crate) ids: Vec<NodeId>,
    pub(crate) ends: Vec<End>,
    pub(crate) uncut: bool,
}

/// One end of a cable.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct End {
    /// Who is at the other.
    pub(crate) to: u8,
    pub(crate) local: SocketAddr,
    /// Where the relay listens.
    pub(crate) remote: SocketAddr,
    /// What both ends share.
    pub(crate) key: [u8; 32],
}

/// The party's address at this side (0 or 1) of a cable.
pub(crate) fn party_address(cable: usize, side: usize) -> SocketAddr {
    address(cable, side, 2)
}

/// The relay's address at this side.
pub(crate) fn air_address(cable: usize, side: usize) -> SocketAddr {
    address(cable, side, 1)
}

fn address(cable: usize, side: usize, host: u16) -> SocketAddr {
    let [cable, side] = [cable, side].map(|part| u16::try_from(part).unwrap());
    (Ipv6Addr::new(0xfd00, cable, side, 0, 0, 0, 0, host), PORT).into()
}
