//! Fragments of many packets over many links, in any order, lost, repeated, altered and made up, while
//! places are given and the clock steps: what is whole was sent over that very link, no more is held than
//! the configuration says, and in the end an honest neighbour gets a packet through.

#![no_main]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use meshward::{Fragmenter, Link, LinkId, Millis, Reassembler, ReassemblyConfig};

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Over {
    Proven(u8),
    Claimed(u8),
}

#[derive(Debug, Arbitrary)]
enum Act {
    /// Some packet is cut.
    Cut {
        length: u16,
        seed: u8,
        datagram: u16,
    },
    /// A fragment arrives, as it is.
    Take {
        over: Over,
        which: u16,
    },
    /// All fragments of the newest packet arrive but one.
    TakeMost {
        over: Over,
        but: u8,
    },
    /// A fragment arrives altered.
    Alter {
        over: Over,
        which: u16,
        place: u16,
        by: u8,
    },
    /// What looks like a fragment arrives.
    Invent {
        over: Over,
        bytes: Vec<u8>,
    },
    /// The clock steps, on or back.
    Step {
        to: u32,
    },
    WasOfUse(Over),
    Answered(Over),
    Reserve(Over),
    Release(Over),
    Tick,
}

/// The honest neighbour, which the hostile cannot be.
const HONEST: Link = Link::Proven(LinkId(1_000));

fn link(over: Over) -> Link {
    match over {
        Over::Proven(id) => Link::Proven(LinkId(id.into())),
        Over::Claimed(id) => Link::Claimed(LinkId(id.into())),
    }
}

fuzz_target!(|acts: Vec<Act>| {
    let config = ReassemblyConfig::of(1, 3);
    let config = ReassemblyConfig { shared_bytes: config.link_bytes, ..config };
    let most = config.most_bytes();
    let reassembler = Reassembler::new(config).unwrap();
    assert!(reassembler.reserve(HONEST, Millis(0)));
    let mut now = Millis(0);
    let mut packets = BTreeSet::new();
    let mut fragments: Vec<Vec<u8>> = Vec::new();
    let mut newest = 0;
    let mut came = BTreeSet::new();
    for act in acts.into_iter().take(400) {
        let mut take = |over: Over, datagram: &[u8], is_true: bool| {
            if is_true {
                came.insert((link(over), datagram.to_vec()));
            }
            let taken = reassembler.take(link(over), datagram, now);
            assert!(is_true || taken.is_err() || !datagram.starts_with(&[1, 255]));
            if let Ok(Some(packet)) = taken
                && datagram.starts_with(&[1, 255])
            {
                assert!(packets.contains(&*packet), "a packet that nobody sent");
                // All of it came over this link.
                let cuts = [512, 600, 1_232, 4_096].map(|cut| Fragmenter::new(cut).unwrap());
                let all_came = |cut: &Fragmenter| {
                    let mut pieces = cut.split(&packet).unwrap().into_iter();
                    pieces.all(|piece| came.contains(&(link(over), piece.into_owned())))
                };
                assert!(cuts.iter().any(all_came));
            }
            assert!(reassembler.unfinished_bytes() <= most);
        };
        match act {
            Act::Cut { length, seed, datagram } => {
                let cut = [512, 600, 1_232, 4_096][usize::from(datagram % 4)];
                let packet = vec![seed.max(2); usize::from(length).max(cut + 1)];
                let cut = Fragmenter::new(cut).unwrap().split(&packet).unwrap();
                newest = fragments.len();
                fragments.extend(cut.into_iter().map(|piece| piece.into_owned()));
                packets.insert(packet);
            }
            Act::Take { over, which } if !fragments.is_empty() => {
                take(over, &fragments[usize::from(which) % fragments.len()], true);
            }
            Act::TakeMost { over, but } => {
                for (at, fragment) in fragments[newest..].iter().enumerate() {
                    if at != usize::from(but) {
                        take(over, fragment, true);
                    }
                }
            }
            Act::Alter { over, which, place, by } if !fragments.is_empty() && by != 0 => {
                let mut altered = fragments[usize::from(which) % fragments.len()].clone();
                let place = usize::from(place) % altered.len();
                altered[place] ^= by;
                take(over, &altered, false);
            }
            Act::Invent { over, bytes } => {
                let invented = [&[1, 255], bytes.as_slice()].concat();
                let is_true = fragments.contains(&invented);
                take(over, &invented, is_true);
            }
            Act::Step { to } => now = Millis(to.into()),
            Act::WasOfUse(over) => reassembler.was_of_use(link(over), now),
            Act::Answered(over) => reassembler.answered(link(over), now),
            Act::Reserve(Over::Proven(id)) if id % 2 == 0 => {
                // Two besides the honest one, or there is no place for it to keep.
                reassembler.reserve(link(Over::Proven(id % 4)), now);
            }
            Act::Release(over) => reassembler.release(link(over)),
            Act::Tick => reassembler.tick(now),
            Act::Take { .. } | Act::Alter { .. } | Act::Reserve(_) => {}
        }
        assert!(reassembler.unfinished_bytes() <= most);
    }
    let packet = vec![1; 5_000];
    let datagrams = Fragmenter::new(1_232).unwrap().split(&packet).unwrap();
    let whole = datagrams.iter().filter_map(|one| reassembler.take(HONEST, one, now).unwrap());
    assert_eq!(whole.collect::<Vec<_>>(), [packet.as_slice()]);
});
