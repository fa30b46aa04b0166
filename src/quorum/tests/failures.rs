//! Node failures: marks, evidence, and how an accused member is cleared.

use super::*;

#[test]
fn only_statements_with_one_mark_add_up() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        assert_eq!(mesh.pending(1, &failure(3, mark(5))), Some(1));
        assert_eq!(mesh.pending(2, &failure(3, mark(6))), Some(1));
        assert_eq!(mesh.pending(0, &failure(3, mark(6))), Some(2));
        let reported = mesh.quorum.validate_node_failure(&id(3));
        assert!(matches!(reported, FailureStatus::Reported { attestations: 2, needed: 3 }));
        assert_eq!(mesh.pending(1, &failure(3, mark(6))), None, "it states so again, higher");
        assert!(mesh.quorum.is_validated(&failure(3, mark(6))));
        assert!(!mesh.quorum.is_validated(&failure(3, mark(5))));
    }
}

#[test]
fn statements_below_what_was_heard_count_for_nothing() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        assert_eq!(mesh.pending(1, &failure(3, mark(5))), Some(1));
        assert_eq!(mesh.refusal(1, &failure(3, mark(4))), Some(Refusal::Outdated));
        assert_eq!(mesh.refusal(1, &failure(3, mark(5))), Some(Refusal::Duplicate));

        mesh.hear(3, 6, NOW);
        assert!(matches!(mesh.quorum.validate_node_failure(&id(3)), FailureStatus::Heard));
        for place in [1, 2] {
            assert_eq!(mesh.refusal(place, &failure(3, mark(5))), Some(Refusal::Outdated));
            assert_eq!(mesh.refusal(place, &failure(3, None)), Some(Refusal::Outdated));
        }
        assert_eq!(mesh.pending(2, &failure(3, mark(6))), Some(1), "the old one is gone");
    }
}

#[test]
fn a_member_that_was_certified_as_failed_comes_back_once() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        assert!(!mesh.hear(3, 5, NOW));
        let event = failure(3, mark(5));
        assert_eq!([0, 1, 2].map(|place| mesh.pending(place, &event)), [Some(1), Some(2), None]);
        assert!(matches!(mesh.quorum.validate_node_failure(&id(3)), FailureStatus::Certified(_)));
        assert_eq!(mesh.refusal(1, &event), Some(Refusal::Decided));
        // Who missed its last words, too, is to be told just as well.
        assert_eq!(mesh.refusal(1, &failure(3, mark(4))), Some(Refusal::Decided));
        assert_eq!(mesh.refusal(1, &failure(3, None)), Some(Refusal::Decided));
        for place in [1, 2] {
            mesh.hear(place, 5, NOW.after(3_000));
        }
        assert_eq!(mesh.quorum.overdue(NOW.after(3_000)), [id(3)]);
        assert_eq!(mesh.quorum.to_report(NOW.after(3_000)), [], "it is certified");
        assert!(!mesh.hear(3, 4, NOW), "an older frame is no return");
        assert!(mesh.hear(3, 6, NOW));
        assert!(!mesh.hear(3, 7, NOW));
        assert_eq!(mesh.refusal(1, &failure(3, mark(4))), Some(Refusal::Outdated), "it lives");
        assert!(matches!(mesh.quorum.validate_node_failure(&id(3)), FailureStatus::Heard));
    }
}

#[test]
fn a_node_reports_what_it_missed_at_the_mark_it_knows() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        mesh.hear(3, 5, NOW);
        let early = mesh.misuse(failure(3, None));
        let expected = Misuse::NotSilent { subject: id(3), ago_ms: 0, needed_ms: 3_000 };
        assert_eq!(early, expected);
        assert_eq!(mesh.misuse(failure(0, None)), Misuse::OwnFailure);
        assert!(matches!(mesh.misuse(failure(9, None)), Misuse::UnknownSubject(_)));

        let now = NOW.after(3_000);
        assert_eq!(mesh.quorum.overdue(now), [id(1), id(2), id(3)]);
        for place in [1, 2] {
            mesh.hear(place, 5, now);
        }
        assert_eq!(mesh.quorum.to_report(now), [id(3)]);
        let report = |event| {
            mesh.quorum.report_critical_event(event, &mesh.rings[0], &OsEntropy, now).unwrap()
        };
        let made = report(failure(3, mark(99)));
        assert_eq!(mesh.read(&made.bytes).unwrap().event(), &failure(3, mark(5)));
        assert_eq!(report(failure(3, None)).bytes, made.bytes, "signed once");
        assert!(mesh.quorum.adopt(&made, now).is_ok());
        assert_eq!(mesh.quorum.to_report(now), []);

        let sent_again = mesh.quorum.undecided();
        let [again] = sent_again.as_slice() else { panic!("{}", sent_again.len()) };
        let again = mesh.read(again).unwrap();
        let evidence = SignedHeader::parse(again.evidence()).unwrap();
        assert_eq!(evidence.header().mark(), mark(5).unwrap());

        mesh.hear(3, 6, now);
        assert!(mesh.quorum.undecided().is_empty());
        assert_eq!(mesh.quorum.adopt(&made, now).err(), Some(Refusal::Outdated));
    }
}

#[test]
fn evidence_lifts_the_mark_and_is_no_sign_of_life() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        mesh.hear(3, 5, Millis(0));
        assert_eq!(mesh.pending(1, &failure(3, mark(5))), Some(1));
        let member = MemberIndex(3);
        let evidence = mesh.signed_header(3, 8);
        let bytes = [mesh.attest(2, &failure(3, mark(8))), evidence.clone()].concat();
        let attestation = mesh.read(&bytes).unwrap();
        assert!(mesh.quorum.wants_evidence(&attestation));
        assert!(mesh.quorum.learn(&attestation));
        assert!(!mesh.quorum.wants_evidence(&attestation) && !mesh.quorum.learn(&attestation));
        assert_eq!(mesh.quorum.silent_for(member, NOW), NOW.0, "nobody knows when it was sent");
        assert!(matches!(mesh.quorum.validate_node_failure(&id(3)), FailureStatus::Heard));
        assert_eq!(mesh.refusal(1, &failure(3, mark(5))), Some(Refusal::Outdated));
        let report = mesh.report(failure(3, None)).unwrap();
        assert_eq!(mesh.read(&report.bytes).unwrap().event(), &failure(3, mark(8)));

        // The header itself comes later than the accusation that carried it, and clears all the
        // same: its silence is over.
        mesh.hear(3, 8, NOW);
        assert_eq!(mesh.quorum.silent_for(member, NOW), 0);
        mesh.hear(3, 7, NOW.after(10));
        assert_eq!(mesh.quorum.silent_for(member, NOW.after(10)), 10, "late, and nothing new");
    }
}

#[test]
fn evidence_that_does_not_hold_does_nothing() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        mesh.hear(3, 5, Millis(0));
        assert_eq!(mesh.pending(1, &failure(3, mark(5))), Some(1));
        let mut forged = mesh.signed_header(3, 8);
        *forged.last_mut().unwrap() ^= 1;
        let others = mesh.signed_header(2, 8);
        let lower = mesh.signed_header(3, 7);
        let longer = [mesh.signed_header(3, 8), vec![0]].concat();
        let older = mesh.signed_header(3, 5);
        for evidence in [forged, others, lower, longer, older, b"junk".to_vec(), Vec::new()] {
            let bytes = [mesh.attest(2, &failure(3, mark(8))), evidence].concat();
            assert!(!mesh.quorum.learn(&mesh.read(&bytes).unwrap()));
        }
        let (reporter, peer) = (id(2), id(3));
        let event = CriticalEvent::LinkDown { reporter, peer, mark: mark(8) };
        let other_event = [mesh.attest(2, &event), mesh.signed_header(3, 8)].concat();
        assert!(!mesh.quorum.learn(&mesh.read(&other_event).unwrap()));
        let reported = mesh.quorum.validate_node_failure(&id(3));
        assert!(matches!(reported, FailureStatus::Reported { attestations: 1, .. }));
    }
}

#[test]
fn liars_alone_reach_no_quorum() {
    for suite in Suite::available() {
        for (members, liars) in [(4, 1), (7, 2), (10, 3)] {
            let mesh = Mesh::new(suite, members);
            assert_eq!(mesh.directory.view().faults_tolerated(), liars);
            let event = failure(members - 1, None);
            for liar in 1..=liars {
                assert_eq!(mesh.pending(liar, &event), Some(liar));
                assert_eq!(mesh.refusal(liar, &event), Some(Refusal::Duplicate));
            }
            assert!(!mesh.quorum.is_validated(&event));
        }
    }
}

#[test]
fn the_accused_attests_nothing_about_itself() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        assert!(matches!(mesh.refusal(3, &failure(3, None)), Some(Refusal::Nonsense(_))));
    }
}
