//! K1: a crash at every write, sync and rename of all that a node does with its disk.
//!
//! `cargo test --release --test crash -- --nocapture` prints how many points there are.
//!
//! At each point the process stops, the write under way done by half as well; the disk then loses
//! nothing, everything that was not synced, names only, contents only, or some of the writes; a restart
//! looks at what is left, and another one at what is left after that.

#![cfg(all(feature = "durable-store", any(feature = "dilithium3", feature = "ml-dsa-65")))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[cfg(feature = "backup")]
mod backup;
#[path = "../disk/mod.rs"]
#[allow(dead_code, reason = "tests/backup.rs uses the rest")]
mod disk;
mod node;
mod points;
#[cfg(feature = "backup")]
mod restore;
#[path = "../support/mod.rs"]
mod support;

use disk::{Disk, Loss};
use meshward::{Error, Identity, Misuse, OsEntropy, Suite};
use node::{Seen, World, assert_consistent, assert_continues, id, proposal, store};
use points::{Crash, every};

/// The oldest suite there is, and the newest.
fn suites() -> (Suite, Suite) {
    let suites: Vec<_> = Suite::available().collect();
    (suites[0], suites[suites.len() - 1])
}

#[test]
fn k01_creating_the_store_and_the_identity() {
    let (suite, _) = suites();
    let points = every(
        "creation",
        &Disk::new(),
        |disk, stop| {
            disk.stop_at(stop);
            let made = store(disk).map_err(Error::from);
            made.and_then(|store| Identity::create(&store, id(1), suite, &OsEntropy)).is_ok()
        },
        |Crash { disk, seen: acknowledged, at }| {
            let mut disk = disk.copy();
            let mut found = *acknowledged;
            for restart in 0..2 {
                let store = store(&disk).unwrap_or_else(|error| panic!("{at}, {restart}: {error}"));
                match Identity::load(&store) {
                    Ok(identity) => assert_eq!(identity.node(), id(1), "{at}, {restart}"),
                    Err(Error::Misuse(Misuse::NoIdentity)) => {
                        assert!(!found, "{at}, {restart}: it was there");
                        Identity::create(&store, id(1), suite, &OsEntropy).unwrap();
                    }
                    Err(error) => panic!("{at}, {restart}: {error}"),
                }
                drop(store);
                // What was found or made is there after the next crash, too.
                (found, disk) = (true, disk.after(Loss::Everything));
            }
        },
    );
    assert!(points > 30, "{points}");
}

#[test]
fn k01_a_start() {
    let world = World::new(suites().0);
    let points = every(
        "start",
        &world.base,
        |disk, stop| {
            disk.stop_at(stop);
            let mut seen = Seen::default();
            if let Ok(mut node) = world.start(disk) {
                node.speak(&mut seen);
            }
            seen
        },
        |Crash { disk, seen, at }| assert_continues(&world, disk, seen, at),
    );
    assert!(points > 20, "{points}");
}

#[test]
fn k01_a_rotation() {
    let (from, to) = suites();
    let world = World::new(from);
    let points = every(
        "rotation",
        &world.base,
        |disk, stop| {
            let mut seen = Seen::default();
            let mut node = world.start(disk).unwrap();
            node.speak(&mut seen);
            disk.stop_at(stop);
            if node.guard.rotate_keys(to, node.now).is_ok() {
                seen.epoch = seen.epoch.map(|epoch| epoch.next_operational().unwrap());
            }
            node.speak(&mut seen);
            seen
        },
        |Crash { disk, seen, at }| assert_continues(&world, disk, seen, at),
    );
    assert!(points > 10, "{points}");
}

#[test]
fn k01_a_vote() {
    let world = World::new(suites().0);
    let points = every(
        "vote",
        &world.base,
        |disk, stop| {
            let mut seen = Seen::default();
            let mut node = world.start(disk).unwrap();
            node.speak(&mut seen);
            disk.stop_at(stop);
            let _tally = node.guard.report_critical_event(proposal(1), node.now);
            node.pass(6_000, &mut seen);
            assert_consistent(&seen.ballots, "before the crash");
            assert!(stop.is_some() || !seen.ballots.is_empty(), "it votes");
            seen
        },
        |Crash { disk, seen, at }| assert_continues(&world, disk, seen, at),
    );
    assert!(points > 10, "{points}");
}

/// That the layer can find what it is for: on a disk that does not sync directories, a store that was
/// acknowledged is gone.
#[test]
fn a_disk_that_ignores_directory_syncs_is_found_out() {
    let disk = Disk::new();
    disk.ignore_directory_syncs();
    Identity::create(&store(&disk).unwrap(), id(1), suites().0, &OsEntropy).unwrap();
    Identity::load(&store(&disk.after(Loss::Nothing)).unwrap()).unwrap();
    for loss in [Loss::Names, Loss::Everything] {
        let found = Identity::load(&store(&disk.after(loss)).unwrap());
        assert!(matches!(found, Err(Error::Misuse(Misuse::NoIdentity))));
    }
}
