//! What the library asks of its host: a router and a health monitor.

use std::sync::Arc;
use std::time::Duration;

use meshward::host::mapek::Alert;
use meshward::{Event, Link, MapekMonitor, MeshRouter, NodeId, PeerHealth};
use parking_lot::Mutex;

use super::journal::Journal;
use super::names::Names;
use super::routes::Routes;
use super::udp::Udp;
use super::words;

/// The *Execute* of the loop: carries packets, gives members up and takes them back.
pub(crate) struct Router {
    pub(crate) udp: Arc<Udp>,
    pub(crate) routes: Arc<Mutex<Routes>>,
}

impl MeshRouter for Router {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        // Who only claims to be a neighbour keeps nothing from it.
        let except = except.filter(|link| link.proven().is_some());
        for peer in self.udp.peers.iter().filter(|peer| Some(peer.link) != except) {
            self.udp.send(peer, packet);
        }
    }

    fn send_to(&self, link: Link, packet: &[u8]) {
        // Only neighbours are answered: nobody else has business with this node.
        if let Some(peer) = self.udp.peer(link.id()) {
            self.udp.send(peer, packet);
        }
    }

    fn isolate(&self, node: NodeId) {
        self.routes.lock().isolate(node);
    }

    fn readmit(&self, node: NodeId) {
        self.routes.lock().readmit(node);
    }

    fn reroute(&self, node: NodeId) {
        self.routes.lock().doubt(node);
    }
}

/// The *Monitor* of the loop: what the links show, and what is told.
pub(crate) struct Monitor {
    pub(crate) udp: Arc<Udp>,
    pub(crate) names: Arc<Names>,
    pub(crate) journal: Arc<Mutex<Journal>>,
    pub(crate) suspicion: Duration,
}

impl MapekMonitor for Monitor {
    fn check_peer_health(&self, node: NodeId) -> PeerHealth {
        // An old node is silent to the library, and beacons all the same.
        match self.journal.lock().unsigned.get(&node) {
            Some(came) if came.elapsed() < self.suspicion => PeerHealth::Healthy,
            _ => PeerHealth::Unknown,
        }
    }

    fn link_quality(&self, node: NodeId) -> Option<u8> {
        self.udp.peers.iter().find(|peer| peer.node == node)?.quality()
    }

    fn on_alert(&self, alert: &Alert) {
        Journal::alert(&self.journal, words::alert(alert));
    }

    fn on_event(&self, event: &Event) {
        if let Event::ViewChanged { view } = event {
            self.names.change(view);
        }
        Journal::note(&self.journal, event, &self.names);
    }
}
