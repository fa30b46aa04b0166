//! The arithmetic compiled for AVX2, chosen at run time.
//!
//! It is the portable code and nothing else: the compiler makes vectors of its loops, eight numbers at a
//! time. So there is no second implementation that could differ, and one `unsafe`, which is the call of
//! a function for processors that have AVX2.

#![allow(unsafe_code, reason = "only so can a function for some processors be called")]

use super::hints::Hints;
use super::params::{K, L, Poly, W1_LEN, Z_LEN};
use super::row::Row;

/// What [`commitment::portable`](super::commitment::portable) gives; `None` if this processor has no
/// AVX2.
#[cfg(target_arch = "x86_64")]
pub(crate) fn commitment(
    rows: &[Row; K],
    packed_z: &[[u8; Z_LEN]; L],
    c: &Poly,
    hints: &Hints,
) -> Option<Option<[[u8; W1_LEN]; K]>> {
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: all that it asks for is a processor with AVX2.
        Some(unsafe { with_avx2(rows, packed_z, c, hints) })
    } else {
        None
    }
}

/// Nothing else has AVX2.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) const fn commitment(
    _: &[Row; K],
    _: &[[u8; Z_LEN]; L],
    _: &Poly,
    _: &Hints,
) -> Option<Option<[[u8; W1_LEN]; K]>> {
    None
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(
    rows: &[Row; K],
    packed_z: &[[u8; Z_LEN]; L],
    c: &Poly,
    hints: &Hints,
) -> Option<[[u8; W1_LEN]; K]> {
    super::commitment::portable(rows, packed_z, c, hints)
}
