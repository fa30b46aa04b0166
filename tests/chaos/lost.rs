//! The quorum gives a member another key: when it has lost its own, and only then.

use std::sync::Arc;

use meshward::membership::{KeyRecord, View};
use meshward::quorum::{Ballot, Phase};
use meshward::wire::{Container, Tag};
use meshward::{
    Change, Config, CriticalEvent, Digest, Epoch, Event, Identity, Misuse, Nonce, OsEntropy,
    QuorumConfig, Refusal, Suite,
};

use crate::support::{Disk, Liar, Mesh, id, link};

/// The member whose keys are lost, or are said to be.
const X: usize = 6;
/// Of seven members two may lie.
const LIARS: [usize; 2] = [4, 5];
const HONEST: [usize; 4] = [0, 1, 2, 3];

const DELAY_MS: u64 = 20_000;

fn mesh(suite: Suite) -> Mesh {
    let quorum = QuorumConfig { replacement_delay_ms: DELAY_MS, ..QuorumConfig::default() };
    let mut mesh = Mesh::with(suite, 7, Config { quorum, ..Config::default() });
    mesh.pass(3000);
    mesh
}

fn view(mesh: &Mesh, place: usize) -> Arc<View> {
    Arc::clone(mesh.guard(place).core().view())
}

fn epoch(mesh: &Mesh, at: usize) -> Epoch {
    let core = mesh.guard(at).core();
    let member = core.view().index_of(&id(X)).unwrap();
    core.directory().current(member).unwrap().epoch
}

/// New keys for X on an empty disk, and the change that gives it them.
fn replacement(mesh: &Mesh) -> (Disk, Change) {
    let disk = Disk::default();
    let core = mesh.guard(0).core();
    let lost = core.directory().current(core.view().index_of(&id(X)).unwrap()).unwrap();
    let identity = Identity::replace(&disk, (id(X), &lost), mesh.suite, &OsEntropy).unwrap();
    let record = identity.member("").key.as_ref().clone();
    (disk, Change::of(core.view()).replace(id(X), record))
}

/// X falls silent, and is certified as failed everywhere.
fn fails(mesh: &mut Mesh) {
    mesh.nodes[X].down = true;
    for _ in 0..80 {
        if (0..X).all(|at| mesh.certified(at, X)) {
            return;
        }
        mesh.pass(250);
    }
    panic!("it is not certified as failed");
}

fn refused(mesh: &Mesh, at: usize, change: &Change) -> String {
    match mesh.guard(at).propose_change(change.clone(), mesh.now) {
        Err(meshward::Error::Misuse(Misuse::Change(why))) => why,
        other => panic!("{other:?}"),
    }
}

/// The liars vote for `change` in every round there will be.
fn lie(mesh: &Mesh, change: &Change) {
    let event = CriticalEvent::MembershipChange {
        view: meshward::ViewNumber(1),
        change: change.digest().unwrap(),
    };
    let known = Container::to_bytes(Tag::Change, mesh.view.mesh(), &change.to_bytes().unwrap());
    for liar in LIARS {
        let name = mesh.steal(liar);
        for round in 0..8 {
            for phase in [Phase::Prevote, Phase::Precommit] {
                let vote = name.vote(&Ballot::for_event(&event, round, phase).unwrap());
                for at in HONEST {
                    let _taken_or_not = mesh.give(at, link(liar), &vote);
                }
            }
        }
    }
    for at in HONEST {
        let _taken_or_not = mesh.give(at, link(LIARS[0]), &known);
    }
}

/// K9, promise P9: f liars and the hosts of all honest nodes, who believe them, want to give the name of a
/// member that lives to somebody else. Nothing comes of it, neither by a proposal nor by its digest alone.
#[test]
fn k09_who_lives_is_not_replaced() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        let (_disk, change) = replacement(&mesh);
        lie(&mesh, &change);
        let event = CriticalEvent::MembershipChange {
            view: meshward::ViewNumber(1),
            change: change.digest().unwrap(),
        };
        for at in HONEST {
            assert!(refused(&mesh, at, &change).contains("failed for long enough"), "{suite}");
            let news = |event: &Event| matches!(event, Event::ChangeProposed { .. });
            assert_eq!(mesh.nodes[at].host.count(news), 1, "its host is asked");
            let _reported_or_not = mesh.guard(at).report_critical_event(event.clone(), mesh.now);
        }
        for _ in 0..60 {
            mesh.pass(1000);
            lie(&mesh, &change);
        }
        for at in HONEST {
            assert_eq!(view(&mesh, at).number().0, 0, "{suite} at {at}");
            assert_eq!(epoch(&mesh, at), Epoch::FIRST);
        }
        mesh.assert_unharmed(0, X);
    }
}

/// K9: it is not replaced before the time is up; and when it comes back after two thirds have accepted and
/// before they have voted, or only changes its key, they do not vote for it any more.
#[test]
fn k09_who_comes_back_in_time_is_not_replaced() {
    for suite in Suite::available() {
        for says_a_rotation in [false, true] {
            let mut mesh = mesh(suite);
            let thief = mesh.steal(X);
            fails(&mut mesh);
            let (_disk, change) = replacement(&mesh);
            mesh.pass(DELAY_MS / 2);
            assert!(refused(&mesh, 0, &change).contains("failed for long enough"), "{suite}");
            mesh.pass(DELAY_MS);
            for at in &HONEST[..3] {
                mesh.guard(*at).propose_change(change.clone(), mesh.now).unwrap();
            }
            // With the two liars they are two thirds, and nobody has voted yet.
            let says = match says_a_rotation {
                true => thief.rotate(suite, Nonce { boot: 1, sequence: 900 }).0,
                false => mesh.beacon(X),
            };
            for at in 0..X {
                mesh.give(at, link(X), &says).unwrap();
            }
            LIARS.iter().for_each(|at| mesh.nodes[*at].down = true);
            refused(&mesh, 3, &change);
            for _ in 0..15 {
                lie(&mesh, &change);
                mesh.pass(1000);
            }
            for at in HONEST {
                assert_eq!(view(&mesh, at).number().0, 0, "{suite} at {at}: {says_a_rotation}");
            }
        }
    }
}

/// K9: what is given to a lost member neither ends its owner's hold on it nor leaves others in its way.
#[test]
fn k09_a_replacement_keeps_the_recovery_key() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        fails(&mut mesh);
        mesh.pass(DELAY_MS + 1000);
        let (_disk, good) = replacement(&mesh);
        let record = good.anchors()[0].1.clone();
        let change = |record: KeyRecord| Change::of(&mesh.view).replace(id(X), record);
        let own = Digest::from_bytes([7; 32]);
        let stolen = change(KeyRecord { recovery: own, ..record.clone() });
        assert!(refused(&mesh, 0, &stolen).contains("its commitment to its recovery key"));
        for operational in [(1 << 24) + 1, 2 << 24] {
            let epoch = Epoch { recovery: 0, operational };
            let skipped = change(KeyRecord { epoch, ..record.clone() });
            assert!(refused(&mesh, 0, &skipped).contains("another epoch"), "{suite}");
        }
        let epoch = Epoch { recovery: 1, operational: 0 };
        let unknown = change(KeyRecord { epoch, ..record.clone() });
        assert!(refused(&mesh, 0, &unknown).contains("not known to have that key"), "{suite}");
        mesh.guard(0).propose_change(good, mesh.now).unwrap();
    }
}

/// K13: a view takes a member's newer key as it is. Whoever proposes it with commitments of its own would have
/// the next key, or the recovery key, of a member that never lost anything.
#[test]
fn k13_a_newer_key_is_taken_with_its_own_commitments_alone() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        mesh.guard(X).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(2000);
        let core = mesh.guard(0).core();
        let member = core.view().index_of(&id(X)).unwrap();
        let record = KeyRecord::clone(&core.directory().current(member).unwrap());
        assert_eq!(record.epoch, Epoch { recovery: 0, operational: 1 }, "{suite}");
        let own = Digest::from_bytes([7; 32]);
        let change = |record: KeyRecord| Change::of(&mesh.view).anchor(id(X), record);
        for of_the_liar in [
            KeyRecord { recovery: own, ..record.clone() },
            KeyRecord { next: own, ..record.clone() },
        ] {
            let refusal = refused(&mesh, 0, &change(of_the_liar));
            assert!(refusal.contains("not known to have that key"), "{suite}: {refusal}");
        }
        mesh.guard(0).propose_change(change(record), mesh.now).unwrap();
    }
}

/// Whoever lost its keys is given others by the quorum, and goes on under its name. A thief of the lost
/// ones is out, whatever it says, and can freeze nobody. Who finds the recovery key outranks all that.
#[test]
fn k09_who_lost_its_keys_goes_on_with_others() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        let thief = mesh.steal(X);
        let before = mesh.nodes[X].disk.copied();
        let found = mesh.nodes[X].recovery.take().unwrap();
        fails(&mut mesh);
        let (disk, change) = replacement(&mesh);
        mesh.pass(DELAY_MS + 1000);
        for at in 0..X {
            mesh.guard(at).propose_change(change.clone(), mesh.now).unwrap();
        }
        for _ in 0..80 {
            if (0..X).all(|at| view(&mesh, at).number().0 == 1) {
                break;
            }
            mesh.pass(250);
        }
        assert!((0..X).all(|at| view(&mesh, at).number().0 == 1), "{suite}: it is decided");

        mesh.view = view(&mesh, 0);
        mesh.nodes[X].disk = disk;
        mesh.restart(X);
        mesh.settle(X);
        mesh.pass(5000);
        let replaced = Epoch { recovery: 0, operational: 1 << 24 };
        for at in 0..X {
            assert_eq!(epoch(&mesh, at), replaced, "{suite} at {at}");
            let said = mesh.nodes[at]
                .inbox
                .iter()
                .any(|said| said.origin == id(X) && said.mark.epoch == replaced);
            assert!(said, "{suite}: {at} hears it");
        }
        let (one, _) = thief.rotate(suite, Nonce { boot: 1, sequence: 900 });
        let other = Liar { next: crate::support::candidates(), ..thief.after(suite) };
        let other = thief.rotation(&other, thief.claim(&other, Nonce { boot: 1, sequence: 901 }));
        let in_the_next = Liar { view: view(&mesh, 0), ..thief.clone() };
        let said = [&thief, &in_the_next]
            .map(|thief| thief.beacon(Nonce { boot: 9, sequence: 1 }, b"thief"));
        for at in HONEST {
            for rotation in [&one, &other] {
                let _known_or_refused = mesh.give(at, link(4), rotation);
                assert!(!mesh.guard(at).core().is_node_frozen(&id(X)), "{suite}");
            }
            let [before, here] =
                [0, 1].map(|said_in: usize| mesh.give(at, link(4), &said[said_in]).unwrap_err());
            assert!(matches!(before, Refusal::OtherView { .. }), "{suite}: {before}");
            // There is no grace for what is lost.
            assert!(matches!(here, Refusal::UnknownKey { .. }), "{suite}: {here}");
            assert_eq!(epoch(&mesh, at), replaced);
        }
        mesh.assert_unharmed(0, X);
        mesh.guard(X).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(2000);
        assert_eq!(epoch(&mesh, 0), replaced.next_operational().unwrap(), "{suite}");

        mesh.nodes[X].disk = before;
        mesh.nodes[X].recovery = Some(found);
        let disk = mesh.nodes[X].disk.copied();
        mesh.recover(X, disk, suite);
        mesh.pass(5000);
        for at in HONEST {
            assert_eq!(epoch(&mesh, at), Epoch { recovery: 1, operational: 0 }, "{suite} at {at}");
        }
        mesh.assert_unharmed(0, X);
    }
}
