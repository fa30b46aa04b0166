//! The parameters of ML-DSA-65 (FIPS 204, tables 1 and 2), which are Dilithium3's too.

/// Coefficients of a polynomial.
pub(crate) const N: usize = 256;
/// The modulus.
pub(crate) const Q: i32 = 8_380_417;
/// Rows of the matrix.
pub(crate) const K: usize = 6;
/// Columns of the matrix.
pub(crate) const L: usize = 5;
/// Bits that t1 lacks of t.
pub(crate) const D: u32 = 13;
/// Coefficients of the challenge that are not zero.
pub(crate) const TAU: usize = 49;
/// What τ and η allow a signer to add to the mask.
pub(crate) const BETA: i32 = 196;
/// Bound of the mask.
pub(crate) const GAMMA1: i32 = 1 << 19;
/// Half of what the low bits span.
pub(crate) const GAMMA2: i32 = (Q - 1) / 32;
/// The most hints in a signature.
pub(crate) const OMEGA: usize = 55;

/// Length in bytes of the seed ρ.
pub(crate) const SEED_LEN: usize = 32;
/// Length in bytes of tr and μ.
pub(crate) const HASH_LEN: usize = 64;
/// Length in bytes of the challenge hash c̃.
pub(crate) const CHALLENGE_LEN: usize = 48;
/// Length in bytes of a polynomial of t1, 10 bits a coefficient.
pub(crate) const T1_LEN: usize = N * 10 / 8;
/// Length in bytes of a polynomial of z, 20 bits a coefficient.
pub(crate) const Z_LEN: usize = N * 20 / 8;
/// Length in bytes of a polynomial of w1, 4 bits a coefficient.
pub(crate) const W1_LEN: usize = N * 4 / 8;
/// Length in bytes of the hints.
pub(crate) const HINTS_LEN: usize = OMEGA + K;
/// Length in bytes of an encoded public key.
pub(crate) const PUBLIC_KEY_LEN: usize = SEED_LEN + K * T1_LEN;
/// Length in bytes of a signature.
pub(crate) const SIGNATURE_LEN: usize = CHALLENGE_LEN + L * Z_LEN + HINTS_LEN;

/// A polynomial, in either domain.
pub(crate) type Poly = [i32; N];
