//! The page of the example `mesh_node`: what is answered over HTTP, and what a browser makes of it.

#![cfg(feature = "ml-dsa-65")]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod chromium;
mod http;
mod seen;
mod shown;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../examples/mesh_node/web/mod.rs"]
mod web;
