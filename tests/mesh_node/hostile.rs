//! What strangers send to a node, and what it may not cost.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use meshward::NodeId;

use crate::desk::{Desk, secret};
use crate::mesh_node::envelope::{Envelope, Opened};
use crate::node;
use crate::running::{Running, Written, end_of, free_port, hears_all, wait};

/// Datagrams of every length and kind, as many as a node looks at in a second.
fn garbage() -> impl Iterator<Item = Vec<u8>> {
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    (0..4_000_usize).map(move |number| {
        let mut bytes: Vec<u8> = (0..number % 1_300)
            .map(|_| {
                // xorshift64 (Marsaglia 2003).
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                dice.to_le_bytes()[0]
            })
            .collect();
        // Some begin as packets and fragments do.
        if let (true, Some(start)) = (number % 3 == 0, bytes.first_chunk_mut()) {
            *start = [1, if number % 2 == 0 { 255 } else { dice.to_le_bytes()[3] % 24 }];
        }
        bytes
    })
}

/// Two of three nodes: a proven link by the network, garbage from strangers and under the very address of a
/// peer that has a secret.
#[test]
fn garbage_disturbs_nobody() {
    let desk = Desk::new();
    let [north, south] = [0, 1].map(|_| free_port());
    let [at_north, at_south] = [north, south].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let west = UdpSocket::bind("127.0.0.1:0").unwrap();
    let proof = format!("secret_file = \"{}\"", secret(0, 2));
    // Where there is IPv6 one socket takes both.
    let any = if UdpSocket::bind("[::]:0").is_ok() { "[::]" } else { "0.0.0.0" };
    let written = Written::listening(0, &format!("{any}:{north}"));
    let written = written.with_peer(1, at_south, "authenticated = true");
    let written = written.with_peer(2, west.local_addr().unwrap(), &proof);
    written.write(&desk, "north.toml");
    Written::new(1, south)
        .with_peer(0, at_north, "authenticated = true")
        .write(&desk, "south.toml");
    let nodes = ["north.toml", "south.toml"].map(|file| Running::start(&desk, file));
    let heard = |node: &Running| node.status()["stats"]["delivered"].as_u64().unwrap();
    wait(|| nodes.iter().all(|node| heard(node) > 2), || nodes[0].ask("/status"));
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (number, datagram) in garbage().enumerate() {
        for from in [&stranger, &west] {
            from.send_to(&datagram, at_north).unwrap();
        }
        if number % 20 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let too_long = vec![1; 20_000];
    stranger.send_to(&too_long, at_north).unwrap();
    let dropped = |reason: &str| {
        nodes[0].metric(&format!("mesh_node_datagrams_dropped_total{{reason=\"{reason}\"}}"))
    };
    wait(|| dropped("too_long") > 0.0, || nodes[0].ask("/metrics"));
    assert!(dropped("forged") > 100.0, "{}", nodes[0].ask("/metrics"));
    let before = heard(&nodes[0]);
    wait(|| heard(&nodes[0]) > before + 4, || nodes[0].ask("/status"));
    let status = nodes[0].status();
    for link in status["links"].as_array().unwrap() {
        assert_eq!(link["quarantine_ms"], serde_json::Value::Null, "{status}");
    }
    assert!(status["members"].as_array().unwrap().iter().all(|one| one["reputation"] == 1.0));
    assert!(!hears_all(&status), "west never ran");
    for node in nodes {
        assert_eq!(node.stop().code(), Some(0));
    }
}

/// What is sealed under the secret counts for its peer once it is known to be of now, and once at all.
#[test]
fn a_recording_is_not_taken_for_its_peer() {
    let desk = Desk::new();
    let (port, west) = (free_port(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let proof = format!("secret_file = \"{}\"", secret(0, 2));
    let written = Written::new(0, port).with_peer(2, west.local_addr().unwrap(), &proof);
    written.write(&desk, "north.toml");
    let node = Running::start(&desk, "north.toml");
    let mesh = node.status()["mesh"].as_str().unwrap().parse().unwrap();
    let [north, id] = [1, 3].map(|number| NodeId::from_bytes([number; 32]));
    let mut key = [0; 32];
    key[31] = 2;
    let envelope = Envelope::new(&key, mesh, (id, north), 5);
    let send = |datagram: &[u8]| west.send_to(datagram, ("127.0.0.1", port)).unwrap();
    let taken =
        |link: &str| node.metric(&format!("mesh_node_datagrams_received_total{{link=\"{link}\"}}"));
    for _ in 0..3 {
        send(&envelope.seal(b"who knows when"));
    }
    wait(|| taken("claimed") == 3.0, || node.ask("/metrics"));
    assert_eq!(taken("proven"), 0.0);
    // What north sends names its start, and ours if it was sent after it had heard of it.
    let mut buffer = [0; 2_048];
    let len = west.recv(&mut buffer).unwrap();
    assert!(matches!(envelope.open(&buffer[..len]), Opened::Claimed(_) | Opened::Proven(_)));
    let now = envelope.seal(b"now");
    for _ in 0..3 {
        send(&now);
    }
    let repeated = "mesh_node_datagrams_dropped_total{reason=\"repeated\"}";
    wait(|| node.metric(repeated) == 2.0, || node.ask("/metrics"));
    assert_eq!((taken("proven"), taken("claimed")), (1.0, 3.0));
}

/// Something comes over the link to west, and never a beacon.
#[test]
fn who_is_given_up_is_routed_around_though_its_link_works() {
    let desk = Desk::new();
    let west = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addresses = [0, 1].map(|_| SocketAddr::from(([127, 0, 0, 1], free_port())));
    let nodes = [0, 1].map(|number| {
        let other = 1 - number;
        let written = Written::new(number, addresses[number].port());
        let written = written.with_peer(other, addresses[other], "authenticated = true");
        let written = written.with_peer(2, west.local_addr().unwrap(), "authenticated = true");
        let file = format!("{number}.toml");
        written.write(&desk, &file);
        Running::start(&desk, &file)
    });
    let routes = |wanted: f64| {
        let is_so = || {
            addresses.iter().for_each(|at| assert!(west.send_to(b"hum", at).is_ok()));
            nodes.iter().all(|node| node.metric("mesh_node_routes") == wanted)
        };
        wait(is_so, || nodes[0].ask("/status"));
    };
    routes(2.0);
    routes(1.0);
    let status = nodes[0].status();
    assert_eq!(status["certificates"][0]["event"], "west has failed", "{status}");
}

/// Nobody vouches for what comes from an address: it is heard, and nobody is blamed.
#[test]
fn peers_that_prove_nothing_hear_each_other() {
    let desk = Desk::new();
    let ports = [0, 1].map(|_| free_port());
    let nodes = [0, 1].map(|number| {
        let at = SocketAddr::from(([127, 0, 0, 1], ports[1 - number]));
        let written = Written::new(number, ports[number]).with_peer(1 - number, at, "");
        let file = format!("{number}.toml");
        written.write(&desk, &file);
        Running::start(&desk, &file)
    });
    for node in &nodes {
        wait(|| node.status()["stats"]["delivered"].as_u64() > Some(4), || node.ask("/status"));
        assert_eq!(node.status()["links"][0]["proven"], false);
        assert_eq!(node.metric("mesh_node_routes"), 1.0);
    }
}

#[test]
fn what_keeps_a_node_from_starting_is_said_and_signals_end_it() {
    let desk = Desk::new();
    let port = free_port();
    Written::new(0, port).write(&desk, "north.toml");
    let runs = Running::start(&desk, "north.toml");
    // The same store, the same port, a store of another node's, itself as a peer.
    let at = SocketAddr::from(([127, 0, 0, 1], port + 1));
    Written::new(1, port).write(&desk, "south.toml");
    Written::new(2, port).with_peer(2, at, "").write(&desk, "west.toml");
    let cases = [
        ("north.toml", 1, "is in use by another process"),
        ("south.toml", 1, "cannot be listened at"),
        ("west.toml", 2, "west.toml:8: member \"west\" is this node itself"),
    ];
    for (file, code, words) in cases {
        let file = desk.path(file);
        let ended = end_of(node(&["--config", file.to_str().unwrap()]));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{said}");
    }
    assert_eq!(runs.stop().code(), Some(0));
    let again = Running::start(&desk, "north.toml");
    assert_eq!(again.signal(&["INT"]).code(), Some(0));
    // Both arrive before it can do anything about the first one.
    let again = Running::start(&desk, "north.toml");
    assert_eq!(again.signal(&["STOP", "INT", "TERM", "CONT"]).code(), Some(1));
    let again = Running::start(&desk, "north.toml");
    assert_eq!(again.stop().code(), Some(0), "whatever way it ended before");
}
