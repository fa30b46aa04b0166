//! What the victim signed, once more.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use meshward::{Accepted, Refusal, Suite};

use super::{hostile, spoofed};
use crate::support::{Mesh, failure, link};

/// G3, promise P3: one captured frame 1200 times, by the attacker and under honest addresses: the
/// copies cost no signature check and nobody's standing, the relays' included.
#[test]
fn g03_replays_cost_the_origin_nothing() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let frame = mesh.beacon(0);
        mesh.give(1, link(0), &frame).unwrap();
        let checks = mesh.guard(1).stats(mesh.now).signature_checks;
        for number in 0..1200 {
            let over = [spoofed(0), link(2), hostile(number)][number as usize % 3];
            assert_eq!(mesh.give(1, over, &frame).unwrap_err(), Refusal::Duplicate);
            mesh.now = mesh.now.after(7);
        }
        assert_eq!(mesh.guard(1).stats(mesh.now).signature_checks, checks);
        assert_eq!(mesh.nodes[1].host.events.lock().len(), 0);
        mesh.assert_unharmed(1, 0);
        mesh.assert_unharmed(1, 2);
    }
}

/// G4, promise P3: each of 800 beacons arrives over three honest paths: it is delivered once, checked
/// once, and neither the origin nor a relay pays.
#[test]
fn g04_honest_duplication_is_no_offence() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        for _ in 0..800 {
            mesh.now = mesh.now.after(100);
            let beacon = mesh.beacon(0);
            mesh.give(1, link(2), &beacon).unwrap();
            for path in [0, 3] {
                assert_eq!(mesh.give(1, link(path), &beacon).unwrap_err(), Refusal::Duplicate);
            }
        }
        let stats = mesh.guard(1).stats(mesh.now);
        assert_eq!((stats.delivered, stats.signature_checks), (800, 800));
        assert_eq!(stats.message_checks, 800);
        // What travels bare is counted beside it.
        mesh.give(1, link(2), &mesh.steal(3).attest(&failure(2, None))).unwrap();
        let stats = mesh.guard(1).stats(mesh.now);
        assert_eq!((stats.signature_checks, stats.message_checks), (801, 800));
        assert_eq!(mesh.nodes[1].host.events.lock().len(), 0);
        mesh.assert_unharmed(1, 0);
        mesh.assert_unharmed(1, 2);
    }
}

/// G12, promise P2: the same frame on eight threads at once, 400 times; in every second round all
/// eight have checked it before any commits it. It is delivered once.
#[test]
fn g12_one_frame_on_eight_threads_is_delivered_once() {
    const THREADS: usize = 8;
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        let mut frames = Vec::new();
        for _ in 0..400 {
            mesh.now = mesh.now.after(100);
            frames.push(mesh.beacon(0));
        }
        let taken: Vec<_> = frames.iter().map(|_| AtomicUsize::new(0)).collect();
        let barrier = Barrier::new(THREADS);
        let (guard, now) = (mesh.guard(1), mesh.now);
        let attack = |thread: u64| {
            for (round, frame) in frames.iter().enumerate() {
                let now = now.after(round as u64 * 100);
                barrier.wait();
                let delivered = if round.is_multiple_of(2) {
                    matches!(
                        guard.handle_frame(hostile(thread), frame, now),
                        Ok(Accepted::Message(_))
                    )
                } else {
                    let core = guard.core();
                    let gossip = core.gossip();
                    let verified = gossip.screen(hostile(thread), frame, now).unwrap().verify();
                    barrier.wait();
                    gossip.commit(verified.unwrap(), now).is_ok()
                };
                taken[round].fetch_add(usize::from(delivered), Ordering::Relaxed);
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..THREADS as u64 {
                let attack = &attack;
                scope.spawn(move || attack(thread));
            }
        });
        let counts: Vec<_> = taken.into_iter().map(AtomicUsize::into_inner).collect();
        assert_eq!(counts, vec![1; 400]);
        mesh.now = mesh.now.after(400 * 100);
        mesh.assert_unharmed(1, 0);
    }
}

/// G4, promise P4: nine nodes that pass on to everyone what is new to them, so that every beacon
/// reaches each over eight links: at most 1.05 signature checks for each delivery.
#[test]
fn g04_fan_out_of_eight_costs_one_check() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 9);
        let (mut deliveries, mut copies) = (0, 0);
        for _ in 0..20 {
            mesh.now = mesh.now.after(100);
            for origin in 0..9 {
                let beacon = mesh.beacon(origin);
                let mut air: Vec<_> = (0..9).map(|to| (origin, to)).collect();
                while let Some((from, to)) = air.pop() {
                    if from == to || to == origin {
                        continue;
                    }
                    copies += 1;
                    match mesh.give(to, link(from), &beacon) {
                        Ok(_) => air.extend((0..9).map(|next| (to, next))),
                        Err(refusal) => assert_eq!(refusal, Refusal::Duplicate),
                    }
                }
            }
        }
        let mut checks = 0;
        for at in 0..9 {
            let stats = mesh.guard(at).stats(mesh.now);
            assert_eq!(stats.delivered, 20 * 8);
            deliveries += stats.delivered;
            checks += stats.signature_checks;
            assert_eq!(mesh.nodes[at].host.events.lock().len(), 0);
        }
        assert_eq!(copies, 20 * 9 * 8 * 8);
        assert!(checks * 100 <= deliveries * 105, "{suite}: {checks} for {deliveries}");
    }
}
