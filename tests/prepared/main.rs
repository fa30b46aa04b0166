//! Our own check of signatures against everything else that can check them: the vectors of
//! Wycheproof, the crates `ml-dsa` and `pqcrypto-dilithium`, and a second reading of FIPS 204 that
//! is written for these tests, slow and by the letter.
//!
//! `cargo test --release --test prepared` runs the vectors and a spread of the
//! differential cases. The long run, in which `MESHWARD_PREPARED_CASES` says how many:
//! `MESHWARD_PREPARED_CASES=1000000 cargo test --release --test prepared -- --ignored
//! --nocapture many_cases`.

#![cfg(all(feature = "prepared", feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod contexts;
mod differential;
mod edges;
mod forger;
mod judges;
// The source itself, so that nothing has to be public for a test's sake.
#[path = "../../src/suite/prepared/mod.rs"]
mod prepared;
mod public;
mod reference;
mod steps;
mod wycheproof;
