//! The facade as a host uses it: a store, a router and a monitor, and the attacks that a host sees.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;

use meshward::keyring::Misuse;
use meshward::membership::{Member, View};
use meshward::reputation::Reputation;
use meshward::suite::Purpose;
use meshward::wire::{HEADER_LEN, Packet, Tag, seal_statement};
use meshward::{
    Accepted, CriticalEvent, Digest, Epoch, Event, FailureStatus, Kind, Mark, Nonce, OsEntropy,
    Refusal, Suite, Tally,
};
use support::{Liar, Mesh, failure, id, link, mark, with_signature};

/// P1: a beacon reaches the others as it was signed, and nothing else passes for one.
#[test]
fn beacon() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        mesh.guard(0).sign_beacon(b"seq 1", mesh.now).unwrap();
        let sent = mesh.nodes[0].host.sent();
        let [(beacon, None)] = sent.as_slice() else { panic!("one packet to everybody") };
        let message = mesh.guard(1).verify_beacon(link(0), beacon, mesh.now).unwrap();
        assert_eq!((message.origin, message.kind), (id(0), Kind::Beacon));
        assert_eq!(message.body, b"seq 1");
        // It is passed on, but not to where it came from.
        assert_eq!(mesh.nodes[1].host.sent(), [(beacon.clone(), Some(link(0)))]);

        let update = mesh.guard(0).core().sign_message(Kind::RouteUpdate, b"", mesh.now).unwrap();
        let refusal = mesh.guard(1).verify_beacon(link(0), &update, mesh.now).unwrap_err();
        assert_eq!(refusal, Refusal::NotABeacon);
        assert_eq!(mesh.guard(1).stats(mesh.now).refused.get("not_a_beacon"), Some(&1));
        mesh.pass(3000);
        for node in &mesh.nodes {
            assert_eq!(node.inbox.len(), 6, "three beacons of each of the two others");
        }
    }
}

/// P7, P8: a node falls silent; the others certify it, stop routing through it, and route through it
/// again with its first beacon. A node that its host knows to be healthy is not reported.
#[test]
fn node_failure() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(3000);
        mesh.nodes[3].down = true;
        let early = mesh.guard(0).report_node_failure(id(3), mesh.now).unwrap_err();
        assert!(early.to_string().contains("ms ago"), "{early}");
        for node in &mesh.nodes {
            node.host.healthy.lock().insert(id(3));
        }
        mesh.pass(5000);
        let status = mesh.guard(0).validate_node_failure(&id(3));
        assert!(matches!(status, FailureStatus::Heard), "{status:?}");
        for node in &mesh.nodes {
            node.host.healthy.lock().clear();
        }
        mesh.pass(1000);
        for node in 0..3 {
            let FailureStatus::Certified(found) = mesh.guard(node).validate_node_failure(&id(3))
            else {
                panic!("{suite}: node {node} does not know");
            };
            assert!(mesh.guard(node).is_validated(found.event()));
            assert!(mesh.nodes[node].host.isolated.lock().contains(&id(3)));
            assert_eq!(mesh.guard(node).stats(mesh.now).validated_failures, [id(3)]);
        }
        mesh.nodes[3].down = false;
        mesh.pass(1000);
        for node in 0..3 {
            assert!(!mesh.certified(node, 3));
            assert!(mesh.nodes[node].host.isolated.lock().is_empty());
        }
    }
}

/// P10: a member that contradicted itself is not heard, and nobody else is affected; the host is
/// told, and told again when it ends.
#[test]
fn quarantined_node() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1000);
        let liar = mesh.steal(3);
        for body in [b"left".as_slice(), b"right"] {
            let beacon = liar.beacon(Nonce { boot: 2, sequence: 1 }, body);
            let _second_is_refused = mesh.give(0, link(3), &beacon);
        }
        mesh.run();
        for node in 0..3 {
            let guard = mesh.guard(node);
            assert!(guard.is_node_quarantined(&id(3), mesh.now), "by the proof");
            assert_eq!(guard.stats(mesh.now).quarantined_nodes, [id(3)]);
            assert!(!guard.should_accept_message(link(2), &id(3), Kind::RouteUpdate, mesh.now));
            assert!(guard.should_accept_message(link(2), &id(3), Kind::Beacon, mesh.now));
            assert!(guard.should_accept_message(link(3), &id(2), Kind::RouteUpdate, mesh.now));
            assert!(mesh.nodes[node].host.isolated.lock().contains(&id(3)));
        }
        mesh.assert_unharmed(0, 1);
        mesh.assert_unharmed(0, 2);
        mesh.now = mesh.now.after(300_000);
        mesh.guard(0).tick(mesh.now).unwrap();
        assert!(!mesh.guard(0).is_node_quarantined(&id(3), mesh.now));
        assert!(mesh.nodes[0].host.isolated.lock().is_empty());
    }
}

/// P10: quarantine does not mute the signs of life: a member in it that beacons as always is not
/// declared dead, because its beacons are refused or for any other reason.
#[test]
fn a_quarantined_live_node_is_not_declared_dead() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1000);
        let thief = mesh.steal(3);
        for content in [1, 2] {
            let (topic, content) = (Digest::from_bytes([0; 32]), Digest::from_bytes([content; 32]));
            let vote = CriticalEvent::GovernanceProposal { topic, sequence: 1, content };
            let _second_is_refused = mesh.give(0, link(2), &thief.attest(&vote));
        }
        mesh.run();
        assert!((0..3).all(|node| mesh.guard(node).is_node_quarantined(&id(3), mesh.now)));
        for second in 0..20 {
            mesh.pass(1000);
            for node in 0..3 {
                assert!(!mesh.certified(node, 3), "{suite}: certified dead after {second} s");
            }
        }
    }
}

/// P2, P3: a captured beacon brings nothing, now or later, over whatever link.
#[test]
fn beacon_replay() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        let beacon = mesh.beacon(0);
        mesh.guard(1).verify_beacon(link(0), &beacon, mesh.now).unwrap();
        for number in 0..200 {
            mesh.now = mesh.now.after(500);
            let from = link(number % 3);
            let refusal = mesh.guard(1).verify_beacon(from, &beacon, mesh.now).unwrap_err();
            assert_eq!(refusal, Refusal::Duplicate);
        }
        // A replay is no sign of life either.
        assert_eq!(mesh.guard(1).core().overdue(mesh.now), [id(0), id(2)]);
        mesh.assert_unharmed(1, 0);
    }
}

/// P2, P9: after a rotation the frames of the epoch before are refused when they are replays, taken
/// when they were merely late, refused beyond the closing nonce, and refused after the grace period.
#[test]
fn epoch_replay() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        let thief = mesh.steal(0);
        let (heard, late, later) = (mesh.beacon(0), mesh.beacon(0), mesh.beacon(0));
        mesh.give(1, link(0), &heard).unwrap();
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
        mesh.run();
        assert_eq!(mesh.steal(0).epoch, Epoch { recovery: 0, operational: 1 });
        let fresh = mesh.beacon(0);
        assert!(matches!(mesh.give(1, link(0), &fresh), Ok(Accepted::Message(_))));

        assert_eq!(mesh.give(1, link(2), &heard).unwrap_err(), Refusal::Duplicate);
        assert!(matches!(mesh.give(1, link(2), &late), Ok(Accepted::Message(_))), "within grace");
        assert_eq!(mesh.give(1, link(2), &late).unwrap_err(), Refusal::Duplicate);
        // 4 was next; 10 seconds of full rate and a burst may still have been signed meanwhile.
        let beyond = thief.beacon(Nonce { boot: 1, sequence: 4 + 120 + 1 }, b"");
        assert_eq!(mesh.give(1, link(2), &beyond).unwrap_err(), Refusal::ClosedEpoch);

        mesh.now = mesh.now.after(60_000);
        let refusal = mesh.give(1, link(2), &later).unwrap_err();
        assert_eq!(refusal, Refusal::UnknownKey { origin: id(0), epoch: Epoch::FIRST });
        mesh.assert_unharmed(1, 0);
    }
}

/// P1, P3: a signature by somebody else, one for something else and one with a bit flipped do not
/// hold, and only the link that brought them pays.
#[test]
fn forged_signature() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        let victim = mesh.steal(0);
        let header = victim.header(Kind::Beacon, Nonce { boot: 1, sequence: 1 });
        let impostor = Liar::impostor(suite, id(0), &mesh.view);
        let mut flipped = victim.frame(header.clone(), b"x");
        flipped[HEADER_LEN + 10] ^= 4;
        let other = victim.beacon(Nonce { boot: 1, sequence: 2 }, b"x");
        let other = &other[HEADER_LEN..][..suite.signature_len()];
        let forged = [
            impostor.forge(header.clone(), b"x", Purpose::Frame),
            victim.forge(header.clone(), b"x", Purpose::Attestation),
            with_signature(header, other, b"x"),
            flipped,
        ];
        // Two of them over one link are enough.
        for (round, forged) in forged.iter().enumerate() {
            let refusal = mesh.give(1, link(2 + round / 2), forged).unwrap_err();
            assert_eq!(refusal, Refusal::BadSignature);
        }
        for at in [2, 3] {
            assert_eq!(mesh.give(1, link(at), &forged[0]).unwrap_err(), Refusal::LinkQuarantined);
        }
        assert!(!mesh.guard(1).should_accept_message(link(2), &id(0), Kind::Beacon, mesh.now));
        mesh.assert_unharmed(1, 0);
        assert_eq!(mesh.guard(1).core().reputation(&id(2), mesh.now), Reputation::FULL);
    }
}

/// P1, P9: a key is replaced neither in a header nor in the view nor by a rotation that the old key
/// or the new one did not sign; and nobody adopts a key that is not its own.
#[test]
fn public_key_manipulation() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        let (victim, impostor) = (mesh.steal(0), Liar::impostor(suite, id(0), &mesh.view));
        let refusal = mesh.give(1, link(2), &impostor.beacon(Nonce { boot: 1, sequence: 1 }, b""));
        let unknown = Refusal::UnknownKey { origin: id(0), epoch: Epoch::FIRST };
        assert_eq!(refusal.unwrap_err(), unknown);

        let mut members: Vec<Member> = mesh.view.members().to_vec();
        Arc::make_mut(&mut members[0].key).key = impostor.key.public_key().clone();
        let manipulated = Arc::new(View::genesis(members).unwrap());
        assert_ne!(manipulated.mesh(), mesh.view.mesh(), "another key is another mesh");
        let elsewhere = Liar { view: manipulated, ..Liar::impostor(suite, id(0), &mesh.view) };
        let refusal = mesh.give(1, link(2), &elsewhere.beacon(Nonce::default(), b"")).unwrap_err();
        assert_eq!(refusal, Refusal::OtherMesh(elsewhere.view.mesh()));

        let closing = Nonce { boot: 1, sequence: 9 };
        let (stolen_name, _) = impostor.rotate(suite, closing);
        assert_eq!(mesh.give(1, link(2), &stolen_name).unwrap_err(), unknown);
        let skips = victim.after(suite);
        let skips = Liar { epoch: Epoch { recovery: 0, operational: 2 }, ..skips };
        let skips = victim.rotation(&skips, victim.claim(&skips, closing));
        assert_eq!(mesh.give(1, link(2), &skips).unwrap_err(), Refusal::RotationOrder);

        // The victim's own signature, on a key whose owner did not agree.
        let (genuine, _) = victim.rotate(suite, closing);
        let Packet::Statement(statement) = Packet::parse(&genuine).unwrap() else {
            panic!("a rotation is a statement");
        };
        let mut content = statement.content().to_vec();
        *content.last_mut().unwrap() ^= 1;
        let unwilling =
            seal_statement(Tag::Rotation, &victim.head(), &content, &victim.key, &OsEntropy)
                .unwrap();
        assert_eq!(mesh.give(1, link(2), &unwilling).unwrap_err(), Refusal::BadSignature);
        mesh.assert_unharmed(1, 0);
        assert!(matches!(mesh.give(1, link(2), &genuine), Ok(Accepted::Rotation { .. })));
    }
}

/// P6: one false report of a live node changes nothing but a count, and not for long.
#[test]
fn single_false_report() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1000);
        let liar = mesh.steal(3);
        let taken = mesh.give(0, link(3), &liar.attest(&failure(1, mark(1))));
        assert!(matches!(
            taken,
            Ok(Accepted::Attestation { tally: Tally::Pending { attestations: 1, needed: 3 }, .. })
        ));
        assert!(mesh.guard(0).should_accept_message(link(1), &id(1), Kind::Beacon, mesh.now));
        mesh.pass(1000);
        let status = mesh.guard(0).validate_node_failure(&id(1));
        assert!(matches!(status, FailureStatus::Heard), "{status:?}");
        for node in 0..4 {
            assert!(mesh.nodes[node].host.isolated.lock().is_empty());
            assert_eq!(mesh.guard(node).stats(mesh.now).validated_failures, []);
        }
        // No honest node can be made to say it.
        let error = mesh.guard(0).report_node_failure(id(1), mesh.now).unwrap_err();
        assert!(error.to_string().contains("was heard 0 ms ago"), "{error}");
        let error = mesh.guard(0).report_node_failure(id(0), mesh.now).unwrap_err();
        assert_eq!(error.to_string(), Misuse::OwnFailure.to_string());
    }
}

/// P6: five of nine say the same false thing, two of them liars and three misled: one short of a
/// quorum is not a quorum, and the same five again are still five.
#[test]
fn quorum_prevents_false_reports() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 9);
        let accusers: Vec<_> = (4..9).map(|place| mesh.steal(place)).collect();
        for _ in 0..20 {
            for accuser in &accusers {
                let _counted_once = mesh.give(0, link(8), &accuser.attest(&failure(1, None)));
            }
        }
        let status = mesh.guard(0).validate_node_failure(&id(1));
        assert!(
            matches!(status, FailureStatus::Reported { attestations: 5, needed: 6 }),
            "{status:?}"
        );
        mesh.assert_unharmed(0, 1);
        let status = mesh.guard(0).validate_node_failure(&id(1));
        assert!(matches!(status, FailureStatus::Heard), "{status:?}");
    }
}

/// P6, P8: f = 3 liars of ten accuse a live node for a minute at its true mark, at ever new ones and
/// at the highest there is. Nobody believes it, and the accused does nothing but beacon.
#[test]
fn byzantine_nodes_cannot_reach_quorum() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 10);
        mesh.pass(1000);
        let liars: Vec<_> = (7..10).map(|place| mesh.steal(place)).collect();
        for second in 0..60_u32 {
            let marks = [
                mark(2 + second),
                mark(1000 + second),
                Some(Mark {
                    epoch: Epoch { recovery: u32::MAX, operational: u32::MAX },
                    nonce: Nonce { boot: u32::MAX, sequence: u32::MAX },
                }),
            ];
            for (liar, mark) in liars.iter().zip(marks) {
                let lie = liar.attest(&failure(1, mark));
                for node in [0, 2, 3] {
                    let _counted_or_late = mesh.give(node, link(9), &lie);
                }
            }
            mesh.pass(1000);
            for node in 0..7 {
                assert!(!mesh.certified(node, 1));
            }
        }
        mesh.nodes[1].host.events.lock().retain(|event| matches!(event, Event::Certified(_)));
        assert!(mesh.nodes[1].host.events.lock().is_empty());
        let stats = mesh.guard(0).stats(mesh.now);
        assert_eq!((stats.quarantined_nodes, stats.validated_failures), (vec![], vec![]));
        mesh.assert_unharmed(0, 1);
    }
}

/// P7: n − f = 7 honest of ten certify a true failure while f = 3, the dead one among them, are
/// silent or say something else.
#[test]
fn honest_nodes_can() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 10);
        mesh.pass(2000);
        let liars = [mesh.steal(8), mesh.steal(9)];
        for down in 7..10 {
            mesh.nodes[down].down = true;
        }
        for second in 0..5 {
            for liar in &liars {
                let alive = liar.beacon(Nonce { boot: 1, sequence: 50 + second }, b"");
                let nonsense = liar.attest(&failure(7, mark(500 + second)));
                for packet in [alive, nonsense] {
                    let _counted_or_late = mesh.give(0, link(9), &packet);
                }
            }
            mesh.pass(1000);
        }
        for node in 0..7 {
            assert!(mesh.certified(node, 7), "{suite}: node {node}");
            assert_eq!(mesh.guard(node).stats(mesh.now).validated_failures, [id(7)]);
        }
    }
}
