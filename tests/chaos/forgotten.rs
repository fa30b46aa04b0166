//! Disks that are rolled back to before a vote: whoever cannot know what it voted abstains.

use std::collections::BTreeMap;

use meshward::quorum::{Ballot, Phase, UncheckedBallot};
use meshward::wire::{Packet, Tag};
use meshward::{Config, CriticalEvent, Digest, DiskTrust, Error, Event, Misuse, Refusal, Suite};

use crate::support::{Liar, Mesh, id, link};

/// The member whose disk is rolled back, of seven.
const VICTIM: usize = 6;

fn proposal(content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([3; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence: 1, content }
}

/// Whatever the node at `place` voted since the mesh is tapped, by view, round and phase.
fn votes(mesh: &Mesh, place: usize) -> BTreeMap<(u32, Phase), Vec<Option<CriticalEvent>>> {
    let mut votes = BTreeMap::<_, Vec<_>>::new();
    for bytes in mesh.tapped.as_ref().unwrap() {
        if let Ok(Packet::Statement(statement)) = Packet::parse(bytes)
            && statement.tag() == Tag::Ballot
            && statement.head().origin == id(place)
            && let Ok(ballot) = UncheckedBallot::read(statement, &mesh.view)
        {
            let (at, choice) =
                ((ballot.ballot().round(), ballot.ballot().phase()), ballot.ballot().event());
            let said = votes.entry(at).or_default();
            if !said.contains(&choice) {
                said.push(choice);
            }
        }
    }
    votes
}

/// A mesh in which four of seven accept one content and one another, so that they vote in round after
/// round and decide nothing; and the victim's disk is what it was before.
fn rolled_back(suite: Suite, seed: u64) -> Mesh {
    let mut mesh = Mesh::new(suite, 7);
    mesh.seed(seed);
    mesh.tapped = Some(Vec::new());
    mesh.pass(2_000);
    let old = mesh.nodes[VICTIM].disk.copied();
    for (place, content) in [(0, 1), (1, 1), (2, 1), (3, 2), (VICTIM, 1)] {
        mesh.guard(place).report_critical_event(proposal(content), mesh.now).unwrap();
    }
    mesh.pass(12_000);
    let rounds: Vec<_> = votes(&mesh, VICTIM).into_keys().map(|(round, _)| round).collect();
    assert!(rounds.first() == Some(&0) && rounds.last() > Some(&0), "it has voted: {rounds:?}");
    mesh.nodes[VICTIM].disk = old;
    mesh.restart(VICTIM);
    mesh
}

fn abstentions(mesh: &Mesh) -> usize {
    mesh.nodes[VICTIM].host.count(|event| matches!(event, Event::Abstains { .. }))
}

fn never_contradicts_itself(mesh: &Mesh) {
    for (at, said) in votes(mesh, VICTIM) {
        assert_eq!(said.len(), 1, "{at:?}: {said:?}");
    }
    let core = mesh.guard(0).core();
    assert!(core.equivocation_proofs().is_empty());
}

/// K14, promises P6 and P9: a disk is rolled back to before a vote. When the node says Hello, it is shown
/// what it voted, and abstains there, after another restart, too; it never contradicts itself, is charged
/// with nothing, and the others decide without it.
#[test]
fn k14_a_node_that_forgot_its_vote_is_shown_it_and_abstains() {
    for suite in Suite::available() {
        for seed in 1..=3 {
            let mut mesh = rolled_back(suite, seed);
            mesh.pass(1_000);
            assert_eq!(abstentions(&mesh), 1, "{suite}, {seed}");
            let said = votes(&mesh, VICTIM);
            // Its host likes something else by now.
            let refused = mesh.guard(VICTIM).report_critical_event(proposal(2), mesh.now);
            assert!(matches!(refused, Err(Error::Misuse(Misuse::Abstains))), "{refused:?}");
            mesh.pass(3_000);
            mesh.restart(VICTIM);
            let refused = mesh.guard(VICTIM).report_critical_event(proposal(2), mesh.now);
            assert!(matches!(refused, Err(Error::Misuse(Misuse::Abstains))), "{refused:?}");
            mesh.pass(3_000);
            assert_eq!(votes(&mesh, VICTIM), said, "it has said its last word there");
            for place in [3, 4] {
                mesh.guard(place).report_critical_event(proposal(1), mesh.now).unwrap();
            }
            mesh.pass(120_000);
            for place in 0..7 {
                assert!(mesh.guard(place).is_validated(&proposal(1)), "{suite}, at {place}");
            }
            never_contradicts_itself(&mesh);
            mesh.assert_unharmed(0, VICTIM);
        }
    }
}

/// K14: its first Hello is lost, and it is shown when it votes as if it never had.
#[test]
fn k14_a_node_that_votes_again_from_the_first_round_is_shown_that_it_has_gone_on() {
    for suite in Suite::available() {
        let mut mesh = rolled_back(suite, 5);
        mesh.cut = (0..VICTIM).map(|other| (VICTIM, other)).collect();
        mesh.pass(250);
        mesh.cut.clear();
        assert_eq!(abstentions(&mesh), 0, "{suite}");
        // It begins anew, and by chance as it did before; its votes have gone on since.
        let first = votes(&mesh, VICTIM)[&(0, Phase::Prevote)][0].clone();
        let vote = match first {
            Some(event) => Ballot::for_event(&event, 0, Phase::Prevote),
            None => Ballot::for_nothing(&proposal(1), 0, Phase::Prevote),
        };
        let again = mesh.steal(VICTIM).vote(&vote.unwrap());
        let _taken_or_outdated = mesh.give(0, link(VICTIM), &again);
        let shown = mesh.nodes[0].host.replies.lock().len();
        assert_eq!(shown, 1, "{suite}: once");
        let _refused = mesh.give(0, link(VICTIM), &again).unwrap_err();
        assert_eq!(mesh.nodes[0].host.replies.lock().len(), shown);
        mesh.run();
        assert_eq!(abstentions(&mesh), 1);
        mesh.pass(5_000);
        never_contradicts_itself(&mesh);
    }
}

/// K14, promise P3: nobody but who has its key can make a node abstain, and who tries makes it check a few
/// signatures at most.
#[test]
fn k14_votes_that_a_node_never_signed_silence_nobody() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2_000);
        let forger = Liar::impostor(suite, id(0), &mesh.view);
        let forger = Liar { key: forger.key, ..mesh.steal(0) };
        let before = mesh.guard(0).stats(mesh.now).signature_checks;
        for round in 0..200 {
            let ballot = Ballot::for_event(&proposal(1), round, Phase::Precommit).unwrap();
            let own_head = mesh.steal(0);
            let mut vote = own_head.vote(&ballot);
            let signature = forger.vote(&ballot);
            let at = vote.len() - suite.signature_len();
            vote.truncate(at);
            vote.extend(&signature[at..]);
            let refusal = mesh.give(0, link(1 + round as usize % 3), &vote).unwrap_err();
            assert_eq!(refusal, Refusal::Own);
        }
        let checks = mesh.guard(0).stats(mesh.now).signature_checks - before;
        assert!(checks <= 3, "{suite}: {checks} checks, one for each link");
        for other in 1..4 {
            mesh.assert_unharmed(0, other);
        }
        for place in 0..3 {
            mesh.guard(place).report_critical_event(proposal(1), mesh.now).unwrap();
        }
        mesh.pass(20_000);
        assert!(mesh.guard(0).is_validated(&proposal(1)), "it votes like everybody");
    }
}

/// K14: a disk from before a rotation. What the node says from it nobody takes; it is told why, and is
/// silent until it is recovered. Nobody pays.
#[test]
fn k14_a_disk_older_than_a_rotation_is_told_and_silent() {
    for (suite, disk) in Suite::available().flat_map(|suite| {
        [DiskTrust::NeverRolledBack, DiskTrust::MayBeRolledBack].map(|disk| (suite, disk))
    }) {
        // While the key before is still taken, and after that.
        let away_ms = if suite == Suite::available().next().unwrap() { 3_000 } else { 9_000 };
        let config = Config { disk, grace_ms: 6_000, ..Config::default() };
        let mut mesh = Mesh::with(suite, 4, config);
        mesh.pass(5_000);
        let old = mesh.nodes[3].disk.copied();
        mesh.guard(3).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(away_ms);
        mesh.nodes[3].disk = old;
        mesh.restart(3);
        let stopped = |event: &Event| matches!(event, Event::SigningStopped { .. });
        for _ in 0..10 {
            if mesh.nodes[3].host.count(stopped) > 0 {
                break;
            }
            mesh.now = mesh.now.after(1_000);
            for at in 0..4 {
                mesh.guard(at).tick(mesh.clock(at)).unwrap();
            }
            mesh.run();
        }
        assert_eq!(mesh.nodes[3].host.count(stopped), 1, "{suite}, {disk:?}: it is told");
        let refused = mesh.guard(3).sign_beacon(b"here", mesh.now);
        assert!(refused.is_err(), "{suite}, {disk:?}: it signs nothing");
        let disk = mesh.nodes[3].disk.copied();
        mesh.recover(3, disk, suite);
        mesh.pass(8_000);
        for at in 0..3 {
            mesh.assert_unharmed(at, 3);
        }
    }
}
