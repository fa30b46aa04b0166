//! The order of one member's statements: what a number, a key and a boot decide.

use super::*;

/// A statement of a member under its own key, as one of a boot.
fn numbered(
    mesh: &Mesh,
    place: usize,
    event: &CriticalEvent,
    (boot, sequence): (u32, u32),
) -> Vec<u8> {
    mesh.attest_as(place, event, Nonce { boot, sequence })
}

fn partition(mark: Option<Mark>) -> CriticalEvent {
    CriticalEvent::TopologyPartition { unreachable: vec![Unheard { node: id(3), mark }] }
}

fn held(mesh: &Mesh, event: &CriticalEvent) -> usize {
    match mesh.quorum.standing(&event.slot()) {
        Tally::Pending { attestations, .. } => attestations,
        Tally::Certified(_) => panic!("nothing is certified here"),
    }
}

/// Statements on what changes replace each other by their numbers, not by their arrival.
#[test]
fn the_newest_of_a_members_statements_stands() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let [old, new] = [mark(1), mark(2)].map(partition);
        let (first, second) = (numbered(&mesh, 1, &old, (1, 1)), numbered(&mesh, 1, &new, (1, 2)));
        assert!(mesh.count_bytes(&second, NOW).is_ok());
        assert_eq!(mesh.count_bytes(&first, NOW).err(), Some(Refusal::Outdated));
        assert_eq!(mesh.pending(2, &new), Some(2), "it was not replaced");
        // A change of mind that goes back is one all the same.
        assert!(mesh.count_bytes(&numbered(&mesh, 1, &old, (1, 3)), NOW).is_ok());
        assert_eq!(mesh.count_bytes(&second, NOW).err(), Some(Refusal::Outdated));
        assert_eq!(held(&mesh, &new), 1);
    }
}

/// The same said again is no news; signed anew in a later boot it is, once, and counts once.
#[test]
fn the_same_signed_anew_counts_once() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let event = proposal(1, 1);
        let statement = |numbers| numbered(&mesh, 1, &event, numbers);
        assert!(mesh.count_bytes(&statement((1, 1)), NOW).is_ok());
        assert_eq!(mesh.count_bytes(&statement((1, 2)), NOW).err(), Some(Refusal::Duplicate));
        assert!(mesh.count_bytes(&statement((2, 1)), NOW).is_ok());
        for numbers in [(2, 1), (2, 2), (1, 3)] {
            let refusal = mesh.count_bytes(&statement(numbers), NOW).err();
            assert_eq!(refusal, Some(Refusal::Duplicate), "{numbers:?}");
        }
        assert_eq!(held(&mesh, &event), 1);
        // It does not lift a contradiction either.
        assert_eq!(mesh.refusal(1, &proposal(1, 2)), Some(Refusal::ContradictoryVote));
        let anew = mesh.count_bytes(&statement((3, 1)), NOW).err();
        assert_eq!(anew, Some(Refusal::Duplicate));
    }
}

/// In a full share the oldest by number goes, in whatever order they came; what is older than all
/// that are held costs nothing. Failures have a share of their own.
#[test]
fn the_oldest_by_number_goes_first() {
    for suite in Suite::available() {
        let config = QuorumConfig { slots_per_member: 2, ..QuorumConfig::default() };
        let mesh = Mesh::with(suite, 4, config);
        let vote = |number: u32| numbered(&mesh, 1, &proposal(number.into(), 1), (1, number));
        for number in [9, 5] {
            assert!(mesh.count_bytes(&vote(number), NOW).is_ok());
        }
        assert_eq!(mesh.count_bytes(&vote(4), NOW).err(), Some(Refusal::Outdated));
        assert!(mesh.count_bytes(&vote(7), NOW).is_ok());
        let of = |number| held(&mesh, &proposal(number, 1));
        assert_eq!([4, 5, 7, 9].map(of), [0, 0, 1, 1]);
        assert_eq!(mesh.count_bytes(&vote(5), NOW).err(), Some(Refusal::Outdated));
        let report = numbered(&mesh, 1, &failure(3, None), (1, 3));
        assert!(mesh.count_bytes(&report, NOW).is_ok(), "another share");
    }
}
