//! The MAPE-K loop as a host runs it: each phase of a failure, and what it must not do.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod host;

use std::sync::Arc;

use meshward::host::mapek::{Action, Alert, HealthCheck, Outlook, Standing};
use meshward::keyring::RotationCause;
use meshward::{
    Config, Epoch, Host, Identity, Link, LinkId, MemoryStore, MeshByzantineProtection, Millis,
    NodeId, OsEntropy, Suite, View,
};

use host::SmallHost;

struct Node {
    guard: MeshByzantineProtection,
    host: Arc<SmallHost>,
    /// Nothing of it arrives, and nothing arrives at it.
    down: bool,
}

/// Nodes that all hear each other, over links with the number of who is at the other end.
struct Mesh {
    nodes: Vec<Node>,
    now: Millis,
}

const ROUND_MS: u64 = 250;

fn id(place: usize) -> NodeId {
    NodeId::from_bytes([place as u8 + 1; 32])
}

fn link(place: usize) -> Link {
    Link::Proven(LinkId(place as u64))
}

impl Mesh {
    fn new(suite: Suite, n: usize, config: &Config) -> Self {
        let stores: Vec<_> = (0..n).map(|_| MemoryStore::new()).collect();
        let identity = |(place, store): (usize, &MemoryStore)| {
            Identity::create(store, id(place), suite, &OsEntropy).unwrap().member("")
        };
        let members = stores.iter().enumerate().map(identity).collect();
        let view = Arc::new(View::genesis(members).unwrap());
        let node = |store: MemoryStore| {
            let host = Arc::new(SmallHost::default());
            let sides = Host::new(store, host.clone(), host.clone());
            let guard =
                MeshByzantineProtection::start(config.clone(), view.clone(), sides, Millis(0));
            Node { guard: guard.unwrap(), host, down: false }
        };
        Self { nodes: stores.into_iter().map(node).collect(), now: Millis(0) }
    }

    /// Lets one round pass everywhere, with a beacon each second, and gives what that of the first node
    /// came to.
    fn round(&mut self) -> HealthCheck {
        self.now = self.now.after(ROUND_MS);
        let mut first = None;
        for place in 0..self.nodes.len() {
            let Node { guard, down, .. } = &self.nodes[place];
            if self.now.0.is_multiple_of(1_000) && !down {
                guard.sign_beacon(b"", self.now).unwrap();
            }
            let check = guard.health_check(self.now).unwrap();
            first.get_or_insert(check);
        }
        self.deliver();
        first.unwrap()
    }

    fn rounds(&mut self, count: usize) -> Vec<HealthCheck> {
        (0..count).map(|_| self.round()).collect()
    }

    fn deliver(&self) {
        loop {
            let mut air = Vec::new();
            for (from, node) in self.nodes.iter().enumerate() {
                let sent = std::mem::take(&mut *node.host.outbox.lock());
                air.extend(sent.into_iter().map(|sent| (from, sent)).filter(|_| !node.down));
            }
            if air.is_empty() {
                return;
            }
            for (from, (only, except, packet)) in air {
                for (to, node) in self.nodes.iter().enumerate() {
                    let is_meant = only.is_none_or(|only| only == link(to));
                    if to != from && is_meant && except != Some(link(to)) && !node.down {
                        let _refusal = node.guard.handle_frame(link(from), &packet, self.now);
                    }
                }
            }
        }
    }
}

fn seen(check: &HealthCheck, place: usize) -> &meshward::host::mapek::PeerSeen {
    check.seen.peers.iter().find(|peer| peer.node == id(place)).unwrap()
}

/// The number of the first round in which something is so.
fn first(rounds: &[HealthCheck], is_so: impl Fn(&HealthCheck) -> bool) -> usize {
    rounds.iter().position(is_so).unwrap()
}

/// P7, P8: silence is seen, traffic goes around, the failure is stated, agreed on, and only then is the
/// member isolated; with its first answer it is routed through again.
#[test]
fn a_failure_goes_through_every_phase() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4, &Config::default());
        for check in mesh.rounds(20) {
            assert_eq!((check.actions, check.analysis.outlook), (vec![], Outlook::Sound));
        }
        mesh.nodes[3].down = true;
        let rounds = mesh.rounds(24);
        let node = id(3);
        let overdue = first(&rounds, |check| seen(check, 3).overdue);
        assert_eq!(rounds[overdue - 1].actions, [], "{suite}: nothing is done before");
        let around = Action::Reroute { node, link_quality: None };
        assert_eq!(first(&rounds, |check| check.actions.contains(&around)), overdue);
        let reported = first(&rounds, |check| check.actions.contains(&Action::Report { node }));
        let failed = first(&rounds, |check| seen(check, 3).standing == Standing::Failed);
        assert!(overdue <= reported && reported < failed, "{overdue} {reported} {failed}");
        assert!(seen(&rounds[overdue], 3).silent_ms >= 3_000);
        let isolated = first(&rounds, |check| seen(check, 3).isolated);
        assert_eq!(isolated, failed, "by a certificate, and at once");
        for check in &rounds[failed..] {
            assert_eq!(check.actions, [], "there is nothing left to do");
        }
        for node in &mesh.nodes[..3] {
            assert_eq!(Vec::from_iter(node.host.isolated.lock().clone()), [id(3)]);
        }
        mesh.nodes[3].down = false;
        mesh.rounds(8);
        for node in &mesh.nodes {
            assert!(node.host.isolated.lock().is_empty());
        }
    }
}

/// A member that the host knows to work is not accused, whatever became of its beacons.
#[test]
fn who_is_vouched_for_is_neither_reported_nor_gone_around() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4, &Config::default());
        mesh.rounds(20);
        mesh.nodes[3].down = true;
        for node in &mesh.nodes {
            node.host.healthy.lock().insert(id(3));
        }
        let rounds = mesh.rounds(30);
        assert!(rounds.iter().all(|check| check.actions.is_empty()), "{suite}");
        assert_eq!(rounds.last().unwrap().analysis.vouched_for, [id(3)]);
    }
}

/// A poor link is one node's own matter: it goes another way, and isolates and accuses nobody.
#[test]
fn a_poor_link_is_gone_around() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4, &Config::default());
        mesh.rounds(8);
        mesh.nodes[0].host.quality.lock().extend([(id(1), 49), (id(2), 50)]);
        let round = mesh.round();
        let around = Action::Reroute { node: id(1), link_quality: Some(49) };
        assert_eq!((round.analysis.outlook, round.actions), (Outlook::Sound, vec![around]));
        assert_eq!(*mesh.nodes[0].host.rerouted.lock(), [id(1)]);
        assert!(mesh.nodes[0].host.isolated.lock().is_empty());
    }
}

/// A node that hears nobody accuses nobody, and tells once; and once more when it happens again.
#[test]
fn a_node_that_is_cut_off_accuses_nobody_and_raises_one_alert() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4, &Config::default());
        mesh.rounds(20);
        for times in 1..=2 {
            mesh.nodes[0].down = true;
            let rounds = mesh.rounds(200);
            let last = rounds.last().unwrap();
            assert_eq!(last.analysis.outlook, Outlook::CutOff { heard: 1 });
            let is_report = |action: &Action| matches!(action, Action::Report { .. });
            assert!(!rounds.iter().flat_map(|check| &check.actions).any(is_report), "{suite}");
            let alerts = mesh.nodes[0].host.alerts.lock().clone();
            let cut_off = alerts.iter().filter(|alert| alert.is_like(&Alert::CutOff { heard: 1 }));
            assert_eq!(cut_off.count(), times, "{suite}: {alerts:?}");
            mesh.nodes[0].down = false;
            mesh.rounds(20);
        }
    }
}

/// Where the host decides when keys are replaced, the loop is the host: no tick does it.
#[test]
fn a_key_that_is_due_is_replaced_by_the_loop_alone() {
    let suite = Suite::available().next().unwrap();
    let config = Config { rotation: None, ..Config::default() };
    let mut mesh = Mesh::new(suite, 1, &config);
    let Node { guard, .. } = &mesh.nodes[0];
    // At most a minute of each tick counts, and a key is old after 90 days, less a tenth.
    let mut due = false;
    for minute in 0..=90 * 24 * 60 {
        mesh.now = mesh.now.after(60_000);
        guard.tick(mesh.now).unwrap();
        due |= minute % 1_440 == 0 && guard.monitor(mesh.now).key_due.is_some();
    }
    let epoch = |guard: &MeshByzantineProtection| {
        let core = guard.core();
        core.directory().current(core.view().index_of(&id(0)).unwrap()).unwrap().epoch
    };
    assert!(due);
    assert_eq!(epoch(guard), Epoch::FIRST);
    let rotate = Action::RotateKeys { cause: RotationCause::Age };
    assert!(guard.health_check(mesh.now).unwrap().actions.contains(&rotate));
    assert_eq!(Some(epoch(guard)), Epoch::FIRST.next_operational());
    assert!(!guard.health_check(mesh.now).unwrap().actions.contains(&rotate), "once");
}

/// What a host has to write is little.
#[test]
fn a_host_takes_less_than_60_lines() {
    assert!(include_str!("host.rs").lines().count() < 60);
}
