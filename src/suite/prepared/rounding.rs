//! The high bits of w, corrected by the hints.

#![allow(clippy::arithmetic_side_effects, reason = "the ranges stand at each function")]

use super::params::{GAMMA2, N, Poly, W1_LEN};

/// The high bits of each coefficient, in 0..16, corrected where there is a hint (FIPS 204, algorithms
/// 36 and 40). `w` is in 0..q, each hint 0 or 1.
#[inline(always)]
pub(crate) fn use_hints(w: &Poly, hints: &[u8; N]) -> Poly {
    let mut high = [0; _];
    for ((high, w), hint) in high.iter_mut().zip(w).zip(hints) {
        *high = use_hint(*w, i32::from(*hint));
    }
    high
}

/// The same for one coefficient.
///
/// Decompose writes w as r1·2γ2 + r0 with −γ2 < r0 ≤ γ2. So r1 = ⌊(w + γ2 − 1) / 2γ2⌋, and 2γ2 is
/// 2⁹·1023: shifted right by 9, the dividend is some n < 2¹⁵, and ⌊n / 1023⌋ = ⌊(n + 1)·1025 / 2²⁰⌋
/// because 1023·1025 = 2²⁰ − 1.
///
/// At the upper end r1 is 16. There the standard takes 0 for r1, and one less for r0, which is not
/// positive either way: so nothing but r1 modulo 16 needs to be done.
#[inline(always)]
pub(crate) const fn use_hint(w: i32, hint: i32) -> i32 {
    let r1 = ((((w + GAMMA2 - 1) >> 9) + 1) * 1025) >> 20;
    let r0 = w - r1 * (2 * GAMMA2);
    // Up if r0 is positive, else down; r0 = 0 goes down.
    let step = if r0 > 0 { hint } else { -hint };
    (r1 + step) & 15
}

/// Packs numbers in 0..16, two a byte (FIPS 204, algorithm 28).
#[inline(always)]
pub(crate) fn pack(high: &Poly) -> [u8; W1_LEN] {
    let mut bytes = [0; _];
    let (pairs, _) = high.as_chunks::<2>();
    for (byte, [low, high]) in bytes.iter_mut().zip(pairs) {
        let [first, ..] = (low | high << 4).to_le_bytes();
        *byte = first;
    }
    bytes
}
