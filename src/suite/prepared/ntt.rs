//! The number-theoretic transform and its inverse, in place.
//!
//! A layer pairs numbers whose places differ in one bit, from the highest bit to the lowest. So that
//! a processor with vectors finds eight neighbours to treat alike in the last layers too, the places
//! are turned after three of the eight: what was at i₇i₆i₅i₄i₃i₂i₁i₀ goes to i₄i₃i₂i₁i₀i₇i₆i₅, and
//! eight neighbours are then of eight different blocks. All that is in the NTT domain stands in that
//! order, the rows of a key included ([`turned`]).

#![allow(clippy::arithmetic_side_effects, reason = "the ranges stand at each function")]

use std::hint::black_box;

use super::field::{Eight, Factor, positive, power, product};
use super::params::{N, Poly, Q};

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
    *poly = turned(poly);
    forward_by_eight::<1, 16, 32>(poly);
    forward_by_eight::<2, 8, 16>(poly);
    forward_by_eight::<4, 4, 8>(poly);
    forward_by_eight::<8, 2, 4>(poly);
    forward_by_eight::<16, 1, 2>(poly);
}

/// FIPS 204, algorithm 42, and a multiplication by 2³². From |a| < q to 0..q: eight layers at most
/// double the numbers, and 256·q < 2³¹.
#[inline(always)]
pub(crate) fn inverse(poly: &mut Poly) {
    backward_by_eight::<16, 1, 2>(poly);
    backward_by_eight::<8, 2, 4>(poly);
    backward_by_eight::<4, 4, 8>(poly);
    backward_by_eight::<2, 8, 16>(poly);
    backward_by_eight::<1, 16, 32>(poly);
    *poly = turned_back(poly);
    backward::<4, 32, 64>(poly);
    backward::<2, 64, 128>(poly);
    backward::<1, 128, 256>(poly);
    for a in poly {
        *a = positive(SCALE.times(*a));
    }
}

/// From the order of the standard to ours.
#[inline(always)]
pub(crate) fn turned(poly: &Poly) -> Poly {
    turned_once(&turned_once(&turned_once(poly)))
}

/// The highest bit of each place becomes the lowest.
#[inline(always)]
fn turned_once(poly: &Poly) -> Poly {
    let mut turned = [0; N];
    let (low, high) = poly.split_at(N / 2);
    let (pairs, _) = turned.as_chunks_mut::<2>();
    for ((pair, low), high) in pairs.iter_mut().zip(low).zip(high) {
        *pair = [*low, *high];
    }
    turned
}

/// From our order to that of the standard.
#[inline(always)]
fn turned_back(poly: &Poly) -> Poly {
    turned_back_once(&turned_back_once(&turned_back_once(poly)))
}

#[inline(always)]
fn turned_back_once(poly: &Poly) -> Poly {
    let mut turned = [0; N];
    let (low, high) = turned.split_at_mut(N / 2);
    let (pairs, _) = poly.as_chunks::<2>();
    for ((pair, low), high) in pairs.iter().zip(low).zip(high) {
        [*low, *high] = *pair;
    }
    turned
}

/// A layer of `BLOCKS` blocks in the order of the standard.
#[inline(always)]
fn forward<const BLOCKS: usize, const HALF: usize, const WHOLE: usize>(poly: &mut Poly) {
    let roots = const { &roots::<BLOCKS>(false) };
    let (blocks, _) = poly.as_chunks_mut::<WHOLE>();
    for (block, root) in blocks.iter_mut().zip(roots) {
        let (low, high) = block.split_at_mut(HALF);
        for (a, b) in low.iter_mut().zip(high) {
            butterfly(a, b, *root);
        }
    }
}

/// A layer of eight times `BLOCKS` blocks in our order; the sizes are in eights.
#[inline(always)]
fn forward_by_eight<const BLOCKS: usize, const HALF: usize, const WHOLE: usize>(poly: &mut Poly) {
    // A compiler that knows these numbers makes other loops of it, which are slower.
    let roots = black_box(const { &roots_by_eight::<BLOCKS>(false) });
    let (eights, _) = poly.as_chunks_mut::<8>();
    let (blocks, _) = eights.as_chunks_mut::<WHOLE>();
    for (block, roots) in blocks.iter_mut().zip(roots) {
        let (low, high) = block.split_at_mut(HALF);
        for (low, high) in low.iter_mut().zip(high) {
            let product = roots.times(high);
            for ((a, b), product) in low.iter_mut().zip(high).zip(product) {
                (*a, *b) = (*a + product, *a - product);
            }
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
            butterfly_back(a, b, *root);
        }
    }
}

#[inline(always)]
fn backward_by_eight<const BLOCKS: usize, const HALF: usize, const WHOLE: usize>(poly: &mut Poly) {
    // A compiler that knows these numbers makes other loops of it, which are slower.
    let roots = black_box(const { &roots_by_eight::<BLOCKS>(true) });
    let (eights, _) = poly.as_chunks_mut::<8>();
    let (blocks, _) = eights.as_chunks_mut::<WHOLE>();
    for (block, roots) in blocks.iter_mut().zip(roots) {
        let (low, high) = block.split_at_mut(HALF);
        for (low, high) in low.iter_mut().zip(high) {
            let mut difference = [0; 8];
            for ((a, b), difference) in low.iter_mut().zip(high.iter()).zip(&mut difference) {
                (*a, *difference) = (*a + *b, *a - *b);
            }
            *high = roots.times(&difference);
        }
    }
}

#[inline(always)]
fn butterfly(a: &mut i32, b: &mut i32, root: Factor) {
    let product = root.times(*b);
    (*a, *b) = (*a + product, *a - product);
}

#[inline(always)]
fn butterfly_back(a: &mut i32, b: &mut i32, root: Factor) {
    (*a, *b) = (*a + *b, root.times(*a - *b));
}

/// The root of one block of a layer: ζ to the bit-reversed number of the block, counted on from the
/// number of blocks in the layer; or its inverse.
const fn root(number: usize, inverse: bool) -> Factor {
    #[allow(clippy::as_conversions, reason = "at most 255")]
    let exponent = (number as u8).reverse_bits() as u32;
    Factor::new(power(ZETA, if inverse { 512 - exponent } else { exponent }))
}

const fn roots<const BLOCKS: usize>(inverse: bool) -> [Factor; BLOCKS] {
    let mut roots = [Factor::new(0); BLOCKS];
    let mut rest: &mut [Factor] = &mut roots;
    while let Some((last, more)) = rest.split_last_mut() {
        *last = root(BLOCKS + more.len(), inverse);
        rest = more;
    }
    roots
}

/// The highest three bits of a block's number tell its place among eight neighbours, the others
/// which eight.
const fn roots_by_eight<const BLOCKS: usize>(inverse: bool) -> [Eight; BLOCKS] {
    let mut roots = [Eight::new(&[Factor::new(0); 8]); BLOCKS];
    let mut rest: &mut [Eight] = &mut roots;
    while let Some((last, more)) = rest.split_last_mut() {
        let mut eight = [Factor::new(0); 8];
        let mut left: &mut [Factor] = &mut eight;
        while let Some((last, fewer)) = left.split_last_mut() {
            *last = root(BLOCKS * (8 + fewer.len()) + more.len(), inverse);
            left = fewer;
        }
        *last = Eight::new(&eight);
        rest = more;
    }
    roots
}
