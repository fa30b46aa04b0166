//! A row of the product with the matrix.

#![allow(clippy::arithmetic_side_effects, reason = "the range stands at the function")]

use super::field::{Factor, positive, reduce};
use super::ntt::{ntt, turned};
use super::params::{L, N, Poly};

/// What a key keeps of one row, in the NTT domain and the order of [`ntt`], all in 0..q.
pub(crate) struct Row {
    /// The row of Â.
    matrix: [Poly; L],
    /// NTT(t1·2^d).
    t1: Poly,
}

impl Row {
    pub(crate) const EMPTY: Self = Self { matrix: [[0; N]; L], t1: [0; N] };

    /// From a row of Â in the order of the standard, and one of t1·2^d, all in 0..q.
    pub(crate) fn new(matrix: [Poly; L], mut t1: Poly) -> Self {
        const ONE: Factor = Factor::new(1);
        ntt(&mut t1);
        Self { matrix: matrix.map(|poly| turned(&poly)), t1: t1.map(|a| positive(ONE.times(a))) }
    }
}

/// The row of Â·NTT(z) − NTT(c)·NTT(t1·2^d), times 2⁻³², between −q and q.
///
/// The numbers of `z` and `c` are below 2²⁷, so that the sum of six products is below 6·2²⁷·q, less
/// than the 2³¹·q that [`reduce`] takes.
#[inline(always)]
pub(crate) fn row(row: &Row, z: &[Poly; L], c: &Poly) -> Poly {
    let [a0, a1, a2, a3, a4] = &row.matrix;
    let [z0, z1, z2, z3, z4] = z;
    let mut out = [0; _];
    let factors = a0.iter().zip(a1).zip(a2).zip(a3).zip(a4).zip(&row.t1);
    let others = z0.iter().zip(z1).zip(z2).zip(z3).zip(z4).zip(c);
    for ((out, factors), others) in out.iter_mut().zip(factors).zip(others) {
        let (((((a0, a1), a2), a3), a4), t1) = factors;
        let (((((z0, z1), z2), z3), z4), c) = others;
        let product = |a: &i32, b: &i32| i64::from(*a) * i64::from(*b);
        *out = reduce(
            product(a0, z0) + product(a1, z1) + product(a2, z2) + product(a3, z3) + product(a4, z4)
                - product(t1, c),
        );
    }
    out
}
