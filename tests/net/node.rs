//! A node: the library, a durable store, UDP.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use meshward::{
    Accepted, Config, CriticalEvent, DurableStore, Event, Host, Kind, Link, LinkId, MapekMonitor,
    MeshByzantineProtection, MeshRouter, Millis, NodeId, PeerHealth, QuorumConfig, Reassembler,
    ReassemblyConfig, View,
};

use crate::plan::{BEACON_MS, SUSPICION_MS, Setup};
use crate::said::{Said, end_with_parent, say};
use crate::wires::Wires;

pub(crate) const NODE: &str = "MESHWARD_TEST_NET_NODE";

const TICK_MS: u64 = 50;
const STATUS_MS: u64 = 500;

fn config() -> Config {
    let quorum =
        QuorumConfig { suspicion_ms: SUSPICION_MS, resend_ms: 250, ..QuorumConfig::default() };
    let mut config = Config { quorum, ..Config::default() };
    config.gossip.quarantine_beacon_ms = 2 * BEACON_MS - 50;
    // What neighbours send stays far below this, so that a flood shows it.
    config.gossip.link_packets.per_second = 1_000;
    config.gossip.link_packets.burst = 1_000;
    config
}

#[derive(Clone)]
struct Router(Arc<Wires>);

impl MeshRouter for Router {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        let wires = self.0.wires.iter();
        let others = wires.filter(|wire| except != Some(Link::Proven(LinkId(wire.end.to.into()))));
        others.for_each(|wire| self.0.send(wire, packet));
    }

    fn send_to(&self, link: Link, packet: &[u8]) {
        // Whoever is at the end of the cable is answered.
        let wires = self.0.wires.iter();
        let wire = wires.filter(|wire| LinkId(wire.end.to.into()) == link.id());
        wire.for_each(|wire| self.0.send(wire, packet));
    }

    fn isolate(&self, _: NodeId) {}
    fn readmit(&self, _: NodeId) {}
}

#[derive(Clone)]
struct Monitor(Arc<[NodeId]>);

impl Monitor {
    fn number(&self, id: &NodeId) -> usize {
        self.0.iter().position(|known| known == id).unwrap()
    }

    fn said(&self, event: &Event) -> Option<Said> {
        Some(match event {
            Event::Certified(certificate) => match certificate.event() {
                CriticalEvent::NodeFailure { subject, .. } => {
                    Said::Certified { unheard: vec![self.number(subject)] }
                }
                CriticalEvent::TopologyPartition { unreachable } => {
                    let unheard = unreachable.iter().map(|one| self.number(&one.node));
                    Said::Certified { unheard: unheard.collect() }
                }
                other => Said::CertifiedOther { what: format!("{other:?}") },
            },
            Event::NodeReturned { node } => Said::Returned { of: self.number(node) },
            Event::MemberQuarantined { node, offence, .. }
            | Event::QuarantineWithheld { node, offence } => {
                Said::Quarantined { of: self.number(node), offence: offence.name().into() }
            }
            Event::LinkQuarantined { link, offence, .. } => {
                let to = usize::try_from(link.0).unwrap();
                Said::LinkQuarantined { to, offence: offence.name().into() }
            }
            Event::NoQuorum { .. } => Said::NoQuorum,
            Event::QuorumRestored => Said::QuorumRestored,
            _ => return None,
        })
    }
}

impl MapekMonitor for Monitor {
    fn check_peer_health(&self, _: NodeId) -> PeerHealth {
        PeerHealth::Unknown
    }

    fn on_event(&self, event: &Event) {
        if let Some(said) = self.said(event) {
            say(&said);
        }
    }
}

/// Does nothing unless a test started it.
#[test]
fn node_process() {
    let Some(directory) = std::env::var_os(NODE) else { return };
    Node::start(Path::new(&directory)).work();
}

struct Node {
    started: Instant,
    guard: MeshByzantineProtection,
    wires: Arc<Wires>,
    reassembler: Reassembler,
    monitor: Monitor,
}

impl Node {
    fn start(directory: &Path) -> Self {
        thread::spawn(end_with_parent);
        let setup = fs::read(directory.join("setup")).unwrap();
        let setup: Setup = serde_json::from_slice(&setup).unwrap();
        let view = View::from_bytes(&fs::read(directory.join("view")).unwrap()).unwrap();
        let store = DurableStore::open(&directory.join("store")).unwrap();
        let monitor = Monitor(Arc::from(setup.ids.as_slice()));
        let reassembly = ReassemblyConfig::of(setup.ids.len(), setup.ends.len());
        let reassembler = Reassembler::new(reassembly).unwrap();
        for end in setup.ends.iter().filter(|end| usize::from(end.to) < setup.ids.len()) {
            assert!(reassembler.reserve(Link::Proven(LinkId(end.to.into())), Millis(0)));
        }
        let wires = Arc::new(Wires::open(setup));
        let host = Host::new(store, Router(wires.clone()), monitor.clone());
        let guard = MeshByzantineProtection::start(config(), Arc::new(view), host, Millis(0));
        let (started, guard) = (Instant::now(), guard.unwrap());
        Self { started, guard, wires, reassembler, monitor }
    }

    fn now(&self) -> Millis {
        Millis(u64::try_from(self.started.elapsed().as_millis()).unwrap())
    }

    fn work(&self) {
        say(&Said::Ready);
        let mut buffer = [0; 2_048];
        let (mut beacon, mut tick, mut status) = (0, 0, 0);
        loop {
            let mut idle = true;
            for wire in &self.wires.wires {
                // A neighbour that sends much takes no more of a round than this.
                for _ in 0..16 {
                    let Some((link, datagram)) = wire.receive(&mut buffer) else { break };
                    self.take(link, datagram);
                    idle = false;
                }
            }
            let now = self.now();
            if is_due(&mut beacon, BEACON_MS, now) {
                self.guard.sign_beacon(&[self.wires.me()], now).unwrap();
            }
            if is_due(&mut tick, TICK_MS, now) {
                self.guard.tick(now).unwrap();
                self.reassembler.tick(now);
            }
            if is_due(&mut status, STATUS_MS, now) {
                self.tell_status();
            }
            if idle {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn take(&self, link: Link, datagram: &[u8]) {
        let now = self.now();
        let packet = match self.reassembler.take(link, datagram, now) {
            Ok(Some(packet)) => packet,
            Ok(None) => return,
            // The library counts it against the link, and refuses it.
            Err(_) => datagram.into(),
        };
        match self.guard.handle_frame(link, &packet, now) {
            Ok(Accepted::Message(message)) => {
                self.reassembler.was_of_use(link, now);
                if message.kind == Kind::Beacon {
                    say(&Said::Heard { of: self.monitor.number(&message.origin) });
                }
            }
            Ok(Accepted::CookieEcho(_)) => self.reassembler.answered(link, now),
            Ok(_) | Err(_) => {}
        }
    }

    fn tell_status(&self) {
        let stats = self.guard.stats(self.now());
        let failed = stats.validated_failures.iter().map(|id| self.monitor.number(id)).collect();
        let refused = stats.refused.iter().map(|(reason, count)| ((*reason).to_owned(), *count));
        say(&Said::Status { failed, refused: refused.collect::<BTreeMap<_, _>>() });
    }
}

fn is_due(last: &mut u64, interval_ms: u64, now: Millis) -> bool {
    let due = now.0 / interval_ms > *last;
    *last = now.0 / interval_ms;
    due
}
