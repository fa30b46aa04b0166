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

mod by_itself {
    use meshward::wire::{Packet, Tag};
    use meshward::{Config, DiskTrust, Event, Millis, RotationCause, RotationPolicy, Suite};

    use super::support::{Fault, Mesh, id, link};
    use super::{Epoch, key_at};

    const MINUTE: u64 = 60_000;

    /// Within an hour, and not within a minute.
    fn hourly() -> RotationPolicy {
        RotationPolicy { max_age_ms: 60 * MINUTE, min_interval_ms: MINUTE, ..Default::default() }
    }

    fn mesh_of(suite: Suite, rotation: RotationPolicy) -> Mesh {
        let mut mesh =
            Mesh::with(suite, 4, Config { rotation: Some(rotation), ..Config::default() });
        mesh.pass(2_000);
        mesh
    }

    fn epoch(operational: u32) -> Epoch {
        Epoch { recovery: 0, operational }
    }

    fn sequence(frame: &[u8]) -> u32 {
        let Ok(Packet::Frame(frame)) = Packet::parse(frame) else { panic!("it is a frame") };
        frame.header().nonce.sequence
    }

    fn begun(mesh: &Mesh, at: usize, wanted: RotationCause) -> usize {
        mesh.nodes[at]
            .host
            .count(|event| matches!(event, Event::RotatesByItself { cause } if *cause == wanted))
    }

    /// Whole minutes in which only the first node gets to its ticks, one in each.
    fn minutes(mesh: &mut Mesh, minutes: u64) {
        for _ in 0..minutes {
            mesh.now = mesh.now.after(MINUTE);
            let _failing_disk = mesh.guard(0).tick(mesh.now);
        }
        mesh.run();
    }

    /// P9: the age of a key goes on over a restart and does not care for a clock that jumps. While the
    /// disk fails the key stays; then it is replaced once, and not again before its time.
    #[test]
    fn an_old_key_is_replaced_once_and_never_by_half() {
        for suite in Suite::available() {
            let mut mesh = mesh_of(suite, hourly());
            minutes(&mut mesh, 31);
            mesh.restart(0);
            let before = mesh.now;
            for jump in [u64::MAX, 0, 1 << 50, before.0] {
                mesh.guard(0).tick(Millis(jump)).unwrap();
            }
            // At least 31 and 2, at most, of an hour less a tenth.
            minutes(&mut mesh, 18);
            assert_eq!(key_at(&mesh, 0, 0), (Epoch::FIRST, suite));
            mesh.nodes[0].disk.fault(Fault::Refuses);
            minutes(&mut mesh, 14);
            assert_eq!(key_at(&mesh, 0, 0), (Epoch::FIRST, suite));
            assert_eq!(begun(&mesh, 0, RotationCause::Age), 1, "{suite}");
            assert_eq!(key_at(&mesh, 1, 0), (Epoch::FIRST, suite), "nothing was announced");
            mesh.nodes[0].disk.fault(Fault::None);
            minutes(&mut mesh, 1);
            for at in 0..4 {
                assert_eq!(key_at(&mesh, at, 0), (epoch(1), suite), "{suite} at {at}");
            }
            let rotated =
                |event: &Event| matches!(event, Event::KeyRotated { node, .. } if *node == id(0));
            assert_eq!(mesh.nodes[0].host.count(rotated), 1);
            minutes(&mut mesh, 50);
            mesh.restart(0);
            assert_eq!(key_at(&mesh, 0, 0), (epoch(1), suite), "{suite}: not before its time");
            // The crash forgot less than half of it.
            minutes(&mut mesh, 30);
            assert_eq!(key_at(&mesh, 0, 0), (epoch(2), suite), "{suite}");
        }
    }

    /// P4, P9: what this node's host has it sign counts. What others make it sign does not: a member that
    /// asks it thousands of times, and claims starts, and says Hello makes it rotate no earlier.
    #[test]
    fn messages_count_and_answers_do_not() {
        for suite in Suite::available() {
            let policy = RotationPolicy { max_messages: 1_024, jitter_percent: 0, ..hourly() };
            let mut mesh = mesh_of(suite, policy);
            mesh.pass(MINUTE);
            let (asker, view) = (mesh.steal(3), mesh.view.digest());
            mesh.nodes[3].down = true;
            let answers = |mesh: &Mesh| mesh.said.get(&(0, Tag::Answer)).copied().unwrap_or(0);
            let before = answers(&mesh);
            for number in 1..=1_500_u32 {
                let nonce = [1_000, number].map(u32::to_le_bytes).concat();
                let subject = [1_u64.to_le_bytes().as_slice(), &[0; 4]].concat();
                let content = [view.as_bytes().as_slice(), &nonce, &[7; 16], &subject];
                let _taken_or_not =
                    mesh.give(0, link(3), &asker.say(Tag::Challenge, &content.concat()));
                let hello = [nonce.as_slice(), &[0; 9]].concat();
                let _taken = mesh.give(0, link(3), &asker.say(Tag::Hello, &hello));
                if number % 10 == 0 {
                    mesh.now = mesh.now.after(250);
                    mesh.guard(0).tick(mesh.now).unwrap();
                }
            }
            mesh.run();
            assert!(answers(&mesh) > before + 20, "{suite}: it answers, if not everything");
            assert_eq!(begun(&mesh, 0, RotationCause::Messages), 0, "{suite}");
            let mut newest = 0;
            while begun(&mesh, 0, RotationCause::Messages) == 0 {
                mesh.now = mesh.now.after(100);
                newest = sequence(&mesh.beacon(0));
                mesh.guard(0).tick(mesh.now).unwrap();
            }
            assert_eq!(newest, 1_024, "{suite}: messages alone, and not one more");
            mesh.run();
            assert_eq!(key_at(&mesh, 1, 0), (epoch(1), suite));
        }
    }

    /// The policy's suite is taken, and the way back is not, without `allow_downgrades`.
    #[cfg(all(feature = "dilithium3", feature = "ml-dsa-65"))]
    #[test]
    fn the_suite_is_the_policys_and_never_a_weaker_one() {
        let (weak, strong) = (Suite::Dilithium3, Suite::MlDsa65);
        for (from, suite, allow_downgrades, to) in [
            (weak, Some(strong), false, strong),
            (weak, None, false, weak),
            (strong, Some(weak), false, strong),
            (strong, Some(weak), true, weak),
        ] {
            let rotation = Some(RotationPolicy { suite, ..hourly() });
            let config = Config { rotation, allow_downgrades, ..Config::default() };
            let mut mesh = Mesh::with(from, 4, config);
            mesh.pass(1_000);
            minutes(&mut mesh, 60);
            for at in 0..4 {
                assert_eq!(key_at(&mesh, at, 0), (epoch(1), to), "{from} to {suite:?}");
            }
        }
    }

    /// No rotation of a member that is frozen, or whose start has yet to be confirmed, or when it is off.
    #[test]
    fn nothing_rotates_that_may_not() {
        for suite in Suite::available() {
            let mut mesh = mesh_of(suite, hourly());
            let thief = mesh.steal(0);
            mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
            let last = meshward::Nonce { boot: 1, sequence: 900 };
            mesh.give(0, link(1), &thief.rotate(suite, last).0).unwrap();
            assert!(mesh.guard(0).core().is_node_frozen(&id(0)));
            minutes(&mut mesh, 70);
            assert_eq!(key_at(&mesh, 0, 0), (epoch(1), suite), "{suite}");

            let disk = DiskTrust::MayBeRolledBack;
            let config = Config { disk, rotation: Some(hourly()), ..Config::default() };
            let mut mesh = Mesh::with(suite, 4, config);
            (1..4).for_each(|at| mesh.nodes[at].down = true);
            minutes(&mut mesh, 70);
            assert_eq!(key_at(&mesh, 0, 0), (Epoch::FIRST, suite), "{suite}");

            let config = Config { rotation: None, ..Config::default() };
            let mut mesh = Mesh::with(suite, 4, config);
            minutes(&mut mesh, 70);
            let own = |event: &Event| matches!(event, Event::RotatesByItself { .. });
            assert_eq!(mesh.nodes[0].host.count(own), 0);
        }
    }
}
