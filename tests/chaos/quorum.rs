//! Attacks on the quorum. Liars hold the keys of members; honest nodes run as they are.

use meshward::wire::{Container, Tag, seal_statement};
use meshward::{
    Certificate, CriticalEvent, Digest, Epoch, Event, FailureStatus, Kind, Link, LinkId, Mark,
    Nonce, OsEntropy, Suite, faults_tolerated, quorum_size,
};

use crate::support::{Liar, Mesh, certificate, failure, id, link, said};

const STRANGER: Link = Link::Claimed(LinkId(1000));

fn status(mesh: &Mesh, at: usize, of: usize) -> (usize, usize) {
    match mesh.guard(at).validate_node_failure(&id(of)) {
        FailureStatus::Reported { attestations, needed } => (attestations, needed),
        FailureStatus::Heard => (0, mesh.view.quorum()),
        other => panic!("{other:?}"),
    }
}

fn proposal(content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([0; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence: 1, content }
}

/// Q1, promise P6: 1200 votes that are none: of invented members, without or with another's
/// signature, the subject's own, of another view, the same ones again. None counts; the votes of a
/// quarantined member do, as before.
#[test]
fn q01_only_votes_of_members_count() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 10);
        let event = failure(9, None);
        let members: Vec<_> = (0..10).map(|place| mesh.steal(place)).collect();
        let elsewhere = Mesh::new(suite, 3);
        // Quarantine changes nothing about the votes.
        for body in [b"a", b"b"] {
            let beacon = members[1].beacon(Nonce { boot: 9, sequence: 1 }, body);
            let _one_of_them_is_refused = mesh.give(0, link(1), &beacon);
        }
        assert!(mesh.guard(0).is_node_quarantined(&id(1), mesh.now));
        for attestor in &members[1..7] {
            mesh.give(0, link(1), &attestor.attest(&event)).unwrap();
        }
        let mut invented = Liar::impostor(suite, id(20), &mesh.view);
        let own_key = Liar::impostor(suite, id(8), &mesh.view);
        let other_view = Liar { view: elsewhere.view.clone(), ..mesh.steal(8) };
        let true_vote = members[8].attest(&event);
        for number in 0..1200_u32 {
            let (vote, expected) = match number % 6 {
                0 => {
                    invented.id = meshward::NodeId::from_bytes([100 + (number % 100) as u8; 32]);
                    (invented.attest(&event), "unknown_origin")
                }
                1 => {
                    let mut empty = true_vote.clone();
                    let signature = empty.len() - suite.signature_len();
                    empty[signature..].fill(0);
                    (empty, "bad_signature")
                }
                2 => (own_key.attest(&event), "unknown_key"),
                3 => (members[9].attest(&event), "nonsense"),
                4 => (other_view.attest(&event), "other_mesh"),
                _ => (members[1 + number as usize % 6].attest(&event), "duplicate"),
            };
            let refusal = mesh.give(0, STRANGER, &vote).unwrap_err();
            assert_eq!(refusal.reason(), expected, "{refusal}");
        }
        assert_eq!(status(&mesh, 0, 9), (6, 7));
        mesh.give(0, STRANGER, &true_vote).unwrap();
        assert!(mesh.certified(0, 9));
    }
}

/// Q2, promise P6: events that say of themselves that they are validated, or bring votes along: in a
/// message, behind an attestation, as a certificate without votes or with invented ones.
#[test]
fn q02_an_event_cannot_validate_itself() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(3);
        let event = failure(2, None);
        let vote = liar.attest(&event);
        let meshward::wire::Packet::Statement(statement) =
            meshward::wire::Packet::parse(&vote).unwrap()
        else {
            panic!("an attestation is a statement");
        };
        let content = statement.content().to_vec();
        let flagged = [content.as_slice(), &[1]].concat();
        let flagged =
            seal_statement(Tag::Attestation, &liar.head(), &flagged, &liar.key, &OsEntropy)
                .unwrap();
        let (view, _, what) = said(&content);
        let no_votes = [view, what, &[0; 9]].concat();
        let no_votes = Container::to_bytes(Tag::Certificate, mesh.view.mesh(), &no_votes);
        let all_its_own = [(0, vote.clone()), (1, vote.clone()), (3, vote.clone())];
        let all_its_own = certificate(&mesh.view, &all_its_own);
        let mut forged: Vec<_> = [0, 1]
            .map(|place| {
                let mut vote = mesh.steal(place).attest(&event);
                let signature = vote.len() - suite.signature_len();
                vote[signature..].fill(7);
                (u32::try_from(place).unwrap(), vote)
            })
            .into();
        forged.push((3, vote.clone()));
        let forged = certificate(&mesh.view, &forged);
        for number in 0..1200_u32 {
            if number % 200 == 0 {
                mesh.now = mesh.now.after(2000);
            }
            let (packet, expected) = match number % 4 {
                0 => (&flagged, "malformed"),
                1 => (&no_votes, "certificate_shape"),
                2 => (&all_its_own, "unknown_key"),
                _ => (&forged, "refuted"),
            };
            let refusal = mesh.give(0, STRANGER, packet).unwrap_err();
            assert_eq!(refusal.reason(), expected, "{refusal}");
        }
        let header = liar.header(Kind::NodeFailure, Nonce { boot: 1, sequence: 1 });
        mesh.give(0, link(3), &liar.frame(header, &forged)).unwrap();
        assert_eq!(status(&mesh, 0, 2), (0, 3));
        assert!(!mesh.guard(0).is_validated(&event));
        assert_eq!(mesh.guard(0).stats(mesh.now).statements_taken, 0);
        mesh.assert_unharmed(0, 2);
    }
}

/// Q4, promise P7: ten honest nodes whose links lose a third of everything, and reorder the rest,
/// have heard different last words of an eleventh, and report at different times. All ten certify
/// the same event, and nobody else.
#[test]
fn q04_honest_reports_converge_over_lossy_links() {
    for suite in Suite::available() {
        for round in 0..3 {
            let mut mesh = Mesh::new(suite, 11);
            mesh.seed(round + 1);
            mesh.pass(2000);
            // Its last words reach each of the others up to a different point.
            mesh.loss = 0;
            for last in 0..5 {
                mesh.now = mesh.now.after(150 + 50 * round);
                let beacon = mesh.beacon(10);
                for node in [2 * last, 2 * last + 1] {
                    mesh.give(node, link(10), &beacon).unwrap();
                    mesh.nodes[node].host.sent();
                }
            }
            mesh.nodes[10].down = true;
            mesh.loss = 333;
            mesh.pass(15_000);
            let newest = mesh.guard(0).core().certificate(&failure(10, None)).unwrap();
            for node in 0..10 {
                assert!(mesh.certified(node, 10), "{suite}, round {round}, node {node}");
                let found = mesh.guard(node).core().certificate(&failure(10, None)).unwrap();
                assert_eq!(found.event(), newest.event());
                let stats = mesh.guard(node).stats(mesh.now);
                assert_eq!(stats.validated_failures, [id(10)], "an honest live node");
                assert_eq!(stats.quarantined_nodes, []);
                let core = mesh.guard(node).core();
                Certificate::verify(found.as_bytes(), core.directory()).unwrap();
            }
        }
    }
}

/// Q9, promises P6 and P7: for all n up to 2000 and every f that n bears, the f alone are no quorum
/// and the others are; played through with real keys at n = 4, 7 and 10.
#[test]
fn q09_quorum_is_safe_and_live_at_every_size() {
    for n in 1..=2000_usize {
        let q = quorum_size(n);
        assert_eq!(faults_tolerated(n), n.div_ceil(3) - 1);
        for f in 0..n.div_ceil(3) {
            assert!(f < q && n - f >= q, "n = {n}, f = {f}: q = {q}");
            assert!(2 * q > n + f, "n = {n}, f = {f}: two quorums need not share an honest one");
        }
        assert!(n - n / 3 >= q, "n = {n}: not live with a third silent");
    }
    for suite in Suite::available() {
        for n in [4, 7, 10] {
            let (q, f) = (quorum_size(n), faults_tolerated(n));
            live_with_f_silent(&mut Mesh::new(suite, n), q, f);
            for divided in 0..=n - f - 2 {
                safe_with_f_double_voters(&Mesh::new(suite, n), f, divided);
            }
        }
    }
}

/// The f last members never say a word: the others certify, whoever leads, and not without q of them.
fn live_with_f_silent(mesh: &mut Mesh, q: usize, f: usize) {
    let n = mesh.nodes.len();
    assert!(q <= n - f);
    for silent in q - 1..n {
        mesh.nodes[silent].down = true;
    }
    for voter in 0..q - 1 {
        mesh.guard(voter).report_critical_event(proposal(1), mesh.now).unwrap();
    }
    mesh.pass(5_000);
    assert!(!mesh.guard(0).is_validated(&proposal(1)), "n = {n}: fewer than q suffice");
    mesh.nodes[q - 1].down = false;
    mesh.guard(q - 1).report_critical_event(proposal(1), mesh.now).unwrap();
    let everywhere = |mesh: &Mesh| (0..q).all(|at| mesh.guard(at).is_validated(&proposal(1)));
    for _ in 0..240 {
        if everywhere(mesh) {
            return;
        }
        mesh.pass(500);
    }
    panic!("n = {n}: f silent members stop it");
}

/// The f last members precommit to one content before node 0 and to the other before node 1, and the
/// honest are `divided`: so many for the one, the rest for the other. Not both are certified.
fn safe_with_f_double_voters(mesh: &Mesh, f: usize, divided: usize) {
    let n = mesh.nodes.len();
    for judge in [0, 1] {
        for place in 2..n {
            let content = match place - 2 {
                _ if place >= n - f => 1 + judge as u8,
                honest if honest < divided => 1,
                _ => 2,
            };
            let vote = mesh.steal(place).attest(&proposal(content));
            let _late_if_certified = mesh.give(judge, link(place), &vote);
        }
    }
    let certified =
        |content| [0, 1].iter().any(|at| mesh.guard(*at).is_validated(&proposal(content)));
    assert!(!(certified(1) && certified(2)), "n = {n}, {divided} for the first: both certified");
    assert_eq!(certified(1), divided + f >= quorum_size(n), "n = {n}, {divided} for the first");
}

/// Q16, promises P7 and P10: two liars of nine equivocate before everybody, are put in quarantine by
/// the proof, and then an honest node dies. The six that are left still certify that, and a liar's
/// word at the wrong moment neither helps nor hinders.
#[test]
fn q16_six_of_nine_certify_with_two_liars_in_quarantine() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 9);
        mesh.pass(2000);
        let liars = [mesh.steal(7), mesh.steal(8)];
        for liar in 7..9 {
            mesh.nodes[liar].down = true;
        }
        for liar in &liars {
            let nonce = Nonce { boot: 1, sequence: 40 };
            for (to, body) in [(0, b"left"), (3, b"rite")] {
                mesh.give(to, link(7), &liar.beacon(nonce, body)).unwrap();
            }
        }
        mesh.pass(1000);
        let now = mesh.now;
        for node in 0..7 {
            assert_eq!(mesh.guard(node).stats(now).quarantined_nodes, [id(7), id(8)]);
        }
        mesh.nodes[6].down = true;
        for second in 0..8_u32 {
            mesh.pass(1000);
            // The liars keep alive, and now and then attest nonsense about the dead one.
            for liar in &liars {
                let nonce = Nonce { boot: 1, sequence: 60 + second };
                let far = Mark { epoch: Epoch::FIRST, nonce: Nonce { boot: 9, sequence: second } };
                for node in 0..6 {
                    let _maybe_a_sign_of_life = mesh.give(node, link(7), &liar.beacon(nonce, b""));
                    let _counted_or_late =
                        mesh.give(node, link(7), &liar.attest(&failure(6, Some(far))));
                }
            }
            mesh.run();
        }
        for node in 0..6 {
            assert!(mesh.certified(node, 6), "{suite}, node {node}");
            let found = mesh.guard(node).core().certificate(&failure(6, None)).unwrap();
            assert_eq!(
                found.attestors().iter().map(|place| place.0).collect::<Vec<_>>(),
                [0, 1, 2, 3, 4, 5]
            );
            for live in 0..6 {
                assert!(!mesh.certified(node, live));
                assert!(!mesh.guard(node).is_node_quarantined(&id(live), mesh.now));
            }
            let no_quorum = |event: &Event| matches!(event, Event::NoQuorum { .. });
            assert_eq!(mesh.nodes[node].host.count(no_quorum), 0);
        }
    }
}
