//! Three nodes whose cables lose 5 of 100 datagrams and deliver the others in any order.

use std::net::SocketAddr;

use crate::desk::{Desk, NAMES, secret};
use crate::relay::Cable;
use crate::running::{Running, Written, free_port, hears_all, wait};

/// Beacons of others that each node is to hear.
const BEACONS: u64 = 100;

#[test]
fn nodes_hear_each_other_over_cables_that_lose_and_reorder() {
    let desk = Desk::new();
    let ports = NAMES.map(|_| free_port());
    let addresses = ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let pairs = [(0, 1), (0, 2), (1, 2)];
    let cables = pairs.map(|(one, other)| {
        let seed = (one * 3 + other) as u64;
        (one, other, Cable::between([addresses[one], addresses[other]], seed))
    });
    let nodes: Vec<_> = (0..NAMES.len())
        .map(|number| {
            let mut written = Written::new(number, ports[number]);
            for (one, other, cable) in &cables {
                let far =
                    if *one == number { (*other, cable.ends[0]) } else { (*one, cable.ends[1]) };
                if *one == number || *other == number {
                    let proof = format!("secret_file = \"{}\"", secret(*one, *other));
                    written = written.with_peer(far.0, far.1, &proof);
                }
            }
            let file = format!("{}.toml", NAMES[number]);
            written.write(&desk, &file);
            Running::start(&desk, &file)
        })
        .collect();
    for node in &nodes {
        let delivered = || node.status()["stats"]["delivered"].as_u64().unwrap();
        wait(|| delivered() >= BEACONS && hears_all(&node.status()), || node.ask("/status"));
    }
    for node in &nodes {
        let (status, metrics) = (node.status(), node.ask("/metrics"));
        // Of all that was lost and spoiled nothing is held against anybody.
        for link in status["links"].as_array().unwrap() {
            assert_eq!(link["quarantine_ms"], serde_json::Value::Null, "{status}");
            let quality = link["quality"].as_u64().unwrap();
            assert!((70..100).contains(&quality), "{quality} % of what was sent arrived");
        }
        for member in status["members"].as_array().unwrap() {
            assert_eq!(member["reputation"], 1.0, "{status}");
        }
        assert_eq!(status["certificates"], serde_json::json!([]), "{status}");
        for reason in ["forged", "repeated"] {
            let name = format!("mesh_node_datagrams_dropped_total{{reason=\"{reason}\"}}");
            assert!(node.metric(&name) > 0.0, "{reason}: {metrics}");
        }
    }
    for node in nodes {
        assert_eq!(node.stop().code(), Some(0));
    }
}
