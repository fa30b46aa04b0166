//! Unpacking of the numbers in keys and signatures.

#![allow(clippy::arithmetic_side_effects, reason = "no number here has more than 24 bits")]

use super::params::{BETA, D, GAMMA1, L, Poly, T1_LEN, Z_LEN};

/// A polynomial of t1·2^d, in 0..q (FIPS 204, algorithm 18 with b = 2¹⁰ − 1; every encoding is one).
#[inline(always)]
pub(crate) fn t1(bytes: &[u8; T1_LEN]) -> Poly {
    let mut poly = [0; _];
    let (fives, _) = bytes.as_chunks::<5>();
    let (fours, _) = poly.as_chunks_mut::<4>();
    for (four, five) in fours.iter_mut().zip(fives) {
        let [a, b, c, d, e] = five.map(i32::from);
        *four = [a | b << 8, b >> 2 | c << 6, c >> 4 | d << 4, d >> 6 | e << 2]
            .map(|number| (number & 0x3ff) << D);
    }
    poly
}

/// A polynomial of z, in −γ1 + 1 ..= γ1 (FIPS 204, algorithm 19 with a = γ1 − 1, b = γ1).
#[inline(always)]
pub(crate) fn z(bytes: &[u8; Z_LEN]) -> Poly {
    let mut poly = [0; _];
    let (fives, _) = bytes.as_chunks::<5>();
    let (pairs, _) = poly.as_chunks_mut::<2>();
    for (pair, five) in pairs.iter_mut().zip(fives) {
        let [a, b, c, d, e] = five.map(i32::from);
        *pair =
            [a | b << 8 | (c & 0xf) << 16, c >> 4 | d << 4 | e << 12].map(|number| GAMMA1 - number);
    }
    poly
}

/// Whether ‖z‖∞ < γ1 − β (FIPS 204, algorithm 8, line 13). All of z is looked at.
#[inline(always)]
pub(crate) fn is_short(z: &[Poly; L]) -> bool {
    let long = |poly: &Poly| poly.iter().fold(false, |long, a| long | (a.abs() >= GAMMA1 - BETA));
    !z.iter().fold(false, |any, poly| any | long(poly))
}
