//! From one view to the next: what old votes and old keys can do to it.

use std::sync::Arc;

use meshward::membership::View;
use meshward::quorum::{Ballot, Phase, UncheckedBallot};
use meshward::wire::{Packet, Tag};
use meshward::{
    Certificate, Chain, Change, CriticalEvent, Digest, Event, Identity, OsEntropy, Suite,
    ViewNumber,
};
use parking_lot::Mutex;

use crate::support::{Disk, Liar, Mesh, certificate, id, link, step};

fn proposal(topic: u8, content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([topic; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence: 1, content }
}

fn view(mesh: &Mesh, place: usize) -> Arc<View> {
    Arc::clone(mesh.guard(place).core().view())
}

/// Passes time until all of `places` are in the view with that number.
fn until_in(mesh: &mut Mesh, places: &[usize], number: u64) {
    for _ in 0..400 {
        if places.iter().all(|place| view(mesh, *place).number().0 == number) {
            return;
        }
        mesh.pass(250);
    }
    panic!("view {number} has not begun everywhere");
}

/// A newcomer's disk, and the change by which it joins the view of the node at place 0.
fn newcomer(mesh: &Mesh) -> (Disk, Change) {
    let disk = Disk::default();
    let place = u8::try_from(mesh.nodes.len()).unwrap();
    let identity = Identity::create(&disk, id(place.into()), mesh.suite, &OsEntropy).unwrap();
    let change = Change::of(&view(mesh, 0)).join(identity.member(format!("node {place}")));
    (disk, change)
}

/// The precommits to what one topic is decided on, each member's newest.
type Held = Arc<Mutex<Vec<(usize, u32, Vec<u8>)>>>;

fn hold_back_precommits(mesh: &mut Mesh, event: CriticalEvent) -> Held {
    let held = Held::default();
    let (kept, before) = (Arc::clone(&held), Arc::clone(&mesh.view));
    mesh.censor = Some(Box::new(move |from, bytes| {
        let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { return false };
        if statement.tag() != Tag::Ballot {
            return false;
        }
        let Ok(ballot) = UncheckedBallot::read(statement, &before) else { return false };
        let ballot = *ballot.ballot();
        if ballot.phase() != Phase::Precommit || ballot.event().as_ref() != Some(&event) {
            return false;
        }
        kept.lock().push((from, ballot.round(), bytes.to_vec()));
        true
    }));
    held
}

/// Q18, promise P6: a liar holds back the precommits to a proposal, its own with them, so that it alone
/// knows that the proposal is certified. The members change, most hosts like another content by then, and
/// who joined likes nothing else: what is certified in the next view is what was certified before.
#[test]
fn q18_held_back_votes_bind_the_next_view() {
    for suite in Suite::available() {
        for topic in 1..=5 {
            let mut mesh = Mesh::new(suite, 4);
            mesh.nodes[3].down = true;
            let liar = mesh.steal(3);
            let before = Arc::clone(&mesh.view);
            let held = hold_back_precommits(&mut mesh, proposal(topic, 1));
            for place in 0..3 {
                let guard = mesh.guard(place);
                guard.report_critical_event(proposal(topic, 1), mesh.now).unwrap();
            }
            mesh.run();
            // A leader that is down costs a round.
            let honest_precommits = |held: &Held| {
                let held = held.lock();
                let round = held.iter().map(|(_, round, _)| *round).max();
                let newest = held.iter().filter(|one| Some(one.1) == round);
                let mut by_place: Vec<_> =
                    newest.map(|(from, _, bytes)| (*from as u32, bytes.clone())).collect();
                by_place.sort();
                by_place.dedup_by_key(|(from, _)| *from);
                (round, by_place)
            };
            for _ in 0..80 {
                if honest_precommits(&held).1.len() >= 2 {
                    break;
                }
                mesh.pass(250);
            }
            let (round, mut votes) = honest_precommits(&held);
            votes.truncate(2);
            let own = Ballot::for_event(&proposal(topic, 1), round.unwrap(), Phase::Precommit);
            votes.push((3, liar.vote(&own.unwrap())));
            let secret = certificate(&before, &votes);
            let core = mesh.guard(0).core();
            assert!(Certificate::verify(&secret, core.directory()).is_ok(), "it is certified");

            let (disk, change) = newcomer(&mesh);
            for place in 0..3 {
                mesh.guard(place).propose_change(change.clone(), mesh.now).unwrap();
            }
            until_in(&mut mesh, &[0, 1, 2], 1);
            assert!(!mesh.guard(0).is_validated(&proposal(topic, 1)), "nobody honest knows");
            let next = view(&mesh, 0);
            // What binds them outlives a crash of all.
            for place in 0..3 {
                mesh.restart(place);
                assert_eq!(view(&mesh, place).digest(), next.digest());
            }
            let joined = mesh.join(disk, &next);
            for place in [joined, 0, 1, 2] {
                let guard = mesh.guard(place);
                guard.report_critical_event(proposal(topic, 2), mesh.now).unwrap();
            }
            let liar = Liar { view: next, ..liar };
            for round in 0..6 {
                for phase in [Phase::Prevote, Phase::Precommit] {
                    let ballot = Ballot::for_event(&proposal(topic, 2), round, phase).unwrap();
                    let lie = liar.vote(&ballot);
                    for place in [joined, 0, 1, 2] {
                        let _taken_or_not = mesh.give(place, link(3), &lie);
                    }
                }
            }
            let honest = [0, 1, 2, joined];
            for _ in 0..200 {
                if honest.iter().all(|place| mesh.guard(*place).is_validated(&proposal(topic, 1))) {
                    break;
                }
                mesh.pass(250);
            }
            for place in honest {
                assert!(mesh.guard(place).is_validated(&proposal(topic, 1)), "{suite} {topic}");
                assert!(!mesh.guard(place).is_validated(&proposal(topic, 2)), "{suite} {topic}");
            }
        }
    }
}

/// What a member votes for in its own view, if it does.
fn ballot_in(view: &View, bytes: &[u8]) -> Option<Ballot> {
    let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { return None };
    let is_ballot = statement.tag() == Tag::Ballot;
    is_ballot
        .then(|| UncheckedBallot::read(statement, view).ok())
        .flatten()
        .map(|one| *one.ballot())
}

/// Q18 again, with votes that come after: a liar lets nobody see the prevotes to a proposal until the
/// members have begun to hand their view over, and not bound the next one to it. Then they vote on nothing
/// else, or two precommits and its own would decide the proposal behind their backs. And the view that
/// they have voted for begins, although each would write another by now.
#[test]
fn q18_who_hands_a_view_over_votes_on_nothing_else_in_it() {
    for (suite, restarts) in Suite::available().flat_map(|suite| [(suite, false), (suite, true)]) {
        let mut mesh = Mesh::new(suite, 4);
        mesh.nodes[3].down = true;
        let liar = mesh.steal(3);
        let event = proposal(1, 1);
        let (prevotes, precommits) = (Held::default(), Held::default());
        let (early, late) = (Arc::clone(&prevotes), Arc::clone(&precommits));
        let handing_over = Arc::new(Mutex::new(true));
        let (is_held, before) = (Arc::clone(&handing_over), Arc::clone(&mesh.view));
        mesh.censor = Some(Box::new(move |from, bytes| {
            let Some(ballot) = ballot_in(&before, bytes) else { return false };
            let kept = match (ballot.event(), ballot.phase()) {
                (Some(CriticalEvent::GovernanceProposal { .. }), Phase::Prevote) => &early,
                (Some(CriticalEvent::GovernanceProposal { .. }), Phase::Precommit) => &late,
                (Some(CriticalEvent::ViewChange { .. }), Phase::Precommit) => {
                    return *is_held.lock();
                }
                _ => return false,
            };
            kept.lock().push((from, ballot.round(), bytes.to_vec()));
            true
        }));
        let (_disk, change) = newcomer(&mesh);
        for place in 0..3 {
            let guard = mesh.guard(place);
            guard.report_critical_event(event.clone(), mesh.now).unwrap();
            guard.propose_change(change.clone(), mesh.now).unwrap();
        }
        mesh.pass(20_000);
        assert_eq!(view(&mesh, 0).number().0, 0, "nobody saw a precommit to the next view");

        let mut shown: Vec<_> = prevotes.lock().drain(..).map(|(_, _, vote)| vote).collect();
        assert!(shown.len() >= 2, "{} prevotes", shown.len());
        let lie = |round| liar.vote(&Ballot::for_event(&event, round, Phase::Prevote).unwrap());
        shown.extend((0..9).map(lie));
        for vote in &shown {
            for place in 0..3 {
                let _taken_or_not = mesh.give(place, link(3), vote);
            }
        }
        mesh.pass(20_000);
        for place in (0..3).filter(|_| restarts) {
            mesh.restart(place);
        }
        mesh.pass(10_000);
        assert_eq!(precommits.lock().len(), 0, "{suite}: the proposal can be decided in secret");
        *handing_over.lock() = false;
        until_in(&mut mesh, &[0, 1, 2], 1);
    }
}

/// Q1, K11, promise P6: what is said in one view counts in no other. The member that left votes and
/// attests on, in the old view and in the new one, and so do those who stayed, in the old one.
#[test]
fn q01_statements_of_another_view_count_for_nothing() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(1_000);
        let genesis = Arc::clone(&mesh.view);
        let old: Vec<_> = (1..7).map(|place| mesh.steal(place)).collect();
        let leave = Change::of(&genesis).leave(id(6));
        for place in 0..7 {
            mesh.guard(place).propose_change(leave.clone(), mesh.now).unwrap();
        }
        until_in(&mut mesh, &[0, 1, 2, 3, 4, 5], 1);
        let next = view(&mesh, 0);
        let gone = Liar { view: Arc::clone(&next), ..mesh.steal(6) };
        let failure = CriticalEvent::NodeFailure { subject: id(5), mark: None };
        for event in [proposal(1, 1), failure] {
            for liar in old.iter().chain([&gone]) {
                let refused = mesh.give(0, link(6), &liar.attest(&event));
                assert!(refused.is_err(), "{suite}: {refused:?}");
            }
            assert!(!mesh.guard(0).is_validated(&event), "{suite}");
        }
        let votes: Vec<_> =
            old.iter().zip(1..).map(|(liar, at)| (at, liar.attest(&proposal(1, 1)))).collect();
        let certified = certificate(&genesis, &votes);
        assert!(mesh.give(0, link(6), &certified).is_err(), "{suite}");
        assert!(!mesh.guard(0).is_validated(&proposal(1, 1)), "{suite}");
        assert!(mesh.give(0, link(6), &gone.beacon(meshward::Nonce::default(), b"")).is_err());
        for other in 1..6 {
            mesh.assert_unharmed(0, other);
        }
    }
}

/// K12: whoever has the keys of most members of the first view, long after, signs another second view.
/// It replaces nothing, raises one alarm however often it is shown, and nobody else pays for it.
#[test]
fn k12_a_rival_history_replaces_nothing() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let genesis = Arc::clone(&mesh.view);
        let thief: Vec<_> = (0..3).map(|place| mesh.steal(place)).collect();
        for number in 1..=2 {
            let (disk, change) = newcomer(&mesh);
            for place in 0..mesh.nodes.len() {
                mesh.guard(place).propose_change(change.clone(), mesh.now).unwrap();
            }
            let all: Vec<_> = (0..mesh.nodes.len()).collect();
            until_in(&mut mesh, &all, number);
            let newest = view(&mesh, 0);
            mesh.join(disk, &newest);
        }
        let newest = view(&mesh, 0);

        let rival = genesis.changed(&Change::of(&genesis).leave(id(3)), Vec::new()).unwrap();
        let event = CriticalEvent::ViewChange { view: ViewNumber(1), digest: rival.digest() };
        let precommit = Ballot::for_event(&event, 0, Phase::Precommit).unwrap();
        let votes: Vec<_> =
            thief.iter().zip(0..).map(|(one, at)| (at, one.vote(&precommit))).collect();
        let shown = step(&rival, &certificate(&genesis, &votes));
        let mut chain = Chain::from_view(genesis);
        assert_eq!(chain.extend(&shown).unwrap().digest(), rival.digest(), "the signatures hold");

        let is_alarm = |event: &Event| matches!(event, Event::RivalView { digest, .. } if *digest == rival.digest());
        for place in 0..6 {
            for _ in 0..100 {
                assert!(mesh.give(place, link(5 - place), &shown).is_err());
            }
            // Who joined later has never known the first view, and cannot tell.
            let alarms = usize::from(place < 4);
            assert_eq!(mesh.nodes[place].host.count(is_alarm), alarms, "{suite} {place}");
        }
        mesh.pass(5_000);
        for place in 0..6 {
            assert_eq!(view(&mesh, place).digest(), newest.digest());
            for other in (0..6).filter(|other| *other != place) {
                mesh.assert_unharmed(place, other);
            }
        }
    }
}
