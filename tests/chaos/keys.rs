//! What a thief of keys can do, and what the owner can do about it; and how who was away catches up.

use meshward::membership::KeyRecord;
use meshward::wire::{Kind, Tag};
use meshward::{
    Accepted, CriticalEvent, Digest, Epoch, Event, FailureStatus, Misuse, Nonce, Refusal, Suite,
};

use crate::support::{Disk, Fault, Liar, Mesh, id, link};

/// The member whose keys are stolen.
pub(crate) const OWNER: usize = 0;

const HIGHEST: Nonce = Nonce { boot: u32::MAX, sequence: u32::MAX };

pub(crate) fn record(mesh: &Mesh, at: usize, of: usize) -> KeyRecord {
    let member = mesh.view.index_of(&id(of)).unwrap();
    KeyRecord::clone(&mesh.guard(at).core().directory().current(member).unwrap())
}

pub(crate) fn epoch(recovery: u32, operational: u32) -> Epoch {
    Epoch { recovery, operational }
}

fn frozen(mesh: &Mesh, places: &[usize], of: usize) -> Vec<bool> {
    places.iter().map(|at| mesh.guard(*at).core().is_node_frozen(&id(of))).collect()
}

fn saw(mesh: &Mesh, at: usize, wanted: impl Fn(&Event) -> bool) -> usize {
    mesh.nodes[at].host.count(wanted)
}

fn closing(sequence: u32) -> Nonce {
    Nonce { boot: 1, sequence }
}

/// From how many beacons of `of` the node at `at` has had the body.
fn heard(mesh: &Mesh, at: usize, of: usize) -> usize {
    mesh.nodes[at].inbox.iter().filter(|message| message.origin == id(of)).count()
}

/// K1, promise P9: a host crashes in a rotation, before the write is durable or right after, so that the
/// node does not know. It goes on with one key, the one that the others know; nobody is frozen, and nobody
/// pays. (tests/crash stops at every write, sync and rename of a disk.)
#[test]
fn k01_a_crash_in_a_rotation_leaves_one_key() {
    for suite in Suite::available() {
        for (fault, rotations) in [(Fault::Refuses, 0), (Fault::WritesAndDenies, 1)] {
            let mut mesh = Mesh::new(suite, 4);
            mesh.pass(2000);
            mesh.nodes[OWNER].disk.fault(fault);
            assert!(mesh.guard(OWNER).rotate_keys(suite, mesh.now).is_err(), "{suite}");
            mesh.guard(OWNER).sign_beacon(b"before the end", mesh.now).unwrap();
            mesh.run();
            mesh.nodes[OWNER].disk.fault(Fault::None);
            mesh.restart(OWNER);
            mesh.settle(OWNER);
            mesh.pass(3000);
            for at in 0..4 {
                let known = record(&mesh, at, OWNER);
                assert_eq!(known.epoch, epoch(0, rotations), "{suite} at {at}");
                assert_eq!(known, record(&mesh, OWNER, OWNER));
            }
            assert_eq!(frozen(&mesh, &[0, 1, 2, 3], OWNER), [false; 4]);
            mesh.assert_unharmed(1, OWNER);
            mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
            mesh.pass(2000);
            assert_eq!(record(&mesh, 2, OWNER).epoch, epoch(0, rotations + 1));
        }
    }
}

/// K2, promise P9: a thief of the key that signs rotates to a key of its own, a thousand times, in every
/// way. Nobody takes it, nobody pays. The owner gives the key up at once, and the thief is out.
#[test]
fn k02_a_thief_of_the_online_key_does_not_rotate() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        let stolen = mesh.steal(OWNER);
        // What the key commits to is known to nobody but the owner.
        let thief = Liar { next: crate::support::candidates(), ..stolen.clone() };
        for number in 0..1000 {
            let rotation = match number % 20 {
                // Its true next key's digests, if it has seen them somewhere, and a key of its own.
                0 => {
                    let own = thief.after(suite);
                    stolen.rotation(&own, stolen.claim(&own, HIGHEST))
                }
                _ => thief.rotate(suite, closing(number)).0,
            };
            for at in 1..4 {
                let refusal = mesh.give(at, link(3), &rotation).unwrap_err();
                assert_eq!(refusal, Refusal::Commitment, "{suite}");
            }
        }
        mesh.assert_unharmed(1, OWNER);
        mesh.guard(OWNER).rotate_compromised_keys(suite, mesh.now).unwrap();
        mesh.run();
        mesh.pass(2000);
        for at in 0..4 {
            assert_eq!(record(&mesh, at, OWNER).epoch, epoch(0, 1), "{suite} at {at}");
        }
        // There is no grace for what the thief signs from now on.
        let said = stolen.beacon(closing(900), b"thief");
        let unknown = Refusal::UnknownKey { origin: id(OWNER), epoch: Epoch::FIRST };
        for at in 1..4 {
            assert_eq!(mesh.give(at, link(3), &said).unwrap_err(), unknown);
        }
        mesh.assert_unharmed(1, OWNER);
    }
}

/// K13 and K2, promise P9: a thief of all that is on the host rotates, first with a recovery commitment of
/// its own, which nobody takes, then without. It speaks for the member, and rotates again and again. The
/// owner comes back with nothing but the recovery key, onto an empty disk.
#[test]
fn k13_a_thief_of_the_host_cannot_replace_the_recovery_key() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        let mut thief = mesh.steal(OWNER);
        mesh.nodes[OWNER].down = true;
        let own = Digest::from_bytes([7; 32]);
        let to = Liar { recovery: own, ..thief.after(suite) };
        let replaces = thief.rotation(&to, thief.claim(&to, closing(900)));
        for at in 1..4 {
            let refusal = mesh.give(at, link(3), &replaces).unwrap_err();
            assert_eq!(refusal, Refusal::RecoveryReplaced, "{suite}");
        }
        let mut chain = Vec::new();
        for _ in 0..3 {
            let (rotation, next) = thief.rotate(suite, closing(900));
            for at in 1..4 {
                mesh.give(at, link(3), &rotation).unwrap();
            }
            chain.push(rotation);
            thief = next;
        }
        let says = thief.beacon(closing(1), b"thief");
        assert!(mesh.give(1, link(3), &says).is_ok(), "it has all that the member has");

        mesh.recover(OWNER, Disk::default(), suite);
        mesh.pass(3000);
        for at in 0..4 {
            assert_eq!(record(&mesh, at, OWNER).epoch, epoch(1, 0), "{suite} at {at}");
            let news = |event: &Event| matches!(event, Event::KeyRecovered { .. });
            assert_eq!(saw(&mesh, at, news), usize::from(at != OWNER));
        }
        // All that the thief has is of the time before.
        chain.push(thief.rotate(suite, closing(900)).0);
        for at in 1..4 {
            for rotation in &chain {
                let taken = mesh.give(at, link(3), rotation);
                let is_nothing =
                    matches!(taken, Err(Refusal::Duplicate) | Ok(Accepted::Repeated { .. }));
                assert!(is_nothing, "{suite}: {taken:?}");
            }
            let said = mesh.give(at, link(3), &thief.beacon(closing(2), b"thief")).unwrap_err();
            assert!(matches!(said, Refusal::UnknownKey { .. }), "{said}");
            assert_eq!(record(&mesh, at, OWNER).epoch, epoch(1, 0));
        }
        mesh.assert_unharmed(1, OWNER);
        // And the owner goes on as before.
        mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(2000);
        assert_eq!(record(&mesh, 1, OWNER).epoch, epoch(1, 1));
        assert_eq!(record(&mesh, OWNER, OWNER), record(&mesh, 3, OWNER));
    }
}

/// K8, promise P9: the thief says everything under the highest numbers there are, and rotates at the same
/// moment as the owner; half of the mesh hears the one first, half the other. All end up alike: frozen, with
/// nobody charged. Its votes count, its beacons are signs of life. The owner's recovery ends it, and no number of
/// the thief's stands in its way.
#[test]
fn k08_owner_and_thief_rotate_at_once() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 5);
        mesh.pass(2000);
        let thief = mesh.steal(OWNER);
        for at in 1..5 {
            let last = thief.frame(
                meshward::wire::Header {
                    nonce: HIGHEST,
                    sent_at: meshward::SentAt(0),
                    ..thief.header(Kind::Beacon, closing(1))
                },
                b"the last",
            );
            mesh.give(at, link(4), &last).unwrap();
            let hello = [[0xff; 8].as_slice(), &[0; 9]].concat();
            mesh.give(at, link(4), &thief.say(Tag::Hello, &hello)).unwrap();
        }
        // The owner's frames are behind the thief's now. Its rotation does not stand in their order.
        let (others, fifth) = thief.rotate(suite, closing(900));
        mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
        let owners = mesh.nodes[OWNER].host.sent();
        let owners =
            &owners.iter().find(|(bytes, _)| Tag::of(bytes) == Ok(Tag::Rotation)).unwrap().0;
        for at in [1, 2] {
            mesh.give(at, link(OWNER), owners).unwrap();
        }
        for at in [3, 4] {
            mesh.give(at, link(4), &others).unwrap();
        }
        assert_ne!(record(&mesh, 1, OWNER), record(&mesh, 3, OWNER));
        // Each tells the others what it took.
        for (at, second) in [(1, &others), (3, owners)] {
            let taken = mesh.give(at, link(4), second);
            assert!(matches!(taken, Ok(Accepted::Frozen { .. })), "{suite}: {taken:?}");
        }
        mesh.pass(4000);
        assert_eq!(frozen(&mesh, &[0, 1, 2, 3, 4], OWNER), [true; 5], "{suite}");
        for at in 0..5 {
            let news = |event: &Event| matches!(event, Event::KeysFrozen { .. });
            assert_eq!(saw(&mesh, at, news), 1, "{suite} at {at}");
            let charged = |event: &Event| {
                matches!(event, Event::MemberQuarantined { .. } | Event::LinkQuarantined { .. })
            };
            assert_eq!(saw(&mesh, at, charged), 0);
        }
        // Neither of the two leads on.
        let refused = mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap_err();
        assert!(matches!(refused, meshward::Error::Misuse(Misuse::Frozen)), "{refused}");
        assert_eq!(
            mesh.give(3, link(4), &fifth.rotate(suite, closing(950)).0).unwrap_err(),
            Refusal::Frozen
        );
        // Its ordinary messages are not taken; its votes are.
        let update = fifth.frame(fifth.header(Kind::RouteUpdate, closing(700)), b"this way");
        assert_eq!(mesh.give(3, link(4), &update).unwrap_err(), Refusal::OriginQuarantined);
        let event = CriticalEvent::GovernanceProposal {
            topic: Digest::from_bytes([1; 32]),
            sequence: 1,
            content: Digest::from_bytes([2; 32]),
        };
        let vote = mesh.give(3, link(4), &mesh.steal(OWNER).attest(&event));
        assert!(matches!(vote, Ok(Accepted::Ballot { .. })), "{suite}: {vote:?}");
        // It is alive, and nobody misses it.
        let before = heard(&mesh, 1, OWNER);
        mesh.pass(20_000);
        assert!(mesh.guard(1).core().overdue(mesh.now).is_empty(), "{suite}");
        let status = mesh.guard(1).validate_node_failure(&id(OWNER));
        assert!(!matches!(status, FailureStatus::Certified(_)));
        assert_eq!(heard(&mesh, 1, OWNER), before);

        mesh.recover(OWNER, Disk::default(), suite);
        mesh.pass(3000);
        assert_eq!(frozen(&mesh, &[0, 1, 2, 3, 4], OWNER), [false; 5], "{suite}");
        for at in 1..5 {
            assert_eq!(record(&mesh, at, OWNER).epoch, epoch(1, 0));
            let last = mesh.nodes[at].inbox.iter().rev().find(|it| it.origin == id(OWNER)).unwrap();
            // On an empty disk it counts its boots from the start: a nonce belongs to its key.
            assert_eq!((last.mark.epoch, last.mark.nonce.boot), (epoch(1, 0), 1), "{suite}");
        }
        // Its Hellos are news again, whatever numbers the thief's had.
        let hello = [[1, 0, 0, 0, 200, 0, 0, 0].as_slice(), &[0; 9]].concat();
        let hello = mesh.steal(OWNER).say(Tag::Hello, &hello);
        assert!(matches!(mesh.give(1, link(OWNER), &hello), Ok(Accepted::Hello(_))));
        // Neither of the old two freezes it again.
        for old in [owners, &others] {
            let _nothing = mesh.give(1, link(4), old);
        }
        mesh.run();
        assert_eq!(frozen(&mesh, &[1, 2, 3, 4], OWNER), [false; 4]);
        mesh.assert_unharmed(1, OWNER);
    }
}

/// K3, promise P9: the keys of a running node are recovered on another host. The node hears of it, tells its
/// host, and signs nothing any more.
#[test]
fn k03_a_node_whose_keys_were_recovered_elsewhere_falls_silent() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        let with = mesh.nodes[OWNER].recovery.take().unwrap();
        let (disk, view) = (Disk::default(), mesh.view.mesh());
        let taken =
            meshward::Identity::recover(&disk, view, &with, [], suite, &meshward::OsEntropy);
        let statement = taken.unwrap().rotations()[0].to_vec();
        mesh.give(OWNER, link(2), &statement).unwrap();
        let told =
            |event: &Event| matches!(event, Event::KeyRecovered { node, .. } if *node == id(OWNER));
        assert_eq!(saw(&mesh, OWNER, told), 1);
        let refused = mesh.guard(OWNER).sign_beacon(b"here", mesh.now).unwrap_err();
        assert!(matches!(refused, meshward::Error::Misuse(Misuse::Superseded)), "{refused}");
        assert!(mesh.guard(OWNER).rotate_keys(suite, mesh.now).is_err());
        mesh.guard(OWNER).tick(mesh.now).unwrap();
        for (bytes, _) in mesh.nodes[OWNER].host.sent() {
            assert_eq!(Tag::of(&bytes), Ok(Tag::Recovery), "it passes on what it was told");
        }
    }
}
