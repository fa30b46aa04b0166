//! Signed gossip from end to end: real keys, real signatures, both suites.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use meshward::keyring::{Error, Misuse};
use meshward::reputation::Reputation;
use meshward::{Accepted, Event, Kind, Link, LinkId, Nonce, Refusal, SentAt, Suite};
use support::{Mesh, id, link};

/// P1: what a member signed is delivered as it was signed; one bit off and nothing is.
#[test]
fn sign_and_verify() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 3);
        let body = b"route 7 via 3";
        let frame = mesh.guard(0).core().sign_message(Kind::RouteUpdate, body, mesh.now).unwrap();
        for place in (0..frame.len()).step_by(97).chain(frame.len() - body.len()..frame.len()) {
            let mut altered = frame.clone();
            altered[place] ^= 1;
            let taken = mesh.give(1, Link::Claimed(LinkId(2)), &altered);
            assert!(taken.is_err(), "{suite}: byte {place} altered, and taken: {taken:?}");
        }
        let Ok(Accepted::Message(message)) = mesh.give(1, link(0), &frame) else {
            panic!("{suite}: a genuine frame was not delivered");
        };
        assert_eq!((message.origin, message.kind), (id(0), Kind::RouteUpdate));
        assert_eq!(message.body, body);
        assert_eq!(message.mark.nonce, Nonce { boot: 1, sequence: 1 });
        assert_eq!(mesh.give(0, link(1), &frame).unwrap_err(), Refusal::Own);
    }
}

/// P2: a frame is delivered once, whoever brings it again and when.
#[test]
fn replay_is_refused() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        let frame = mesh.beacon(0);
        mesh.give(1, link(0), &frame).unwrap();
        for (wait, from) in [(0, 0), (0, 2), (1, 2), (60_000, 0), (86_400_000, 2)] {
            mesh.now = mesh.now.after(wait);
            assert_eq!(mesh.give(1, link(from), &frame).unwrap_err(), Refusal::Duplicate);
        }
        // A member that does not know it yet takes it, however late.
        mesh.give(2, link(1), &frame).unwrap();
        assert_eq!(mesh.guard(1).stats(mesh.now).delivered, 1);
        assert_eq!(mesh.guard(1).stats(mesh.now).refused["duplicate"], 5);
    }
}

/// P10, P3: a node keeps to its rate itself; one that does not is charged only on what it signed,
/// and after four whole bursts too many it is in quarantine.
#[test]
fn rate_limit() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        for _ in 0..20 {
            mesh.beacon(0);
        }
        let error = mesh.guard(0).core().sign_beacon(b"one more", mesh.now).unwrap_err();
        assert!(matches!(error, Error::Misuse(Misuse::RateExceeded { wait_ms: 100 })), "{error}");
        mesh.now = mesh.now.after(100);
        mesh.beacon(0);

        // Four times 22 messages signed as of one and the same moment, brought by an honest relay.
        let fast = mesh.steal(3);
        let mut proofs = 0;
        for sequence in 1..=88 {
            // Slowly enough not to be shed.
            mesh.now = mesh.now.after(25);
            let nonce = Nonce { boot: 1, sequence };
            let header = meshward::wire::Header {
                sent_at: SentAt(0),
                ..fast.header(Kind::RouteUpdate, nonce)
            };
            match mesh.give(1, link(2), &fast.frame(header, b"!")) {
                Ok(Accepted::Message(_)) => {
                    assert!(!mesh.guard(1).is_node_quarantined(&id(3), mesh.now))
                }
                Err(Refusal::OverRate) => proofs += 1,
                Err(Refusal::OriginQuarantined) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(proofs, 4);
        assert!(mesh.guard(1).is_node_quarantined(&id(3), mesh.now));
        mesh.assert_unharmed(1, 2);
        assert_eq!(mesh.guard(1).core().reputation(&id(2), mesh.now), Reputation::FULL);
    }
}

/// P10, P11: who signs two contents under one nonce is in quarantine at once, its beacons still
/// count as signs of life, one in an interval, and the quarantine ends.
#[test]
fn quarantine() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(3);
        let nonce = Nonce { boot: 1, sequence: 1 };
        mesh.give(0, link(3), &liar.beacon(nonce, b"left")).unwrap();
        let refusal = mesh.give(0, link(3), &liar.beacon(nonce, b"right")).unwrap_err();
        assert_eq!(refusal, Refusal::Equivocation);
        assert_eq!(mesh.guard(0).stats(mesh.now).quarantined_nodes, [id(3)]);
        assert!(mesh.nodes[0].host.isolated.lock().contains(&id(3)));

        let update = |sequence| liar.header(Kind::RouteUpdate, Nonce { boot: 1, sequence });
        let refusal = mesh.give(0, link(1), &liar.frame(update(2), b"")).unwrap_err();
        assert_eq!(refusal, Refusal::OriginQuarantined);
        let beacon = liar.beacon(Nonce { boot: 1, sequence: 3 }, b"");
        assert!(
            matches!(mesh.give(0, link(1), &beacon), Ok(Accepted::SignOfLife(node)) if node == id(3))
        );
        let beacon = liar.beacon(Nonce { boot: 1, sequence: 4 }, b"");
        assert_eq!(mesh.give(0, link(1), &beacon).unwrap_err(), Refusal::OriginQuarantined);

        // The same two frames again, for ever, do not hold it there.
        for _ in 0..100 {
            mesh.now = mesh.now.after(3_001);
            mesh.give(0, link(3), &liar.beacon(nonce, b"right")).unwrap_err();
        }
        mesh.guard(0).tick(mesh.now).unwrap();
        assert!(!mesh.guard(0).is_node_quarantined(&id(3), mesh.now));
        let released =
            |event: &Event| matches!(event, Event::MemberReleased { node } if *node == id(3));
        assert_eq!(mesh.nodes[0].host.count(released), 1);
        assert!(!mesh.nodes[0].host.isolated.lock().contains(&id(3)));
        let taken = mesh.give(0, link(1), &liar.frame(update(5), b"back"));
        assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
    }
}
