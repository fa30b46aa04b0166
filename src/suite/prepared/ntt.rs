//! The number-theoretic transform and its inverse, in place.

#![allow(clippy::arithmetic_side_effects, reason = "the ranges stand at each function")]

use super::field::{Factor, positive, power, product};
use super::params::{Poly, Q};

/// A 512th root of unity modulo q.
const ZETA: i32 = 1753;

/// 2³²/256 modulo q: undoes the 256 of the inverse and a factor 2⁻³² that came before it.
const SCALE: Factor = Factor::new(product(Q - (Q - 1) / 256, power(2, 32)));

/// FIPS 204, algorithm 41. From |a| < 2²⁴ to |a| < 2²⁴ + 8q < 2²⁷: each of eight layers adds less
/// than q.
#[inline(always)]
pub(crate) fn ntt(poly: &mut Poly) {
    forward::<1, 128, 256>(poly);
    forward::<2, 64, 128>(poly);
    forward::<4, 32, 64>(poly);
    forward::<8, 16, 32>(poly);
    forward::<16, 8, 16>(poly);
    forward::<32, 4, 8>(poly);
    forward::<64, 2, 4>(poly);
    forward::<128, 1, 2>(poly);
}

/// FIPS 204, algorithm 42, and a multiplication by 2³². From |a| < q to 0..q: eight layers at most
/// double the numbers, and 256·q < 2³¹.
#[inline(always)]
pub(crate) fn inverse(poly: &mut Poly) {
    backward::<128, 1, 2>(poly);
    backward::<64, 2, 4>(poly);
    backward::<32, 4, 8>(poly);
    backward::<16, 8, 16>(poly);
    backward::<8, 16, 32>(poly);
    backward::<4, 32, 64>(poly);
    backward::<2, 64, 128>(poly);
    backward::<1, 128, 256>(poly);
    poly.iter_mut().for_each(|a| *a = positive(SCALE.times(*a)));
}

#[inline(always)]
fn forward<const BLOCKS: usize, const HALF: usize, const WHOLE: usize>(poly: &mut Poly) {
    let roots = const { &roots::<BLOCKS>(false) };
    let (blocks, _) = poly.as_chunks_mut::<WHOLE>();
    for (block, root) in blocks.iter_mut().zip(roots) {
        let (low, high) = block.split_at_mut(HALF);
        for (a, b) in low.iter_mut().zip(high) {
            let turned = root.times(*b);
            (*a, *b) = (*a + turned, *a - turned);
        }
    }
}

#[inline(always)]
fn backward<const BLOCKS: usize, const HALF: usize, const WHOLE: usize>(poly: &mut Poly) {
    let roots = const { &roots::<BLOCKS>(true) };
    let (blocks, _) = poly.as_chunks_mut::<WHOLE>();
    for (block, root) in blocks.iter_mut().zip(roots) {
        let (low, high) = block.split_at_mut(HALF);
        for (a, b) in low.iter_mut().zip(high) {
            (*a, *b) = (*a + *b, root.times(*a - *b));
        }
    }
}

/// The roots of the layer with `BLOCKS` blocks: ζ to the bit-reversed numbers from `BLOCKS` on, or
/// their inverses.
const fn roots<const BLOCKS: usize>(inverse: bool) -> [Factor; BLOCKS] {
    let mut roots = [Factor::new(0); BLOCKS];
    let mut rest: &mut [Factor] = &mut roots;
    while let Some((root, more)) = rest.split_last_mut() {
        #[allow(clippy::as_conversions, reason = "at most 255")]
        let exponent = ((BLOCKS + more.len()) as u8).reverse_bits() as u32;
        *root = Factor::new(power(ZETA, if inverse { 512 - exponent } else { exponent }));
        rest = more;
    }
    roots
}
