//! Bad copies around a good one; and what hosts ask before they have looked at either.

use meshward::wire::{HEADER_LEN, Kind};
use meshward::{Accepted, Event, Link, NodeId, Refusal, Suite};

use super::{hostile, nonce, spoofed};
use crate::support::{Mesh, id, link, with_signature};

/// G22, promises P1 and P2: before each of 400 beacons come three bad copies: its header with another
/// signature, its nonce under other content, its signature under another body. None of them marks
/// anything as seen, so the good copy is delivered every time; after it the bad ones change nothing.
#[test]
fn g22_a_bad_copy_never_censors_the_good_one() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let victim = mesh.steal(0);
        let foreign = mesh.beacon(2);
        let foreign = &foreign[HEADER_LEN..][..suite.signature_len()];
        for sequence in 1..=400_u32 {
            mesh.now = mesh.now.after(100);
            let good = mesh.beacon(0);
            let other_signature =
                [&good[..HEADER_LEN], foreign, &good[HEADER_LEN + foreign.len()..]].concat();
            let mut other_body = good.clone();
            *other_body.last_mut().unwrap() ^= 1;
            let header = victim.header(Kind::Beacon, nonce(sequence));
            let other_content = with_signature(header, foreign, b"other");
            let bad = [other_signature, other_body, other_content];
            let links = [spoofed(0), hostile(u64::from(sequence)), spoofed(3)];
            for (over, copy) in links.into_iter().zip(&bad) {
                let refusal = mesh.give(1, over, copy).unwrap_err();
                let expected = [Refusal::BadSignature, Refusal::BodyMismatch];
                assert!(expected.contains(&refusal), "{refusal}");
            }
            let taken = mesh.give(1, link(0), &good);
            assert!(matches!(taken, Ok(Accepted::Message(_))), "{sequence}: {taken:?}");
            for copy in &bad {
                let refusal = mesh.give(1, hostile(5_000 + u64::from(sequence)), copy).unwrap_err();
                let expected = [Refusal::Duplicate, Refusal::BadSignature];
                assert!(expected.contains(&refusal), "{refusal}");
            }
        }
        let quarantined = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
        assert_eq!(mesh.nodes[1].host.count(quarantined), 0);
        mesh.assert_unharmed(1, 0);
    }
}

/// G28, promises P3 and P4: 1200 times the victim's true header and signature with a junk body, ahead
/// of the good copy and after it. Ahead of it they cost no signature check, and the proven link that
/// brings them pays; after it they are duplicates. The good copy is delivered.
#[test]
fn g28_junk_bodies_under_true_headers() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        for _ in 0..60 {
            mesh.now = mesh.now.after(100);
            let good = mesh.beacon(0);
            let checks = mesh.guard(1).stats(mesh.now).signature_checks;
            for number in 0..20_u8 {
                let body = HEADER_LEN + suite.signature_len();
                let junk = [&good[..body], &[number; 4]].concat();
                let over = if number % 2 == 0 { spoofed(0) } else { hostile(0) };
                let refusal = mesh.give(1, over, &junk).unwrap_err();
                let expected = [Refusal::BodyMismatch, Refusal::LinkQuarantined];
                assert!(expected.contains(&refusal), "{refusal}");
            }
            assert_eq!(mesh.guard(1).stats(mesh.now).signature_checks, checks);
            let taken = mesh.give(1, link(0), &good);
            assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
            let mut after = good.clone();
            for number in 0..20_u8 {
                *after.last_mut().unwrap() = number;
                let over = if number % 2 == 0 { spoofed(0) } else { link(2) };
                assert_eq!(mesh.give(1, over, &after).unwrap_err(), Refusal::Duplicate);
            }
        }
        let paid = |event: &Event| match event {
            Event::LinkQuarantined { link, .. } => link.0 == 1000,
            _ => false,
        };
        assert_eq!(mesh.nodes[1].host.count(paid), 1);
        assert_eq!(mesh.nodes[1].host.events.lock().len(), 1, "and nobody else");
        mesh.assert_unharmed(1, 0);
        mesh.assert_unharmed(1, 2);
    }
}

/// G2, promise P3: what a host is told before it has looked at a message rests on what was proven: the
/// link's own standing, membership, and what stands under the origin's own signature. However much is
/// sent in the victim's name, the answer for it stays yes; a yes lets nothing past the checks; and a
/// no for what a member did itself leaves its beacons a way.
#[test]
fn g02_should_accept_message_rests_on_proof_alone() {
    let kinds = [Kind::Beacon, Kind::RouteUpdate, Kind::NodeFailure, Kind::host(9).unwrap()];
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let asked = |mesh: &Mesh, over: Link, origin: NodeId| {
            kinds.map(|kind| mesh.guard(1).should_accept_message(over, &origin, kind, mesh.now))
        };
        let victim = mesh.steal(0);
        let captured = mesh.beacon(0);
        let signature = &captured[HEADER_LEN..][..suite.signature_len()];
        for number in 0..1200 {
            let header = victim.header(Kind::Beacon, nonce(100 + number));
            let over = if number % 2 == 0 { spoofed(0) } else { hostile(0) };
            // The host was told that it may look at it, and it is refused all the same.
            mesh.give(1, over, &with_signature(header, signature, b"")).unwrap_err();
            assert_eq!(asked(&mesh, link(0), id(0)), [true; 4]);
            assert_eq!(asked(&mesh, spoofed(0), id(0)), [true; 4]);
        }
        assert_eq!(asked(&mesh, hostile(0), id(0)), [false; 4], "what the link did itself");
        assert_eq!(asked(&mesh, hostile(1), id(0)), [true; 4]);
        assert_eq!(asked(&mesh, link(0), NodeId::from_bytes([0xee; 32])), [false; 4]);
        mesh.assert_unharmed(1, 0);

        let liar = mesh.steal(3);
        mesh.give(1, link(3), &liar.beacon(nonce(1), b"left")).unwrap();
        mesh.give(1, link(3), &liar.beacon(nonce(1), b"right")).unwrap_err();
        for over in [link(3), link(2), spoofed(3)] {
            assert_eq!(asked(&mesh, over, id(3)), [true, false, false, false]);
        }
    }
}
