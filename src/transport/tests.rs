use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fragment::Unverified;
use super::*;
use crate::id::{Link, LinkId, Millis};
use crate::wire::{FRAGMENT_TAG, Tag, VERSION, WireError};

const LINK: Link = Link::Proven(LinkId(1));
const NOW: Millis = Millis(1_000);

/// Bytes that begin as a packet does.
fn packet(length: usize, seed: u8) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|at| (at / 251) as u8 ^ at as u8 ^ seed).collect();
    bytes[..2].copy_from_slice(&[VERSION, Tag::Frame.code()]);
    bytes
}

fn split(packet: &[u8], datagram: usize) -> Vec<Vec<u8>> {
    let fragmenter = Fragmenter::new(datagram).unwrap();
    fragmenter.split(packet).unwrap().into_iter().map(Cow::into_owned).collect()
}

fn reassembler() -> Reassembler {
    Reassembler::new(ReassemblyConfig::of(9, 2)).unwrap()
}

fn take(reassembler: &Reassembler, link: Link, datagram: &[u8]) -> Option<Vec<u8>> {
    reassembler.take(link, datagram, NOW).unwrap().map(Cow::into_owned)
}

#[test]
fn what_fits_goes_as_it_is() {
    for length in [2, 100, 511, 512] {
        let packet = packet(length, 1);
        let datagrams = Fragmenter::new(512).unwrap().split(&packet).unwrap();
        assert!(matches!(datagrams.as_slice(), [Cow::Borrowed(whole)] if *whole == packet));
        let reassembler = reassembler();
        let whole = reassembler.take(LINK, &packet, NOW).unwrap().unwrap();
        assert!(matches!(whole, Cow::Borrowed(whole) if whole == packet));
        assert_eq!(reassembler.unfinished_bytes(), 0);
    }
}

#[test]
fn a_fragment_is_no_packet_and_no_packet_a_fragment() {
    let fragment = &split(&packet(513, 1), 512)[0];
    assert_eq!(Tag::of(fragment), Err(WireError::Tag { found: FRAGMENT_TAG }));
    let refused = Fragmenter::new(1232).unwrap().split(fragment).unwrap_err();
    assert_eq!(refused, SplitError::NotAPacket);
    for tag in (0..=u8::MAX).filter(|tag| Tag::of(&[VERSION, *tag]).is_ok()) {
        assert!(!fragment::is_fragment(&[VERSION, tag]));
    }
}

#[test]
fn datagrams_are_filled_and_never_too_long() {
    for (length, datagram, count) in
        [(513, 512, 2), (3_600, 1_232, 4), (3_500, 1_232, 3), (230_000, 1_232, 214)]
    {
        let datagrams = split(&packet(length, 1), datagram);
        assert_eq!(datagrams.len(), count, "{length}");
        assert!(datagrams.iter().all(|bytes| bytes.len() <= datagram));
    }
    assert_eq!(split(&packet(4_600_000, 1), 1_232).len(), 4_610);
}

#[test]
fn wrong_numbers_of_the_caller_are_named() {
    for wrong in [0, 511, 65_508, usize::MAX] {
        let error = Fragmenter::new(wrong).unwrap_err().to_string();
        assert!(error.contains("512 to 65507"), "{error}");
    }
    let too_long = vec![1; 5_000_000];
    let error = Fragmenter::new(512).unwrap().split(&too_long).unwrap_err();
    assert_eq!(error, SplitError::TooLong { found: 5_000_000, datagram: 512 });
}

/// Every truncation, every byte more and every bit that is turned is refused, and leaves nothing.
#[test]
fn a_fragment_that_was_altered_anywhere_is_refused() {
    let reassembler = reassembler();
    for fragment in split(&packet(1_300, 1), 512) {
        for length in 2..fragment.len() {
            let refused = reassembler.take(LINK, &fragment[..length], NOW);
            assert!(refused.is_err(), "{length} bytes of it");
        }
        let longer = [fragment.as_slice(), &[0]].concat();
        assert_eq!(reassembler.take(LINK, &longer, NOW), Err(FragmentError::Malformed));
        // A turned bit in the first two bytes makes it a datagram that is no fragment.
        for bit in 16..8 * fragment.len() {
            let mut altered = fragment.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(reassembler.take(LINK, &altered, NOW).is_err(), "bit {bit}");
        }
    }
    assert_eq!(reassembler.unfinished_bytes(), 0);
}

#[test]
fn a_packet_that_is_too_long_is_refused_by_its_first_piece() {
    let config = ReassemblyConfig::of(1, 1);
    let limit = config.packet_bytes;
    let reassembler = Reassembler::new(config).unwrap();
    let error = reassembler.take(LINK, &split(&packet(limit + 1, 1), 512)[5], NOW).unwrap_err();
    assert_eq!(error, FragmentError::TooLong { found: limit + 1, limit });
    // The longest is taken, in the shortest pieces there may be, alone on its link.
    let mut longest = split(&packet(limit, 1), 512);
    let last = longest.pop().unwrap();
    assert!(longest.iter().all(|fragment| take(&reassembler, LINK, fragment).is_none()));
    assert_eq!(take(&reassembler, LINK, &last), Some(packet(limit, 1)));
    assert_eq!(reassembler.unfinished_bytes(), 0);
}

#[test]
fn what_stays_unfinished_goes_in_time_and_by_a_tick() {
    let fragments = split(&packet(1_000, 1), 512);
    let first_then = |ms: u64, ticked: bool| {
        let reassembler = reassembler();
        reassembler.was_of_use(LINK, Millis(0));
        for fragment in &fragments[1..] {
            assert_eq!(reassembler.take(LINK, fragment, Millis(0)), Ok(None));
        }
        if ticked {
            reassembler.tick(Millis(ms));
            return reassembler.unfinished_bytes() > 0;
        }
        reassembler.take(LINK, &fragments[0], Millis(ms)).unwrap().is_some()
    };
    for ticked in [true, false] {
        assert!(first_then(5_000, ticked) && !first_then(5_001, ticked), "{ticked}");
    }
}

#[test]
fn a_packet_that_is_sent_again_adds_up() {
    let reassembler = reassembler();
    let fragments = split(&packet(3_600, 1), 1_232);
    for fragment in [&fragments[0], &fragments[2]] {
        assert_eq!(take(&reassembler, LINK, fragment), None);
    }
    let again = split(&packet(3_600, 1), 1_232);
    assert_eq!(take(&reassembler, LINK, &again[1]), None);
    assert_eq!(take(&reassembler, LINK, &again[3]), Some(packet(3_600, 1)));
}

#[test]
fn what_was_begun_before_a_place_is_finished_where_it_is() {
    let reassembler = reassembler();
    let fragments = split(&packet(1_000, 1), 512);
    assert_eq!(take(&reassembler, LINK, &fragments[0]), None);
    assert!(reassembler.reserve(LINK, NOW));
    assert_eq!(fragments[1..].iter().filter_map(|f| take(&reassembler, LINK, f)).count(), 1);
    assert_eq!(reassembler.unfinished_bytes(), 0);
}

fn links() -> impl Strategy<Value = Link> {
    (any::<bool>(), 0_u64..3).prop_map(|(proven, id)| match proven {
        true => Link::Proven(LinkId(id)),
        false => Link::Claimed(LinkId(id)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Packets of several links, their fragments in any order, some twice, some lost, some altered: who has all
    /// its pieces through is whole, on its own link and once for each time they all came, and nothing
    /// else is ever whole.
    #[test]
    fn whole_is_what_was_sent_and_nothing_else(
        sent in prop::collection::vec(
            (prop::collection::vec(links(), 1..4), 2_usize..6_000, any::<u8>(), 512_usize..1_500), 1..4,
        ),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 0..200),
    ) {
        let reassembler = reassembler();
        let mut air = Vec::new();
        for (number, (links, length, seed, datagram)) in sent.iter().enumerate() {
            for piece in split(&packet(*length, *seed), *datagram) {
                air.extend(links.iter().map(|link| (number, *link, piece.clone())));
            }
        }
        let mut model: BTreeMap<(Link, Vec<u8>, usize), std::collections::BTreeSet<Vec<u8>>> =
            BTreeMap::new();
        for (which, dice) in order {
            let (number, link, piece) = which.get(&air);
            let (_, length, seed, datagram) = &sent[*number];
            let packet = packet(*length, *seed);
            if dice % 8 == 0 && piece.len() < packet.len() {
                let mut altered = piece.clone();
                let bit = 16 + dice as usize / 8 % (8 * altered.len() - 16);
                altered[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(reassembler.take(*link, &altered, NOW).is_err());
                continue;
            }
            let pieces = split(&packet, *datagram);
            let had = model.entry((*link, packet.clone(), pieces.len())).or_default();
            had.insert(piece.clone());
            let whole = had.len() == pieces.len();
            if whole {
                had.clear();
            }
            prop_assert_eq!(take(&reassembler, *link, piece), whole.then_some(packet));
        }
    }

    /// Whatever comes over however many links, no more is held than the configuration says, and when
    /// its time is over nothing is.
    #[test]
    fn what_is_held_is_bounded(
        steps in prop::collection::vec((any::<bool>(), 0_u64..20, 0_usize..4, 1_000_usize..60_000), 1..60),
    ) {
        let config = ReassemblyConfig { links: 2, ..ReassemblyConfig::of(1, 2) };
        let config = ReassemblyConfig { shared_bytes: config.link_bytes, ..config };
        let reassembler = Reassembler::new(config.clone()).unwrap();
        for (at, (proven, id, places, length)) in steps.into_iter().enumerate() {
            let link = if proven { Link::Proven(LinkId(id)) } else { Link::Claimed(LinkId(id)) };
            match places {
                0 => reassembler.was_of_use(link, Millis(at as u64)),
                1 => reassembler.answered(link, Millis(at as u64)),
                _ => {}
            }
            for fragment in &split(&packet(length, at as u8), 512)[1..] {
                prop_assert_eq!(reassembler.take(link, fragment, Millis(at as u64)), Ok(None));
                prop_assert!(reassembler.unfinished_bytes() <= config.most_bytes());
            }
        }
        reassembler.tick(Millis(10_000));
        prop_assert_eq!(reassembler.unfinished_bytes(), 0);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let bytes = [&[VERSION, FRAGMENT_TAG], bytes.as_slice()].concat();
        if let Ok(fragment) = Unverified::parse(&bytes) {
            prop_assert!(fragment.verify().is_err());
        }
    }
}
