//! Certificates whose checks are run one by one, and what a proof shows.

use super::*;

fn certified(mesh: &Mesh, event: &CriticalEvent) -> Vec<u8> {
    for place in 0..mesh.directory.view().quorum() {
        mesh.count(place, event).unwrap();
    }
    mesh.quorum.certificate(event).unwrap().as_bytes().to_vec()
}

#[test]
fn checks_run_on_any_thread_and_once() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 7);
        let event = failure(6, None);
        let bytes = certified(&mesh, &event);
        let before = mesh.directory.signature_checks();
        let pending = PendingCertificate::read(&bytes, &mesh.directory).unwrap();
        assert_eq!(pending.event(), &event);
        let checks: Vec<_> = pending.checks().collect();
        assert_eq!(mesh.directory.signature_checks(), before, "reading costs no check");
        let who: Vec<_> =
            checks.iter().map(|check| (check.attestor(), check.head().origin)).collect();
        assert_eq!(who, [0, 1, 2, 3, 4].map(|place: u32| (MemberIndex(place), id(place as usize))));
        std::thread::scope(|scope| {
            for part in checks.chunks(2) {
                scope.spawn(|| part.iter().for_each(|check| check.run().unwrap()));
            }
        });
        let certificate = pending.verify().unwrap();
        assert_eq!(mesh.directory.signature_checks() - before, 5, "what held is not checked again");
        assert_eq!(certificate.as_bytes(), bytes);
        assert_eq!(
            certificate.attestors(),
            Certificate::verify(&bytes, &mesh.directory).unwrap().attestors()
        );
    }
}

/// Whatever was run and whatever its result was: all have to hold.
#[test]
fn one_bad_signature_is_named_and_voids_the_whole() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let good = certified(&mesh, &proposal(1, 1));
        // Attestor, nonce, suite, epoch and key stand before each signature.
        let entry = 4 + 8 + 1 + 8 + 32 + 8 + suite.signature_len();
        for bad in 0..3_usize {
            let mut bytes = good.clone();
            let at = good.len() - 10 - (2 - bad) * entry;
            bytes[at] ^= 4;
            let results = |pending: &PendingCertificate<'_>| -> Vec<_> {
                pending.checks().map(|check| check.run()).collect()
            };
            let mut expected = [const { Ok(()) }; 3];
            expected[bad] = Err(Refusal::BadSignature);
            let pending = PendingCertificate::read(&bytes, &mesh.directory).unwrap();
            assert_eq!(results(&pending), expected);
            assert_eq!(results(&pending), expected, "asked again, the same");
            assert_eq!(pending.verify().err(), Some(Refusal::Refuted));

            let unasked = PendingCertificate::read(&bytes, &mesh.directory).unwrap();
            assert_eq!(unasked.verify().err(), Some(Refusal::Refuted));
            let half_asked = PendingCertificate::read(&bytes, &mesh.directory).unwrap();
            let others = half_asked.checks().enumerate().filter(|(place, _)| *place != bad);
            others.for_each(|(_, check)| check.run().unwrap());
            assert_eq!(half_asked.verify().err(), Some(Refusal::Refuted));
        }
    }
}

#[test]
fn a_proof_shows_what_was_signed_twice() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let view = mesh.directory.view();
        let votes = [1, 2].map(|content| mesh.attest(1, &proposal(7, content)));
        let sealed = EquivocationProof::seal_votes(view.mesh(), [&votes[0], &votes[1]]).unwrap();
        let proof = EquivocationProof::verify(&sealed, &mesh.directory).unwrap();
        let ballot =
            |content| Ballot::for_event(&proposal(7, content), 0, Phase::Precommit).unwrap();
        let both = Box::new([1, 2].map(ballot));
        assert_eq!(proof.proven(view), Ok(Proven::Votes(both)));
        let other = Mesh::new(suite, 4);
        assert!(proof.proven(other.directory.view()).is_err());

        let active = mesh.rings[2].active();
        let first = mesh.signed_header(2, 5);
        let header = SignedHeader::parse(&first).unwrap().header().clone();
        let second = Header { sent_at: SentAt(9), ..header.clone() };
        let bytes = seal_frame(second.clone(), b"", &active.key, &OsEntropy).unwrap();
        let sealed = EquivocationProof::seal_headers(view.mesh(), [&first, &bytes]).unwrap();
        let proof = EquivocationProof::verify(&sealed, &mesh.directory).unwrap();
        assert_eq!(proof.proven(view), Ok(Proven::Headers(Box::new([header, second]))));
    }
}
