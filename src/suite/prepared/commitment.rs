//! All of a check that is arithmetic, between the unpacking of the hints and the last hash.

use super::hints::Hints;
use super::params::{K, L, Poly, W1_LEN, Z_LEN};
use super::row::{Row, row};
use super::{avx2, decode, ntt, rounding};

/// The packed w1 that the signer committed to if the signature holds; `None` if z is too long
/// (FIPS 204, algorithm 8, lines 8 to 10 and the first half of line 13).
pub(crate) fn commitment(
    rows: &[Row; K],
    packed_z: &[[u8; Z_LEN]; L],
    c: &Poly,
    hints: &Hints,
) -> Option<[[u8; W1_LEN]; K]> {
    match avx2::commitment(rows, packed_z, c, hints) {
        Some(found) => found,
        None => portable(rows, packed_z, c, hints),
    }
}

/// The same in code for any processor. All that it calls is inlined, so that it is compiled anew for
/// the processor that its caller is compiled for.
#[inline(always)]
pub(crate) fn portable(
    rows: &[Row; K],
    packed_z: &[[u8; Z_LEN]; L],
    c: &Poly,
    hints: &Hints,
) -> Option<[[u8; W1_LEN]; K]> {
    let mut z = [[0; _]; L];
    for (z, bytes) in z.iter_mut().zip(packed_z) {
        *z = decode::z(bytes);
    }
    if !decode::is_short(&z) {
        return None;
    }
    for z in &mut z {
        ntt::ntt(z);
    }
    let mut c = *c;
    ntt::ntt(&mut c);
    let mut packed = [[0; W1_LEN]; K];
    for ((packed, kept), hints) in packed.iter_mut().zip(rows).zip(hints) {
        let mut w = row(kept, &z, &c);
        ntt::inverse(&mut w);
        *packed = rounding::pack(&rounding::use_hints(&w, hints));
    }
    Some(packed)
}
