//! Steps to a next view that somebody tampered with on the way, or that are long.

use std::sync::Arc;

use meshward::membership::KeyRecord;
use meshward::quorum::{Ballot, Phase};
use meshward::reputation::Reputation;
use meshward::wire::{Tag, max_packet_len};
use meshward::{
    Accepted, Chain, Change, CriticalEvent, Epoch, Nonce, Refusal, Suite, View, ViewNumber,
};

use crate::support::{Liar, Mesh, certificate, id, link, step_with};
use crate::{link_quarantined, sent, tagged};

/// The last nonce under a key.
fn closing(sequence: u32) -> Nonce {
    Nonce { boot: 1, sequence }
}

/// The view without the last of five members, and what certifies it under the keys of `signers`.
fn decided(genesis: &View, signers: [&Liar; 4]) -> (View, Vec<u8>) {
    let next = genesis.changed(&Change::of(genesis).leave(id(4)), Vec::new()).unwrap();
    let event = CriticalEvent::ViewChange { view: ViewNumber(1), digest: next.digest() };
    let precommit = Ballot::for_event(&event, 0, Phase::Precommit).unwrap();
    let vote = |liar: &Liar| (genesis.index_of(&liar.id).unwrap().0, liar.vote(&precommit));
    let votes: Vec<_> = signers.map(vote).into();
    let certificate = certificate(genesis, &votes);
    (next, certificate)
}

/// Whether the one step that the node at `at` keeps leads on from `genesis`, for whoever has nothing else.
fn leads_on(mesh: &Mesh, at: usize, genesis: &Arc<View>) -> Result<(), String> {
    let kept = mesh.guard(at).core().view_links();
    let [link] = kept.as_slice() else { return Err(format!("{} steps", kept.len())) };
    let mut chain = Chain::from_view(Arc::clone(genesis));
    chain.extend(link.as_bytes()).map(drop).map_err(|error| error.to_string())
}

fn unharmed(mesh: &Mesh, at: usize, by: usize) {
    let reputation = mesh.guard(at).core().link_reputation(link(by).id(), mesh.now);
    assert_eq!(reputation, Reputation::FULL);
    assert_eq!(mesh.nodes[at].host.count(link_quarantined), 0);
}

/// Whoever passed a step on could take the rotations out of it, or put others in: a node that knew the keys
/// took it, kept it as it came, and gave it to newcomers, who could make nothing of it.
#[test]
fn a_step_is_kept_with_the_rotations_that_lead_to_its_keys() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 5);
        mesh.foretells = true;
        mesh.pass(1_000);
        mesh.guard(1).rotate_keys(suite, mesh.now).unwrap();
        let rotation = tagged(sent(&mesh, 1), Tag::Rotation).remove(0);
        for at in [0, 2, 3, 4] {
            mesh.give(at, link(1), &rotation).unwrap();
        }
        let liars = [1, 2, 3, 4].map(|place| mesh.steal(place));
        assert_eq!(liars[0].epoch, Epoch { recovery: 0, operational: 1 });
        let genesis = Arc::clone(&mesh.view);
        let (next, certificate) = decided(&genesis, liars.each_ref());
        // Of the wrong order, of a stranger, and no rotation at all.
        let stranger = Liar::impostor(suite, id(2), &genesis);
        let ahead = liars[0].rotate(suite, closing(900)).0;
        let (alien, beacon) = (stranger.rotate(suite, closing(9)).0, mesh.beacon(2));
        let junk = [ahead.as_slice(), &alien, &beacon, &rotation, &rotation];
        for (at, rotations) in [(0, &[][..]), (2, &junk), (3, &[rotation.as_slice()])] {
            let shown = step_with(&next, &certificate, rotations);
            let taken = mesh.give(at, link(1), &shown);
            assert!(matches!(taken, Ok(Accepted::View(_))), "{suite} at {at}: {taken:?}");
            assert_eq!(leads_on(&mesh, at, &genesis), Ok(()), "{suite} at {at}");
            unharmed(&mesh, at, 1);
        }
    }
}

/// A node that had heard all votes took any step to the view that they were for, whatever certificate was
/// in it, kept that, and passed it on: its neighbours charged it for signatures that did not hold.
#[test]
fn a_certificate_in_a_step_is_checked_though_another_is_known() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 5);
        mesh.foretells = true;
        mesh.pass(1_000);
        let liars = [0, 1, 2, 3].map(|place| mesh.steal(place));
        let genesis = Arc::clone(&mesh.view);
        let (next, certificate) = decided(&genesis, liars.each_ref());
        let taken = mesh.give(4, link(0), &certificate);
        assert!(matches!(taken, Ok(Accepted::Certificate { .. })), "{suite}: {taken:?}");
        let mut forged = certificate.clone();
        *forged.last_mut().unwrap() ^= 1;
        let shown = mesh.give(4, link(1), &step_with(&next, &forged, &[]));
        assert_eq!(shown.unwrap_err(), Refusal::Refuted, "{suite}");
        assert_eq!(mesh.guard(4).core().view_links().len(), 0);

        let shown = mesh.give(4, link(2), &step_with(&next, &certificate, &[]));
        assert!(matches!(shown, Ok(Accepted::View(_))), "{suite}: {shown:?}");
        assert_eq!(leads_on(&mesh, 4, &genesis), Ok(()), "{suite}");
    }
}

/// K8: a member gives two keys in the place of one, the first to a node that is away, the others to all
/// others, goes on from there, and votes. Whoever comes back could not check the step, ever, and stayed
/// behind.
#[test]
fn k08_a_member_that_goes_two_ways_leaves_nobody_behind() {
    for suite in Suite::available() {
        for also_the_other in [false, true] {
            let mut mesh = Mesh::new(suite, 5);
            mesh.foretells = true;
            mesh.pass(1_000);
            let liar = mesh.steal(3);
            let (first, _) = liar.rotate(suite, closing(900));
            mesh.give(0, link(3), &first).unwrap();
            let other = liar.after(Suite::available().max().unwrap());
            let second = liar.rotation(&other, liar.claim(&other, closing(901)));
            let (third, last) = other.rotate(other.key.suite(), closing(902));
            if also_the_other {
                let taken = mesh.give(0, link(3), &second);
                assert!(matches!(taken, Ok(Accepted::Frozen { .. })), "{suite}: {taken:?}");
            }
            let genesis = Arc::clone(&mesh.view);
            let [one, two, four] = [1, 2, 4].map(|place| mesh.steal(place));
            let (next, certificate) = decided(&genesis, [&one, &two, &last, &four]);
            let beacon = mesh.beacon(2);
            let shown = step_with(&next, &certificate, &[&beacon, &second, &second, &third]);
            let taken = mesh.give(0, link(1), &shown);
            assert!(matches!(taken, Ok(Accepted::View(_))), "{suite}: {taken:?}");
            assert_eq!(leads_on(&mesh, 0, &genesis), Ok(()), "{suite}");
            unharmed(&mesh, 0, 1);

            // Who signed under the second key alone is on a way that is remembered here.
            let at = 1;
            mesh.give(at, link(3), &first).unwrap();
            mesh.give(at, link(3), &second).unwrap();
            let zero = mesh.steal(0);
            let (next, certificate) = decided(&genesis, [&zero, &two, &other, &four]);
            let taken = mesh.give(at, link(2), &step_with(&next, &certificate, &[]));
            assert!(matches!(taken, Ok(Accepted::View(_))), "{suite}: {taken:?}");
            assert_eq!(leads_on(&mesh, at, &genesis), Ok(()), "{suite}");
        }
    }
}

/// A step carries the rotations since the last one. With many it was longer than transports carry, and who
/// missed the vote stayed behind: with the keys at hand, or without.
#[test]
fn a_long_step_reaches_who_missed_it() {
    const ROTATIONS: usize = 7;
    for suite in Suite::available() {
        for missed_the_keys in [false, true] {
            let mut mesh = Mesh::new(suite, 4);
            mesh.longest = max_packet_len(4);
            let genesis = Arc::clone(&mesh.view);
            mesh.pass(1_000);
            mesh.nodes[0].down = missed_the_keys;
            for _ in 0..ROTATIONS {
                for at in 1..4 {
                    mesh.guard(at).rotate_keys(suite, mesh.now).unwrap();
                }
                mesh.pass(1_000);
            }
            mesh.nodes[0].down = true;
            let current = |at: usize, of: usize| {
                let core = mesh.guard(at).core();
                core.directory().current(core.view().index_of(&id(of)).unwrap()).unwrap()
            };
            let known = if missed_the_keys { 0 } else { ROTATIONS };
            assert_eq!(usize::try_from(current(0, 1).epoch.operational), Ok(known), "{suite}");

            let newest = KeyRecord::clone(&current(1, 1));
            let change = Change::of(&genesis).anchor(id(1), newest);
            for at in 1..4 {
                mesh.guard(at).propose_change(change.clone(), mesh.now).unwrap();
            }
            let number = |mesh: &Mesh, at: usize| mesh.guard(at).core().view().number().0;
            let until_all = |mesh: &mut Mesh, places: std::ops::Range<usize>| {
                for _ in 0..600 {
                    if places.clone().all(|at| number(mesh, at) == 1) {
                        return;
                    }
                    mesh.pass(250);
                }
                panic!("{suite}: not all of {places:?} are in the next view");
            };
            until_all(&mut mesh, 1..4);
            let links = mesh.guard(1).core().view_links();
            assert!(links[0].as_bytes().len() > mesh.longest, "{suite}: nothing is tested");

            mesh.nodes[0].down = false;
            until_all(&mut mesh, 0..4);
            assert_eq!(leads_on(&mesh, 0, &genesis), Ok(()), "{suite}");
        }
    }
}
