//! Secret keys stay where they are kept: nothing that a node prints has them, and nothing of them is left
//! in memory when it is gone.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[cfg(feature = "backup")]
mod backed_up;
#[cfg(target_os = "linux")]
mod freed;
mod life;
mod printed;
#[path = "../support/mod.rs"]
mod support;
