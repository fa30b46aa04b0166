//! Our own check of signatures: Dilithium3's always, ML-DSA-65's with the feature `prepared`.
//! Verification only, so nothing secret ever enters and nothing has to take constant time.
//!
//! Most libraries expand the matrix of a key again for each signature. An [`ExpandedKey`] keeps what
//! does not change: Â = ExpandA(ρ), NTT(t1·2^d) and tr, 36 KiB. A check is then FIPS 204, algorithm
//! 8, whose steps are one file each:
//!
//! | step | file | FIPS 204 |
//! |---|---|---|
//! | arithmetic modulo q | `field` | section 2.3, appendix A |
//! | unpacking of t1 and z, with the norm of z | `decode` | algorithms 18, 19, 23, 27 |
//! | unpacking of the hints | `hints` | algorithm 21 |
//! | NTT and its inverse | `ntt` | algorithms 41, 42 |
//! | a row of Â·z − c·t1·2^d | `row` | section 7.6 |
//! | UseHint and the packing of w1 | `rounding` | algorithms 28, 36, 40 |
//! | SampleInBall, ExpandA | `sample` | algorithms 29, 30, 32 |
//! | all of the arithmetic, in its order | `commitment` | algorithm 8, lines 8 to 10 |
//!
//! Each step is a function of plain arrays to plain arrays. The arithmetic is one source, compiled twice
//! on x86-64: for any processor, and for those with AVX2 (`avx2`, chosen at run time).
//!
//! The Dilithium3 of PQClean (commit 918af1a of its upstream, as in `pqcrypto-dilithium` 0.5) differs
//! from ML-DSA-65 in two things only, see [`Variant`]. Key and signature have the same layout, tr has
//! 64 bytes and the challenge hash 48 in both.
//!
//! The check is the strict one. PQClean's own AVX2 code for Dilithium3 is not: it leaves out the norm
//! of z, and its UseHint goes up instead of down where r0 = 0
//! (<https://github.com/pq-crystals/dilithium/issues/113>); its portable and ARM code do neither. So a
//! signer who wants to can make signatures that only some processors accept there, never here.

mod avx2;
pub(crate) mod commitment;
pub(crate) mod decode;
pub(crate) mod field;
pub(crate) mod hints;
pub(crate) mod key;
pub(crate) mod ntt;
pub(crate) mod params;
pub(crate) mod rounding;
pub(crate) mod row;
pub(crate) mod sample;

pub(crate) use key::{ExpandedKey, Variant};
