//! Signature suites: keys, signatures, and what a signature is for.
//!
//! The suite is named wherever a key is made or read, and there is no default. Two are known:
//!
//! | suite | what it is | feature | crate beneath |
//! |---|---|---|---|
//! | [`Suite::Dilithium3`] | PQClean's Dilithium3, in C; the check in Rust | `dilithium3` | `pqcrypto-dilithium` 0.5 |
//! | [`Suite::MlDsa65`] | ML-DSA-65 of FIPS 204, in Rust | `ml-dsa-65` | `ml-dsa` |
//!
//! Public keys have 1952 and signatures 3309 bytes in both, yet neither accepts anything of the
//! other. `Suite::Dilithium3` is what `pqcrypto-dilithium` 0.5 publishes, and deterministic. It
//! agrees neither with ML-DSA-65 nor with the older Dilithium3 of liboqs, whose signatures have
//! 3293 bytes. A suite that is not compiled in is still a name, a code and lengths; keys of it can
//! be carried, and whatever needs its arithmetic answers `SuiteUnavailable`.
//!
//! A third, `Suite::Simulated`, exists only where the compiler is given `--cfg meshward_sim`, which no
//! feature and no dependent crate can do. It protects nothing and is for simulations too large for real
//! signatures. A mesh of such a build and one without it do not understand each other's rotations.
//!
//! Every signature is bound to a [`Purpose`]: what was signed for one never holds for another.
//!
//! Signatures are checked by the library's own code, which no secret ever enters: of Dilithium3 always, of
//! ML-DSA-65 with the feature `prepared`, which is on by default. It keeps of each key what is the same in
//! every check, and holds to the standard on every processor. PQClean's AVX2 code for Dilithium3 does not:
//! `z` may be too long there, and a hint turns the wrong way where the low bits are zero
//! (<https://github.com/pq-crystals/dilithium/issues/113>). Whoever has a key could make signatures on
//! purpose that hold on some processors only, and have honest nodes charge each other for them.
//!
//! # How far secrets are protected
//!
//! - What this library keeps of a secret key is zeroized when dropped, never shown by `Debug`, and
//!   compared in constant time (`subtle`).
//! - ML-DSA-65: `ml-dsa` zeroizes the seed and the expanded key that it keeps. Nobody zeroizes the
//!   intermediate values and moved-from copies that key expansion and signing leave on the stack.
//! - Dilithium3: `pqcrypto_dilithium`'s secret key is `Copy` and not zeroized, so it exists only
//!   during a call and is then overwritten, which the compiler is asked for but not obliged to.
//!   The copies that passing it by value makes, and the C code's own buffers (the unpacked secret
//!   among them), stay on the stack until something else is written there.
//! - Neither crate has been audited for constant time on every processor, nor is memory locked
//!   against swapping.

#[cfg(feature = "dilithium3")]
mod dilithium3;
mod entropy;
mod error;
#[cfg(any(feature = "dilithium3", all(feature = "prepared", feature = "ml-dsa-65")))]
mod expanded;
#[cfg(feature = "ml-dsa-65")]
mod ml_dsa_65;
#[cfg(any(feature = "dilithium3", all(feature = "prepared", feature = "ml-dsa-65")))]
mod prepared;
mod prepared_keys;
mod public_key;
mod purpose;
mod scheme;
mod signature;
mod signing_key;
#[cfg(meshward_sim)]
mod simulated;
mod suite_id;
#[cfg(test)]
mod tests;
mod verifying_key;

pub use entropy::{Entropy, EntropyError, OsEntropy};
pub use error::{BadSignature, SuiteError, UnknownSuite, VerifyError};
pub use prepared_keys::PreparedKeys;
pub use public_key::PublicKey;
pub use purpose::Purpose;
pub use signature::Signature;
pub use signing_key::SigningKey;
pub use suite_id::Suite;
pub use verifying_key::VerifyingKey;
