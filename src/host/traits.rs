//! What a host implements.

use std::sync::Arc;

use crate::core::Event;
use crate::id::{Link, NodeId};

/// The router that carries packets and chooses routes: the *Execute* of a MAPE-K loop.
///
/// The library calls [`isolate`](Self::isolate) and [`readmit`](Self::readmit) one at a time, holding
/// a lock: they must not call the library back.
///
/// Packets are longer than most datagrams: [`transport`](crate::transport) cuts them.
pub trait MeshRouter: Send + Sync {
    /// Hands a packet to every neighbour, but for the one it came from. Never blocks for long; a
    /// packet that cannot be sent is lost, and the library makes up for it.
    fn broadcast(&self, packet: &[u8], except: Option<Link>);

    /// Hands a packet to one neighbour, under the same conditions.
    fn send_to(&self, link: Link, packet: &[u8]);

    /// Stops routing through `node`: the mesh agreed that it failed, or it is in quarantine here.
    fn isolate(&self, node: NodeId);

    /// Routes through `node` again: it was heard again, or its quarantine has ended.
    fn readmit(&self, node: NodeId);
}

/// What a host knows of a peer by means of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerHealth {
    /// It works: data passes through it, whatever became of its beacons.
    Healthy,
    /// It does not work.
    Failed,
    /// The host cannot tell, so the beacons decide.
    Unknown,
}

/// The health monitor that the library works for: the *Monitor* of a MAPE-K loop.
pub trait MapekMonitor: Send + Sync {
    /// Whether a peer whose beacons are overdue is healthy all the same. A peer that is
    /// [`Healthy`](PeerHealth::Healthy) is not reported.
    fn check_peer_health(&self, node: NodeId) -> PeerHealth;

    /// Something worth knowing has happened. Does nothing unless implemented.
    fn on_event(&self, event: &Event) {
        let _ = event;
    }
}

/// A host may keep its router and hand the library a share of it.
impl<T: MeshRouter + ?Sized> MeshRouter for Arc<T> {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        self.as_ref().broadcast(packet, except);
    }

    fn send_to(&self, link: Link, packet: &[u8]) {
        self.as_ref().send_to(link, packet);
    }

    fn isolate(&self, node: NodeId) {
        self.as_ref().isolate(node);
    }

    fn readmit(&self, node: NodeId) {
        self.as_ref().readmit(node);
    }
}

/// A host may keep its monitor and hand the library a share of it.
impl<T: MapekMonitor + ?Sized> MapekMonitor for Arc<T> {
    fn check_peer_health(&self, node: NodeId) -> PeerHealth {
        self.as_ref().check_peer_health(node)
    }

    fn on_event(&self, event: &Event) {
        self.as_ref().on_event(event);
    }
}
