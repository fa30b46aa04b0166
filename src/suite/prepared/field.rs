//! Arithmetic modulo q on signed numbers, products by Montgomery's method with R = 2³² (FIPS 204,
//! appendix A).

#![allow(clippy::arithmetic_side_effects, reason = "each function says what range it needs")]
#![allow(clippy::as_conversions, reason = "the low or high half of a number is what is meant")]

use super::params::Q;

/// q⁻¹ modulo 2³²: five steps of Newton's iteration, from a number right to three bits.
const Q_INVERSE: i32 = {
    let mut inverse = Q;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2_i32.wrapping_sub(Q.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
};

/// a·2⁻³² modulo q, between −q and q, both excluded, for |a| < 2³¹·q.
#[inline(always)]
pub(crate) const fn reduce(a: i64) -> i32 {
    let multiple = (a as i32).wrapping_mul(Q_INVERSE);
    ((a - multiple as i64 * Q as i64) >> 32) as i32
}

/// The one of 0..q that is congruent to `a`, for |a| < q.
#[inline(always)]
pub(crate) const fn positive(a: i32) -> i32 {
    a + ((a >> 31) & Q)
}

/// A constant to multiply by, with what the method needs of it worked out beforehand.
#[derive(Clone, Copy)]
pub(crate) struct Factor {
    /// The constant times 2³² modulo q, between −q/2 and q/2.
    value: i32,
    /// The same times q⁻¹ modulo 2³².
    quotient: i32,
}

impl Factor {
    /// For a constant in 0..q.
    pub(crate) const fn new(constant: i32) -> Self {
        let scaled = ((constant as i64) << 32) % Q as i64;
        let value = if scaled > Q as i64 / 2 { scaled - Q as i64 } else { scaled } as i32;
        Self { value, quotient: value.wrapping_mul(Q_INVERSE) }
    }

    /// The product with any `a` modulo q, between −q and q, both excluded.
    #[inline(always)]
    pub(crate) const fn times(self, a: i32) -> i32 {
        let multiple = a.wrapping_mul(self.quotient);
        // Both products end in the same 32 bits, so the difference of what is above them is exact.
        ((a as i64 * self.value as i64) >> 32) as i32 - ((multiple as i64 * Q as i64) >> 32) as i32
    }
}

/// Eight constants, each for one of eight numbers.
#[derive(Clone, Copy)]
pub(crate) struct Eight {
    values: [i32; 8],
    quotients: [i32; 8],
}

impl Eight {
    pub(crate) const fn new(factors: &[Factor; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = *factors;
        Self {
            values: [a.value, b.value, c.value, d.value, e.value, f.value, g.value, h.value],
            quotients: [
                a.quotient, b.quotient, c.quotient, d.quotient, e.quotient, f.quotient, g.quotient,
                h.quotient,
            ],
        }
    }

    /// [`Factor::times`] for each.
    #[inline(always)]
    pub(crate) fn times(&self, numbers: &[i32; 8]) -> [i32; 8] {
        let mut products = [0; 8];
        let factors = self.values.iter().zip(&self.quotients);
        for ((product, a), (value, quotient)) in products.iter_mut().zip(numbers).zip(factors) {
            *product = Factor { value: *value, quotient: *quotient }.times(*a);
        }
        products
    }
}

/// a·b modulo q, in 0..q, for two numbers in 0..q.
pub(crate) const fn product(a: i32, b: i32) -> i32 {
    (a as i64 * b as i64 % Q as i64) as i32
}

/// `base` to the power of `exponent` modulo q, in 0..q, for a base in 0..q.
pub(crate) const fn power(base: i32, exponent: u32) -> i32 {
    let mut result = 1;
    let mut done = 0;
    while done < exponent {
        result = product(result, base);
        done += 1;
    }
    result
}
