//! Accidents that look like attacks, and contradictions that nobody sees whole.

use std::collections::BTreeSet;

use meshward::wire::Kind;
use meshward::{
    Accepted, Config, CriticalEvent, Digest, Directory, EquivocationProof, Event, Nonce, Refusal,
    Suite,
};

use crate::support::{Liar, Mesh, id, link};

/// The member that has the accident, of seven.
const VICTIM: usize = 6;

/// A mesh whose quarantines last for 40 seconds, in which the last member runs in its second boot for
/// `ms`, and then again in its second boot, from a disk that knows of the first alone.
fn restored_from_an_old_disk(suite: Suite, ms: u64) -> Mesh {
    let mut config = Config::default();
    config.members.first_quarantine_ms = 40_000;
    let mut mesh = Mesh::with(suite, 7, config);
    mesh.pass(3_000);
    let old = mesh.nodes[VICTIM].disk.copied();
    mesh.restart(VICTIM);
    mesh.pass(ms);
    // At another moment of its second, or it would sign the very same headers again.
    mesh.pass(250);
    mesh.nodes[VICTIM].disk = old;
    mesh.restart(VICTIM);
    assert_eq!(mesh.guard(0).stats(mesh.now).quarantined_nodes, []);
    mesh
}

/// Time passes, and nobody takes the victim, or anybody, for dead.
fn pass_without_a_death(mesh: &mut Mesh, seconds: u64, mut react: impl FnMut(&Mesh)) {
    for _ in 0..4 * seconds {
        mesh.pass(250);
        react(mesh);
        for judge in 0..VICTIM {
            assert_eq!(mesh.guard(judge).core().overdue(mesh.now), [], "at {judge}");
            assert_eq!(mesh.guard(judge).stats(mesh.now).validated_failures, []);
        }
    }
}

fn judges_that_hold_it(mesh: &Mesh) -> usize {
    let held = |at: &usize| mesh.guard(*at).is_node_quarantined(&id(VICTIM), mesh.now);
    (0..VICTIM).filter(held).count()
}

/// In quarantine everywhere for 12 seconds; then one judge starts anew, and after it all of them at
/// once: they know whom they hold, take up what is left, and hear that it lives. It ends, and it is a
/// member like any other.
fn lives_through_its_quarantine(mesh: &mut Mesh, mut react: impl FnMut(&Mesh)) {
    pass_without_a_death(mesh, 12, &mut react);
    assert_eq!(judges_that_hold_it(mesh), VICTIM);
    mesh.restart(0);
    assert_eq!(judges_that_hold_it(mesh), VICTIM, "from the disk, before anything is heard");
    pass_without_a_death(mesh, 5, &mut react);
    (0..VICTIM).for_each(|judge| mesh.restart(judge));
    assert_eq!(judges_that_hold_it(mesh), VICTIM);
    pass_without_a_death(mesh, 9, &mut react);
    // Eight seconds were taken off at each start.
    assert_eq!(judges_that_hold_it(mesh), VICTIM);
    pass_without_a_death(mesh, 12, &mut react);
    assert_eq!(judges_that_hold_it(mesh), 0, "it ends");
    mesh.nodes.iter_mut().for_each(|node| node.inbox.clear());
    pass_without_a_death(mesh, 3, &mut react);
    for judge in 0..VICTIM {
        let inbox = &mesh.nodes[judge].inbox;
        let heard = inbox.iter().filter(|message| message.origin == id(VICTIM));
        assert_eq!(heard.count(), 3, "at {judge}");
        assert_eq!(mesh.guard(judge).core().equivocation_proofs().len(), 1);
        let again = |event: &Event| matches!(event, Event::Equivocation(_));
        assert_eq!(mesh.nodes[judge].host.count(again), 0, "it is no news after the restart");
    }
}

/// Q17, promises P8 and P10: a host is restored from an old disk and uses the numbers of its second boot
/// once more. Everybody finds the contradiction, with another one's help or alone, and refuses its
/// messages; its beacons, as soon as they are past what it used before, show that it lives. It had used
/// few; nobody has to do anything.
#[test]
fn q17_an_accident_is_no_death() {
    for suite in Suite::available() {
        let mut mesh = restored_from_an_old_disk(suite, 2_000);
        lives_through_its_quarantine(&mut mesh, |_| {});
    }
}

/// Q17, the same when it had used so many numbers that it would be taken for dead before it is past
/// them. It is shown the proof against itself, its host is told, and rotates the key; under the new one
/// it is heard at once.
#[test]
fn q17_an_accident_with_a_long_past_is_no_death_for_who_rotates() {
    for suite in Suite::available() {
        let mut mesh = restored_from_an_old_disk(suite, 30_000);
        let mut rotated = 0;
        lives_through_its_quarantine(&mut mesh, |mesh| {
            let own = |event: &Event| matches!(event, Event::Equivocation(proof) if proof.node() == id(VICTIM));
            if rotated == 0 && mesh.nodes[VICTIM].host.count(own) > 0 {
                mesh.guard(VICTIM).rotate_keys(suite, mesh.now).unwrap();
                rotated += 1;
            }
        });
        assert_eq!(rotated, 1, "{suite}");
    }
}

/// Q17, the same when its host does nothing. All that it says is refused for half a minute; it is asked,
/// and its answers show that it lives.
#[test]
fn q17_an_accident_with_a_long_past_is_no_death_for_who_answers() {
    for suite in Suite::available() {
        let mut mesh = restored_from_an_old_disk(suite, 30_000);
        lives_through_its_quarantine(&mut mesh, |_| {});
    }
}

fn proposal(topic: u8, content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([topic; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence: 1, content }
}

/// What the liar votes in the slot of `topic` before a node: one thing on the left, another on the right.
fn vote(liar: &Liar, topic: u8, at: usize) -> Vec<u8> {
    liar.attest(&proposal(topic, 1 + u8::from(at >= 4)))
}

/// Q6, promises P6 and P11: of nine members the last votes for one thing before four of the others and
/// for another before the other four, signed anew for each, in six slots. Between the halves there is one
/// link, and not from the start. As soon as a vote comes over it everybody has the proof, one, of the one
/// key, whatever else the liar signs; nobody else is blamed; and nothing is certified on either side.
#[test]
fn q06_contradictory_votes_to_two_halves_become_one_proof() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 9);
        mesh.pass(2_000);
        mesh.nodes[8].down = true;
        let liar = mesh.steal(8);
        let across = |(from, to): &(usize, usize)| (*from < 4) != (*to < 4);
        let all = (0..8).flat_map(|from| (0..8).map(move |to| (from, to)));
        mesh.cut = all.filter(across).collect();
        let votes: Vec<Vec<_>> =
            (0..6).map(|topic| (0..8).map(|at| vote(&liar, topic, at)).collect()).collect();
        for topic in &votes {
            for (at, vote) in topic.iter().enumerate() {
                let _taken_or_had_from_a_neighbour = mesh.give(at, link(8), vote);
            }
            mesh.run();
        }
        let found = |mesh: &Mesh, at: usize| {
            let proof = |event: &Event| matches!(event, Event::Equivocation(_));
            mesh.nodes[at].host.count(proof)
        };
        assert!((0..8).all(|at| found(&mesh, at) == 0), "neither half sees it alone");

        mesh.cut.retain(|hop| !matches!(hop, (3, 4) | (4, 3)));
        mesh.now = mesh.now.after(1_000);
        // It says the same again to those at the border, who pass it on.
        for at in [3, 4] {
            let again = votes.iter().flatten().map(|vote| mesh.give(at, link(8), vote));
            let passed_on = again.filter(|taken| matches!(taken, Ok(Accepted::Repeated { .. })));
            assert_eq!(passed_on.count(), 6, "{suite}");
            mesh.run();
        }
        let mut keys = BTreeSet::new();
        let third_party = Directory::new(mesh.view.clone(), 1);
        let one_proof = |mesh: &Mesh, keys: &mut BTreeSet<Digest>| {
            for at in 0..8 {
                let held = mesh.guard(at).core().equivocation_proofs();
                assert_eq!((held.len(), found(mesh, at)), (1, 1), "{suite}, at {at}");
                let proof = EquivocationProof::verify(held[0].as_bytes(), &third_party).unwrap();
                assert_eq!(proof.node(), id(8));
                keys.insert(proof.key());
                assert_eq!(mesh.guard(at).stats(mesh.now).quarantined_nodes, [id(8)]);
                for other in 0..8 {
                    let score = mesh.guard(at).core().reputation(&id(other), mesh.now);
                    assert_eq!(score, meshward::reputation::Reputation::FULL);
                }
            }
        };
        one_proof(&mesh, &mut keys);

        // It goes on: the same votes with other coins, both to everybody, votes on other matters, frames.
        mesh.cut.clear();
        for round in 0..20_u8 {
            mesh.now = mesh.now.after(500);
            for at in 0..8 {
                for other in [0, 7] {
                    let _refused = mesh.give(at, link(8), &vote(&liar, round % 10, other));
                }
                let nonce = Nonce { boot: 5, sequence: u32::from(round) + 1 };
                let frame = liar.header(Kind::RouteUpdate, nonce);
                let refusal = mesh.give(at, link(8), &liar.frame(frame, &[round])).unwrap_err();
                assert_eq!(refusal, Refusal::OriginQuarantined);
            }
            mesh.run();
        }
        one_proof(&mesh, &mut keys);
        assert_eq!(keys.len(), 1);
        for (at, topic) in (0..8).flat_map(|at| (0..6).map(move |topic| (at, topic))) {
            for content in [1, 2] {
                assert!(!mesh.guard(at).is_validated(&proposal(topic, content)));
            }
        }
    }
}
