//! The parameters of ML-DSA-65 (FIPS 204, tables 1 and 2), which are Dilithium3's too.

/// Coefficients of a polynomial.
pub(super) const N: usize = 256;
/// The modulus.
pub(super) const Q: i32 = 8_380_417;
/// Rows of the matrix.
pub(super) const K: usize = 6;
/// Columns of the matrix.
pub(super) const L: usize = 5;
/// Bits that t1 lacks of t.
pub(super) const D: u32 = 13;
/// Coefficients of the challenge that are not zero.
pub(super) const TAU: usize = 49;
/// What τ and η allow a signer to add to the mask.
pub(super) const BETA: i32 = 196;
/// Bound of the mask.
pub(super) const GAMMA1: i32 = 1 << 19;
/// Half of what the low bits span.
pub(super) const GAMMA2: i32 = (Q - 1) / 32;
/// The most hints in a signature.
pub(super) const OMEGA: usize = 55;

/// Length in bytes of the seed ρ.
pub(super) const SEED_LEN: usize = 32;
/// Length in bytes of tr and μ.
pub(super) const HASH_LEN: usize = 64;
/// Length in bytes of the challenge hash c̃.
pub(super) const CHALLENGE_LEN: usize = 48;
/// Length in bytes of a polynomial of t1, 10 bits a coefficient.
pub(super) const T1_LEN: usize = N * 10 / 8;
/// Length in bytes of a polynomial of z, 20 bits a coefficient.
pub(super) const Z_LEN: usize = N * 20 / 8;
/// Length in bytes of a polynomial of w1, 4 bits a coefficient.
pub(super) const W1_LEN: usize = N * 4 / 8;
/// Length in bytes of the hints.
pub(super) const HINTS_LEN: usize = OMEGA + K;
/// Length in bytes of an encoded public key.
pub(super) const PUBLIC_KEY_LEN: usize = SEED_LEN + K * T1_LEN;
/// Length in bytes of a signature.
pub(super) const SIGNATURE_LEN: usize = CHALLENGE_LEN + L * Z_LEN + HINTS_LEN;

/// A polynomial, in either domain.
pub(super) type Poly = [i32; N];
