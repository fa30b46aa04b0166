//! A mesh that falls apart, as the members on either side state it.

use meshward::quorum::{Attestation, Certificate, Unheard};
use meshward::wire::Packet;
use meshward::{CriticalEvent, Error, Event, Mark, Misuse, Refusal, Suite};

use crate::support::{Mesh, id, link};

fn hops(one: std::ops::Range<usize>, two: std::ops::Range<usize>) -> Vec<(usize, usize)> {
    let both = |a: usize| two.clone().flat_map(move |b| [(a, b), (b, a)]);
    one.flat_map(both).collect()
}

fn mark_of(beacon: &[u8]) -> Option<Mark> {
    match Packet::parse(beacon).unwrap() {
        Packet::Frame(frame) => Some(frame.header().mark()),
        other => panic!("{other:?}"),
    }
}

fn certified(mesh: &Mesh, at: usize) -> Option<std::sync::Arc<Certificate>> {
    mesh.guard(at).core().quorum().validate_partition()
}

/// Q12, Q4, promises P6, P7 and P8: ten fall apart into seven and three; each of the seven has heard other
/// last words of the three, a fifth of all packets is lost, four hosts of the seven report a partition, at
/// different times, and one of the others not at all. The seven certify one list, the same byte for
/// byte. The three are no quorum: they state no partition and are told so. When the sides meet again
/// nothing is left of it, and the old certificate is refused by everybody.
#[test]
fn q12_the_larger_side_certifies_who_is_gone() {
    for suite in Suite::available() {
        for seed in 1..=2 {
            let mut mesh = Mesh::new(suite, 10);
            mesh.seed(seed);
            mesh.pass(2_000);
            let early = mesh.guard(0).report_partition(mesh.now);
            assert!(matches!(early, Err(Error::Misuse(Misuse::Nonsense(_)))), "{early:?}");
            mesh.relays = false;
            // One more beacon of each that is gone reaches some of those that stay.
            mesh.now = mesh.now.after(250);
            for gone in 7..10 {
                let last = mesh.beacon(gone);
                (0..gone - 6).for_each(|at| drop(mesh.give(at, link(gone), &last).unwrap()));
                mesh.nodes[gone].host.sent();
            }
            mesh.relays = true;
            mesh.cut = hops(0..7, 7..10).into_iter().collect();
            mesh.loss = 200;
            for second in 0..40 {
                mesh.pass(1_000);
                for (host, since) in [(0, 5), (2, 7), (3, 12), (6, 15)] {
                    if second == since || second == since + 3 {
                        let _seen_or_not_yet = mesh.guard(host).report_partition(mesh.now);
                    }
                }
                for host in 7..10 {
                    let small = mesh.guard(host).report_partition(mesh.now);
                    assert!(matches!(small, Err(Error::Misuse(Misuse::Nonsense(_)))), "{small:?}");
                }
            }
            let found = certified(&mesh, 0).expect("certified");
            let CriticalEvent::TopologyPartition { unreachable } = found.event() else { panic!() };
            let nodes: Vec<_> = unreachable.iter().map(|unheard| unheard.node).collect();
            assert_eq!(nodes, [id(7), id(8), id(9)], "{suite} {seed}");
            assert!(unreachable.iter().all(|unheard| unheard.mark.is_some()));
            for at in 0..7 {
                let here = certified(&mesh, at).unwrap_or_else(|| panic!("{suite} {seed}: {at}"));
                assert_eq!(here.event(), found.event(), "{suite} {seed}: at {at}");
                Certificate::verify(here.as_bytes(), mesh.guard(at).core().directory()).unwrap();
            }
            let alone = |event: &Event| matches!(event, Event::NoQuorum { .. });
            for at in 7..10 {
                assert!(mesh.guard(at).core().certificate(found.event()).is_none());
                assert_eq!(mesh.nodes[at].host.count(alone), 1, "{suite} {seed}: at {at}");
            }

            mesh.cut.clear();
            mesh.loss = 0;
            mesh.pass(3_000);
            for at in 0..10 {
                assert!(certified(&mesh, at).is_none(), "{suite} {seed}: at {at}");
                let refusal = mesh.give(at, link(3), found.as_bytes()).unwrap_err();
                assert!(matches!(refusal, Refusal::Decided | Refusal::Outdated), "{refusal}");
                assert_eq!(mesh.guard(at).core().quorum().partition(mesh.now), None);
                assert_eq!(mesh.guard(at).stats(mesh.now).validated_failures, []);
                let restored = |event: &Event| matches!(event, Event::QuorumRestored);
                assert_eq!(mesh.nodes[at].host.count(restored), usize::from(at >= 7));
            }
        }
    }
}

/// Q5, promise P6: four of ten state a partition that heals; three others state the next one, of the same
/// members. Seven have stated one, and seven are a quorum. What the first said is void as soon as one on
/// the list is heard, stays so when it is played again, and adds up with nothing.
#[test]
fn q05_partitions_of_two_faults_never_add_up() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 10);
        mesh.pass(2_000);
        let members: Vec<_> = (0..10).map(|place| mesh.steal(place)).collect();
        let [eighth, ninth] = [8, 9].map(|of| mesh.beacon(of));
        mesh.give(0, link(8), &eighth).unwrap();
        mesh.give(0, link(9), &ninth).unwrap();
        let both = |marks: [Option<Mark>; 2]| {
            let unheard = |(place, mark)| Unheard { node: id(place), mark };
            let unreachable = [8, 9].into_iter().zip(marks).map(unheard).collect();
            CriticalEvent::TopologyPartition { unreachable }
        };
        let first = both([&eighth, &ninth].map(|beacon| mark_of(beacon)));
        let old: Vec<_> = (1..5).map(|by| (by, members[by].attest(&first))).collect();
        for (by, said) in &old {
            mesh.give(0, link(*by), said).unwrap();
        }
        // One of the two is heard again, by one beacon.
        mesh.now = mesh.now.after(1_000);
        let back = mesh.beacon(8);
        mesh.give(0, link(8), &back).unwrap();
        for (by, said) in &old {
            let refusal = mesh.give(0, link(*by), said).unwrap_err();
            assert_eq!(refusal, Refusal::Outdated, "{suite}");
            let again = mesh.give(0, link(*by), &members[*by].attest(&first)).unwrap_err();
            assert_eq!(again, Refusal::Outdated, "{suite}: the same stated anew");
        }
        let second = both([&back, &ninth].map(|beacon| mark_of(beacon)));
        let mut counted = 0;
        for by in [5, 6, 7] {
            let taken = mesh.give(0, link(by), &members[by].attest(&second)).unwrap();
            let meshward::Accepted::Attestation { tally, .. } = taken else { panic!() };
            let meshward::Tally::Pending { attestations, needed } = tally else { panic!() };
            (counted, _) = (attestations, assert_eq!(needed, 7));
        }
        assert_eq!(counted, 3, "{suite}: the old ones add up with it");
        // Who is on the list does not attest it, and this node is not out of its own reach.
        let refusal = mesh.give(0, link(8), &members[8].attest(&second)).unwrap_err();
        assert_eq!(refusal.reason(), "nonsense");
        let unreachable = [0, 9].map(|of| Unheard { node: id(of), mark: None }).into();
        let about_us = CriticalEvent::TopologyPartition { unreachable };
        let refusal = mesh.give(0, link(5), &members[5].attest(&about_us)).unwrap_err();
        assert_eq!(refusal, Refusal::Outdated);
        assert!(certified(&mesh, 0).is_none());
    }
}

/// P8: whoever is on a list and is heard again is on no list from then on, not even until the next tick.
#[test]
fn q05_a_member_that_is_heard_leaves_every_list_at_once() {
    let lists = |mesh: &Mesh| {
        let said = mesh.guard(0).core().quorum().undecided();
        let read = |bytes: &Vec<u8>| match Packet::parse(bytes) {
            Ok(Packet::Statement(statement)) => {
                let read = Attestation::read(statement, &mesh.view).ok()?;
                Some(matches!(read.event(), CriticalEvent::TopologyPartition { .. }))
            }
            _ => None,
        };
        said.iter().filter_map(read).filter(|is_partition| *is_partition).count()
    };
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(2_000);
        // Nobody else states it, so it stays undecided.
        mesh.cut = hops(5..7, 0..1).into_iter().collect();
        mesh.relays = false;
        mesh.pass(8_000);
        mesh.guard(0).report_partition(mesh.now).unwrap();
        assert_eq!(lists(&mesh), 1, "{suite}");
        let alive = mesh.beacon(5);
        mesh.give(0, link(5), &alive).unwrap();
        assert_eq!(lists(&mesh), 0, "{suite}");
    }
}
