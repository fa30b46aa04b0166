//! Certificates: enough, canonical, and checked by anybody.

use super::*;
use crate::wire::{Container, Tag, max_container_len, max_packet_len};

fn certified(
    mesh: &Mesh,
    places: impl IntoIterator<Item = usize>,
    event: &CriticalEvent,
) -> Vec<u8> {
    for place in places {
        mesh.count(place, event).unwrap();
    }
    mesh.quorum.certificate(event).unwrap().as_bytes().to_vec()
}

fn verify(mesh: &Mesh, bytes: &[u8]) -> Result<Certificate, Refusal> {
    Certificate::verify(bytes, &mesh.directory)
}

#[test]
fn anybody_can_check_a_certificate() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 7);
        let event = failure(6, None);
        let bytes = certified(&mesh, 0..5, &event);
        let before = mesh.directory.signature_checks();
        let read = verify(&mesh, &bytes).unwrap();
        assert_eq!(mesh.directory.signature_checks() - before, 5);
        assert_eq!((read.event(), read.as_bytes()), (&event, bytes.as_slice()));
        assert_eq!(read.attestors(), [0, 1, 2, 3, 4].map(MemberIndex));
        assert_eq!(read.view(), mesh.directory.view().digest());

        let other = QuorumValidator::new(
            Arc::clone(&mesh.directory),
            MemberIndex(1),
            QuorumConfig::default(),
            NOW,
        );
        let mesh = Mesh { quorum: other.unwrap(), ..mesh };
        assert!(mesh.quorum.accept(read.clone()).is_ok());
        assert!(mesh.quorum.is_validated(&event));
        assert_eq!(mesh.quorum.accept(read).err(), Some(Refusal::Decided));
    }
}

#[test]
fn its_bytes_do_not_depend_on_the_order_of_arrival() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 7);
        let event = failure(6, None);
        // Signed once: a hedged signature would differ.
        let statements: Vec<_> = (0..5).map(|place| mesh.attest(place, &event)).collect();
        let certificates = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]].map(|order| {
            let quorum =
                QuorumValidator::new(Arc::clone(&mesh.directory), ME, QuorumConfig::default(), NOW);
            let quorum = quorum.unwrap();
            for place in order {
                let read = mesh.read(&statements[place]).unwrap();
                quorum.validate_event(read.verify(&mesh.directory, NOW).unwrap(), NOW).unwrap();
            }
            quorum.certificate(&event).unwrap().as_bytes().to_vec()
        });
        assert!(certificates.iter().all(|bytes| *bytes == certificates[0]));
    }
}

#[test]
fn one_bit_voids_it_whole() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let good = certified(&mesh, 0..3, &failure(3, None));
        for at in (0..good.len()).step_by(23).chain(0..200).chain([good.len() - 1]) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(verify(&mesh, &bad).is_err(), "byte {at}");
        }
        for len in (0..good.len()).step_by(101).chain(good.len() - 9..good.len()) {
            assert!(verify(&mesh, &good[..len]).is_err(), "{len} bytes");
        }
        let longer = [good.as_slice(), &[0]].concat();
        assert!(matches!(verify(&mesh, &longer), Err(Refusal::Malformed(_))));
        let limit = max_container_len(4);
        assert!(matches!(verify(&mesh, &vec![1; limit + 1]), Err(Refusal::Malformed(_))));
        assert!(verify(&mesh, &good).is_ok());
    }
}

/// The payload's parts, by their layout: view and event, count, one entry for each attestor.
fn taken_apart(suite: Suite, certificate: &[u8], attestors: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let Ok(Packet::Certificate(container)) = Packet::parse(certificate) else { panic!() };
    let entry_len = 4 + 8 + 1 + 8 + 32 + 8 + suite.signature_len();
    let at = container.payload().len() - attestors * entry_len;
    let (front, entries) = container.payload().split_at(at);
    let each = entries.chunks_exact(entry_len).map(<[u8]>::to_vec).collect();
    (front[..at - 8].to_vec(), each)
}

#[test]
fn a_certificate_that_does_not_add_up_costs_no_check() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 5);
        let event = CriticalEvent::LinkDown { reporter: id(3), peer: id(4), mark: None };
        let good = certified(&mesh, 0..4, &event);
        let (front, each) = taken_apart(suite, &good, 4);
        let built = |claimed: u64, entries: &[&Vec<u8>]| {
            let entries: Vec<u8> = entries.iter().flat_map(|entry| entry.iter().copied()).collect();
            let payload = [front.as_slice(), &claimed.to_le_bytes(), &entries].concat();
            Container::to_bytes(Tag::Certificate, mesh.directory.view().mesh(), &payload)
        };
        let [a, b, c, d] = [&each[0], &each[1], &each[2], &each[3]];
        assert!(built(4, &[a, b, c, d]) == good);
        let mut stranger = d.clone();
        stranger[..4].copy_from_slice(&9_u32.to_le_bytes());
        let mut without_reporter = d.clone();
        without_reporter[..4].copy_from_slice(&4_u32.to_le_bytes());
        let before = mesh.directory.signature_checks();
        let bad: [(u64, &[&Vec<u8>]); 6] = [
            (4, &[a, b, d, c]),
            (4, &[a, b, b, d]),
            (3, &[a, b, d]),
            (0, &[]),
            (4, &[a, b, c, &stranger]),
            (4, &[a, b, c, &without_reporter]),
        ];
        for (claimed, entries) in bad {
            let refused = verify(&mesh, &built(claimed, entries)).err();
            assert!(matches!(refused, Some(Refusal::CertificateShape(_))), "{refused:?}");
        }
        for claimed in [5, 1 << 20, 1 << 40, u64::MAX] {
            let refused = verify(&mesh, &built(claimed, &[a, b, c, d])).err();
            assert!(matches!(refused, Some(Refusal::Malformed(_))), "{claimed}: {refused:?}");
        }
        assert_eq!(mesh.directory.signature_checks(), before);

        let (_, others) = {
            let mesh = Mesh::new(suite, 5);
            taken_apart(suite, &certified(&mesh, 0..4, &event), 4)
        };
        let unknown = verify(&mesh, &built(4, &[a, b, c, &others[3]])).err();
        assert!(matches!(unknown, Some(Refusal::UnknownKey { .. })), "nobody's fault: {unknown:?}");
        assert_eq!(mesh.directory.signature_checks(), before);
    }
}

#[test]
fn a_certificate_of_another_view_or_mesh_is_none_here() {
    for suite in Suite::available() {
        let (mesh, other) = (Mesh::new(suite, 4), Mesh::new(suite, 4));
        let event = proposal(1, 1);
        let foreign = certified(&other, 0..3, &event);
        assert!(matches!(verify(&mesh, &foreign), Err(Refusal::OtherMesh(_))));
        let Ok(Packet::Certificate(container)) = Packet::parse(&foreign) else { panic!() };
        let renamed = Container::to_bytes(
            Tag::Certificate,
            mesh.directory.view().mesh(),
            container.payload(),
        );
        assert!(matches!(verify(&mesh, &renamed), Err(Refusal::Nonsense(_))));
        let statement = mesh.attest(1, &event);
        assert!(matches!(verify(&mesh, &statement), Err(Refusal::Nonsense(_))));
    }
}

#[test]
fn a_statement_signed_for_another_view_does_not_count() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let active = mesh.rings[1].active();
        let key = active.key.public_key();
        let head = StatementHead::new(mesh.directory.view().mesh(), id(1), active.epoch, key);
        let other_view = (Digest::from_bytes([9; 32]), Nonce { boot: 1, sequence: 1 });
        let ballot = Ballot::for_event(&proposal(1, 1), 0, Phase::Prevote).unwrap();
        let event = failure(3, None);
        for bytes in [
            seal_ballot(&ballot, other_view, &head, &active.key, &OsEntropy).unwrap(),
            seal_attestation(&event, other_view, &head, &active.key, &OsEntropy).unwrap(),
        ] {
            assert!(matches!(mesh.count_bytes(&bytes, NOW), Err(Refusal::Nonsense(_))));
        }
        let mut forged = mesh.attest(1, &proposal(1, 1));
        let last = forged.len() - 1;
        forged[last] ^= 1;
        assert_eq!(mesh.count_bytes(&forged, NOW).err(), Some(Refusal::BadSignature));
    }
}

/// The table in the documentation of `Certificate` says what a certificate of each size really has, in the
/// suites that a feature compiles in.
#[test]
fn certificate_sizes() {
    let documented = include_str!("../certificate.rs");
    let by_features = [Suite::Dilithium3, Suite::MlDsa65];
    for suite in Suite::available().filter(|suite| by_features.contains(suite)) {
        for members in [4, 10, 30, 100] {
            let mesh = Mesh::new(suite, members);
            let quorum = mesh.directory.view().quorum();
            let len = certified(&mesh, 0..quorum, &failure(members - 1, mark(5))).len();
            assert!(len <= max_container_len(members));
            let view = mesh.directory.view().to_bytes().unwrap().len();
            assert!(len + view + 1024 * members <= max_packet_len(members), "with long SPIFFE ids");
            let line = format!("\n/// | {members} | {quorum} | {len} |\n");
            assert!(documented.contains(&line), "Certificate's table lacks {line}");
        }
    }
}
