//! The quorum from end to end: real keys, real signatures, both suites.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;

use meshward::membership::View;
use meshward::{
    Accepted, Certificate, CriticalEvent, Digest, Directory, Epoch, EquivocationProof, Error,
    Event, FailureStatus, Kind, Misuse, Nonce, Refusal, Suite, Tally, faults_tolerated,
    quorum_size,
};
use support::{Liar, Mesh, certificate, failure, id, link, mark};

/// What a third party has: the view, read from a file, and nothing else.
fn third_party(mesh: &Mesh) -> Directory {
    let view = View::from_bytes(&mesh.view.to_bytes().unwrap()).unwrap();
    assert_eq!(view.digest(), mesh.view.digest());
    Directory::new(Arc::new(view), 16)
}

fn proposal(content: u8) -> CriticalEvent {
    let digest = |byte| Digest::from_bytes([byte; 32]);
    CriticalEvent::GovernanceProposal { topic: digest(0), sequence: 7, content: digest(content) }
}

fn equivocate(mesh: &Mesh, at: usize, liar: &Liar) -> Refusal {
    let nonce = Nonce { boot: 9, sequence: 1 };
    for body in [b"left".as_slice(), b"right"] {
        let taken = mesh.give(at, link(at), &liar.beacon(nonce, body));
        if let Err(refusal) = taken {
            return refusal;
        }
    }
    panic!("two contents under one nonce were taken");
}

/// P6, P7: for every size up to 2000 the quorum is ⌈2n/3⌉, the liars alone do not reach it, the
/// others do, and two quorums share a member that does not lie.
#[test]
fn quorum_calculation() {
    for n in 1..=2000 {
        let (q, f) = (quorum_size(n), faults_tolerated(n));
        assert!(3 * q >= 2 * n && 3 * (q - 1) < 2 * n, "n = {n}: q = {q} is not ⌈2n/3⌉");
        assert!(3 * f < n && 3 * (f + 1) >= n, "n = {n}: f = {f} is not ⌈n/3⌉ − 1");
        assert!(f < q && q <= n - f && 2 * q > n + f, "n = {n}, q = {q}, f = {f}");
    }
}

/// P6, P7: each of the six kinds reaches a certificate that a third party checks from the view
/// alone. Attested by exactly a quorum; the last attestation makes it.
#[test]
fn event_validation() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let rotted = mesh.steal(3);
        for judge in 0..3 {
            assert_eq!(equivocate(&mesh, judge, &rotted), Refusal::Equivocation);
        }
        mesh.nodes[3].down = true;
        // What it says is refused, so it is asked first; the hosts are sure that it is well.
        for node in &mesh.nodes {
            node.host.healthy.lock().insert(id(3));
        }
        mesh.run();
        mesh.pass(6_000);
        let key = mesh.view.members()[3].key.key.digest();
        let (offender, epoch) = (id(3), Epoch::FIRST);
        let heard =
            mark(1).map(|mark| meshward::Mark { nonce: Nonce { boot: 9, ..mark.nonce }, ..mark });
        let events = [
            failure(3, heard),
            CriticalEvent::LinkDown { reporter: id(0), peer: id(3), mark: heard },
            proposal(1),
            CriticalEvent::KeyRotation { node: id(3), epoch, key },
            CriticalEvent::SecurityIncident { offender, epoch, key },
        ];
        for event in &events {
            for node in 0..3 {
                assert!(!mesh.guard(0).is_validated(event), "{suite}, {event:?}: too early");
                mesh.guard(node).report_critical_event(event.clone(), mesh.now).unwrap();
                mesh.run();
            }
            for node in 0..3 {
                assert!(mesh.guard(node).is_validated(event), "{suite}, {event:?}, node {node}");
                let told = |told: &Event| matches!(told, Event::Certified(found) if found.event() == event);
                assert_eq!(mesh.nodes[node].host.count(told), 1);
            }
            let found = mesh.guard(2).core().certificate(event).unwrap();
            let third_party = third_party(&mesh);
            let checked = Certificate::verify(found.as_bytes(), &third_party).unwrap();
            assert_eq!(checked.event(), event);
            assert_eq!(checked.attestors().len(), 3);
            assert_eq!(third_party.signature_checks(), 3);
        }
    }
}

/// P6: a link's failure is certified only with the word of the endpoint that misses the other.
#[test]
fn link_down_needs_its_reporter() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let event = CriticalEvent::LinkDown { reporter: id(0), peer: id(3), mark: None };
        for node in 1..4 {
            let early = mesh.guard(node).report_critical_event(event.clone(), mesh.now);
            assert!(matches!(early, Err(Error::Misuse(Misuse::Nonsense(_)))), "{early:?}");
            let vote = mesh.steal(node).attest(&event);
            for at in (0..4).filter(|at| *at != node) {
                mesh.give(at, link(node), &vote).unwrap();
            }
        }
        assert!((0..4).all(|node| !mesh.guard(node).is_validated(&event)));
        mesh.guard(0).report_critical_event(event.clone(), mesh.now).unwrap();
        mesh.run();
        for node in 1..4 {
            mesh.guard(node).report_critical_event(event.clone(), mesh.now).unwrap();
        }
        mesh.run();
        assert!((0..4).all(|node| mesh.guard(node).is_validated(&event)));
    }
}

/// P6: one thing wrong with a certificate voids it whole, for a third party and for a member.
#[test]
fn bad_certificates_are_refused() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let liars: Vec<_> = (0..4).map(|place| mesh.steal(place)).collect();
        let event = failure(3, None);
        let votes: Vec<_> = liars.iter().map(|liar| liar.attest(&event)).collect();
        let vote = |place: u32| (place, votes[place as usize].clone());
        let third_party = third_party(&mesh);
        let verify = |bytes: &[u8]| Certificate::verify(bytes, &third_party).map(|_| ());
        let good = [vote(0), vote(1), vote(2)];
        assert_eq!(verify(&certificate(&mesh.view, &good)), Ok(()));

        let mut rotten = good.clone();
        *rotten[2].1.last_mut().unwrap() ^= 1;
        let borrowed = [vote(0), vote(1), (2, votes[1].clone())];
        let mut other_view = certificate(&mesh.view, &good);
        other_view[2 + 32] ^= 1;
        let mut other_mesh = certificate(&mesh.view, &good);
        other_mesh[2] ^= 1;
        let mut longer = certificate(&mesh.view, &good);
        longer.push(0);
        let impostor = Liar::impostor(suite, id(2), &mesh.view).attest(&event);
        let cases: [(&str, Vec<u8>, &str); 11] = [
            ("one bad signature", certificate(&mesh.view, &rotten), "refuted"),
            ("another's vote", certificate(&mesh.view, &borrowed), "unknown_key"),
            (
                "a key nobody knows",
                certificate(&mesh.view, &[vote(0), vote(1), (2, impostor)]),
                "unknown_key",
            ),
            (
                "one attestor twice",
                certificate(&mesh.view, &[vote(0), vote(1), vote(1)]),
                "certificate_shape",
            ),
            (
                "one attestor twice, beside a quorum",
                certificate(&mesh.view, &[vote(0), vote(0), vote(1), vote(2)]),
                "certificate_shape",
            ),
            ("too few", certificate(&mesh.view, &[vote(0), vote(1)]), "certificate_shape"),
            (
                "the subject itself",
                certificate(&mesh.view, &[vote(0), vote(1), vote(3)]),
                "certificate_shape",
            ),
            (
                "no member",
                certificate(&mesh.view, &[vote(0), vote(1), (9, votes[2].clone())]),
                "certificate_shape",
            ),
            ("another view", other_view, "nonsense"),
            ("another mesh", other_mesh, "other_mesh"),
            ("a byte more", longer, "malformed"),
        ];
        for (what, bytes, reason) in &cases {
            let refusal = verify(bytes).unwrap_err();
            assert_eq!(refusal.reason(), *reason, "{suite}, {what}: {refusal}");
            let refusal = mesh.give(0, support::link(1), bytes).unwrap_err();
            let expected = [*reason, "link_quarantined"];
            assert!(expected.contains(&refusal.reason()), "{suite}, {what}: {refusal}");
        }
        assert!(!mesh.guard(0).is_validated(&event));
        mesh.give(0, link(2), &certificate(&mesh.view, &good)).unwrap();
        assert!(mesh.guard(0).is_validated(&event));
    }
}

/// P11, P6: two votes in one exclusive slot are a proof that anyone checks from the view alone; the
/// first vote goes on counting, the member pays once, however often the votes are replayed.
#[test]
fn contradictory_votes_become_a_proof() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(3);
        let (yes, no) = (liar.attest(&proposal(1)), liar.attest(&proposal(2)));
        mesh.give(0, link(3), &yes).unwrap();
        assert_eq!(mesh.give(0, link(3), &no).unwrap_err(), Refusal::ContradictoryVote);
        for vote in [&yes, &no, &yes, &no] {
            assert_eq!(mesh.give(0, link(3), vote).unwrap_err(), Refusal::Duplicate);
        }
        assert!(mesh.guard(0).is_node_quarantined(&id(3), mesh.now));
        let found = proofs(&mesh, 0);
        assert_eq!(found.len(), 1);
        let proof = EquivocationProof::verify(&found[0], &third_party(&mesh)).unwrap();
        assert_eq!((proof.node(), proof.epoch()), (id(3), Epoch::FIRST));
        mesh.run();
        for node in [1, 2] {
            assert!(mesh.guard(node).is_node_quarantined(&id(3), mesh.now), "by the proof alone");
        }
        // Two honest votes and the liar's first are a quorum of four.
        for voter in [1, 2] {
            mesh.give(0, link(voter), &mesh.steal(voter).attest(&proposal(1))).unwrap();
        }
        assert!(mesh.guard(0).is_validated(&proposal(1)));
    }
}

/// P11, P3: two headers under one nonce are a proof for anyone; the same header signed twice, two
/// nonces, or one signature that does not hold are none.
#[test]
fn header_proofs_are_checked_offline() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(3);
        assert_eq!(equivocate(&mesh, 0, &liar), Refusal::Equivocation);
        let found = proofs(&mesh, 0);
        let third_party = third_party(&mesh);
        let verify = |bytes: &[u8]| EquivocationProof::verify(bytes, &third_party);
        let proof = verify(&found[0]).unwrap();
        assert_eq!((proof.node(), proof.epoch()), (id(3), Epoch::FIRST));
        assert_eq!(third_party.signature_checks(), 2);

        let signed = |liar: &Liar, sequence, body: &[u8]| {
            let mut frame = liar.beacon(Nonce { boot: 9, sequence }, body);
            frame.truncate(frame.len() - body.len());
            frame
        };
        let seal = |first: &[u8], second: &[u8]| {
            EquivocationProof::seal_headers(mesh.view.mesh(), [first, second]).unwrap()
        };
        let honest = signed(&liar, 1, b"left");
        let again = signed(&liar, 1, b"left");
        let next = signed(&liar, 2, b"left");
        let other = signed(&mesh.steal(2), 1, b"right");
        for innocent in [&honest, &again, &next, &other] {
            assert!(matches!(verify(&seal(&honest, innocent)), Err(Refusal::Nonsense(_))));
        }
        let header = liar.header(Kind::Beacon, Nonce { boot: 9, sequence: 1 });
        let outsider = Liar::impostor(suite, id(3), &mesh.view);
        let forged = outsider.forge(header, b"", meshward::suite::Purpose::Frame);
        assert_eq!(verify(&seal(&honest, &forged)).unwrap_err(), Refusal::Refuted);
        let refusal = mesh.give(1, link(2), &seal(&honest, &forged)).unwrap_err();
        assert_eq!(refusal, Refusal::Refuted);
        assert!(!mesh.guard(1).is_node_quarantined(&id(3), mesh.now));
    }
}

fn proofs(mesh: &Mesh, at: usize) -> Vec<Vec<u8>> {
    let events = mesh.nodes[at].host.events.lock();
    let proofs = events.iter().filter_map(|event| match event {
        Event::Equivocation(proof) => Some(proof.as_bytes().to_vec()),
        _ => None,
    });
    proofs.collect()
}

/// P8: a live member that all but one of a quorum accuse is cleared by its next beacon; one that was
/// even certified as failed, after an outage of its links, is back with it.
#[test]
fn an_accused_live_member_clears_itself() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(3000);
        let accusers = [mesh.steal(1), mesh.steal(2)];
        for accuser in &accusers {
            mesh.give(0, link(1), &accuser.attest(&failure(3, mark(3)))).unwrap();
        }
        let status = mesh.guard(0).validate_node_failure(&id(3));
        assert!(
            matches!(status, FailureStatus::Reported { attestations: 2, needed: 3 }),
            "{status:?}"
        );
        let beacon = mesh.beacon(3);
        mesh.give(0, link(2), &beacon).unwrap();
        let status = mesh.guard(0).validate_node_failure(&id(3));
        assert!(matches!(status, FailureStatus::Heard), "{status:?}");
        // The third accusation at the old mark is too late.
        let refusal = mesh.give(0, link(1), &accusers[0].attest(&failure(3, mark(3)))).unwrap_err();
        assert_eq!(refusal, Refusal::Outdated);

        mesh.cut = (0..3).flat_map(|node| [(node, 3), (3, node)]).collect();
        mesh.pass(5000);
        assert!((0..3).all(|node| mesh.certified(node, 3)));
        assert!(mesh.nodes[0].host.isolated.lock().contains(&id(3)));
        mesh.cut.clear();
        mesh.pass(1000);
        for node in 0..3 {
            assert!(!mesh.certified(node, 3));
            assert!(!mesh.nodes[node].host.isolated.lock().contains(&id(3)));
            let back =
                |event: &Event| matches!(event, Event::NodeReturned { node } if *node == id(3));
            assert_eq!(mesh.nodes[node].host.count(back), 1);
        }
    }
}

/// P6, P10: quarantine does not make the quorum smaller: with two honest members in it, the two
/// liars of seven and both of those still lack one.
#[test]
fn quarantine_does_not_help_liars() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 7);
        let members: Vec<_> = (0..7).map(|place| mesh.steal(place)).collect();
        for fallen in [3, 4] {
            assert_eq!(equivocate(&mesh, 0, &members[fallen]), Refusal::Equivocation);
        }
        assert_eq!(mesh.guard(0).stats(mesh.now).quarantined_nodes, [id(3), id(4)]);
        assert_eq!(mesh.guard(0).stats(mesh.now).quorum_size, 5);
        for (before, attestor) in members[3..].iter().enumerate() {
            let vote = attestor.attest(&failure(1, None));
            let taken = mesh.give(0, link(2), &vote).unwrap();
            let Accepted::Attestation { tally: Tally::Pending { attestations, needed }, .. } =
                taken
            else {
                panic!("{suite}: certified: {taken:?}");
            };
            assert_eq!((attestations, needed), (before + 1, 5), "votes of both kinds count");
        }
        assert!(!mesh.certified(0, 1));
    }
}

/// P10: no node quarantines more than f members on its own judgement: of three that equivocate among
/// seven the third goes on being heard, and there is an alarm; the proof against it stands.
#[test]
fn never_more_than_f_in_quarantine() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 7);
        for fallen in 4..7 {
            assert_eq!(equivocate(&mesh, 0, &mesh.steal(fallen)), Refusal::Equivocation);
        }
        assert_eq!(mesh.guard(0).stats(mesh.now).quarantined_nodes, [id(4), id(5)]);
        let withheld = |event: &Event| matches!(event, Event::QuarantineWithheld { node, .. } if *node == id(6));
        assert_eq!(mesh.nodes[0].host.count(withheld), 1);
        assert_eq!(proofs(&mesh, 0).len(), 3);
        let update = mesh.steal(6);
        let update =
            update.frame(update.header(Kind::RouteUpdate, Nonce { boot: 9, sequence: 2 }), b"");
        assert!(matches!(mesh.give(0, link(1), &update), Ok(Accepted::Message(_))));
    }
}
