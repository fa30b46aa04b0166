//! Fragments: hostile ones among honest ones, before a real node.

use std::borrow::Cow;

use meshward::limit::Rate;
use meshward::transport::FragmentError;
use meshward::{
    Accepted, Config, Event, Fragmenter, Link, LinkId, Millis, Reassembler, ReassemblyConfig,
    Refusal, Suite,
};

use crate::support::{Mesh, id, link};

const DATAGRAM: usize = 1_232;

fn split(packet: &[u8]) -> Vec<Vec<u8>> {
    let fragmenter = Fragmenter::new(DATAGRAM).unwrap();
    fragmenter.split(packet).unwrap().into_iter().map(Cow::into_owned).collect()
}

fn reassembler() -> Reassembler {
    Reassembler::new(ReassemblyConfig::of(4, 3)).unwrap()
}

/// The packets that become whole by these datagrams.
fn whole(at: &Reassembler, over: Link, datagrams: &[Vec<u8>], now: Millis) -> Vec<Vec<u8>> {
    let taken = datagrams.iter().filter_map(|one| at.take(over, one, now).unwrap());
    taken.map(Cow::into_owned).collect()
}

/// The pieces of a packet, with one that is missing, so that it is never finished.
fn unfinished(number: u32, length: usize) -> Vec<Vec<u8>> {
    let mut packet = vec![1; length];
    packet[2..6].copy_from_slice(&number.to_le_bytes());
    let mut pieces = split(&packet);
    pieces.pop();
    pieces
}

fn assert_delivered(mesh: &Mesh, over: Link, packet: &[u8]) {
    let taken = mesh.give(0, over, packet);
    assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
}

/// F1, promises P1 and P3: between the pieces of an honest frame come ten thousand forged ones under its
/// name, over the very link: from other packets, with altered bytes, places, numbers and lengths. The frame
/// is whole with its last piece, nothing of the others was kept, and nobody pays.
#[test]
fn f01_forged_pieces_spoil_no_packet() {
    for suite in Suite::available() {
        for over in [link(1), Link::Claimed(LinkId(1))] {
            let mut mesh = Mesh::new(suite, 4);
            let reassembler = reassembler();
            let frame = mesh.beacon(1);
            let (honest, strange) = (split(&frame), split(&mesh.beacon(2)));
            let mut held = 0;
            for (at, piece) in honest.iter().enumerate() {
                for number in 0..10_000 / honest.len() {
                    let mut forged = honest[number % honest.len()].clone();
                    match number % 5 {
                        // The piece of another packet under this one's name.
                        0 => {
                            forged = strange[number % strange.len()].clone();
                            forged[10..26].copy_from_slice(&piece[10..26]);
                        }
                        1 => forged[2] ^= 1 << (number / 5 % 8),
                        2 => forged[4] ^= 1 << (number / 5 % 2),
                        3 => forged[6 + number / 5 % 2] ^= 1,
                        _ => {
                            let place = 26 + number % (forged.len() - 26);
                            forged[place] ^= 0x10;
                        }
                    }
                    let refused = reassembler.take(over, &forged, mesh.now).unwrap_err();
                    let reasons = [FragmentError::Forged, FragmentError::Malformed];
                    assert!(reasons.contains(&refused), "{refused}");
                    assert_eq!(reassembler.unfinished_bytes(), held);
                }
                let taken = reassembler.take(over, piece, mesh.now).unwrap();
                held = reassembler.unfinished_bytes();
                assert_eq!(taken.is_some(), at + 1 == honest.len());
                if let Some(packet) = taken {
                    assert_delivered(&mesh, over, &packet);
                }
            }
            assert_eq!(held, 0);
            (1..4).for_each(|victim| mesh.assert_unharmed(0, victim));
        }
    }
}

/// F2, promises P2 and P3: fragments on their way are copied, over other links, proven and claimed, and over the
/// very one. The frame is delivered once, and nobody pays for the copies.
#[test]
fn f02_copied_fragments_cost_nobody_anything() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let reassembler = reassembler();
        let frame = mesh.beacon(1);
        let mut delivered = 0;
        for piece in split(&frame) {
            for over in
                [link(2), Link::Claimed(LinkId(1)), link(1), link(1), Link::Claimed(LinkId(9))]
            {
                for _ in 0..3 {
                    let Some(packet) = reassembler.take(over, &piece, mesh.now).unwrap() else {
                        continue;
                    };
                    assert_eq!(*packet, frame);
                    match mesh.give(0, over, &packet) {
                        Ok(Accepted::Message(_)) => delivered += 1,
                        refused => assert_eq!(refused.unwrap_err(), Refusal::Duplicate),
                    }
                }
            }
        }
        assert_eq!(delivered, 1);
        (1..4).for_each(|victim| mesh.assert_unharmed(0, victim));
        let links = [link(1), link(2)].map(|over| over.id());
        let full = meshward::reputation::Reputation::FULL;
        assert!(links.iter().all(|id| mesh.guard(0).core().link_reputation(*id, mesh.now) == full));
    }
}

/// F3, promise P5: strangers, over ever fresh links, proven and claimed, begin packets that they never finish,
/// a hundred datagrams between any two pieces of an honest one. A neighbour that was of use, one that is
/// reserved, an address that answered a cookie and a stranger all get theirs through, and no more is held
/// than the configuration says.
#[test]
fn f03_unfinished_packets_crowd_nobody_out() {
    let config = ReassemblyConfig::of(4, 3);
    let reassembler = Reassembler::new(config.clone()).unwrap();
    let (of_use, reserved, answered) = (link(1), link(2), Link::Claimed(LinkId(3)));
    let stranger = Link::Claimed(LinkId(4));
    let mut now = Millis(0);
    reassembler.was_of_use(of_use, now);
    assert!(reassembler.reserve(reserved, now));
    reassembler.answered(answered, now);
    let mut number = 0;
    let mut most = 0;
    for honest in 0..40_u32 {
        let packet = vec![1 + u8::try_from(honest).unwrap(); 3_600];
        let pieces = split(&packet);
        let mut delivered = 0;
        for piece in &pieces {
            for _ in 0..100 {
                let hostile = match number % 2 {
                    0 => Link::Proven(LinkId(1_000 + u64::from(number))),
                    _ => Link::Claimed(LinkId(1_000 + u64::from(number))),
                };
                // Before it was of use it may not have a place, and after that there is none.
                reassembler.was_of_use(hostile, now);
                reassembler.answered(hostile, now);
                let datagram = &unfinished(number, 1_400)[0];
                assert_eq!(reassembler.take(hostile, datagram, now), Ok(None));
                number += 1;
                most = most.max(reassembler.unfinished_bytes());
            }
            for over in [of_use, reserved, answered, stranger] {
                delivered += whole(&reassembler, over, std::slice::from_ref(piece), now).len();
            }
            now = now.after(1);
        }
        assert_eq!(delivered, 4, "of the {honest}th");
        reassembler.was_of_use(of_use, now);
        reassembler.was_of_use(answered, now);
    }
    assert!(most <= config.most_bytes() && most > config.shared_bytes / 2, "{most}");
}

/// F4: with a place nothing reaches a link's own part: the shared one is turned over again and again
/// between two pieces, and the packet is finished all the same. Without one it would be lost.
#[test]
fn f04_a_place_outlasts_any_flood_of_others() {
    let config = ReassemblyConfig::of(4, 3);
    let reassembler = Reassembler::new(config.clone()).unwrap();
    let (placed, answered, stranger) = (link(1), Link::Claimed(LinkId(2)), link(2));
    // Whoever captured a frame can send it under any address, so use alone gives it none.
    let spoofed = Link::Claimed(LinkId(3));
    reassembler.was_of_use(placed, Millis(0));
    reassembler.was_of_use(spoofed, Millis(0));
    reassembler.answered(answered, Millis(0));
    let pieces = split(&[3; 3_600]);
    for over in [placed, answered, stranger, spoofed] {
        assert!(whole(&reassembler, over, &pieces[1..], Millis(0)).is_empty());
    }
    for number in 0..u32::try_from(2 * config.shared_bytes / DATAGRAM).unwrap() {
        let hostile = Link::Claimed(LinkId(u64::from(number) + 100));
        for piece in unfinished(number, 2_000) {
            assert_eq!(reassembler.take(hostile, &piece, Millis(1)), Ok(None));
        }
    }
    for (over, kept) in [(placed, 1), (answered, 1), (stranger, 0), (spoofed, 0)] {
        assert_eq!(whole(&reassembler, over, &pieces[..1], Millis(2)).len(), kept, "{over:?}");
    }
}

/// F5: a neighbour with a place, or somebody under its very address, fills its own part; all others keep
/// theirs, and what it sends whole within that much of its own is put together still.
#[test]
fn f05_who_has_a_place_fills_its_own_part_alone() {
    let config = ReassemblyConfig::of(4, 3);
    let reassembler = Reassembler::new(config.clone()).unwrap();
    let (hostile, honest) = (link(1), link(2));
    reassembler.was_of_use(hostile, Millis(0));
    reassembler.was_of_use(honest, Millis(0));
    let pieces = split(&[3; 3_600]);
    assert!(whole(&reassembler, honest, &pieces[1..], Millis(0)).is_empty());
    let before = reassembler.unfinished_bytes();
    for number in 0..2_000 {
        for piece in unfinished(number, 2_000) {
            assert_eq!(reassembler.take(hostile, &piece, Millis(1)), Ok(None));
        }
        assert!(reassembler.unfinished_bytes() <= before + config.link_bytes);
    }
    assert_eq!(whole(&reassembler, hostile, &pieces, Millis(1)).len(), 1);
    assert_eq!(whole(&reassembler, honest, &pieces[..1], Millis(1)).len(), 1);
    // Nor does one without a place take all that those without one share.
    let [hostile, honest] = [3, 4].map(|id| Link::Claimed(LinkId(id)));
    assert!(whole(&reassembler, honest, &pieces[1..], Millis(1)).is_empty());
    for piece in (0..5_000).flat_map(|number| unfinished(number, 2_000)) {
        assert_eq!(reassembler.take(hostile, &piece, Millis(1)), Ok(None));
    }
    assert_eq!(whole(&reassembler, honest, &pieces[..1], Millis(1)).len(), 1);
}

/// F6, promise P3: what is refused may be handed to the node, which counts it against the link. A flood of
/// it over a proven link has that link in quarantine within a minute; over a claimed one nobody pays.
#[test]
fn f06_a_flood_of_bad_fragments_is_its_links_own() {
    for suite in Suite::available() {
        let mut config = Config::default();
        config.gossip.link_packets = Rate { per_second: 100, burst: 100 };
        let mut mesh = Mesh::with(suite, 4, config);
        let reassembler = reassembler();
        let mut forged = split(&mesh.beacon(1))[0].clone();
        forged[200] ^= 1;
        for over in [Link::Claimed(LinkId(1)), link(3)] {
            for number in 1..=120_000 {
                // Floods are charged once a second, so that no burst has a link in quarantine.
                mesh.now = mesh.now.after(u64::from(number % 2_000 == 0) * 1_000);
                assert_eq!(reassembler.take(over, &forged, mesh.now), Err(FragmentError::Forged));
                let refused = mesh.give(0, over, &forged).unwrap_err();
                let reasons = ["not_understood", "link_budget", "link_quarantined"];
                assert!(reasons.contains(&refused.reason()), "{refused:?}");
            }
        }
        let events = mesh.nodes[0].host.events.lock();
        let quarantined = events.iter().filter_map(|event| match event {
            Event::LinkQuarantined { link, .. } => Some(*link),
            _ => None,
        });
        assert_eq!(quarantined.collect::<Vec<_>>(), [link(3).id()], "{suite}");
        drop(events);
        (1..4).for_each(|victim| {
            assert!(!mesh.guard(0).is_node_quarantined(&id(victim), mesh.now));
        });
        mesh.assert_unharmed(0, 1);
    }
}
