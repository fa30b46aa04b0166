//! Exclusive slots, and that no member's statements crowd out another's.

use super::*;

#[test]
fn the_first_vote_counts_and_the_second_is_a_contradiction_once() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        assert_eq!(mesh.pending(1, &proposal(1, 1)), Some(1));
        let second = mesh.attest(1, &proposal(1, 2));
        let (refusal, found) = mesh.count_ballot(mesh.read_ballot(&second), NOW).unwrap_err();
        assert_eq!(refusal, Refusal::ContradictoryVote);
        let Contradiction { first, second } = found.unwrap();
        let proof = EquivocationProof::seal_votes(mesh.directory.view().mesh(), [&first, &second]);
        let proof = EquivocationProof::verify(&proof.unwrap(), &mesh.directory).unwrap();
        assert_eq!((proof.offender(), proof.node()), (MemberIndex(1), id(1)));

        assert_eq!(mesh.refusal(1, &proposal(1, 2)), Some(Refusal::Duplicate));
        assert_eq!(mesh.refusal(1, &proposal(1, 3)), Some(Refusal::Duplicate));
        assert_eq!(mesh.pending(2, &proposal(1, 2)), Some(1), "the second vote never counts");
        assert_eq!(mesh.pending(3, &proposal(1, 1)), Some(2));
        assert_eq!(mesh.pending(0, &proposal(1, 1)), None);
    }
}

/// Attack Q8: a flood of statements pushes out its author's own, and nobody else's.
#[test]
fn what_one_member_says_never_pushes_out_what_another_said() {
    for suite in Suite::available().take(1) {
        let config = QuorumConfig { slots_per_member: 4, ..QuorumConfig::default() };
        let mesh = Mesh::with(suite, 4, config);
        assert_eq!(mesh.pending(1, &proposal(1, 1)), Some(1));
        assert_eq!(mesh.pending(2, &proposal(1, 1)), Some(2));
        for sequence in 2..=6 {
            assert_eq!(mesh.pending(2, &proposal(sequence, 1)), Some(1));
        }
        assert_eq!(mesh.pending(3, &proposal(1, 1)), Some(2), "one of its own had to go");
        assert_eq!(mesh.pending(2, &proposal(1, 1)), None, "and may come again");
    }
}

#[test]
fn a_member_has_a_rate_of_its_own() {
    for suite in Suite::available().take(1) {
        let attestor_rate = Rate { per_second: 1, burst: 2 };
        let mesh = Mesh::with(suite, 4, QuorumConfig { attestor_rate, ..QuorumConfig::default() });
        // The burst, and two for each member.
        for sequence in 1..=10 {
            assert!(mesh.count(1, &proposal(sequence, 1)).is_ok());
        }
        assert_eq!(mesh.refusal(1, &proposal(11, 1)), Some(Refusal::AttestorRate));
        assert_eq!(mesh.refusal(1, &proposal(10, 1)), Some(Refusal::Duplicate));
        assert!(mesh.count(2, &proposal(11, 1)).is_ok());
        let later = mesh.attest(1, &proposal(11, 1));
        assert!(mesh.count_bytes(&later, NOW.after(1_000)).is_ok());
    }
}

#[test]
fn a_link_is_down_only_beside_its_reporters_word() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let event = CriticalEvent::LinkDown { reporter: id(3), peer: id(2), mark: mark(5) };
        let counted = [0, 1, 2].map(|place| mesh.pending(place, &event));
        assert_eq!(counted, [Some(1), Some(2), Some(3)], "a quorum that lacks the reporter");
        assert!(!mesh.quorum.is_validated(&event));
        assert_eq!(mesh.pending(3, &event), None);
        assert!(mesh.quorum.is_validated(&event));
    }
}

#[test]
fn events_that_make_no_sense_are_refused() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        let unheard = |place| Unheard { node: id(place), mark: None };
        let partition = |unreachable| CriticalEvent::TopologyPartition { unreachable };
        let link = |reporter, peer| CriticalEvent::LinkDown {
            reporter: id(reporter),
            peer: id(peer),
            mark: None,
        };
        let (node, epoch, key) = (id(9), Epoch::FIRST, Digest::from_bytes([0; 32]));
        let bad = [
            failure(9, None),
            link(2, 2),
            link(9, 2),
            link(2, 9),
            partition(Vec::new()),
            partition(vec![unheard(3), unheard(2)]),
            partition(vec![unheard(2), unheard(2)]),
            partition(vec![unheard(2), unheard(9)]),
            partition((0..=MAX_UNREACHABLE).map(unheard).collect()),
            CriticalEvent::KeyRotation { node, epoch, key },
            CriticalEvent::SecurityIncident { offender: node, epoch, key },
        ];
        for event in bad {
            let refused = mesh.refusal(1, &event);
            let refused_form = matches!(refused, Some(Refusal::Nonsense(_)))
                || matches!(refused, Some(Refusal::Malformed(_)));
            assert!(refused_form, "{event:?}: {refused:?}");
            let misuse = mesh.misuse(event);
            assert!(matches!(misuse, Misuse::Nonsense(_) | Misuse::UnknownSubject(_)), "{misuse}");
        }
        assert!(mesh.count(1, &partition(vec![unheard(2), unheard(3)])).is_ok());
    }
}
