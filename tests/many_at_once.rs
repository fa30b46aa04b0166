//! Many members die at one moment, promises P7 and P5: all that are left certify every one of them,
//! with what that costs in packets, bytes and signature checks.
//!
//! `cargo test --test many_at_once -- --nocapture` prints it.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use meshward::wire::{Packet, Tag};
use meshward::{Certificate, Directory, Event, Suite};
use support::{Mesh, failure, id, link};

/// What one node receives.
#[derive(Default)]
struct Traffic(BTreeMap<&'static str, (usize, usize)>);

impl Traffic {
    fn add(&mut self, bytes: &[u8]) {
        let sort = match Packet::parse(bytes).unwrap() {
            Packet::Frame(_) => "frames",
            Packet::Statement(statement) if statement.tag() == Tag::Attestation => "attestations",
            Packet::Certificate(_) => "certificates",
            _ => "others",
        };
        let (packets, sum) = self.0.entry(sort).or_default();
        (*packets, *sum) = (*packets + 1, *sum + bytes.len());
    }
}

/// A quarter of a second passes for the first `live` nodes; what they say reaches all of them, in an
/// order that has nothing to do with that in which it was said. Counts what node 0 receives.
fn step(mesh: &mut Mesh, live: usize, traffic: &mut Traffic) {
    mesh.now = mesh.now.after(250);
    for node in &mesh.nodes[..live] {
        if mesh.now.0.is_multiple_of(1_000) {
            node.guard.sign_beacon(b"here", mesh.now).unwrap();
        }
        node.guard.tick(mesh.now).unwrap();
    }
    loop {
        let mut air: Vec<(usize, Arc<[u8]>)> = Vec::new();
        for (from, node) in mesh.nodes[..live].iter().enumerate() {
            // Everybody hears everybody, so nothing has to be passed on.
            let own = node.host.sent().into_iter().filter(|(_, except)| except.is_none());
            air.extend(own.map(|(bytes, _)| (from, bytes.into())));
        }
        if air.is_empty() {
            return;
        }
        for (_, bytes) in air.iter().filter(|(from, _)| *from != 0) {
            traffic.add(bytes);
        }
        for to in 0..live {
            let start = to * 7_919 % air.len();
            for (from, bytes) in air[start..].iter().chain(&air[..start]) {
                if *from != to {
                    let _news_or_not = mesh.give(to, link(*from), bytes);
                }
            }
        }
    }
}

/// The last `dead` of `n` nodes die at one moment, and their last words reach every second of the
/// others. Each of those holds a certificate for each of the dead in the end, and no other.
fn die_at_once(suite: Suite, n: usize, dead: usize) {
    let (mut mesh, live) = (Mesh::new(suite, n), n - dead);
    let mut before = Traffic::default();
    while mesh.now.0 < 1_002_000 {
        step(&mut mesh, n, &mut before);
    }
    for place in live..n {
        let last_words = mesh.beacon(place);
        for to in (place % 2..live).step_by(2) {
            mesh.give(to, link(place), &last_words).unwrap();
            mesh.nodes[to].host.sent();
        }
    }
    let checks = |mesh: &Mesh| -> Vec<u64> {
        mesh.nodes[..live].iter().map(|node| node.guard.stats(mesh.now).signature_checks).collect()
    };
    let (died, checks_before) = (mesh.now, checks(&mesh));
    let mut traffic = Traffic::default();
    let all_know = |mesh: &Mesh| {
        (0..live).all(|at| mesh.guard(at).stats(mesh.now).validated_failures.len() == dead)
    };
    while !all_know(&mesh) {
        assert!(mesh.now.since(died) < 15_000, "{suite}: not certified in 15 s");
        step(&mut mesh, live, &mut traffic);
    }
    let took_ms = mesh.now.since(died);
    let most = checks(&mesh).iter().zip(&checks_before).map(|(now, before)| now - before).max();
    println!("{suite}, {dead} of {n}: certified by all after {took_ms} ms");
    println!("  at most {} signature checks at one node", most.unwrap());
    for (sort, (packets, bytes)) in &traffic.0 {
        println!("  one node received {packets} {sort}, {} KiB", bytes / 1024);
    }
    // However many die, a node is not sent more certificates unasked than there are who send them.
    let (certificates, _) = traffic.0.get("certificates").copied().unwrap_or_default();
    assert!(certificates <= n / 3 + 1, "{suite}: {certificates} certificates in a moment");
    // The suspicion time, and a second in which those that know less learn the last words.
    assert!(took_ms <= 5_500, "{suite}: {took_ms} ms");
    let third_party = Directory::new(mesh.view.clone(), n);
    let no_quorum = |event: &Event| matches!(event, Event::NoQuorum { .. });
    for at in 0..live {
        let stats = mesh.guard(at).stats(mesh.now);
        assert_eq!(stats.validated_failures, (live..n).map(id).collect::<Vec<_>>());
        assert_eq!(stats.quarantined_nodes, []);
        assert_eq!(mesh.nodes[at].host.count(no_quorum), 0, "{suite}: a quorum is left");
        for of in live..n {
            let found = mesh.guard(at).core().certificate(&failure(of, None)).unwrap();
            let first = mesh.guard(0).core().certificate(&failure(of, None)).unwrap();
            assert_eq!(found.event(), first.event());
        }
    }
    for of in live..n {
        let found = mesh.guard(0).core().certificate(&failure(of, None)).unwrap();
        Certificate::verify(found.as_bytes(), &third_party).unwrap();
    }
}

#[test]
fn nine_of_thirty_are_certified() {
    for suite in Suite::available() {
        die_at_once(suite, 30, 9);
    }
}

/// Exactly as many as a quorum bears: each of the others has to speak.
#[test]
fn ten_of_thirty_are_certified() {
    die_at_once(Suite::available().next().unwrap(), 30, 10);
}

#[test]
fn thirty_of_a_hundred_are_certified() {
    die_at_once(Suite::available().next().unwrap(), 100, 30);
}
