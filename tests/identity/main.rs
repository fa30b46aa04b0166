//! Members that are workloads with SPIFFE ids.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[path = "../refusals/provoked.rs"]
mod provoked;
#[path = "../support/mod.rs"]
mod support;

mod admissions;
mod authority;
mod bytes;
mod enrolments;
mod forge;
mod mesh;
mod order;
mod svids;
