//! Signatures on the edges of what holds: under a key with t1 = 0, so that nothing but the rule in
//! question can refuse them.

use crate::forger::{Forger, Hints, packed};
use crate::judges::{lax, whole_message};
use crate::prepared::Variant;
use crate::reference::{BETA, Fault, GAMMA1, L, Poly, decompose, hash, mu, packed_w1};

const MESSAGE: &[u8] = b"beacon 7";
const CONTEXT: &[u8] = b"meshward/1/frame";
const NO_HINTS: Hints = [[false; 256]; 6];
const ZERO: [Poly; L] = [[0; 256]; L];

fn forgers() -> [Forger; 2] {
    [Variant::MlDsa65, Variant::Dilithium3].map(|variant| Forger::new(variant, [11; 32]))
}

fn fault(forger: &Forger, z: &[Poly], h: &Hints) -> Option<Fault> {
    let signature = forger.sign(CONTEXT, MESSAGE, z, h);
    forger.judges.agreed(CONTEXT, MESSAGE, &signature).fault
}

/// z with some numbers that a generator of no great quality gives.
fn spread(seed: i64) -> [Poly; L] {
    let mut state = seed;
    [(); L].map(|()| {
        [(); 256].map(|()| {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            state % (GAMMA1 - BETA)
        })
    })
}

/// RUSTSEC-2026-0077: each polynomial, some places, both signs, one beside the bound and on it.
#[test]
fn the_norm_of_z_is_held_to_one() {
    let bound = GAMMA1 - BETA;
    for forger in forgers() {
        for (poly, place) in
            (0..L).flat_map(|poly| [0, 1, 7, 128, 254, 255].map(|place| (poly, place)))
        {
            let with = |a| {
                let mut z = ZERO;
                z[poly][place] = a;
                fault(&forger, &z, &NO_HINTS)
            };
            for holds in [bound - 1, 1 - bound] {
                assert_eq!(with(holds), None, "z[{poly}][{place}] = {holds}");
            }
            for too_long in [bound, -bound, bound + 1, GAMMA1 - 1, 1 - GAMMA1, GAMMA1] {
                assert_eq!(with(too_long), Some(Fault::Norm), "z[{poly}][{place}] = {too_long}");
            }
        }
    }
}

/// All of z as large as it may be, in some patterns, so that sums of the NTT are as large as can be.
#[test]
fn every_coefficient_extreme() {
    let most = GAMMA1 - BETA - 1;
    let patterns: [fn(usize, usize) -> bool; 6] = [
        |_, _| true,
        |_, _| false,
        |_, place| place % 2 == 0,
        |_, place| place < 128,
        |poly, place| (place >> poly) & 1 == 0,
        |poly, place| (place * place + poly).count_ones() % 2 == 0,
    ];
    for forger in forgers() {
        for pattern in patterns {
            let z: [Poly; L] = std::array::from_fn(|poly| {
                std::array::from_fn(|place| if pattern(poly, place) { most } else { -most })
            });
            assert_eq!(fault(&forger, &z, &NO_HINTS), None);
        }
    }
}

/// RUSTSEC-2026-0125: hints where the low bits are zero, positive and negative, and where the high
/// bits go round, up and down. Everything but r0 = 0 is found in any w; z = 0 gives w = 0.
#[test]
fn hints_turn_the_right_way() {
    let kinds: [fn((i64, i64)) -> bool; 6] = [
        |(_, r0)| r0 > 0,
        |(_, r0)| r0 < 0,
        |(r1, r0)| r1 == 15 && r0 > 0,
        |(r1, r0)| r1 == 0 && r0 < 0,
        |(r1, r0)| r1 == 0 && r0 > 0,
        |(r1, r0)| r1 == 15 && r0 < 0,
    ];
    for forger in forgers() {
        for row in 0..6 {
            let mut h = NO_HINTS;
            h[row][row * 51] = true;
            assert_eq!(fault(&forger, &ZERO, &h), None);
        }
        for (seed, kind) in (1..).zip(kinds) {
            let z = spread(seed);
            let w = forger.w(&z);
            let mut left = 55;
            let h: Hints = std::array::from_fn(|row| {
                std::array::from_fn(|place| {
                    let hint = left > 0 && kind(decompose(w[row][place]));
                    left -= usize::from(hint);
                    hint
                })
            });
            assert!(left < 50, "this w has none of the kind");
            assert_eq!(fault(&forger, &z, &h), None);
        }
    }
}

/// What PQClean's AVX2 code takes for right: up where r0 = 0.
#[test]
fn a_hint_at_zero_does_not_go_up() {
    for forger in forgers() {
        let mut h = NO_HINTS;
        h[2][100] = true;
        let mut w1 = packed_w1(&forger.w(&ZERO), &h);
        assert_eq!(w1[2 * 128 + 50], 15);
        let mut signature = forger.sign(CONTEXT, MESSAGE, &ZERO, &h);
        for (up, holds) in [(1, false), (15, true), (0, false)] {
            w1[2 * 128 + 50] = up;
            let message = whole_message(forger.judges.variant, CONTEXT, MESSAGE);
            let challenge = hash(&[&mu(&forger.judges.public, &message), &w1], 48);
            signature[..48].copy_from_slice(&challenge);
            let verdict = forger.judges.agreed(CONTEXT, MESSAGE, &signature);
            assert_eq!(verdict.fault.is_none(), holds);
            assert!(verdict.hint_at_zero);
            if forger.judges.variant == Variant::Dilithium3 {
                let theirs = forger.judges.theirs(CONTEXT, MESSAGE, &signature);
                assert_eq!(theirs, if lax() { up == 1 } else { holds });
            }
        }
    }
}

fn with_hints(hints: &[(usize, usize)]) -> Hints {
    let mut h = NO_HINTS;
    hints.iter().for_each(|(row, place)| h[*row][*place] = true);
    h
}

/// Hints at their most, at the ends, and in an order that only the border between two polynomials
/// allows.
#[test]
fn every_proper_packing_of_hints_holds() {
    let first: Vec<_> = (0..55).map(|place| (0, place)).collect();
    let last: Vec<_> = (201..256).map(|place| (5, place)).collect();
    let around: Vec<_> = (0..54).map(|n| (n / 9, 255 - n)).collect();
    let sets = [
        vec![],
        vec![(0, 0)],
        vec![(5, 0)],
        vec![(0, 255), (1, 255), (2, 0), (5, 255)],
        vec![(0, 9), (1, 9), (2, 9), (3, 8)],
        first,
        last,
        around,
    ];
    for forger in forgers() {
        for set in &sets {
            let set = with_hints(set);
            assert_eq!(fault(&forger, &ZERO, &set), None);
            assert_eq!(fault(&forger, &spread(5), &set), None);
        }
    }
}

/// RUSTSEC-2026-0076, and what would make signatures malleable: the hash fits what a careless reader
/// makes of each, so the packing alone is at fault.
#[test]
fn every_other_packing_of_hints_is_refused() {
    const ENDS: usize = 55;
    // What is wrong, the hints that the hash fits, and the bytes of their packing that are changed.
    type Change = (&'static str, Hints, Vec<(usize, u8)>);
    let base = with_hints(&[(0, 3), (0, 8), (1, 200), (1, 201), (4, 0), (4, 255)]);
    let full = with_hints(&(0..55).map(|n| (n / 10, n)).collect::<Vec<_>>());
    let none = NO_HINTS;
    let mut changes: Vec<Change> = vec![
        ("out of order", base, vec![(0, 8), (1, 3)]),
        ("out of order in a later one", base, vec![(4, 255), (5, 0)]),
        (
            "repeated",
            with_hints(&[(0, 3), (1, 200)]),
            vec![(0, 3), (1, 3), (2, 200), (55, 2), (56, 3), (57, 3), (58, 3), (59, 3), (60, 3)],
        ),
        ("the last counter goes back", base, vec![(ENDS + 5, 5)]),
        ("a counter goes back to zero", base, vec![(ENDS + 2, 0)]),
        ("the first counter is beyond the second", base, vec![(ENDS, 5)]),
        ("padding right after the last", base, vec![(6, 1)]),
        ("padding at the end", base, vec![(54, 255)]),
        ("padding without a hint", none, vec![(0, 1)]),
        ("places without a counter", none, vec![(0, 3), (1, 8)]),
        (
            "counters without places",
            none,
            vec![
                (ENDS, 2),
                (ENDS + 1, 2),
                (ENDS + 2, 2),
                (ENDS + 3, 2),
                (ENDS + 4, 2),
                (ENDS + 5, 2),
            ],
        ),
    ];
    for beyond in [56, 57, 60, 61, 62, 64, 127, 128, 200, 254, 255] {
        changes.push(("the last counter is out of range", full, vec![(ENDS + 5, beyond)]));
        changes.push(("the same without hints", none, vec![(ENDS + 5, beyond)]));
        for middle in 0..5 {
            changes.push(("a counter is out of range", full, vec![(ENDS + middle, beyond)]));
            changes.push(("the same without hints", none, vec![(ENDS + middle, beyond)]));
        }
        changes.push(("all are", none, (0..6).map(|row| (ENDS + row, beyond)).collect()));
    }
    for forger in forgers() {
        for z in [ZERO, spread(9)] {
            for (what, h, changes) in &changes {
                let mut packed = packed(h);
                changes.iter().for_each(|(at, byte)| packed[*at] = *byte);
                let signature = forger.sign_packed(CONTEXT, MESSAGE, &z, h, &packed);
                let verdict = forger.judges.agreed(CONTEXT, MESSAGE, &signature);
                assert_eq!(verdict.fault, Some(Fault::Hints), "{what}: {changes:?}");
            }
        }
    }
}

/// Keys of one byte, with signatures of one byte, of extremes, and of another key.
#[test]
fn hostile_keys_hold_nothing_and_end_nothing() {
    for forger in forgers() {
        let other = forger.sign(CONTEXT, MESSAGE, &spread(3), &NO_HINTS);
        for byte in [0x00, 0x01, 0x55, 0x7f, 0x80, 0xaa, 0xfe, 0xff] {
            let key = crate::judges::Judges::new(forger.judges.variant, &[byte; 1952]);
            let mut signatures = vec![other.clone()];
            for fill in [0x00, 0x7f, 0x80, 0xff] {
                signatures.push(vec![fill; 3309]);
                // The same, with hints that can be read.
                signatures.push([vec![fill; 3248], vec![0; 61]].concat());
            }
            for most in [GAMMA1 - BETA - 1, BETA + 1 - GAMMA1] {
                signatures.push(forger.sign(CONTEXT, MESSAGE, &[[most; 256]; L], &NO_HINTS));
            }
            for signature in signatures {
                assert!(key.agreed(CONTEXT, MESSAGE, &signature).fault.is_some());
            }
        }
    }
}
