//! What a host implements.

use std::sync::Arc;

use super::mapek::Alert;
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

    /// Prefers other ways to the one through `node`, where there are some: it is silent, or the link to it
    /// is poor. That is advice, on no more than this node's own word, and is given again in each
    /// [round](super::MeshByzantineProtection::health_check) in which it holds. Does nothing unless
    /// implemented.
    fn reroute(&self, node: NodeId) {
        let _ = node;
    }
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

    /// How much of what is sent over the link to `node` arrives, in percent, 0 to 100; `None`, unless
    /// implemented, where there is no link or nothing is known of it.
    fn link_quality(&self, node: NodeId) -> Option<u8> {
        let _ = node;
        None
    }

    /// Somebody should look: no node can mend this by itself. Told once, until it was over. Does nothing
    /// unless implemented.
    fn on_alert(&self, alert: &Alert) {
        let _ = alert;
    }

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

    fn reroute(&self, node: NodeId) {
        self.as_ref().reroute(node);
    }
}

/// A host may keep its monitor and hand the library a share of it.
impl<T: MapekMonitor + ?Sized> MapekMonitor for Arc<T> {
    fn check_peer_health(&self, node: NodeId) -> PeerHealth {
        self.as_ref().check_peer_health(node)
    }

    fn link_quality(&self, node: NodeId) -> Option<u8> {
        self.as_ref().link_quality(node)
    }

    fn on_alert(&self, alert: &Alert) {
        self.as_ref().on_alert(alert);
    }

    fn on_event(&self, event: &Event) {
        self.as_ref().on_event(event);
    }
}
