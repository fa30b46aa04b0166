//! Recorded life of a node that is dead.

use meshward::{Accepted, Refusal, Suite};

use super::{hostile, spoofed};
use crate::support::{Mesh, id, link};

/// Plays a recorded beacon to everyone, over three links each; how many it was delivered to.
fn play(mesh: &Mesh, beacon: &[u8]) -> usize {
    let mut delivered = 0;
    for at in [1, 2, 3] {
        let taken = mesh.give(at, hostile(0), beacon);
        delivered += usize::from(matches!(taken, Ok(Accepted::Message(_))));
        for over in [hostile(1), spoofed(0)] {
            let again = mesh.give(at, over, beacon).unwrap_err();
            assert!(matches!(again, Refusal::Duplicate | Refusal::Replay), "{again}");
        }
    }
    delivered
}

/// G27, promises P2 and P7: a relay keeps back every second beacon of X, and plays that stock to
/// everyone after X has died, one a second. Each is delivered once at most and costs nobody anything;
/// but what is older than the newest that was heard is no sign of life, so X is certified as failed
/// while the stock is still being played.
#[test]
fn g27_a_stock_of_beacons_does_not_feign_life() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1_000);
        let mut stock = Vec::new();
        for number in 0..600 {
            mesh.now = mesh.now.after(100);
            let beacon = mesh.beacon(0);
            if number % 2 == 0 {
                stock.push(beacon);
                continue;
            }
            for at in [1, 2, 3] {
                mesh.give(at, link(0), &beacon).unwrap();
            }
        }
        mesh.nodes[0].down = true;
        let (mut delivered, mut certified_after) = (0, None);
        for (second, beacon) in (0..30).zip(&stock) {
            delivered += play(&mesh, beacon);
            mesh.pass(1_000);
            if certified_after.is_none() && (1..4).all(|at| mesh.certified(at, 0)) {
                certified_after = Some(second);
            }
        }
        assert_eq!(delivered, 30 * 3, "late, and true");
        assert!(certified_after.is_some(), "{suite}: the stock passed for life");
        for at in 1..4 {
            assert!(mesh.certified(at, 0), "and it did not bring X back");
            let full = mesh.guard(at).core().reputation(&id(0), mesh.now);
            assert_eq!(full, meshward::reputation::Reputation::FULL);
        }
        for (victim, at) in [(1, 2), (2, 3), (3, 1)] {
            mesh.assert_unharmed(at, victim);
        }
    }
}

/// G27, promises P2 and P7: everything of X comes over one relay, which passes on every second beacon,
/// holds back the last 400 before X dies, and then plays those, four a second. They are newer than all
/// that anybody heard, and true: each is delivered once, and nobody pays. But by X's own clock they come
/// ever later, and X answers no challenge: it is certified as failed in three suspicion times, long
/// before they are used up.
#[test]
fn g27_a_newer_stock_does_not_feign_life_either() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1_000);
        let mut beacons = Vec::new();
        for _ in 0..600 {
            mesh.now = mesh.now.after(100);
            beacons.push(mesh.beacon(0));
        }
        let (passed_on, stock) = beacons.split_at(200);
        for at in [1, 2, 3] {
            for beacon in passed_on.iter().step_by(2) {
                mesh.give(at, hostile(0), beacon).unwrap();
            }
        }
        mesh.nodes[0].down = true;
        let (mut delivered, mut certified_after) = (0, None);
        for (number, beacon) in stock.iter().enumerate() {
            delivered += play(&mesh, beacon);
            mesh.pass(250);
            if certified_after.is_none() && (1..4).all(|at| mesh.certified(at, 0)) {
                certified_after = Some((number + 1) * 250);
            }
        }
        assert_eq!(delivered, stock.len() * 3, "late, and true");
        println!("{suite}: certified {certified_after:?} ms after the stock was begun");
        assert!(certified_after.is_some_and(|ms| ms <= 9_000), "{suite}: {certified_after:?}");
        for at in 1..4 {
            assert!(mesh.certified(at, 0), "{suite}: alive at {at} with its stock");
            let found = mesh.guard(at).core().reputation(&id(0), mesh.now);
            assert_eq!(found, meshward::reputation::Reputation::FULL);
        }
        for beacon in stock {
            let again = mesh.give(1, hostile(2), beacon).unwrap_err();
            assert!(matches!(again, Refusal::Duplicate | Refusal::Replay), "{again}");
        }
        assert!(mesh.certified(1, 0), "what was played once brings nobody back");
        for (victim, at) in [(1, 2), (2, 3), (3, 1)] {
            mesh.assert_unharmed(at, victim);
        }
    }
}
