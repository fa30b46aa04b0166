//! A host: all that a router and a monitor have to do.

use std::collections::{BTreeMap, BTreeSet};

use meshward::host::mapek::Alert;
use meshward::{Link, MapekMonitor, MeshRouter, NodeId, PeerHealth};
use parking_lot::Mutex;

/// To whom alone, to whom not, and what.
type Sent = (Option<Link>, Option<Link>, Vec<u8>);

#[derive(Default)]
pub(crate) struct SmallHost {
    pub(crate) outbox: Mutex<Vec<Sent>>,
    pub(crate) isolated: Mutex<BTreeSet<NodeId>>,
    pub(crate) rerouted: Mutex<Vec<NodeId>>,
    pub(crate) alerts: Mutex<Vec<Alert>>,
    pub(crate) healthy: Mutex<BTreeSet<NodeId>>,
    pub(crate) quality: Mutex<BTreeMap<NodeId, u8>>,
}

impl MeshRouter for SmallHost {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        self.outbox.lock().push((None, except, packet.to_vec()));
    }

    fn send_to(&self, link: Link, packet: &[u8]) {
        self.outbox.lock().push((Some(link), None, packet.to_vec()));
    }

    fn isolate(&self, node: NodeId) {
        assert!(self.isolated.lock().insert(node), "isolated twice");
    }

    fn readmit(&self, node: NodeId) {
        assert!(self.isolated.lock().remove(&node), "readmitted, and was not away");
    }

    fn reroute(&self, node: NodeId) {
        self.rerouted.lock().push(node);
    }
}

impl MapekMonitor for SmallHost {
    fn check_peer_health(&self, node: NodeId) -> PeerHealth {
        if self.healthy.lock().contains(&node) { PeerHealth::Healthy } else { PeerHealth::Unknown }
    }

    fn link_quality(&self, node: NodeId) -> Option<u8> {
        self.quality.lock().get(&node).copied()
    }

    fn on_alert(&self, alert: &Alert) {
        self.alerts.lock().push(*alert);
    }
}
