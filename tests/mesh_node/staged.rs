//! A mesh that is being moved over: a node with stages, and an old one that signs nothing.

use std::net::{SocketAddr, UdpSocket};

use serde_json::json;

use crate::desk::Desk;
use crate::running::{Running, Written, free_port, wait};

#[test]
fn an_old_node_is_heard_as_far_as_the_stage_lets_it_through() {
    let desk = Desk::new();
    let port = free_port();
    let [south, west, stranger] = [0, 1, 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let at = |socket: &UdpSocket| socket.local_addr().unwrap();
    let with = |stages: &str, file: &str| {
        let written = Written::new(0, port).with_peer(1, at(&south), "authenticated = true");
        written.with_peer(2, at(&west), stages).write(&desk, file);
    };
    with("[rollout]", "staged.toml");
    with("", "signed.toml");
    let north = SocketAddr::from(([127, 0, 0, 1], port));
    let beacon = |from: &str, text: &str| {
        json!({ "from": from, "text": text, "routes": { "west": ["west", 1] } }).to_string()
    };
    let send = || {
        south.send_to(beacon("south", "old").as_bytes(), north).unwrap();
        stranger.send_to(beacon("west", "nobody").as_bytes(), north).unwrap();
        south.send_to(beacon("east", "unknown").as_bytes(), north).unwrap();
        south.send_to(b"{\"from\":", north).unwrap();
    };

    let node = Running::start(&desk, "staged.toml");
    let signatures = || node.status()["rollout"][0].clone();
    let let_through = || {
        send();
        signatures()["would_refuse"].as_u64() > Some(2)
    };
    wait(let_through, || node.ask("/status"));
    assert_eq!(signatures()["rule"], "signatures");
    assert_eq!(signatures()["stage"], "observe");
    let status = node.status();
    let beacon_of = |name: &str| {
        let mut members = status["members"].as_array().unwrap().iter();
        members.find(|member| member["name"] == name).unwrap()["beacon"].to_string()
    };
    assert!(beacon_of("south").contains("old"), "{status}");
    assert_eq!(beacon_of("west"), "null", "no stranger speaks for it");
    assert_eq!(node.metric("mesh_node_routes"), 2.0, "south, and west through it");
    assert_eq!(node.stop().code(), Some(0));

    let node = Running::start(&desk, "signed.toml");
    let refused = || {
        south.send_to(beacon("south", "old").as_bytes(), north).unwrap();
        let counts = node.status()["stats"]["refused"].clone();
        counts.as_object().unwrap().values().any(|count| count.as_u64() > Some(9))
    };
    wait(refused, || node.ask("/status"));
    assert!(!node.ask("/status").contains("old"));
    assert_eq!(node.status()["rollout"], json!([]));
}
