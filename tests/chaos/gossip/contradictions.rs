//! Two things signed where only one may be; and one thing signed twice.

use meshward::quorum::{Ballot, Phase, seal_ballot};
use meshward::reputation::Reputation;
use meshward::wire::{Header, Kind};
use meshward::{
    CriticalEvent, Digest, EquivocationProof, Event, OsEntropy, Refusal, SentAt, Suite,
};

use super::{hostile, nonce};
use crate::support::{Liar, Mesh, id, link};

fn proofs(mesh: &Mesh, at: usize) -> Vec<EquivocationProof> {
    let events = mesh.nodes[at].host.events.lock();
    let proof = |event: &Event| match event {
        Event::Equivocation(proof) => Some((**proof).clone()),
        _ => None,
    };
    events.iter().filter_map(proof).collect()
}

/// Node 0 was found out by everyone in `finders`, once, and nobody else pays: not those who passed the
/// two halves on either.
fn assert_condemned_once(mesh: &mut Mesh, finders: &[usize], halves: &[Vec<u8>]) {
    for at in finders {
        let found = proofs(mesh, *at);
        assert_eq!(found.len(), 1, "at {at}");
        assert_eq!(found[0].node(), id(0));
        // Anyone can check it who knows the members and has never met either half.
        let elsewhere = mesh.guard(3).core();
        let checked =
            EquivocationProof::verify(found[0].as_bytes(), elsewhere.directory()).unwrap();
        assert_eq!((checked.node(), checked.key()), (id(0), found[0].key()));
        assert!(mesh.guard(*at).is_node_quarantined(&id(0), mesh.now));
    }
    // Played again for as long as the quarantine lasts, and once more when it is over.
    for round in 0..1200 {
        mesh.now = mesh.now.after(300);
        for at in finders {
            for half in halves {
                mesh.give(*at, hostile(round % 40), half).unwrap_err();
            }
        }
    }
    for at in finders {
        assert!(!mesh.guard(*at).is_node_quarantined(&id(0), mesh.now), "it ends");
        let found = proofs(mesh, *at);
        assert_eq!(found.len(), 1, "{} proofs at {at}", found.len());
        let quarantined = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
        assert_eq!(mesh.nodes[*at].host.count(quarantined), 1, "at {at}");
        let paid = |event: &Event| matches!(event, Event::LinkQuarantined { .. });
        assert_eq!(mesh.nodes[*at].host.count(paid), 0, "at {at}");
    }
    mesh.assert_unharmed(1, 2);
}

/// G13, promise P11: 1200 different messages under one nonce, to one receiver, half of them through an
/// honest relay. The second is proof: it is checked, written down, gossiped, and condemns the key once.
/// What comes after it costs no check.
#[test]
fn g13_two_contents_under_one_nonce_are_proof() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(0);
        let said: Vec<_> =
            (0..1200_u32).map(|number| liar.beacon(nonce(5), &number.to_le_bytes())).collect();
        mesh.give(1, link(0), &said[0]).unwrap();
        assert_eq!(mesh.give(1, link(2), &said[1]).unwrap_err(), Refusal::Equivocation);
        // Two for the frames, two for the proof.
        let checks = mesh.guard(1).stats(mesh.now).signature_checks;
        assert!(checks <= 4, "{checks} checks");
        for (number, other) in said.iter().enumerate() {
            let over = link([0, 2][number % 2]);
            let refusal = mesh.give(1, over, other).unwrap_err();
            assert!(matches!(
                refusal,
                Refusal::OriginQuarantined | Refusal::Replay | Refusal::Duplicate
            ));
        }
        assert_eq!(mesh.guard(1).stats(mesh.now).signature_checks, checks);
        mesh.run();
        assert_condemned_once(&mut mesh, &[1, 2, 3], &said[..2]);
    }
}

/// G13, promise P11: one message to one receiver, another to a second. When they pass on what they
/// heard, as honest neighbours do, the proof is there, and everybody has it.
#[test]
fn g13_two_contents_to_two_receivers_meet() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(0);
        let halves = [liar.beacon(nonce(5), b"to you"), liar.beacon(nonce(5), b"to you alone")];
        mesh.give(1, link(0), &halves[0]).unwrap();
        mesh.give(2, link(0), &halves[1]).unwrap();
        assert_eq!(mesh.give(1, link(2), &halves[1]).unwrap_err(), Refusal::Equivocation);
        assert_eq!(mesh.give(2, link(1), &halves[0]).unwrap_err(), Refusal::Equivocation);
        mesh.run();
        assert_condemned_once(&mut mesh, &[1, 2, 3], &halves);
    }
}

/// G13, promise P11: one message to one receiver, another to a second, and after it to each a whole burst
/// and a second and a half at the full rate, all within what a member may send. That does not push the
/// evidence out before the two messages meet.
#[test]
fn g13_a_burst_does_not_bury_a_contradiction() {
    for suite in Suite::available() {
        for round in 0..30 {
            let mut mesh = Mesh::new(suite, 4);
            let liar = mesh.steal(0);
            let halves = [liar.beacon(nonce(5), b"to you"), liar.beacon(nonce(5), b"to others")];
            mesh.give(1, link(0), &halves[0]).unwrap();
            let after = if round % 2 == 0 { 20 } else { 35 };
            for number in 1..=after {
                let header = liar.header(Kind::RouteUpdate, nonce(5 + number));
                let sent_at = SentAt(5_000 + 100 * u64::from(number.saturating_sub(20)));
                let frame = liar.frame(Header { sent_at, ..header }, b"");
                mesh.give(1, link(0), &frame).unwrap();
            }
            mesh.now = mesh.now.after(1_500);
            let met = mesh.give(1, link(2), &halves[1]).unwrap_err();
            assert_eq!(met, Refusal::Equivocation, "{suite}, after {after} more");
        }
    }
}

/// A rotation of the liar's to a new key, and a proof that it contradicted itself under the one before.
fn burn_a_key(liar: &mut Liar, number: u32) -> [Vec<u8>; 2] {
    let halves = [b"one", b"two"].map(|body| {
        let frame = liar.beacon(nonce(number), body);
        frame[..frame.len() - body.len()].to_vec()
    });
    let mesh = liar.view.mesh();
    let proof = EquivocationProof::seal_headers(mesh, [&halves[0], &halves[1]]).unwrap();
    let (rotation, next) = liar.rotate(liar.key.suite(), nonce(number));
    *liar = next;
    [rotation, proof]
}

/// G14, promises P4 and P11: a member burns twenty keys, a contradiction under each, and somebody shows
/// the twenty proofs in turn, sixty times. Each is news once at most at each node, so what honest nodes
/// pass on to each other comes to an end, and the member is charged no more often than it lied.
#[test]
fn g14_proofs_of_many_keys_shown_in_turn_are_news_once() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 5);
        let mut liar = mesh.steal(0);
        mesh.nodes[0].down = true;
        let burnt: Vec<_> = (1..=20).map(|number| burn_a_key(&mut liar, number)).collect();
        for [rotation, _] in &burnt {
            for at in 1..5 {
                mesh.give(at, hostile(0), rotation).unwrap();
                mesh.nodes[at].host.sent();
            }
        }
        for round in 0..60 {
            mesh.now = mesh.now.after(1_000);
            for [_, proof] in &burnt {
                let _news_once = mesh.give(1 + round % 4, hostile(0), proof);
            }
            mesh.run();
        }
        for at in 1..5 {
            let found: std::collections::BTreeSet<_> =
                proofs(&mesh, at).iter().map(|proof| proof.key()).collect();
            // Under the first three keys nobody can check anything any more.
            assert_eq!((found.len(), proofs(&mesh, at).len()), (17, 17), "{suite}");
        }
        mesh.assert_unharmed(1, 2);
    }
}

/// G14, promises P5 and P11: one header and one vote, each signed 1200 times, with other random coins
/// each time where the suite has any. Nothing of that is a contradiction, is kept, or is held against
/// anybody.
#[test]
fn g14_one_statement_signed_twice_is_no_contradiction() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let twin = mesh.steal(0);
        let (topic, content) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        let event = CriticalEvent::GovernanceProposal { topic, sequence: 1, content };
        let ballot = Ballot::for_event(&event, 0, Phase::Prevote).unwrap();
        let head = twin.head();
        let mut frames = std::collections::BTreeSet::new();
        for number in 0..1200 {
            let frame = twin.frame(twin.header(Kind::Beacon, nonce(7)), b"once");
            let about = (mesh.view.digest(), nonce(7));
            let vote = seal_ballot(&ballot, about, &head, &twin.key, &OsEntropy).unwrap();
            let over = if number % 2 == 0 { link(0) } else { link(2) };
            match (number, mesh.give(1, over, &frame)) {
                (0, first) => drop(first.unwrap()),
                (_, again) => assert_eq!(again.unwrap_err(), Refusal::Duplicate),
            }
            match (number, mesh.give(1, over, &vote)) {
                (0, first) => drop(first.unwrap()),
                (_, again) => assert_eq!(again.unwrap_err(), Refusal::Duplicate),
            }
            frames.insert(frame);
        }
        let differ = suite == Suite::MlDsa65;
        assert_eq!(frames.len(), if differ { 1200 } else { 1 }, "{suite}");
        assert_eq!(mesh.guard(1).stats(mesh.now).signature_checks, 2);
        assert!(proofs(&mesh, 1).is_empty());
        let full = mesh.guard(1).core().reputation(&id(0), mesh.now);
        assert_eq!(full, Reputation::FULL);
        let proposed = |event: &Event| matches!(event, Event::Proposed { .. });
        assert_eq!(mesh.nodes[1].host.count(proposed), 1);
        assert_eq!(mesh.nodes[1].host.events.lock().len(), 1);
        mesh.assert_unharmed(1, 2);
    }
}
