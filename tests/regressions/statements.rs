//! Votes and reports: when they leave, what old ones can do, and how they get everywhere.

use meshward::quorum::{Ballot, Phase, QuorumConfig, seal_attestation};
use meshward::wire::Tag;
use meshward::{
    Accepted, Certificate, Config, CriticalEvent, FailureStatus, Nonce, OsEntropy, Refusal, Suite,
    Tally,
};

use crate::support::{Mesh, certificate, failure, id, link, mark};
use crate::{STRANGER, proposal, sent, statements_on, tagged};

fn link_down(reporter: usize, peer: usize, sequence: u32) -> CriticalEvent {
    CriticalEvent::LinkDown { reporter: id(reporter), peer: id(peer), mark: mark(sequence) }
}

fn narrow() -> Config {
    let quorum = QuorumConfig {
        slots_per_member: 4,
        attestor_rate: meshward::limit::Rate { per_second: 1, burst: 1 },
        ..QuorumConfig::default()
    };
    Config { quorum, ..Config::default() }
}

/// P3: recorded statements of a member, played again by an outsider, replace nothing it said later,
/// push nothing out, cost nobody a signature check, and leave the member's budget alone.
#[test]
fn old_statements_played_again_do_nothing() {
    for suite in Suite::available() {
        let mesh = Mesh::with(suite, 4, narrow());
        let member = mesh.steal(3);
        let links = [link_down(3, 2, 1), link_down(3, 2, 2)].map(|event| member.attest(&event));
        let votes: Vec<_> = (1..=5).map(|of| member.attest(&proposal(of, 1))).collect();
        let old: Vec<_> = links.into_iter().chain(votes).collect();
        for statement in &old {
            mesh.give(0, link(3), statement).unwrap();
        }
        let checks = mesh.guard(0).core().directory().signature_checks();
        for number in 0..300 {
            let refusal = mesh.give(0, STRANGER, &old[number % old.len()]).unwrap_err();
            assert!(matches!(refusal, Refusal::Duplicate | Refusal::Outdated), "{refusal}");
        }
        assert_eq!(mesh.guard(0).core().directory().signature_checks(), checks);
        // Of its burst of nine this is the eighth.
        let report = mesh.give(0, link(3), &member.attest(&failure(1, None)));
        assert!(matches!(report, Ok(Accepted::Attestation { .. })), "{suite}: {report:?}");
        let reported = mesh.guard(0).validate_node_failure(&id(1));
        assert!(matches!(reported, FailureStatus::Reported { attestations: 1, .. }));
        // Its newest votes are still held: with two others each makes a quorum of four.
        for sequence in 2..=5 {
            let event = proposal(sequence, 1);
            for voter in [1, 2] {
                mesh.give(0, link(voter), &mesh.steal(voter).attest(&event)).unwrap();
            }
            assert!(mesh.guard(0).is_validated(&event), "{suite}: vote {sequence} is gone");
        }
    }
}

/// P3: the same at a receiver that knows nothing yet: the newest statement came first, then all the
/// old ones. It is still held, and still taken for what it is.
#[test]
fn old_statements_do_not_push_out_a_newer_one_that_came_first() {
    for suite in Suite::available() {
        let mesh = Mesh::with(suite, 4, narrow());
        let member = mesh.steal(3);
        let old: Vec<_> = (1..=6).map(|of| member.attest(&proposal(of, 1))).collect();
        let newest = member.attest(&proposal(7, 1));
        mesh.give(0, link(3), &newest).unwrap();
        for statement in &old {
            let _some_find_room = mesh.give(0, STRANGER, statement);
        }
        assert_eq!(mesh.give(0, link(3), &newest).unwrap_err(), Refusal::Duplicate);
        for voter in [1, 2] {
            mesh.give(0, link(voter), &mesh.steal(voter).attest(&proposal(7, 1))).unwrap();
        }
        assert!(mesh.guard(0).is_validated(&proposal(7, 1)), "{suite}: it was pushed out");
    }
}

/// P7: a member reported more failures at once than are kept of it, and was wrong about the later
/// ones. When their subjects are heard again there is room for the first, and it is taken.
#[test]
fn a_report_that_was_pushed_out_comes_in_again() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 7);
        let reporter = mesh.steal(6);
        let reports: Vec<_> = (0..4).map(|of| reporter.attest(&failure(of, None))).collect();
        for report in &reports {
            mesh.give(5, link(6), report).unwrap();
        }
        for back in 1..4 {
            let beacon = mesh.beacon(back);
            mesh.give(5, link(6), &beacon).unwrap();
        }
        let taken = mesh.give(5, link(6), &reports[0]);
        assert!(matches!(taken, Ok(Accepted::Attestation { .. })), "{suite}: {taken:?}");
    }
}

/// P7: for longer than the suspicion time nobody hears anybody, and everybody reports everybody.
/// When the air is back, the one that is really gone is certified, and nobody else.
#[test]
fn after_an_outage_of_everybody_the_dead_one_is_certified() {
    for seed in 1..=4 {
        let mut mesh = Mesh::new(Suite::available().next().unwrap(), 7);
        mesh.seed(seed);
        mesh.pass(2000);
        mesh.nodes[0].down = true;
        mesh.cut = (0..7).flat_map(|from| (0..7).map(move |to| (from, to))).collect();
        mesh.pass(5000);
        mesh.cut.clear();
        mesh.pass(6000);
        for node in 1..7 {
            let failures = mesh.guard(node).stats(mesh.now).validated_failures;
            assert_eq!(failures, [id(0)], "seed {seed}, node {node}");
        }
    }
}

/// P7: a node reports a failure, rotates its key twice, and the others, who missed the report, know
/// only the new keys: they count it all the same. The node is deaf, so that it cannot count for them.
#[test]
fn a_report_from_before_two_rotations_is_counted() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        mesh.nodes[3].down = true;
        let others = || [1, 2, 3].into_iter();
        mesh.cut = others().flat_map(|other| [(0, other), (other, 0)]).collect();
        mesh.pass(4000);
        // Deaf, it accuses nobody by itself, but its host knows better.
        mesh.guard(0).report_node_failure(id(3), mesh.now).unwrap();
        mesh.run();
        mesh.cut = others().map(|other| (other, 0)).collect();
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
        mesh.run();
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
        mesh.run();
        mesh.pass(3000);
        assert!([1, 2].into_iter().all(|node| mesh.certified(node, 3)), "{suite}");
    }
}

/// P6, P7: the same for a vote that a restarted node takes back from its store, signed under a key
/// that is no more: it counts with the others, and with the node itself.
#[test]
fn a_stored_vote_from_before_two_rotations_is_counted() {
    for (suite, hears) in Suite::available().flat_map(|suite| [(suite, false), (suite, true)]) {
        let mut mesh = Mesh::new(suite, 4);
        let event = proposal(1, 1);
        mesh.pass(1000);
        mesh.nodes[3].down = true;
        mesh.cut = [1, 2, 3].into_iter().flat_map(|other| [(0, other), (other, 0)]).collect();
        mesh.guard(0).report_critical_event(event.clone(), mesh.now).unwrap();
        for _ in 0..2 {
            mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
        }
        mesh.run();
        mesh.restart(0);
        if hears {
            // Nobody tells it of a certificate: its own count has to make one.
            mesh.pass(1000);
            for phase in [Phase::Prevote, Phase::Precommit] {
                let ballot = Ballot::for_event(&event, 0, phase).unwrap();
                for node in [1, 2] {
                    mesh.give(0, link(node), &mesh.steal(node).vote(&ballot)).unwrap();
                }
                if phase == Phase::Prevote {
                    // The third is node 0's own, once it has waited for a leader.
                    mesh.pass(3000);
                }
            }
            assert!(mesh.guard(0).is_validated(&event), "{suite}: its own vote is missing");
            continue;
        }
        mesh.cut.clear();
        for node in [1, 2] {
            mesh.guard(node).report_critical_event(event.clone(), mesh.now).unwrap();
        }
        mesh.pass(40_000);
        assert!((0..3).all(|node| mesh.guard(node).is_validated(&event)), "{suite}");
    }
}

/// P6, P7: a whole quorum of liars or of misled members certifies this node's own failure. It knows
/// better: it is not believed here, and the router is not told to cut the node off from itself.
#[test]
fn a_node_does_not_believe_its_own_failure() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let event = failure(0, None);
        let votes: Vec<_> = (1..4).map(|of| (of, mesh.steal(of as usize).attest(&event))).collect();
        for bytes in votes.iter().map(|(_, vote)| vote.clone()) {
            assert_eq!(mesh.give(0, link(1), &bytes).unwrap_err(), Refusal::Outdated);
        }
        let made = certificate(&mesh.view, &votes);
        assert_eq!(mesh.give(0, link(1), &made).unwrap_err(), Refusal::Outdated);
        assert!(!mesh.certified(0, 0) && mesh.nodes[0].host.isolated.lock().is_empty());
        assert!(mesh.guard(0).stats(mesh.now).validated_failures.is_empty());
        mesh.give(1, link(2), &made).unwrap();
        assert!(mesh.certified(1, 0), "the others do believe it");
    }
}

/// P7: several matters are settled, and somebody lacks each of them. All are answered, one after the
/// other, although one is asked about all the time.
#[test]
fn every_settled_matter_is_answered_in_turn() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let late = mesh.steal(3);
        let asks: Vec<_> = (1..=4)
            .map(|sequence| {
                let event = proposal(sequence, 1);
                let of = |place: u32| (place, mesh.steal(place as usize).attest(&event));
                let made = certificate(&mesh.view, &[of(0), of(1), of(2)]);
                mesh.give(1, link(0), &made).unwrap();
                late.attest(&event)
            })
            .collect();
        let ask = |mesh: &Mesh, at: usize| {
            assert_eq!(mesh.give(1, link(3), &asks[at]).unwrap_err(), Refusal::Decided);
        };
        (0..4).for_each(|at| ask(&mesh, at));
        let mut answered = Vec::new();
        for _ in 0..4 {
            ask(&mesh, 0);
            mesh.nodes[1].host.sent();
            mesh.now = mesh.now.after(1000);
            mesh.guard(1).tick(mesh.now).unwrap();
            for bytes in tagged(sent(&mesh, 1), Tag::Certificate) {
                let found = Certificate::verify(&bytes, mesh.guard(1).core().directory());
                answered.push(found.unwrap().event().clone());
            }
        }
        let all: Vec<_> = (1..=4).map(|sequence| proposal(sequence, 1)).collect();
        assert_eq!(answered, all, "{suite}");
    }
}

/// The one statement of node 0 on `event` among what it wants sent.
fn said_by_0(mesh: &Mesh, event: &CriticalEvent) -> Vec<u8> {
    let mut found = statements_on(mesh, event, sent(mesh, 0));
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Node 0 says it again after a resend interval.
fn said_again(mesh: &mut Mesh, event: &CriticalEvent) -> Vec<u8> {
    mesh.now = mesh.now.after(1000);
    mesh.guard(0).tick(mesh.now).unwrap();
    said_by_0(mesh, event)
}

fn repeated(taken: &Result<Accepted, Refusal>) -> bool {
    matches!(taken, Ok(Accepted::Repeated { origin }) if *origin == id(0))
}

/// P7: 0 speaks to 2 through 1 alone, and the first copy from 1 to 2 was lost. The second, which is
/// none to 1, is passed on, not too often, and only if it is the statement that 1 has checked.
#[test]
fn a_statement_lost_on_the_second_hop_comes_again() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        // Of its own link it states what it knows: nothing was heard yet.
        let event = CriticalEvent::LinkDown { reporter: id(0), peer: id(3), mark: None };
        mesh.guard(0).report_critical_event(event.clone(), mesh.now).unwrap();
        let first = said_by_0(&mesh, &event);
        mesh.give(1, link(0), &first).unwrap();
        mesh.nodes[1].host.sent();

        // Somebody runs ahead with what nobody has signed.
        mesh.now = mesh.now.after(600);
        let head = |at: usize| {
            let mut bytes = first.clone();
            bytes[at] ^= 1;
            bytes
        };
        let signature = first.len() - suite.signature_len();
        let other_epoch = head(2 + 32 + 1 + 32);
        let other_key = head(2 + 32 + 1 + 32 + 8);
        let own = mesh.steal(0);
        let about = (mesh.view.digest(), Nonce { boot: 1, sequence: 99 });
        let again = seal_attestation(&event, about, &own.head(), &own.key, &OsEntropy).unwrap();
        for other in [other_epoch, other_key, head(signature + 7), again] {
            let taken = mesh.give(1, STRANGER, &other);
            assert!(!repeated(&taken), "{suite}: unchecked, and passed on");
            mesh.nodes[1].host.sent();
        }

        let again = said_again(&mut mesh, &event);
        assert_eq!(again, first);
        let taken = mesh.give(1, link(0), &again);
        assert!(repeated(&taken), "{suite}: {taken:?}");
        let passed_on = mesh.nodes[1].host.sent();
        assert_eq!(passed_on, [(again.clone(), Some(link(0)))]);
        let taken = mesh.give(2, link(1), &passed_on[0].0);
        assert!(matches!(taken, Ok(Accepted::Attestation { .. })), "{suite}: {taken:?}");
        mesh.now = mesh.now.after(499);
        assert_eq!(mesh.give(1, link(0), &again).unwrap_err(), Refusal::Duplicate);
        mesh.now = mesh.now.after(1);
        assert!(repeated(&mesh.give(1, link(0), &again)));
    }
}

/// P7: the same when 0 has rotated its key, or restarted, before it says it again: it is signed
/// anew, and 1, which holds the first one, still passes it on.
#[test]
fn a_statement_signed_anew_passes_the_second_hop() {
    for (suite, restarts) in Suite::available().flat_map(|suite| [(suite, false), (suite, true)]) {
        let mut mesh = Mesh::new(suite, 4);
        // Of its own link it states what it knows: nothing was heard yet.
        let event = CriticalEvent::LinkDown { reporter: id(0), peer: id(3), mark: None };
        mesh.guard(0).report_critical_event(event.clone(), mesh.now).unwrap();
        let first = said_by_0(&mesh, &event);
        mesh.give(1, link(0), &first).unwrap();
        if restarts {
            mesh.restart(0);
            mesh.now = mesh.now.after(1000);
            mesh.guard(0).report_critical_event(event.clone(), mesh.now).unwrap();
        } else {
            mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
            for rotation in tagged(sent(&mesh, 0), Tag::Rotation) {
                mesh.give(1, link(0), &rotation).unwrap();
                mesh.give(2, link(1), &rotation).unwrap();
            }
        }
        mesh.nodes[1].host.sent();
        let anew = if restarts { said_by_0(&mesh, &event) } else { said_again(&mut mesh, &event) };
        assert_ne!(anew, first);
        let taken = mesh.give(1, link(0), &anew);
        assert!(matches!(taken, Ok(Accepted::Attestation { .. })), "{suite}: {taken:?}");
        let taken = mesh.give(2, link(1), &anew);
        let Ok(Accepted::Attestation { tally: Tally::Pending { attestations: 1, .. }, .. }) = taken
        else {
            panic!("{suite}: {taken:?}");
        };
        // The one it replaced is no news any more.
        let refusal = mesh.give(1, STRANGER, &first).unwrap_err();
        assert_eq!(refusal, Refusal::Duplicate);
    }
}
