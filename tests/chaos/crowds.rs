//! Liars that say much, and meshes that fall apart.

use meshward::wire::Packet;
use meshward::{
    Config, CriticalEvent, Digest, Epoch, Event, FailureStatus, Mark, Nonce, QuorumConfig, Suite,
};

use crate::support::{Mesh, failure, id, link};

/// Q8, promises P5 and P7: two liars of ten say something new ten times a second, to a hundred times
/// what is kept of one of them. Of what the others said nothing goes: the last of seven statements
/// certifies a failed link and a failed node, with those from before the flood.
#[test]
fn q08_a_flood_of_statements_evicts_nothing_of_others() {
    for suite in Suite::available() {
        let quorum = QuorumConfig { slots_per_member: 4, ..QuorumConfig::default() };
        let mut mesh = Mesh::with(suite, 10, Config { quorum, ..Config::default() });
        let members: Vec<_> = (0..10).map(|place| mesh.steal(place)).collect();
        let link_down = CriticalEvent::LinkDown { reporter: id(1), peer: id(9), mark: None };
        let true_ones = [link_down, failure(9, None)];
        let attest = |mesh: &Mesh, place: usize| {
            for event in &true_ones {
                mesh.give(0, link(place), &members[place].attest(event)).unwrap();
            }
        };
        // The liars, too: what goes first of theirs lies where that of the others lies.
        [7, 8, 1, 2, 3, 4].into_iter().for_each(|place| attest(&mesh, place));
        let mut taken = 0;
        for number in 0..400_u32 {
            mesh.now = mesh.now.after(100);
            for liar in [7, 8] {
                let other = id(number as usize % 7);
                let epoch = Epoch { recovery: 0, operational: number };
                let far = Some(Mark { epoch, nonce: Nonce { boot: u32::MAX, sequence: number } });
                let event = match number % 3 {
                    0 => CriticalEvent::NodeFailure { subject: other, mark: far },
                    1 => CriticalEvent::LinkDown { reporter: id(liar), peer: other, mark: far },
                    _ => {
                        let key = Digest::from_bytes([0; 32]);
                        CriticalEvent::SecurityIncident { offender: other, epoch, key }
                    }
                };
                taken +=
                    usize::from(mesh.give(0, link(liar), &members[liar].attest(&event)).is_ok());
            }
        }
        assert!(taken >= 700, "{suite}: {taken} are no flood");
        [5, 6].into_iter().for_each(|place| attest(&mesh, place));
        for event in &true_ones {
            assert!(!mesh.guard(0).is_validated(event));
            mesh.guard(0).report_critical_event(event.clone(), mesh.now).unwrap();
            assert!(mesh.guard(0).is_validated(event), "{suite}: {event:?}");
            let found = mesh.guard(0).core().certificate(event).unwrap();
            let attestors: Vec<_> = found.attestors().iter().map(|place| place.0).collect();
            assert_eq!(attestors, [0, 1, 2, 3, 4, 5, 6], "{suite}");
        }
        assert_eq!(mesh.guard(0).stats(mesh.now).validated_failures, [id(9)]);
    }
}

/// Q12, promises P6 and P8: ten fall apart into seven and three, and three of the seven lie to both
/// sides. Either side misses the other; one of them is a quorum and certifies that, the other never
/// is, whatever its hosts insist on and the liars sign for it. When they meet again, all are heard within two beacons, and
/// nothing is left of it.
#[test]
fn q12_both_sides_of_a_partition_meet_again() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 10);
        mesh.relays = false;
        mesh.pass(4_000);
        let liars = [4, 5, 6].map(|place| mesh.steal(place));
        let last_words = [0, 1, 2, 3].map(|place| mesh.beacon(place));
        let marks = last_words.each_ref().map(|bytes| match Packet::parse(bytes).unwrap() {
            Packet::Frame(frame) => Some(frame.header().mark()),
            other => panic!("{other:?}"),
        });
        for (of, bytes) in last_words.iter().enumerate() {
            (7..10).for_each(|at| drop(mesh.give(at, link(of), bytes).unwrap()));
        }
        let hops = (0..7).flat_map(|one| (7..10).flat_map(move |two| [(one, two), (two, one)]));
        mesh.cut = hops.collect();
        for _second in 0..30 {
            mesh.pass(1_000);
            for (at, of) in (7..10).flat_map(|at| (0..4).map(move |of| (at, of))) {
                for (place, liar) in [4, 5, 6].into_iter().zip(&liars) {
                    let _new_or_not =
                        mesh.give(at, link(place), &liar.attest(&failure(of, marks[of])));
                }
                // Too few to be told by the library, their hosts insist.
                let _too_early = mesh.guard(at).report_node_failure(id(of), mesh.now);
            }
        }
        for (at, of) in (7..10).flat_map(|at| (0..4).map(move |of| (at, of))) {
            let status = mesh.guard(at).validate_node_failure(&id(of));
            let FailureStatus::Reported { attestations, needed } = status else {
                panic!("{suite}: {status:?}")
            };
            assert_eq!((attestations, needed), (6, 7), "{suite}: {of} at {at}");
        }
        let (sides, failed) = ([0..7, 7..10], [vec![id(7), id(8), id(9)], vec![]]);
        for (side, failed) in sides.into_iter().zip(failed) {
            for at in side {
                let stats = mesh.guard(at).stats(mesh.now);
                assert_eq!(stats.validated_failures, failed, "{suite}, at {at}");
            }
        }
        mesh.cut.clear();
        mesh.pass(2_000);
        for at in 0..10 {
            let stats = mesh.guard(at).stats(mesh.now);
            assert_eq!(stats.validated_failures, [], "{suite}, at {at}");
            assert_eq!(stats.quarantined_nodes, [], "{suite}, at {at}");
            assert!(mesh.guard(at).core().overdue(mesh.now).is_empty(), "{suite}, at {at}");
            let back = |event: &Event| matches!(event, Event::NodeReturned { .. });
            let expected = if at < 7 { 3 } else { 0 };
            assert_eq!(mesh.nodes[at].host.count(back), expected, "{suite}, at {at}");
        }
    }
}
