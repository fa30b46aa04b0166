//! What can happen in an attack.

use proptest::prelude::*;

use crate::attack::HOSTILE;

/// The most acts of one attack.
pub(crate) const MOST_ACTS: usize = 40;

#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// X says something. Adversaries may hear it, too, or instead.
    Beacon {
        arrives: bool,
    },
    /// X rotates its key.
    Rotate,
    Volley {
        which: usize,
        over: u64,
    },
    /// What X said, or will have said when V hears of it: whole, cut off, with one bit flipped.
    Copy {
        of: usize,
        over: u64,
        cut: Option<usize>,
        bit: Option<usize>,
    },
    /// X's header and signature over another body.
    OtherBody {
        of: usize,
        over: u64,
    },
    /// All that X said before V was there.
    Stock {
        over: u64,
    },
    /// More packets than a link may bring.
    Flood {
        of: usize,
        over: u64,
    },
    Wait {
        ms: u64,
    },
    /// Back or on, for V and its twin.
    StepClock {
        on: bool,
        ms: u64,
    },
    Restart,
}

fn act(volleys: usize) -> impl Strategy<Value = Act> {
    let over = 0..2 * HOSTILE + 2;
    let of = 0..MOST_ACTS;
    prop_oneof![
        8 => any::<bool>().prop_map(|arrives| Act::Beacon { arrives }),
        1 => Just(Act::Rotate),
        16 => (0..volleys, over.clone()).prop_map(|(which, over)| Act::Volley { which, over }),
        6 => (of.clone(), over.clone(), prop::option::of(0..3_500_usize), prop::option::of(0..28_000_usize))
            .prop_map(|(of, over, cut, bit)| Act::Copy { of, over, cut, bit }),
        2 => (of.clone(), over.clone()).prop_map(|(of, over)| Act::OtherBody { of, over }),
        1 => over.clone().prop_map(|over| Act::Stock { over }),
        1 => (of, over).prop_map(|(of, over)| Act::Flood { of, over }),
        2 => (0..20_000_u64).prop_map(|ms| Act::Wait { ms }),
        1 => (any::<bool>(), 0..100_000_000_u64).prop_map(|(on, ms)| Act::StepClock { on, ms }),
        1 => Just(Act::Restart),
    ]
}

pub(crate) fn acts(most: usize) -> impl Strategy<Value = Vec<Act>> {
    // As many as there are in the arsenal; the surplus is taken modulo.
    prop::collection::vec(act(64), 1..=most)
}
