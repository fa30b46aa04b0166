//! `Router`: what meshward wants sent, on its way to the swarm.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use libp2p::futures::task::AtomicWaker;
use parking_lot::Mutex;

use crate::host::MeshRouter;
use crate::id::{Link, LinkId, NodeId};

/// What a packet costs beside its bytes.
const PACKET_COST: usize = 128;

/// The [`MeshRouter`] of a swarm: hand one share of it to meshward and the other to the
/// [`Behaviour`](super::Behaviour).
///
/// Calls come from any thread and never wait: packets lie in a queue of bounded size until the swarm is
/// polled. One for which there is no room is lost, as on any other network, and
/// [counted](Self::packets_lost).
///
/// # Isolation
/// Whom the mesh isolates is for the host's own router to go around: libp2p carries the control plane, and
/// meshward hears a member in quarantine all the same, since its key changes, votes and beacons are what may
/// clear it. So nobody is disconnected for it. If the [settings](super::Settings::bindings) say which peer the
/// node is, that peer loses its place in gossipsub's mesh until it is readmitted: what others say does not
/// come through it, and what it says itself is heard. Of a node that is bound to no peer nothing changes here.
/// A host that routes data implements [`MeshRouter`] itself, and calls this one from there.
#[derive(Debug, Clone)]
pub struct Router(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    outbox: Mutex<Outbox>,
    isolated: Mutex<BTreeSet<NodeId>>,
    lost: AtomicU64,
    waker: AtomicWaker,
}

#[derive(Debug)]
struct Outbox {
    packets: VecDeque<(To, Vec<u8>)>,
    /// How much they may cost together, and what there is left of it.
    left: usize,
}

/// For whom a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    All,
    One(LinkId),
}

impl Router {
    /// One whose waiting packets take up to `outbox_bytes` of memory, 128 a packet included.
    pub fn new(outbox_bytes: usize) -> Self {
        let outbox = Outbox { packets: VecDeque::new(), left: outbox_bytes };
        Self(Arc::new(Shared {
            outbox: Mutex::new(outbox),
            isolated: Mutex::default(),
            lost: AtomicU64::new(0),
            waker: AtomicWaker::new(),
        }))
    }

    /// Packets of this node that nobody got: there was no room, no neighbour, or a neighbour that does not
    /// keep up.
    pub fn packets_lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    pub(super) fn lose_one(&self) {
        self.0.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Whom `waker` is to wake when there is more to send.
    pub(super) fn register(&self, waker: &Waker) {
        self.0.waker.register(waker);
    }

    /// The packet that waits longest.
    pub(super) fn pop(&self) -> Option<(To, Vec<u8>)> {
        let mut outbox = self.0.outbox.lock();
        let (to, packet) = outbox.packets.pop_front()?;
        outbox.left = outbox.left.saturating_add(cost(&packet));
        Some((to, packet))
    }

    /// Whether meshward wants it isolated.
    pub(super) fn is_isolated(&self, node: &NodeId) -> bool {
        self.0.isolated.lock().contains(node)
    }

    fn push(&self, to: To, packet: &[u8]) {
        let mut outbox = self.0.outbox.lock();
        let Some(left) = outbox.left.checked_sub(cost(packet)) else {
            return self.lose_one();
        };
        outbox.left = left;
        outbox.packets.push_back((to, packet.to_vec()));
        drop(outbox);
        self.0.waker.wake();
    }
}

impl MeshRouter for Router {
    /// Publishes it on the topic. Whom it came from does not matter: what came over gossipsub is known to it,
    /// which sends nothing twice.
    fn broadcast(&self, packet: &[u8], _: Option<Link>) {
        self.push(To::All, packet);
    }

    fn send_to(&self, link: Link, packet: &[u8]) {
        self.push(To::One(link.id()), packet);
    }

    // The members are few, so this needs no other bound.
    fn isolate(&self, node: NodeId) {
        self.0.isolated.lock().insert(node);
    }

    fn readmit(&self, node: NodeId) {
        self.0.isolated.lock().remove(&node);
    }
}

const fn cost(packet: &[u8]) -> usize {
    packet.len().saturating_add(PACKET_COST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outbox_is_bounded_in_bytes() {
        let router = Router::new(3 * (PACKET_COST + 100));
        for number in 0..5 {
            router.broadcast(&[number; 100], None);
        }
        assert_eq!(router.packets_lost(), 2);
        assert_eq!(router.pop(), Some((To::All, vec![0; 100])));
        // Only as much as there was room made.
        router.send_to(Link::Proven(LinkId(7)), &[9; 101]);
        assert_eq!(router.packets_lost(), 3);
        router.send_to(Link::Proven(LinkId(7)), &[9; 100]);
        let left: Vec<_> = std::iter::from_fn(|| router.pop()).map(|(to, _)| to).collect();
        assert_eq!(left, [To::All, To::All, To::One(LinkId(7))]);
        assert_eq!(router.packets_lost(), 3);
    }
}
