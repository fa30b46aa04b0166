//! Rotating keys while the mesh goes on talking.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use meshward::{Epoch, Event, Suite};
use support::{Mesh, id};

fn key_at(mesh: &Mesh, at: usize, of: usize) -> (Epoch, Suite) {
    let member = mesh.view.index_of(&id(of)).unwrap();
    let record = mesh.guard(at).core().directory().current(member).unwrap();
    (record.epoch, record.key.suite())
}

/// P9, P2: a mesh moves to ML-DSA-65 node by node, in the middle of its traffic, over links that are
/// fast and slow as the dice say but keep their order: every beacon of every node reaches every other
/// once, and there is no way back. (A frame that overtakes the rotation to its key on every path is
/// dropped, and the key asked for.)
#[cfg(all(feature = "dilithium3", feature = "ml-dsa-65"))]
#[test]
fn rotation_to_ml_dsa_65_under_traffic_loses_nothing() {
    for seed in 1..=12 {
        rotate_all(seed);
    }
}

#[cfg(all(feature = "dilithium3", feature = "ml-dsa-65"))]
fn rotate_all(seed: u64) {
    let mut mesh = Mesh::new(Suite::Dilithium3, 5);
    mesh.seed(seed);
    mesh.in_order = true;
    mesh.pass(2000);
    for node in 0..5 {
        let late = mesh.beacon(node);
        mesh.guard(node).sign_beacon(b"old key", mesh.now).unwrap();
        mesh.guard(node).rotate_keys(Suite::MlDsa65, mesh.now).unwrap();
        mesh.guard(node).sign_beacon(b"new key", mesh.now).unwrap();
        mesh.pass(2000);
        // A beacon that was on the way when the key changed, and that the rotation overtook.
        for other in (0..5).filter(|other| *other != node) {
            let taken = mesh.give(other, support::link(node), &late);
            assert!(matches!(taken, Ok(meshward::Accepted::Message(_))), "seed {seed}: {taken:?}");
            mesh.nodes[other].host.sent();
        }
    }
    for node in &mesh.nodes {
        // Twelve seconds, and two for the rotation, of each of the four others.
        let from =
            |origin| node.inbox.iter().filter(|message| message.origin == id(origin)).count();
        for origin in (0..5).filter(|origin| id(*origin) != node.id) {
            assert_eq!(from(origin), 14, "of {origin} at {:?}, seed {seed}", node.id);
        }
    }
    let strong = (Epoch { recovery: 0, operational: 1 }, Suite::MlDsa65);
    for (at, of) in (0..5).flat_map(|at| (0..5).map(move |of| (at, of))) {
        assert_eq!(key_at(&mesh, at, of), strong, "of {of} at {at}");
    }
    let error = mesh.guard(0).rotate_keys(Suite::Dilithium3, mesh.now).unwrap_err();
    assert!(error.to_string().contains("downgrade"), "{error}");
    assert_eq!(key_at(&mesh, 0, 0), strong);
}

/// P7, P9, K5: a node that was away for three rotations of another hears of an unknown key, says
/// Hello, is told the whole history, and hears the other again; the other never did anything.
#[test]
fn a_missed_rotation_is_caught_up_by_hello() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1000);
        mesh.nodes[3].down = true;
        for _ in 0..3 {
            mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
            mesh.pass(1000);
        }
        assert_eq!(key_at(&mesh, 3, 0), (Epoch::FIRST, suite));
        mesh.nodes[3].down = false;
        // The three may come in any order, and it asks every two seconds until it has them all.
        mesh.pass(10_000);
        assert_eq!(key_at(&mesh, 3, 0), (Epoch { recovery: 0, operational: 3 }, suite));
        let rotated =
            |event: &Event| matches!(event, Event::KeyRotated { node, .. } if *node == id(0));
        assert_eq!(mesh.nodes[3].host.count(rotated), 3);
        assert!(mesh.guard(3).core().overdue(mesh.now).is_empty());
        mesh.assert_unharmed(3, 0);
    }
}

/// P9: a restarted receiver has only the view; it catches up with every member that rotated before.
#[test]
fn a_restarted_node_catches_up_with_everybody() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1000);
        for node in 0..4 {
            mesh.guard(node).rotate_keys(suite, mesh.now).unwrap();
        }
        mesh.pass(2000);
        mesh.restart(3);
        mesh.pass(5000);
        let second = (Epoch { recovery: 0, operational: 1 }, suite);
        for (at, of) in (0..4).flat_map(|at| (0..4).map(move |of| (at, of))) {
            assert_eq!(key_at(&mesh, at, of), second, "of {of} at {at}");
        }
        assert!(mesh.guard(3).core().overdue(mesh.now).is_empty());
    }
}
