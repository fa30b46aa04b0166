//! Members join, leave and are expelled, by certificates of the view before.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;

use meshward::membership::View;
use meshward::quorum::{Ballot, Phase};
use meshward::{Chain, Change, CriticalEvent, Digest, Event, Identity, OsEntropy, Suite};

use crate::support::{Disk, Liar, Mesh, id, link};

/// The view that the node at `place` is in.
fn view(mesh: &Mesh, place: usize) -> Arc<View> {
    Arc::clone(mesh.guard(place).core().view())
}

fn number(mesh: &Mesh, place: usize) -> u64 {
    view(mesh, place).number().0
}

fn propose(mesh: &Mesh, places: &[usize], change: &Change) {
    for place in places {
        mesh.guard(*place).propose_change(change.clone(), mesh.now).unwrap();
    }
}

/// Passes time until all of `places` are in the view with that number.
fn until_in(mesh: &mut Mesh, places: &[usize], wanted: u64) {
    for _ in 0..400 {
        if places.iter().all(|place| number(mesh, *place) == wanted) {
            let digests: Vec<_> = places.iter().map(|place| view(mesh, *place).digest()).collect();
            assert!(digests.windows(2).all(|two| two[0] == two[1]), "two views {wanted}");
            return;
        }
        mesh.pass(250);
    }
    let found: Vec<_> = places.iter().map(|place| number(mesh, *place)).collect();
    panic!("views {found:?} instead of {wanted}");
}

fn proposal(sequence: u64, content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([7; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence, content }
}

/// Lets the honest decide on a proposal, and sees that all of them know.
fn decide(mesh: &mut Mesh, places: &[usize], event: &CriticalEvent) {
    for place in places {
        mesh.guard(*place).report_critical_event(event.clone(), mesh.now).unwrap();
    }
    for _ in 0..200 {
        if places.iter().all(|place| mesh.guard(*place).is_validated(event)) {
            return;
        }
        mesh.pass(250);
    }
    panic!("{event:?} is not certified");
}

/// Whatever a liar may say on the members and on the next view: for contents of its own.
fn lies(liar: &Liar) -> Vec<Vec<u8>> {
    let next = meshward::ViewNumber(liar.view.number().0 + 1);
    let made_up = |seed: u8| Digest::from_bytes([seed; 32]);
    let events = [1, 2].into_iter().flat_map(|seed| {
        [
            CriticalEvent::MembershipChange { view: next, change: made_up(seed) },
            CriticalEvent::ViewChange { view: next, digest: made_up(seed) },
        ]
    });
    let ballots = events.flat_map(|event| {
        let rounds = [0, 1, 7, u32::MAX];
        rounds.into_iter().flat_map(move |round| {
            [Phase::Prevote, Phase::Precommit]
                .map(|phase| Ballot::for_event(&event, round, phase).unwrap())
        })
    });
    ballots.map(|ballot| liar.vote(&ballot)).collect()
}

/// Promises P6 and P7: nine members, two of them liars and one of them away, take one in, let one go and
/// expel a liar. Who was away catches up, and anybody can follow the steps offline.
#[test]
fn nine_with_two_liars_join_leave_and_expel() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 9);
        let genesis = Arc::clone(&mesh.view);
        let liars = [mesh.steal(7), mesh.steal(8)];
        for place in [6, 7, 8] {
            mesh.nodes[place].down = true;
        }
        let honest = [0, 1, 2, 3, 4, 5];
        mesh.pass(1_000);
        decide(&mut mesh, &honest, &proposal(1, 1));

        // One joins, while the liars say all they can.
        let disk = Disk::default();
        let joiner = Identity::create(&disk, id(9), suite, &OsEntropy).unwrap().member("node 9");
        propose(&mesh, &honest[..5], &Change::of(&view(&mesh, 0)).join(joiner));
        for lie in liars.iter().flat_map(lies) {
            for place in honest {
                let _taken_or_not = mesh.give(place, link(7), &lie);
            }
        }
        mesh.pass(250);
        // The sixth learns of it and accepts it; with it there are as many as there must be.
        let proposed = |event: &Event| matches!(event, Event::ChangeProposed { .. });
        for _ in 0..40 {
            if mesh.nodes[5].host.count(proposed) > 0 {
                break;
            }
            mesh.pass(250);
        }
        let change = mesh.nodes[5].host.events.lock().iter().find_map(|event| match event {
            Event::ChangeProposed { change } => Some(Change::clone(change)),
            _ => None,
        });
        propose(&mesh, &[5], &change.unwrap());
        until_in(&mut mesh, &honest, 1);

        // Who joins checks what it is given, and votes from then on.
        let mut chain = Chain::from_view(Arc::clone(&genesis));
        for step in mesh.guard(0).core().view_links() {
            chain.extend(step.as_bytes()).unwrap();
        }
        let joined = mesh.join(disk, chain.newest());
        let mut honest = vec![0, 1, 2, 3, 4, 5, joined];
        assert_eq!(view(&mesh, joined).len(), 10);
        for place in [0, joined] {
            assert!(mesh.guard(place).is_validated(&proposal(1, 1)), "what was decided stays so");
            assert!(!mesh.guard(place).is_validated(&proposal(1, 2)));
        }
        decide(&mut mesh, &honest, &proposal(2, 1));

        // One leaves.
        propose(&mesh, &honest, &Change::of(&view(&mesh, 0)).leave(id(5)));
        honest.retain(|place| *place != 5);
        until_in(&mut mesh, &honest, 2);
        let core = mesh.guard(5).core();
        assert!(core.sign_beacon(b"still here", mesh.now).is_err(), "it has left");

        // A liar is expelled.
        propose(&mesh, &honest, &Change::of(&view(&mesh, 0)).leave(id(8)));
        until_in(&mut mesh, &honest, 3);
        assert!(view(&mesh, 0).index_of(&id(8)).is_none());

        // Who was away comes back in the first view.
        assert_eq!(number(&mesh, 6), 0);
        mesh.nodes[6].down = false;
        honest.push(6);
        until_in(&mut mesh, &honest, 3);
        decide(&mut mesh, &honest, &proposal(3, 1));

        // A restart finds the way from the first view again.
        mesh.restart(1);
        assert_eq!(number(&mesh, 1), 3);
        decide(&mut mesh, &honest, &proposal(4, 1));
        mesh.settle(1);

        let mut chain = Chain::from_view(genesis);
        for step in mesh.guard(6).core().view_links() {
            chain.extend(step.as_bytes()).unwrap();
        }
        assert_eq!(chain.newest().digest(), view(&mesh, 6).digest());
        let rivals = |event: &Event| matches!(event, Event::RivalView { .. });
        for place in &honest {
            assert_eq!(mesh.nodes[*place].host.count(rivals), 0);
            for other in honest.iter().filter(|other| *other != place) {
                mesh.assert_unharmed(*place, *other);
            }
        }
    }
}
