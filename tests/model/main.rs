//! Models of how the members decide, each searched whole: every state that any order, delay, loss and
//! repetition of messages, any crash and any lie can bring about. `cargo test --release --test model`
//! prints how many there are.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod handover;
mod mesh;
mod observed;
mod slot;
