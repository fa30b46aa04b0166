//! What a node says would become of a packet becomes of it, and asking changes nothing.
//!
//! `tests/refusals` holds the two together for all other refusals that there are.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[path = "../../benches/common/mod.rs"]
mod common;
mod meshes;
mod stages;
#[path = "../support/mod.rs"]
mod support;
mod words;
