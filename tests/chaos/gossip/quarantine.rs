//! How standing is lost, how it comes back, and who is heard meanwhile.

use meshward::reputation::Reputation;
use meshward::wire::{Header, Kind, Tag, seal_statement};
use meshward::{
    Accepted, CriticalEvent, Digest, Event, Millis, OsEntropy, Refusal, SentAt, Suite, Tally,
};

use super::{hostile, nonce};
use crate::support::{Liar, Mesh, id, link, with_signature};

const MINUTE: u64 = 60_000;
const DAY: u64 = 86_400_000;

/// A frame of node 0's whose signature does not hold, another one for each number.
fn bad(victim: &Liar, number: u32) -> Vec<u8> {
    let signature = vec![7; victim.key.suite().signature_len()];
    with_signature(victim.header(Kind::Beacon, nonce(100_000 + number)), &signature, b"")
}

fn quarantines(mesh: &Mesh, at: usize) -> Vec<u64> {
    let events = mesh.nodes[at].host.events.lock();
    let until = |event: &Event| match event {
        Event::LinkQuarantined { until, .. } | Event::MemberQuarantined { until, .. } => {
            Some(until.0)
        }
        _ => None,
    };
    events.iter().filter_map(until).collect()
}

/// G17, promise P10: one bad frame for every four, ten and hundred true ones that a relay brings, a
/// tenth of a second apart. True ones earn nothing, so fourteen offences are the most that go by.
#[test]
fn g17_good_messages_pay_for_no_bad_one() {
    for suite in Suite::available() {
        for good in [4, 10, 100] {
            let mut mesh = Mesh::new(suite, 4);
            let victim = mesh.steal(0);
            let mut offences = 0;
            while quarantines(&mesh, 1).is_empty() {
                for _ in 0..good {
                    mesh.now = mesh.now.after(100);
                    let taken = mesh.give(1, hostile(0), &mesh.beacon(0));
                    assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
                }
                let refusal = mesh.give(1, hostile(0), &bad(&victim, offences)).unwrap_err();
                assert_eq!(refusal, Refusal::BadSignature);
                offences += 1;
                assert!(offences <= 14, "{suite}: {offences} offences, one for {good} good");
            }
            mesh.assert_unharmed(1, 0);
        }
    }
}

/// G17, promise P10: a member that signs true messages for a minute between two excesses of its rate
/// is in quarantine at the fourth.
#[test]
fn g17_a_member_cannot_launder_its_excesses() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(0);
        let (mut sequence, mut excesses) = (0, 0);
        for _ in 0..5 {
            for _ in 0..22 {
                sequence += 1;
                let header = liar.header(Kind::RouteUpdate, nonce(sequence));
                let header = Header { sent_at: SentAt(mesh.now.0), ..header };
                match mesh.give(1, link(0), &liar.frame(header, b"")) {
                    Ok(_) => {}
                    Err(Refusal::OverRate) => excesses += 1,
                    Err(refusal) => assert_eq!(refusal, Refusal::OriginQuarantined),
                }
            }
            assert!(excesses <= 4, "{excesses} excesses");
            for _ in 0..60 {
                mesh.now = mesh.now.after(1_000);
                sequence += 1;
                let header = liar.header(Kind::RouteUpdate, nonce(sequence));
                let header = Header { sent_at: SentAt(mesh.now.0), ..header };
                let _taken = mesh.give(1, link(0), &liar.frame(header, b""));
            }
        }
        assert_eq!((excesses, quarantines(&mesh, 1).len()), (4, 1));
    }
}

/// G18, promise P10: a link that goes on offending is quarantined for five minutes, then for twice as
/// long each time, for a day at most, and each quarantine ends. Neither silence between two offences,
/// nor a new connection under the same identity, nor a place reserved or given back shortens that.
#[test]
fn g18_quarantine_doubles_ends_and_is_not_reset() {
    let suite = Suite::available().next().unwrap();
    let mut mesh = Mesh::new(suite, 4);
    let victim = mesh.steal(0);
    let (over, mut number) = (hostile(0), 0);
    let mut lengths = Vec::new();
    for round in 0..12 {
        let before = lengths.len();
        while quarantines(&mesh, 1).len() == before {
            number += 1;
            let refusal = mesh.give(1, over, &bad(&victim, number)).unwrap_err();
            assert_eq!(refusal, Refusal::BadSignature);
        }
        let until = quarantines(&mesh, 1)[before];
        lengths.push(until - mesh.now.0);
        mesh.guard(1).release_link(over.id());
        mesh.guard(1).reserve_link(over.id(), mesh.now).unwrap();
        mesh.now = Millis(until - 1);
        let refusal = mesh.give(1, over, &mesh.beacon(2)).unwrap_err();
        assert_eq!(refusal, Refusal::LinkQuarantined);
        mesh.now = Millis(until);
        mesh.guard(1).tick(mesh.now).unwrap();
        let released = |event: &Event| matches!(event, Event::LinkReleased { .. });
        assert_eq!(mesh.nodes[1].host.count(released), before + 1);
        let taken = mesh.give(1, over, &mesh.beacon(2));
        assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
        // Probation: half of full standing, which does not rise for an hour.
        let half = Reputation::from_ppm(500_000);
        assert_eq!(mesh.guard(1).core().link_reputation(over.id(), mesh.now), half);
        mesh.guard(1).release_link(over.id());
        // Silent for an hour, or six days.
        mesh.now = mesh.now.after(if round % 2 == 0 { 60 * MINUTE } else { 6 * DAY });
    }
    let expected: Vec<_> = (0..12).map(|round| ((5 * MINUTE) << round).min(DAY)).collect();
    assert_eq!(lengths, expected);
    mesh.assert_unharmed(1, 0);
}

/// A member in quarantine at node 1, with its key.
fn condemned(mesh: &Mesh, place: usize) -> Liar {
    let liar = mesh.steal(place);
    mesh.give(1, link(place), &liar.beacon(nonce(1), b"left")).unwrap();
    let refusal = mesh.give(1, link(place), &liar.beacon(nonce(1), b"right")).unwrap_err();
    assert_eq!(refusal, Refusal::Equivocation);
    liar
}

/// G18, promise P10: from a member in quarantine ordinary messages are refused, and all that could
/// clear it passes: one beacon an interval, so that nobody reports it as failed; its Hello; its vote,
/// which counts; the rotation to another key.
#[test]
fn g18_quarantine_leaves_the_way_back_open() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = condemned(&mesh, 3);
        assert!(mesh.guard(1).is_node_quarantined(&id(3), mesh.now));
        let (mut signs, mut sequence) = (0, 10);
        for _ in 0..120 {
            mesh.now = mesh.now.after(500);
            sequence += 1;
            let update = liar.header(Kind::RouteUpdate, nonce(sequence));
            let refusal = mesh.give(1, link(3), &liar.frame(update, b"")).unwrap_err();
            assert_eq!(refusal, Refusal::OriginQuarantined);
            sequence += 1;
            match mesh.give(1, link(3), &liar.beacon(nonce(sequence), b"")) {
                Ok(Accepted::SignOfLife(node)) if node == id(3) => signs += 1,
                other => assert_eq!(other.unwrap_err(), Refusal::OriginQuarantined),
            }
            let overdue = mesh.guard(1).core().overdue(mesh.now);
            assert!(!overdue.contains(&id(3)), "it is not dead, but in quarantine");
        }
        assert_eq!(signs, 60, "one a second");

        // Its nonce, and the view that it is in.
        let hello = [9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let hello = seal_statement(Tag::Hello, &liar.head(), &hello, &liar.key, &OsEntropy);
        let taken = mesh.give(1, link(3), &hello.unwrap());
        assert!(matches!(taken, Ok(Accepted::Hello(node)) if node == id(3)), "{taken:?}");

        let content = Digest::from_bytes([1; 32]);
        let event = CriticalEvent::GovernanceProposal { topic: content, sequence: 1, content };
        for voter in [0, 2] {
            mesh.give(1, link(voter), &mesh.steal(voter).attest(&event)).unwrap();
        }
        let vote = mesh.give(1, link(3), &liar.attest(&event));
        let Ok(Accepted::Ballot { tally: Tally::Certified(certificate), .. }) = vote else {
            panic!("its vote counts like any other: {vote:?}");
        };
        assert_eq!(certificate.attestors().len(), 3);

        let (rotation, back) = liar.rotate(suite, nonce(sequence));
        let taken = mesh.give(1, link(2), &rotation);
        assert!(matches!(taken, Ok(Accepted::Rotation { .. })), "{taken:?}");
        mesh.now = mesh.now.after(5 * MINUTE);
        assert!(!mesh.guard(1).is_node_quarantined(&id(3), mesh.now));
        let taken = mesh.give(1, link(3), &back.beacon(nonce(sequence + 1), b"back"));
        assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
    }
}

/// G18, promises P3 and P10: a member in quarantine sends two beacons a second, of which one is taken.
/// Somebody without its key keeps the others, and plays them one by one, each just in time to take the
/// place of the live one. They are older than what was taken, so they show nothing, and nobody comes to
/// report the member as failed.
#[test]
fn g18_old_beacons_do_not_take_the_place_of_live_ones() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = condemned(&mesh, 3);
        let (mut kept, mut sequence) = (Vec::new(), 10);
        for _ in 0..1200 {
            mesh.now = mesh.now.after(125);
            sequence += 1;
            let beacon = liar.beacon(nonce(sequence), b"");
            if let Err(refusal) = mesh.give(1, link(3), &beacon) {
                assert_eq!(refusal, Refusal::OriginQuarantined);
                kept.push(beacon);
            }
        }
        // The last seven are newer than the last that was taken: those would show that it lives.
        kept.truncate(1043);
        // The quarantine lasts for two and a half minutes more.
        for second in 0..140 {
            mesh.now = mesh.now.after(500);
            for old in kept.iter().rev().skip(second * 7).take(7) {
                let refusal = mesh.give(1, hostile(0), old).unwrap_err();
                assert!(matches!(refusal, Refusal::OriginQuarantined | Refusal::Duplicate));
            }
            mesh.now = mesh.now.after(500);
            sequence += 1;
            let live = mesh.give(1, link(3), &liar.beacon(nonce(sequence), b""));
            assert!(matches!(live, Ok(Accepted::SignOfLife(_))), "{suite}: {live:?}");
            assert!(!mesh.guard(1).core().overdue(mesh.now).contains(&id(3)));
        }
        assert!(mesh.guard(1).is_node_quarantined(&id(3), mesh.now));
    }
}

/// G18, promise P10: a host that asks for beacons alone passes on what shows that a member in quarantine
/// lives, or who is further away would come to report it; and it takes nothing that is no beacon.
#[test]
fn g18_a_sign_of_life_is_passed_on_by_who_asks_for_beacons_alone() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let liar = condemned(&mesh, 3);
        mesh.nodes[1].host.sent();
        for sequence in 11..71 {
            mesh.now = mesh.now.after(1_000);
            let beacon = liar.beacon(nonce(sequence), b"");
            let taken = mesh.guard(1).verify_beacon(link(3), &beacon, mesh.now);
            assert_eq!(taken.unwrap_err(), Refusal::OriginQuarantined, "it is not delivered");
            assert!(mesh.nodes[1].host.sent() == [(beacon.clone(), Some(link(3)))], "passed on");
            let again = mesh.guard(1).verify_beacon(link(2), &beacon, mesh.now);
            assert_eq!(again.unwrap_err(), Refusal::Duplicate);
            let content = Digest::from_bytes([1; 32]);
            let event = CriticalEvent::GovernanceProposal { topic: content, sequence: 1, content };
            let vote = mesh.steal(2).attest(&event);
            let taken = mesh.guard(1).verify_beacon(link(2), &vote, mesh.now);
            assert_eq!(taken.unwrap_err(), Refusal::NotABeacon);
            assert!(mesh.nodes[1].host.sent().is_empty());
        }
        assert_eq!(mesh.guard(1).stats(mesh.now).statements_taken, 60, "signs of life alone");
    }
}

/// G18, promise P10: of seven members three contradict themselves. A node judges two of them, as many
/// as may be faulty, and raises an alarm for the third, which is heard on; a place that is free again
/// is taken by the next offence.
#[test]
fn g18_at_most_f_members_are_quarantined_at_once() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        for place in [4, 5, 6] {
            condemned(&mesh, place);
        }
        assert_eq!(mesh.guard(1).stats(mesh.now).quarantined_nodes, [id(4), id(5)]);
        let alarm = |event: &Event| matches!(event, Event::QuarantineWithheld { node, .. } if *node == id(6));
        assert_eq!(mesh.nodes[1].host.count(alarm), 1);
        let third = mesh.steal(6);
        let taken = mesh.give(1, link(6), &third.beacon(nonce(2), b""));
        assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
        mesh.now = mesh.now.after(5 * MINUTE);
        // It has come back by a little; what it did stands.
        let header = |number| {
            let header = third.header(Kind::RouteUpdate, nonce(number));
            Header { sent_at: SentAt(2_000), ..header }
        };
        let refusals = (3..40)
            .filter_map(|number| mesh.give(1, link(6), &third.frame(header(number), b"")).err());
        assert_eq!(refusals.take(2).last(), Some(Refusal::OriginQuarantined));
        assert_eq!(mesh.guard(1).stats(mesh.now).quarantined_nodes, [id(6)]);
        mesh.assert_unharmed(1, 2);
    }
}

/// G18, promises P4 and P10: of three members none may be quarantined, and one signs 1200 messages over
/// its rate. The host is alarmed at once, and then once a minute.
#[test]
fn g18_who_may_not_be_quarantined_does_not_drown_the_host_in_alarms() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        let liar = mesh.steal(0);
        let mut excesses = 0;
        for number in 1..=1_200 {
            mesh.now = mesh.now.after(100);
            let header = liar.header(Kind::RouteUpdate, nonce(100 * number));
            let frame = liar.frame(Header { sent_at: SentAt(0), ..header }, b"");
            let refused = mesh.give(1, link(0), &frame).err();
            excesses += usize::from(refused == Some(Refusal::OverRate));
        }
        assert!(excesses > 1_100, "{excesses} excesses");
        let alarm = |event: &Event| matches!(event, Event::QuarantineWithheld { .. });
        assert_eq!(mesh.nodes[1].host.count(alarm), 2, "{suite}: in two minutes");
        let full = mesh.guard(1).core().reputation(&id(2), mesh.now);
        assert_eq!(full, Reputation::FULL);
    }
}

/// G19, promise P10: the clock of the host steps a day back and a day on. A quarantine lasts as long
/// as it had left; a step on ends it at most as early as the step is long; the next is longer all the
/// same; and what was taken before is not taken again.
#[test]
fn g19_a_clock_that_steps_frees_and_holds_nobody() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.now = Millis(10 * DAY);
        let heard: Vec<_> = (0..20).map(|_| mesh.beacon(0)).collect();
        for frame in &heard {
            mesh.give(1, link(0), frame).unwrap();
        }
        let victim = mesh.steal(2);
        condemned(&mesh, 3);
        (0..8)
            .for_each(|number| drop(mesh.give(1, hostile(0), &bad(&victim, number)).unwrap_err()));
        let over = hostile(0).id();
        let quarantined = |mesh: &Mesh| {
            let refusal = mesh.give(1, hostile(0), &heard[0]).unwrap_err();
            let link = refusal == Refusal::LinkQuarantined;
            assert_eq!(mesh.guard(1).is_node_quarantined(&id(3), mesh.now), link);
            link
        };
        mesh.now = mesh.now.after(MINUTE);
        assert!(quarantined(&mesh));
        mesh.now = Millis(mesh.now.0 - DAY);
        assert!(quarantined(&mesh), "a step back frees nobody");
        // Everybody's clock stepped; whoever asks it sees that, and is not muted until it is back.
        let _over_its_rate = mesh.guard(0).core().sign_beacon(b"", mesh.now);
        mesh.now = mesh.now.after(4 * MINUTE - 1);
        assert!(quarantined(&mesh));
        mesh.now = mesh.now.after(1);
        assert!(!quarantined(&mesh), "four of five minutes were left, whatever the clock shows");
        let half = Reputation::from_ppm(500_000);
        assert_eq!(mesh.guard(1).core().link_reputation(over, mesh.now), half);
        for frame in &heard {
            assert_eq!(mesh.give(1, link(2), frame).unwrap_err(), Refusal::Duplicate);
        }
        mesh.assert_unharmed(1, 0);

        let before = quarantines(&mesh, 1).len();
        (10..13).for_each(|number| {
            drop(mesh.give(1, hostile(0), &bad(&victim, number)).unwrap_err());
        });
        assert_eq!(quarantines(&mesh, 1)[before] - mesh.now.0, 10 * MINUTE, "twice as long");
        mesh.now = mesh.now.after(DAY);
        let taken = mesh.give(1, hostile(0), &mesh.beacon(2));
        assert!(matches!(taken, Ok(Accepted::Message(_))), "time passed: {taken:?}");
        for frame in &heard {
            assert!(matches!(
                mesh.give(1, link(2), frame).unwrap_err(),
                Refusal::Duplicate | Refusal::Replay
            ));
        }
        mesh.assert_unharmed(1, 0);
    }
}
