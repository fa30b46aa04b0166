//! An existing router, made to carry meshward: `cargo run --example embed`.
//!
//! Four routers, wired to each other, beacon for ten seconds of their own time; after three the last
//! falls silent. The others agree on it and route around it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use meshward::{
    Config, Event, Host, Identity, Link, LinkId, MapekMonitor, MemoryStore,
    MeshByzantineProtection, MeshRouter, Millis, NodeId, OsEntropy, PeerHealth, Suite, View,
};
use parking_lot::Mutex;

/// What the host had before: neighbours, a queue to each, and the nodes it routes through.
#[derive(Default)]
struct Router {
    neighbours: Vec<LinkId>,
    queue: Mutex<VecDeque<(LinkId, Vec<u8>)>>,
    routes: Mutex<BTreeSet<NodeId>>,
}

// Step 1: the router carries packets and follows the library's advice.
impl MeshRouter for Router {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        for to in self.neighbours.iter().filter(|to| Some(**to) != except.map(Link::id)) {
            self.send_to(Link::Proven(*to), packet);
        }
    }

    fn send_to(&self, link: Link, packet: &[u8]) {
        self.queue.lock().push_back((link.id(), packet.to_vec()));
    }

    fn isolate(&self, node: NodeId) {
        self.routes.lock().remove(&node);
    }

    fn readmit(&self, node: NodeId) {
        self.routes.lock().insert(node);
    }
}

// Step 2: the health monitor says what it knows of a peer by other means, and hears the news.
impl MapekMonitor for Router {
    fn check_peer_health(&self, _: NodeId) -> PeerHealth {
        PeerHealth::Unknown
    }

    fn on_event(&self, event: &Event) {
        if let Event::Certified(certificate) = event {
            println!("  {} agree: {:?}", certificate.attestors().len(), certificate.event());
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Step 3: each node has an identity in its store; together the public halves make the view.
    let (mut stores, mut members) = (Vec::new(), Vec::new());
    for number in 0..4_u8 {
        let store = MemoryStore::new();
        let id = NodeId::from_bytes([number; 32]);
        let identity = Identity::create(&store, id, Suite::MlDsa65, &OsEntropy)?;
        members.push(identity.member(format!("router-{number}")));
        stores.push(store);
    }
    let view = Arc::new(View::genesis(members)?);

    // Step 4: start the library around the router that was there.
    let (mut nodes, config, now) = (BTreeMap::new(), Config::default(), Millis(0));
    for (number, store) in (0..).zip(stores) {
        let neighbours = (0..4).filter(|other| *other != number).map(LinkId).collect();
        let router = Arc::new(Router { neighbours, ..Router::default() });
        let host = Host::new(store, Arc::clone(&router), Arc::clone(&router));
        let shield = MeshByzantineProtection::start(config.clone(), view.clone(), host, now)?;
        nodes.insert(LinkId(number), (router, shield));
    }

    // Step 5: from the health loop, beacon and tick; from the receive loop, hand over what arrives.
    for now in (0..10_000).step_by(250).map(Millis) {
        let alive = |link: LinkId| link != LinkId(3) || now < Millis(3_000);
        for (_, (_, shield)) in nodes.iter().filter(|(link, _)| alive(**link)) {
            shield.sign_beacon(b"my routes", now)?;
            shield.tick(now)?;
        }
        while let Some((from, to, packet)) = nodes.iter().find_map(|(from, (router, _))| {
            router.queue.lock().pop_front().map(|(to, packet)| (*from, to, packet))
        }) {
            if let Some((_, shield)) = nodes.get(&to).filter(|_| alive(to)) {
                // A refusal is counted and, where somebody is to blame, charged.
                let _ = shield.handle_frame(Link::Proven(from), &packet, now);
            }
        }
    }
    if let Some((_, shield)) = nodes.get(&LinkId(0)) {
        println!("  router-0 counted {:#?}", shield.stats(Millis(10_000)));
    }
    Ok(())
}
