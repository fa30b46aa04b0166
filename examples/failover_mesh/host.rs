//! What the library asks of its host: a router and a health monitor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meshward::{CriticalEvent, Event, Link, MapekMonitor, MeshRouter, NodeId, PeerHealth};
use parking_lot::Mutex;

use crate::links::{GOSSIP, Links};
use crate::protocol::{Notice, say, to_hex};
use crate::routes::Routes;

/// For how long a probe that came through a neighbour shows that the neighbour works.
const DATA_SHOWS_HEALTH: Duration = Duration::from_millis(500);

/// The ids of all members, by number, and back.
#[derive(Clone)]
pub(crate) struct Names(Arc<[NodeId]>);

impl Names {
    pub(crate) fn new(ids: &[NodeId]) -> Self {
        Self(Arc::from(ids))
    }

    pub(crate) fn number(&self, id: &NodeId) -> Option<usize> {
        self.0.iter().position(|known| known == id)
    }

    pub(crate) fn id(&self, number: usize) -> Option<NodeId> {
        self.0.get(number).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The *Execute* of the loop: carries packets, gives nodes up and takes them back.
pub(crate) struct Router {
    pub(crate) links: Arc<Links>,
    pub(crate) routes: Arc<Mutex<Routes>>,
    pub(crate) names: Names,
}

impl MeshRouter for Router {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        let except = except.and_then(Link::proven).map(|link| link.0);
        for neighbour in self.links.neighbours() {
            if u64::try_from(neighbour).ok() != except {
                self.links.send(neighbour, GOSSIP, packet);
            }
        }
    }

    fn send_to(&self, link: Link, packet: &[u8]) {
        // Only neighbours are answered: nobody else has business with this node.
        if let Some(neighbour) = link.proven().and_then(|link| usize::try_from(link.0).ok()) {
            self.links.send(neighbour, GOSSIP, packet);
        }
    }

    fn isolate(&self, node: NodeId) {
        if let Some(node) = self.names.number(&node) {
            self.routes.lock().isolate(node);
        }
    }

    fn readmit(&self, node: NodeId) {
        if let Some(node) = self.names.number(&node) {
            self.routes.lock().readmit(node);
        }
    }

    fn reroute(&self, node: NodeId) {
        if let Some(node) = self.names.number(&node) {
            self.routes.lock().doubt(node);
        }
    }
}

/// When data last came through each neighbour.
pub(crate) type DataSeen = Arc<Mutex<BTreeMap<usize, Instant>>>;

/// The *Monitor* of the loop: what the data plane shows, and a voice to the parent.
pub(crate) struct Monitor {
    pub(crate) names: Names,
    pub(crate) data_seen: DataSeen,
    pub(crate) voice: Voice,
}

impl MapekMonitor for Monitor {
    fn check_peer_health(&self, node: NodeId) -> PeerHealth {
        let number = self.names.number(&node);
        let seen = number.and_then(|node| self.data_seen.lock().get(&node).copied());
        match seen {
            Some(at) if at.elapsed() < DATA_SHOWS_HEALTH => PeerHealth::Healthy,
            _ => PeerHealth::Unknown,
        }
    }

    fn on_event(&self, event: &Event) {
        if let Some(notice) = self.notice(event) {
            self.voice.say(&notice);
        }
    }
}

impl Monitor {
    fn notice(&self, event: &Event) -> Option<Notice> {
        let number = |id: &NodeId| self.names.number(id);
        Some(match event {
            Event::Certified(certificate) => Notice::Certified {
                subject: match certificate.event() {
                    CriticalEvent::NodeFailure { subject, .. } => number(subject),
                    _ => None,
                },
                certificate: to_hex(certificate.as_bytes()),
            },
            Event::NodeReturned { node } => Notice::Returned { node: number(node)? },
            Event::MemberQuarantined { node, offence, .. } => {
                Notice::Quarantined { node: number(node)?, offence: offence.name().into() }
            }
            Event::QuarantineWithheld { node, offence } => {
                Notice::Withheld { node: number(node)?, offence: offence.name().into() }
            }
            Event::LinkQuarantined { link, offence, .. } => {
                Notice::LinkQuarantined { node: link.0, offence: offence.name().into() }
            }
            Event::Equivocation(proof) => Notice::Equivocated {
                node: number(&proof.node())?,
                proof: to_hex(proof.as_bytes()),
            },
            Event::KeyRotated { node, suite, .. } => {
                Notice::Rotated { node: number(node)?, suite: suite.name().into() }
            }
            Event::NoQuorum { silent, tolerated } => {
                Notice::NoQuorum { silent: *silent, tolerated: *tolerated }
            }
            Event::QuorumRestored => Notice::QuorumRestored,
            _ => return None,
        })
    }
}

/// Where a node talks to its parent: standard output.
#[derive(Clone, Default)]
pub(crate) struct Voice(Arc<Mutex<()>>);

impl Voice {
    /// Says one thing. Without a parent to hear it there is nothing left to do.
    pub(crate) fn say(&self, notice: &Notice) {
        let _one_at_a_time = self.0.lock();
        if say(&mut std::io::stdout(), notice).is_err() {
            std::process::exit(0);
        }
    }
}
