//! The host of a node in a mesh that is being moved over: all that meshward asks of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshward::{Event, Link, MapekMonitor, MeshRouter, Millis, NodeId, PeerHealth};
use parking_lot::Mutex;

/// A router, and the monitor that it had before.
#[derive(Clone, Default)]
pub(crate) struct Router(Arc<State>);

#[derive(Default)]
pub(crate) struct State {
    /// What it sends: to whom, if not to all, but for whom.
    pub(crate) outbox: Mutex<Vec<(Vec<u8>, Option<Link>)>>,
    /// Around whom it routes.
    pub(crate) isolated: Mutex<BTreeSet<NodeId>>,
    /// Whom it heard unsigned last, and when: those are old nodes, not silent ones.
    pub(crate) heard_unsigned: Mutex<BTreeMap<NodeId, Millis>>,
    pub(crate) now: Mutex<Millis>,
    pub(crate) events: Mutex<Vec<Event>>,
}

impl std::ops::Deref for Router {
    type Target = State;
    fn deref(&self) -> &State {
        &self.0
    }
}

impl MeshRouter for Router {
    fn broadcast(&self, packet: &[u8], _except: Option<Link>) {
        self.outbox.lock().push((packet.to_vec(), None));
    }
    fn send_to(&self, link: Link, packet: &[u8]) {
        self.outbox.lock().push((packet.to_vec(), Some(link)));
    }
    fn isolate(&self, node: NodeId) {
        self.isolated.lock().insert(node);
    }
    fn readmit(&self, node: NodeId) {
        self.isolated.lock().remove(&node);
    }
}

impl MapekMonitor for Router {
    fn check_peer_health(&self, node: NodeId) -> PeerHealth {
        match self.heard_unsigned.lock().get(&node) {
            Some(heard) if self.now.lock().since(*heard) < 3_000 => PeerHealth::Healthy,
            _ => PeerHealth::Unknown,
        }
    }
    fn on_event(&self, event: &Event) {
        self.events.lock().push(event.clone());
    }
}
