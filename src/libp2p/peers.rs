//! The peers that are connected, and the links that meshward knows them by.

use std::collections::BTreeMap;

use libp2p::PeerId;

use crate::id::{LinkId, NodeId};
use crate::suite::{Entropy, EntropyError};

/// The peers that are connected, of which there are as many as the limits of the swarm allow.
///
/// A peer's link is a keyed digest of its id. So it is the same whenever the peer comes back, what meshward
/// remembers of it holds, and no table is needed for those that are gone. Nobody knows the key, so nobody can
/// make up a peer with the link of another one. It is drawn at each start, as links are forgotten there.
pub(super) struct Peers {
    key: [u8; 32],
    connected: BTreeMap<PeerId, Peer>,
    by_link: BTreeMap<LinkId, PeerId>,
    /// Which nodes the host says that peers are.
    bound: BTreeMap<PeerId, Vec<NodeId>>,
}

/// What is known of a peer while it is connected.
#[derive(Default)]
pub(super) struct Peer {
    /// Packets on their way to it alone.
    pub(super) under_way: usize,
    connections: usize,
}

impl Peers {
    pub(super) fn new(
        bindings: &BTreeMap<NodeId, PeerId>,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        let mut key = [0; 32];
        entropy.fill(&mut key)?;
        let mut bound: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (node, peer) in bindings {
            bound.entry(*peer).or_default().push(*node);
        }
        Ok(Self { key, connected: BTreeMap::new(), by_link: BTreeMap::new(), bound })
    }

    /// The nodes that `peer` is.
    pub(super) fn nodes_of(&self, peer: &PeerId) -> &[NodeId] {
        self.bound.get(peer).map_or(&[], Vec::as_slice)
    }

    /// The link of a peer, connected or not.
    pub(super) fn link_of(&self, peer: &PeerId) -> LinkId {
        let digest = blake3::keyed_hash(&self.key, &peer.to_bytes());
        LinkId(digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    /// There are so many connections with `peer`, one more than before.
    pub(super) fn connected(&mut self, peer: PeerId, connections: usize) {
        self.by_link.insert(self.link_of(&peer), peer);
        self.connected.entry(peer).or_default().connections = connections;
    }

    /// There are so many left, one less than before.
    pub(super) fn disconnected(&mut self, peer: &PeerId, connections: usize) {
        match self.connected.get_mut(peer) {
            Some(left) if connections > 0 => left.connections = connections,
            _ => {
                self.by_link.remove(&self.link_of(peer));
                self.connected.remove(peer);
            }
        }
    }

    /// How many connections there are with `peer`.
    pub(super) fn connections_with(&self, peer: &PeerId) -> usize {
        self.connected.get(peer).map_or(0, |peer| peer.connections)
    }

    /// The peer on a link, if it is connected.
    pub(super) fn on(&mut self, link: LinkId) -> Option<(PeerId, &mut Peer)> {
        let id = *self.by_link.get(&link)?;
        Some((id, self.connected.get_mut(&id)?))
    }

    pub(super) fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Peer> {
        self.connected.get_mut(peer)
    }

    pub(super) fn all(&self) -> Vec<PeerId> {
        self.connected.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::OsEntropy;

    #[test]
    fn a_link_is_the_same_when_its_peer_is_back() {
        let mut peers = Peers::new(&BTreeMap::new(), &OsEntropy).unwrap();
        let (one, other) = (PeerId::random(), PeerId::random());
        let link = peers.link_of(&one);
        assert!(peers.on(link).is_none());
        peers.connected(one, 1);
        peers.connected(other, 1);
        peers.connected(one, 2);
        assert_eq!(peers.connections_with(&one), 2);
        peers.disconnected(&one, 1);
        assert_eq!(peers.connections_with(&one), 1);
        assert_eq!(peers.on(link).unwrap().0, one);
        peers.disconnected(&one, 0);
        assert!(peers.on(link).is_none() && peers.get_mut(&one).is_none());
        assert_eq!(peers.all(), [other]);
        peers.connected(one, 1);
        assert_eq!(peers.on(link).unwrap().0, one);
    }

    #[test]
    fn links_of_another_start_are_others() {
        let peer = PeerId::random();
        let links =
            [(); 2].map(|()| Peers::new(&BTreeMap::new(), &OsEntropy).unwrap().link_of(&peer));
        assert_ne!(links[0], links[1]);
    }
}
