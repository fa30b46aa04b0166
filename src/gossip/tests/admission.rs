//! The order of refusals, and that nothing but a valid signature changes anything.

use super::*;
use crate::id::MeshId;
use crate::wire::HEADER_LEN;

#[test]
fn what_is_signed_is_delivered_as_it_was_said() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let bytes = mesh.sealed(mesh.header(1), b"a route");
        let admitted = mesh.take(&bytes).unwrap();
        assert_eq!((admitted.member, admitted.signed_header.header().origin), (SENDER, id(2)));
        let message = admitted.message.unwrap();
        assert_eq!((message.origin, message.kind), (id(2), Kind::RouteUpdate));
        assert_eq!((message.sent_at, message.body.as_slice()), (SentAt(1_000), &b"a route"[..]));
        assert_eq!(message.mark, mesh.header(1).mark());

        let own = mesh.receiver.sign_message(Kind::Beacon, b"", NOW).unwrap();
        assert_eq!(mesh.refusal(&own), Some(Refusal::Own));
    }
}

/// One frame with every defect there is, cured of one after the other: each time the cheapest check
/// that is left refuses it.
#[test]
fn the_cheapest_check_refuses_first() {
    for suite in Suite::available() {
        let checks = Rate { per_second: 1, burst: 3 };
        let window = WindowWidth::new(64).unwrap();
        let mesh = Mesh::new(suite, GossipConfig { link_checks: checks, window, ..plenty() });
        mesh.receiver.reserve_link(LINK.id(), NOW).unwrap();
        let taken = mesh.frame(200);
        assert!([1, 2].iter().all(|sequence| mesh.take(&mesh.frame(*sequence)).is_ok()));
        assert!(mesh.take(&taken).is_ok());
        mesh.quarantine_the_sender();
        for _ in 0..20 {
            let _charge = mesh.ledgers.links.charge(LinkId(3), Offence::Malformed, NOW);
        }
        let quarantined_link = Link::Proven(LinkId(3));
        mesh.rotate(300, NOW.after(1_000));

        let sealed =
            |header: Header| with_body(with_bad_signature(mesh.sealed(header, b"body")), b"BODY");
        let other_key = Header { epoch: Epoch { recovery: 9, operational: 9 }, ..mesh.header(301) };
        let other_view = Header { view: crate::id::ViewNumber(9), ..other_key.clone() };
        let unknown = Header { origin: id(9), ..other_view.clone() };
        let own = Header { origin: id(1), ..other_view.clone() };
        let other_mesh = Header { mesh: MeshId::from_bytes([9; 32]), ..unknown.clone() };
        let expected_view =
            Refusal::OtherView { found: crate::id::ViewNumber(9), current: Default::default() };
        let no_key = Refusal::UnknownKey { origin: id(2), epoch: other_key.epoch };

        let over = |link, bytes: Vec<u8>| mesh.take_over(link, &bytes, NOW).err();
        let malformed = over(quarantined_link, vec![1; 70_000]);
        assert_eq!(malformed, Some(Refusal::LinkQuarantined), "form is not charged on top");
        assert!(matches!(over(LINK, vec![1; 70_000]), Some(Refusal::Malformed(_))));
        assert!(matches!(over(LINK, vec![2; 2]), Some(Refusal::NotUnderstood(_))));
        let mesh_id = other_mesh.mesh;
        let beacon = Header { kind: Kind::Beacon, ..mesh.header(100) };
        let fresh = Header { kind: Kind::Beacon, ..mesh.header(201) };
        let table = [
            (quarantined_link, sealed(other_mesh), Refusal::OtherMesh(mesh_id)),
            (quarantined_link, sealed(own.clone()), Refusal::LinkQuarantined),
            (LINK, sealed(own), Refusal::Own),
            (LINK, sealed(unknown), Refusal::UnknownOrigin(id(9))),
            (LINK, sealed(other_view), expected_view),
            // The key digest is filled in when sealing, so the epoch is what is unknown.
            (LINK, sealed(other_key), no_key),
            (LINK, sealed(mesh.header(301)), Refusal::ClosedEpoch),
            (LINK, with_body(with_bad_signature(taken), b"BODY"), Refusal::Duplicate),
            (LINK, sealed(mesh.header(100)), Refusal::OriginQuarantined),
            // Older than what was taken, so it would show no life.
            (LINK, sealed(beacon), Refusal::OriginQuarantined),
            (LINK, sealed(fresh.clone()), Refusal::BodyMismatch),
            (LINK, with_bad_signature(mesh.sealed(fresh.clone(), b"b")), Refusal::CheckBudget),
            (
                OTHER_LINK,
                with_bad_signature(mesh.sealed(fresh.clone(), b"b")),
                Refusal::BadSignature,
            ),
        ];
        let before = mesh.directory.signature_checks();
        let last = table.len() - 1;
        for (at, (link, bytes, expected)) in table.into_iter().enumerate() {
            assert_eq!(over(link, bytes), Some(expected), "row {at}");
            let checks = mesh.directory.signature_checks() - before;
            assert_eq!(checks, u64::from(at == last), "row {at} was refused without a check");
        }
        let good = mesh.sealed(fresh, b"b");
        let admitted = mesh.take_over(OTHER_LINK, &good, NOW).unwrap();
        assert_eq!(admitted.message, None, "a sign of life and no more");
    }
}

#[test]
fn a_bad_copy_that_runs_ahead_does_not_censor_the_good_one() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let good = mesh.frame(7);
        let bad = [
            (with_bad_signature(good.clone()), Refusal::BadSignature),
            (with_body(good.clone(), b"BODY"), Refusal::BodyMismatch),
        ];
        for (bytes, expected) in bad {
            for _ in 0..3 {
                assert_eq!(mesh.refusal(&bytes), Some(expected.clone()));
            }
        }
        // A number far ahead, signed by nobody, does not move the window either.
        assert_eq!(
            mesh.refusal(&with_bad_signature(mesh.frame(4_000_000))),
            Some(Refusal::BadSignature)
        );
        assert!(mesh.take(&good).unwrap().message.is_some());
        assert_eq!(mesh.refusal(&good), Some(Refusal::Duplicate));
    }
}

#[test]
fn no_flipped_bit_is_accepted() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let good = mesh.frame(7);
        let body_at = HEADER_LEN + suite.signature_len();
        let in_signature = (HEADER_LEN..body_at).step_by(97).chain(body_at - 61..body_at);
        let header_and_body = (0..HEADER_LEN).chain(body_at..good.len());
        let bits = header_and_body.flat_map(|at| (0..8).map(move |bit| (at, bit)));
        for (at, bit) in bits.chain(in_signature.map(|at| (at, at % 8))) {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(mesh.take(&bad).is_err(), "bit {bit} of byte {at}");
        }
        assert!(mesh.take(&good).is_ok(), "none of them left a trace");
    }
}

#[test]
fn what_stands_under_another_members_key_is_no_message_of_ours() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let other = mesh.senders[1].active();
        let header = mesh.header(1);
        // Signed by a member, under a key that is not the claimed origin's.
        let bytes = seal_frame(header.clone(), b"", &other.key, &OsEntropy).unwrap();
        let unknown = Refusal::UnknownKey { origin: id(2), epoch: Epoch::FIRST };
        assert_eq!(mesh.refusal(&bytes), Some(unknown));
        // The same with the digest of the right key put over it.
        let mut forged = bytes;
        let front = header.to_bytes().unwrap();
        forged[..HEADER_LEN].copy_from_slice(&front);
        assert_eq!(mesh.refusal(&forged), Some(Refusal::BadSignature));
    }
}
