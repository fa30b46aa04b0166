//! A node's host: what it was asked to do and told.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshward::{Event, Link, MapekMonitor, MeshRouter, NodeId, PeerHealth};
use parking_lot::Mutex;

/// What a node's host was asked to do and told.
#[derive(Clone, Default)]
pub(crate) struct HostSide(Arc<Seen>);

#[derive(Default)]
pub(crate) struct Seen {
    outbox: Mutex<Vec<(Vec<u8>, Option<Link>)>>,
    /// What it wants sent to one neighbour alone.
    pub(crate) replies: Mutex<Vec<(Link, Vec<u8>)>>,
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) isolated: Mutex<BTreeSet<NodeId>>,
    pub(crate) healthy: Mutex<BTreeSet<NodeId>>,
}

impl std::ops::Deref for HostSide {
    type Target = Seen;
    fn deref(&self) -> &Seen {
        &self.0
    }
}

impl HostSide {
    /// What it wants sent; then it is gone.
    pub(crate) fn sent(&self) -> Vec<(Vec<u8>, Option<Link>)> {
        std::mem::take(&mut self.outbox.lock())
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.lock().iter().filter(|event| wanted(event)).count()
    }
}

impl MeshRouter for HostSide {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        self.outbox.lock().push((packet.to_vec(), except));
    }
    fn send_to(&self, link: Link, packet: &[u8]) {
        self.replies.lock().push((link, packet.to_vec()));
    }
    fn isolate(&self, node: NodeId) {
        self.isolated.lock().insert(node);
    }
    fn readmit(&self, node: NodeId) {
        self.isolated.lock().remove(&node);
    }
}

impl MapekMonitor for HostSide {
    fn check_peer_health(&self, node: NodeId) -> PeerHealth {
        let healthy = self.healthy.lock().contains(&node);
        if healthy { PeerHealth::Healthy } else { PeerHealth::Unknown }
    }
    fn on_event(&self, event: &Event) {
        self.events.lock().push(event.clone());
    }
}
