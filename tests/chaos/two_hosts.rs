//! K3: somebody else signs with a node's key. Who that is, and what becomes of it.

use std::sync::Arc;

use meshward::suite::Purpose;
use meshward::wire::Packet;
use meshward::{Epoch, Error, Event, Kind, Misuse, Nonce, Refusal, RotationCause, Suite};

use crate::support::{Disk, Liar, Mesh, id, link};

const OWNER: usize = 3;

fn nonce(sequence: u32) -> Nonce {
    Nonce { boot: 1, sequence }
}

fn epochs(mesh: &Mesh, of: usize) -> Vec<Epoch> {
    let member = mesh.view.index_of(&id(of)).unwrap();
    (0..4).map(|at| mesh.guard(at).core().directory().current(member).unwrap().epoch).collect()
}

fn epoch(recovery: u32, operational: u32) -> Epoch {
    Epoch { recovery, operational }
}

/// How often a host was told of another self, of a rotation because of it, and of silence.
fn told(mesh: &Mesh, at: usize) -> [usize; 3] {
    let count = |wanted: fn(&Event) -> bool| mesh.nodes[at].host.count(wanted);
    [
        count(|event| matches!(event, Event::OtherSelf { .. })),
        count(|event| matches!(event, Event::RotatesByItself { cause: RotationCause::OtherSelf })),
        count(|event| matches!(event, Event::SigningStopped { .. })),
    ]
}

fn frozen(mesh: &Mesh) -> [bool; 4] {
    [0, 1, 2, 3].map(|at| mesh.guard(at).core().is_node_frozen(&id(OWNER)))
}

fn refusal(mesh: &Mesh, at: usize) -> Option<Misuse> {
    match mesh.guard(at).core().sign_beacon(b"", mesh.now) {
        Ok(_) => None,
        Err(Error::Misuse(misuse)) => Some(misuse),
        Err(error) => panic!("{error}"),
    }
}

/// A second host starts from an image of the first, which starts anew, too. Neither has said anything yet:
/// same boot, same numbers. (Not the same moment: what is the same to the last bit is one message.)
fn clone_host(mesh: &mut Mesh) -> usize {
    let image = mesh.nodes[OWNER].disk.copied();
    let view = Arc::clone(&mesh.view);
    let twin = mesh.join(image, &view);
    mesh.now = mesh.now.after(250);
    mesh.restart(OWNER);
    twin
}

fn two_hosts(suite: Suite) -> (Mesh, usize) {
    let mut mesh = Mesh::new(suite, 4);
    mesh.pass(2_000);
    let twin = clone_host(&mut mesh);
    (mesh, twin)
}

/// P9: a thief of the key alone is seen once it speaks, and is out with that. It makes the node rotate once,
/// with all that it signs, and under the key that was left it stops nothing.
#[test]
fn k03_a_thief_of_the_key_alone_is_shut_out() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2_000);
        let stolen = mesh.steal(OWNER);
        for sequence in 1_000..1_020 {
            let said = stolen.beacon(nonce(sequence), b"thief");
            assert_eq!(mesh.give(OWNER, link(1), &said).unwrap_err(), Refusal::Own);
            mesh.now = mesh.now.after(1_000);
        }
        mesh.run();
        assert_eq!(told(&mesh, OWNER), [1, 1, 0], "{suite}");
        assert_eq!(epochs(&mesh, OWNER), [epoch(0, 1); 4], "{suite}");
        let said = stolen.beacon(nonce(2_000), b"thief");
        for at in 0..3 {
            let unknown = Refusal::UnknownKey { origin: id(OWNER), epoch: Epoch::FIRST };
            assert_eq!(mesh.give(at, link(1), &said).unwrap_err(), unknown);
        }
        mesh.pass(2_000);
        mesh.assert_unharmed(0, OWNER);
        // The next thief makes it rotate no more: who had two keys of it may have all.
        let again = mesh.steal(OWNER).beacon(nonce(3_000), b"thief");
        let _own = mesh.give(OWNER, link(1), &again);
        assert_eq!(told(&mesh, OWNER), [2, 1, 1], "{suite}");
        assert_eq!(refusal(&mesh, OWNER), Some(Misuse::OtherSelf));
    }
}

/// P3, P4: whatever an outsider plays at a node alarms it not, and costs it next to nothing: its own frames
/// of this start, of the one before and under the key before; forgeries under numbers that it has given
/// and that it has not.
#[test]
fn k03_replays_reflections_and_forgeries_alarm_nobody() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.tapped = Some(Vec::new());
        mesh.pass(3_000);
        mesh.restart(OWNER);
        mesh.pass(2_000);
        mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(2_000);
        let mut stock = mesh.tapped.take().unwrap();
        stock.retain(|bytes| match Packet::parse(bytes) {
            Ok(Packet::Frame(frame)) => frame.header().origin == id(OWNER),
            Ok(Packet::Statement(statement)) => statement.head().origin == id(OWNER),
            _ => false,
        });
        assert!(stock.len() > 8);
        let before = mesh.guard(OWNER).stats(mesh.now).signature_checks;
        for own in &stock {
            let _refused = mesh.give(OWNER, link(1), own);
        }
        let outsider = Liar::impostor(suite, id(OWNER), &mesh.view);
        let current = mesh.steal(OWNER);
        for sequence in 1..=300 {
            let boot = 2 + sequence / 200;
            let header = current.header(Kind::Beacon, Nonce { boot, sequence });
            let forged = outsider.forge(header, b"", Purpose::Frame);
            assert_eq!(mesh.give(OWNER, link(1), &forged).unwrap_err(), Refusal::Own);
        }
        let checks = mesh.guard(OWNER).stats(mesh.now).signature_checks - before;
        assert!(checks <= 2, "{suite}: {checks} checks");
        assert_eq!(told(&mesh, OWNER), [0; 3], "{suite}");
        assert_eq!(epochs(&mesh, OWNER), [epoch(0, 1); 4]);
        // A thief of the key that was left: it speaks for nobody, so it moves nobody.
        let mut old = mesh.steal(OWNER);
        old.epoch = Epoch::FIRST;
        mesh.now = mesh.now.after(5_000);
        let _own = mesh.give(OWNER, link(1), &old.beacon(nonce(9_000), b""));
        assert_eq!(told(&mesh, OWNER), [0; 3], "{suite}");
    }
}

/// Two hosts of one image, one of which sees the other first: it leaves the key, the other hears of it, says
/// so to its host, and is silent.
#[test]
fn k03_of_two_hosts_the_first_to_rotate_goes_on() {
    for suite in Suite::available() {
        let (mut mesh, twin) = two_hosts(suite);
        let others = mesh.beacon(twin);
        let _ours = mesh.beacon(OWNER);
        assert_eq!(mesh.give(OWNER, link(1), &others).unwrap_err(), Refusal::Own);
        assert_eq!(told(&mesh, OWNER), [1, 1, 0], "{suite}");
        mesh.run();
        assert_eq!(told(&mesh, twin), [0, 0, 1], "{suite}");
        assert_eq!(refusal(&mesh, twin), Some(Misuse::Superseded));
        mesh.pass(4_000);
        assert_eq!(epochs(&mesh, OWNER), [epoch(0, 1); 4], "{suite}");
        assert_eq!(frozen(&mesh), [false; 4]);
        assert!(mesh.guard(0).core().overdue(mesh.now).is_empty());
        assert_eq!([told(&mesh, OWNER), told(&mesh, twin)], [[1, 1, 0], [0, 0, 1]], "{suite}");
        mesh.assert_unharmed(0, OWNER);
        // Started again, the twin speaks under a key that is none any more: nobody hears it.
        mesh.restart(twin);
        let said = mesh.beacon(twin);
        let unknown = Refusal::UnknownKey { origin: id(OWNER), epoch: Epoch::FIRST };
        assert_eq!(mesh.give(0, link(1), &said).unwrap_err(), unknown, "{suite}");
        mesh.pass(3_000);
        assert_eq!(told(&mesh, OWNER), [1, 1, 0], "{suite}");
    }
}

/// Both see the other before they hear of each other's rotation. These lead to one key, and to different
/// ones after it: the member is frozen, the two meet again, and both are silent, after one rotation each.
/// Its owner takes it back.
#[test]
fn k03_two_hosts_that_rotate_at_once_both_stop() {
    for suite in Suite::available() {
        let (mut mesh, twin) = two_hosts(suite);
        let [ours, others] = [OWNER, twin].map(|at| mesh.beacon(at));
        let _own = mesh.give(OWNER, link(1), &others);
        let _own = mesh.give(twin, link(1), &ours);
        mesh.pass(4_000);
        assert_eq!(frozen(&mesh), [true; 4], "{suite}");
        assert_eq!(epochs(&mesh, OWNER), [epoch(0, 1); 4], "{suite}");
        for at in [OWNER, twin] {
            let alarm = |event: &Event| matches!(event, Event::KeysFrozen { .. });
            assert_eq!(mesh.nodes[at].host.count(alarm), 1, "{suite}");
            assert_eq!(told(&mesh, at), [2, 1, 1], "{suite}: at {at}");
            assert_eq!(refusal(&mesh, at), Some(Misuse::OtherSelf));
            let refused = mesh.guard(at).rotate_keys(suite, mesh.now);
            assert!(refused.is_err(), "{suite}");
            mesh.nodes[at].host.sent();
            mesh.now = mesh.now.after(5_000);
            mesh.guard(at).tick(mesh.now).unwrap();
            assert!(mesh.nodes[at].host.sent().is_empty(), "{suite}: it says nothing whatever");
        }
        mesh.nodes[twin].down = true;
        mesh.recover(OWNER, Disk::default(), suite);
        mesh.pass(4_000);
        assert_eq!((frozen(&mesh), epochs(&mesh, OWNER)), ([false; 4], vec![epoch(1, 0); 4]));
        assert_eq!(refusal(&mesh, OWNER), None, "{suite}");
    }
}

/// An image of the host that has rotated because of another self: both know that, so neither does again.
#[test]
fn k03_who_left_a_key_for_this_reason_does_not_leave_the_next() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2_000);
        let said = mesh.steal(OWNER).beacon(nonce(1_000), b"thief");
        let _own = mesh.give(OWNER, link(1), &said);
        mesh.pass(2_000);
        assert_eq!(epochs(&mesh, OWNER), [epoch(0, 1); 4], "{suite}");
        let twin = clone_host(&mut mesh);
        mesh.pass(3_000);
        assert_eq!(epochs(&mesh, OWNER), [epoch(0, 1); 4], "{suite}: no further");
        for at in [OWNER, twin] {
            assert_eq!(told(&mesh, at), [1, 0, 1], "{suite}: at {at}");
            assert_eq!(refusal(&mesh, at), Some(Misuse::OtherSelf), "{suite}");
        }
    }
}

/// A thief of all that is on the host follows to the next key. The node is silent then, and again after every
/// start; it rotates no more. By hand it does not, either, and the recovery key ends it.
#[test]
fn k03_a_thief_of_the_host_makes_a_node_rotate_once() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2_000);
        let stolen = mesh.steal(OWNER);
        let _own = mesh.give(OWNER, link(1), &stolen.beacon(nonce(1_000), b"thief"));
        mesh.pass(1_000);
        let follows = stolen.after(suite);
        for start in 2..5 {
            let said = follows.beacon(Nonce { boot: 9, sequence: start }, b"thief");
            assert_eq!(mesh.give(OWNER, link(1), &said).unwrap_err(), Refusal::Own);
            assert_eq!(refusal(&mesh, OWNER), Some(Misuse::OtherSelf), "{suite}");
            assert_eq!(told(&mesh, OWNER)[2], 1, "{suite}");
            assert!(mesh.guard(OWNER).rotate_keys(suite, mesh.now).is_err());
            mesh.pass(1_000);
            assert_eq!(epochs(&mesh, OWNER), [epoch(0, 1); 4], "{suite}");
            mesh.restart(OWNER);
            assert_eq!(refusal(&mesh, OWNER), None);
        }
        mesh.recover(OWNER, Disk::default(), suite);
        mesh.pass(3_000);
        assert_eq!(epochs(&mesh, OWNER), [epoch(1, 0); 4], "{suite}");
        // A thief of that one is met like the first.
        let _own = mesh.give(OWNER, link(1), &mesh.steal(OWNER).beacon(nonce(1_000), b"thief"));
        mesh.run();
        assert_eq!(epochs(&mesh, OWNER), [epoch(1, 1); 4], "{suite}");
    }
}

/// Nothing of the other self gets through to the node, as relays refuse its numbers; the proof that they
/// make of it does.
#[test]
fn k03_a_proof_is_as_good_as_the_frame() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2_000);
        let (stolen, at) = (mesh.steal(OWNER), nonce(500));
        for body in [b"one", b"two"] {
            let _first_taken = mesh.give(1, link(2), &stolen.beacon(at, body));
        }
        mesh.run();
        assert_eq!(told(&mesh, OWNER), [1, 1, 0], "{suite}");
        assert_eq!(epochs(&mesh, OWNER), [epoch(0, 1); 4], "{suite}");
        mesh.pass(3_000);
        assert_eq!(told(&mesh, OWNER), [1, 1, 0], "{suite}");
    }
}

/// By the dice: whoever meets whom first, at most one of the two is heard in the end, and neither rotates
/// twice; nobody else is charged.
#[test]
fn k03_of_two_hosts_at_most_one_speaks_in_the_end() {
    for suite in Suite::available() {
        for seed in 1..=8 {
            let (mut mesh, twin) = two_hosts(suite);
            mesh.seed(seed);
            mesh.pass(8_000);
            let speaks = [OWNER, twin].map(|at| refusal(&mesh, at).is_none());
            assert_ne!(speaks, [true; 2], "{suite}, {seed}");
            for at in [OWNER, twin] {
                assert!(told(&mesh, at)[1] <= 1, "{suite}, {seed}");
            }
            assert!(epochs(&mesh, OWNER).iter().all(|it| *it == epoch(0, 1)), "{suite}, {seed}");
            if speaks == [false; 2] {
                assert_eq!(frozen(&mesh), [true; 4], "{suite}, {seed}");
            }
            for (at, of) in [(0, 1), (1, 2), (2, 0)] {
                assert!(!mesh.guard(at).is_node_quarantined(&id(of), mesh.now), "{suite}, {seed}");
            }
        }
    }
}
