//! The library as a host sees it: two traits to implement, one type to call.

pub mod mapek;
mod protection;
mod questions;
mod staged;
mod traits;

pub use protection::{Host, MeshByzantineProtection};
pub use traits::{MapekMonitor, MeshRouter, PeerHealth};
