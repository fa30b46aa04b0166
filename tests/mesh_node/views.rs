//! A store that is ahead of the view in the file: the mesh has gone on to another one.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use meshward::{
    Change, Config, DurableStore, Host, KeyHistory, Link, LinkId, MapekMonitor,
    MeshByzantineProtection, MeshRouter, Millis, NodeId, PeerHealth, View,
};
use parking_lot::Mutex;
use serde_json::json;

use crate::desk::{Desk, NAMES};
use crate::node;
use crate::running::{Running, Written, end_of, free_port, wait};

/// What each node says goes to all others, in order.
#[derive(Clone, Default)]
pub(crate) struct Air(Arc<Mutex<VecDeque<Vec<u8>>>>);

impl Air {
    /// All of it.
    pub(crate) fn said(&self) -> Vec<Vec<u8>> {
        self.0.lock().drain(..).collect()
    }
}

/// The view that the configurations name.
pub(crate) fn history(desk: &Desk) -> KeyHistory {
    KeyHistory::from_bytes(&fs::read(desk.path("mesh.view")).unwrap()).unwrap()
}

impl MeshRouter for Air {
    fn broadcast(&self, packet: &[u8], _: Option<Link>) {
        self.0.lock().push_back(packet.to_vec());
    }

    fn send_to(&self, _: Link, packet: &[u8]) {
        self.broadcast(packet, None);
    }

    fn isolate(&self, _: NodeId) {}
    fn readmit(&self, _: NodeId) {}
}

impl MapekMonitor for Air {
    fn check_peer_health(&self, _: NodeId) -> PeerHealth {
        PeerHealth::Unknown
    }
}

/// The mesh decides that west leaves, and everybody's store has it.
fn west_leaves(desk: &Desk, view: &Arc<View>) {
    let air = Air::default();
    let nodes = NAMES.map(|name| {
        let store = DurableStore::open(&desk.path(name)).unwrap();
        let host = Host { relay: false, ..Host::new(store, air.clone(), air.clone()) };
        MeshByzantineProtection::start(Config::default(), view.clone(), host, Millis(0)).unwrap()
    });
    let change = Change::of(view).leave(NodeId::from_bytes([3; 32]));
    for node in &nodes {
        node.propose_change(change.clone(), Millis(0)).unwrap();
    }
    for now in (0..60_000).step_by(250).map(Millis) {
        for node in &nodes {
            let _who_left_signs_no_more = node.sign_beacon(b"", now);
            node.tick(now).unwrap();
        }
        while let Some(packet) = { air.0.lock().pop_front() } {
            for node in &nodes {
                let _its_own_and_what_is_known =
                    node.handle_frame(Link::Proven(LinkId(1)), &packet, now);
            }
        }
        if nodes.iter().take(2).all(|node| node.core().view().number().0 == 1) {
            return;
        }
    }
    panic!("there is no next view");
}

#[test]
fn a_node_goes_on_in_the_newest_view_of_its_store() {
    let desk = Desk::new();
    west_leaves(&desk, history(&desk).view());
    let ports = NAMES.map(|_| free_port());
    let at = |number: usize| SocketAddr::from(([127, 0, 0, 1], ports[number]));
    let nodes = [(0, 1), (1, 0)].map(|(number, other): (usize, usize)| {
        let written = Written::new(number, ports[number]);
        let written = written.with_peer(other, at(other), "authenticated = true");
        // Who has left is a peer in a configuration that nobody has changed yet.
        let written = written.with_peer(2, at(2), "authenticated = true");
        let file = format!("{number}.toml");
        written.write(&desk, &file);
        Running::start(&desk, &file)
    });
    for node in &nodes {
        let heard = || {
            node.status()["members"].as_array().unwrap().iter().all(|one| one["beacon"].is_string())
        };
        wait(heard, || node.ask("/status"));
        let status = node.status();
        assert_eq!((&status["view"], &status["quorum"]), (&json!(1), &json!(2)));
        assert_eq!(status["members"].as_array().unwrap().len(), 2);
        assert_eq!(status["links"].as_array().unwrap().len(), 2);
    }
    Written::new(2, ports[2]).write(&desk, "2.toml");
    let ended = end_of(node(&["--config", desk.path("2.toml").to_str().unwrap()]));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("is no member of the view"), "{said}");
    assert_eq!(ended.status.code(), Some(2));
}

/// A node whose disk may be an older one than it wrote, alone and with another.
#[test]
fn a_start_that_nobody_has_confirmed_is_told_of() {
    let desk = Desk::new();
    let ports = [0, 1].map(|_| free_port());
    let start = |number: usize| {
        let other = 1 - number;
        let at = SocketAddr::from(([127, 0, 0, 1], ports[other]));
        let written = Written::new(number, ports[number]);
        written.with_peer(other, at, "authenticated = true").write(&desk, "all.toml");
        let file = format!("{number}.toml");
        let disk = "disk = \"may_be_rolled_back\"\n".to_owned();
        desk.write(&file, &(disk + &fs::read_to_string(desk.path("all.toml")).unwrap()));
        Running::start(&desk, &file)
    };
    let north = start(0);
    let alerts = || north.status()["alerts"].to_string();
    wait(|| alerts().contains("no quorum has witnessed"), alerts);
    assert_eq!(north.status()["signing"], false);
    let south = start(1);
    for node in [&north, &south] {
        wait(|| node.status()["signing"] == true, || node.ask("/status"));
        wait(|| !node.status()["alerts"].to_string().contains("signs nothing"), alerts);
    }
}
