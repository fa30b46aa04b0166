//! The attacks of the catalogue, each at a hundred times the volume that broke the system this one
//! replaces, against real nodes with real keys. A test's name begins with its attack's number:
//! `cargo test --test chaos g02` runs one. What is asserted is the state of the victim.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod accidents;
#[cfg(feature = "backup")]
mod backups;
mod boots;
mod catching_up;
mod certificates;
mod crowds;
mod forgotten;
mod fragments;
mod gossip;
mod health;
mod keys;
mod links;
mod lost;
mod observed;
mod partitions;
mod quorum;
mod random;
mod restarts;
#[cfg(feature = "backup")]
mod restored;
mod rollout;
mod slots;
#[path = "../support/mod.rs"]
mod support;
mod two_hosts;
mod views;
