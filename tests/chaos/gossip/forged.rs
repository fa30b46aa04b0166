//! What others sign, or nobody, under the victim's name.

use meshward::suite::Purpose;
use meshward::wire::{Header, Kind, Tag, seal_statement};
use meshward::{Epoch, Event, OsEntropy, Refusal, SentAt, Suite};

use super::{hostile, nonce, spoofed};
use crate::support::{Liar, Mesh, failure, id, link, mark, with_signature};

/// G1, promise P1: an attacker signs with its own key under the victim's name: frames, a key
/// rotation, an accusation, a Hello. Nothing is delivered, counted or changed.
#[test]
fn g01_own_key_under_the_victims_name() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let impostor = Liar::impostor(suite, id(0), &mesh.view);
        let true_header = mesh.steal(0);
        for sequence in 1..=600 {
            let own_key = impostor.beacon(nonce(sequence), b"forged");
            let refusal = mesh.give(1, spoofed(0), &own_key).unwrap_err();
            assert_eq!(refusal, Refusal::UnknownKey { origin: id(0), epoch: Epoch::FIRST });
            let header = true_header.header(Kind::Beacon, nonce(sequence));
            let claimed_key = impostor.forge(header, b"forged", Purpose::Frame);
            assert_eq!(mesh.give(1, spoofed(0), &claimed_key).unwrap_err(), Refusal::BadSignature);
        }
        let (rotation, _) = impostor.rotate(suite, nonce(9));
        let accusation = impostor.attest(&failure(2, None));
        let head = true_header.head();
        // Its nonce, the view that it is in, and that it lacks nobody's key.
        let hello = [9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let hello = seal_statement(Tag::Hello, &head, &hello, &impostor.key, &OsEntropy).unwrap();
        for statement in [rotation, accusation] {
            let refusal = mesh.give(1, spoofed(0), &statement).unwrap_err();
            assert_eq!(refusal, Refusal::UnknownKey { origin: id(0), epoch: Epoch::FIRST });
        }
        assert_eq!(mesh.give(1, spoofed(0), &hello).unwrap_err(), Refusal::BadSignature);
        assert_eq!(mesh.guard(1).stats(mesh.now).delivered, 0);
        assert_eq!(mesh.guard(1).stats(mesh.now).statements_taken, 0);
        mesh.assert_unharmed(1, 0);
    }
}

/// G2, promise P3: 1200 frames of the victim with a signature that does not hold, over claimed
/// links, over one proven link and over a hundred of them. The links pay, the victim does not.
#[test]
fn g02_garbage_signatures_quarantine_nobody_else() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let victim = mesh.steal(0);
        let signature = victim.key.sign(Purpose::Hello, b"else", &OsEntropy).unwrap();
        for number in 0..1200 {
            let header = victim.header(Kind::Beacon, nonce(number + 1));
            let frame = with_signature(header, signature.as_bytes(), b"forged");
            let over = match number % 3 {
                0 => spoofed(0),
                1 => hostile(0),
                _ => hostile(1 + u64::from(number / 12)),
            };
            let refusal = mesh.give(1, over, &frame).unwrap_err();
            let expected = [Refusal::BadSignature, Refusal::LinkQuarantined];
            assert!(expected.contains(&refusal), "{refusal}");
        }
        let paid = |event: &Event| match event {
            Event::LinkQuarantined { link, .. } => link.0 == 1000,
            _ => false,
        };
        assert_eq!(mesh.nodes[1].host.count(paid), 1);
        let quarantined = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
        assert_eq!(mesh.nodes[1].host.count(quarantined), 0);
        assert!(mesh.guard(1).should_accept_message(link(0), &id(0), Kind::Beacon, mesh.now));
        mesh.assert_unharmed(1, 0);
    }
}

/// G5, promise P3: 1000 frames in a moment under the victim's name, with junk for signatures or for
/// bodies, numbered and dated so as to make the victim's true ones look too fast or too old: its own
/// next burst is delivered whole.
#[test]
fn g05_the_victims_rate_budget_cannot_be_spent() {
    let patterns: [fn(u32) -> (u32, u64); 3] =
        [|number| (number, 0), |number| (u32::MAX - number, 0), |_| (0, u64::MAX)];
    for (suite, pattern) in Suite::available().flat_map(|suite| patterns.map(|one| (suite, one))) {
        let mut mesh = Mesh::new(suite, 4);
        let victim = mesh.steal(0);
        let captured = mesh.beacon(0);
        let signature = &captured[meshward::wire::HEADER_LEN..][..suite.signature_len()];
        for number in 0..1000 {
            let (sequence, sent_at) = pattern(number);
            let dated =
                Header { sent_at: SentAt(sent_at), ..victim.header(Kind::Beacon, nonce(sequence)) };
            let frame = match number % 4 {
                0 | 1 => with_signature(dated, signature, b""),
                2 => [&captured[..captured.len() - 4], b"JUNK".as_slice()].concat(),
                _ => captured.clone(),
            };
            let _refused_or_first_copy = mesh.give(1, spoofed(0), &frame);
        }
        assert_eq!(mesh.guard(1).stats(mesh.now).delivered, 1, "the captured frame itself");
        mesh.assert_unharmed(1, 0);
    }
}

/// G15, promise P1: genuine signatures of the victim, used where they do not belong: in another
/// mesh, for another purpose, in another suite. And nobody brings a key back to a weaker suite.
#[test]
fn g15_a_signature_holds_for_one_mesh_purpose_and_suite() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let victim = mesh.steal(0);
        let purposes = [
            Purpose::Attestation,
            Purpose::Rotation,
            Purpose::Possession,
            Purpose::Hello,
            Purpose::Challenge,
            Purpose::Answer,
        ];
        for sequence in 1..=300 {
            let header = victim.header(Kind::Beacon, nonce(sequence));
            let purpose = purposes[sequence as usize % purposes.len()];
            let frame = victim.forge(header.clone(), b"", purpose);
            assert_eq!(mesh.give(1, spoofed(0), &frame).unwrap_err(), Refusal::BadSignature);

            let other = meshward::MeshId::from_bytes([9; 32]);
            let mut elsewhere = header.clone();
            elsewhere.mesh = other;
            let frame = victim.frame(elsewhere, b"");
            assert_eq!(mesh.give(1, spoofed(0), &frame).unwrap_err(), Refusal::OtherMesh(other));
            // Its true signature of there under a header of here.
            let signature = &frame[meshward::wire::HEADER_LEN..];
            let frame = with_signature(header.clone(), signature, b"");
            assert_eq!(mesh.give(1, spoofed(0), &frame).unwrap_err(), Refusal::BadSignature);

            // Read as one of another suite: any whose signatures have the same length.
            let same = |other: &Suite| other.signature_len() == suite.signature_len();
            for other in Suite::ALL.into_iter().filter(same).filter(|other| *other != suite) {
                let relabelled = Header { suite: other, ..header.clone() };
                let frame = victim.forge(relabelled, b"", Purpose::Frame);
                let refusal = mesh.give(1, spoofed(0), &frame).unwrap_err();
                assert_eq!(refusal, Refusal::UnknownKey { origin: id(0), epoch: Epoch::FIRST });
            }
        }
        // An attestation's bytes as a Hello, and the reverse of it.
        for (made, read) in [(Tag::Attestation, Tag::Hello), (Tag::Hello, Tag::Attestation)] {
            let mut statement = match made {
                Tag::Attestation => victim.attest(&failure(2, mark(1))),
                _ => {
                    seal_statement(made, &victim.head(), &[1; 8], &victim.key, &OsEntropy).unwrap()
                }
            };
            statement[1] = read.code();
            let refusal = mesh.give(1, spoofed(0), &statement).unwrap_err();
            assert!(matches!(refusal, Refusal::Malformed(_)), "{refusal}");
        }
        // Two Hellos that lack nobody's key.
        let [one, other] = [1, 2].map(|said| [[said; 16].as_slice(), &[0]].concat());
        let hello = seal_statement(Tag::Hello, &victim.head(), &one, &victim.key, &OsEntropy);
        let (hello, head) = (hello.unwrap(), victim.head());
        let signature = &hello[hello.len() - suite.signature_len()..];
        let rotation = head.signed_bytes(Tag::Hello, &other).unwrap();
        let spliced = [rotation.as_slice(), signature].concat();
        assert_eq!(mesh.give(1, spoofed(0), &spliced).unwrap_err(), Refusal::BadSignature);
        // A question that was signed as something else.
        let question = super::super::observed::challenge(&victim, 1, 1);
        let said = &question[..question.len() - suite.signature_len()];
        let signature = victim.key.sign(Purpose::Hello, said, &OsEntropy).unwrap();
        let question = [said, signature.as_bytes()].concat();
        assert_eq!(mesh.give(1, spoofed(0), &question).unwrap_err(), Refusal::BadSignature);
        assert_eq!(mesh.guard(1).stats(mesh.now).statements_taken, 0);
        mesh.assert_unharmed(1, 0);
    }
    #[cfg(all(feature = "dilithium3", feature = "ml-dsa-65"))]
    downgrade();
}

/// A thief of all that is on the host signs a rotation to the weaker suite, in every other way correct.
#[cfg(all(feature = "dilithium3", feature = "ml-dsa-65"))]
fn downgrade() {
    let mut mesh = Mesh::new(Suite::MlDsa65, 4);
    let thief = mesh.steal(0);
    let (rotation, _) = thief.rotate(Suite::Dilithium3, nonce(9));
    assert_eq!(mesh.give(1, link(3), &rotation).unwrap_err(), Refusal::Downgrade);
    let error = mesh.guard(0).rotate_keys(Suite::Dilithium3, mesh.now).unwrap_err();
    let downgrade = meshward::Misuse::Downgrade { from: Suite::MlDsa65, to: Suite::Dilithium3 };
    assert_eq!(error.to_string(), downgrade.to_string());
    mesh.assert_unharmed(1, 0);
}
