//! `Core`: everything put together, without any I/O.
//!
//! The caller passes in what arrived and what time it is, and carries out what comes back:
//!
//! ```text
//! frame, link, now ──► handle_frame ──► result, outputs ─┬─► Send: hand to every neighbour
//!              now ──► tick ───────────► outputs ────────┼─► Event: tell whoever is in charge
//!                                                        └─► Persist: write, then ──► persisted ──► outputs
//! ```
//!
//! What must not leave before a write is durable does not exist before: it is the output of
//! [`Core::persisted`]. This is the only place that turns refusals into penalties.

mod asides;
mod blame;
mod boot;
mod challenges;
mod claims;
mod config;
mod counters;
mod engine;
mod event;
mod excesses;
mod explain;
mod explanation;
mod frames;
mod judgements;
mod kept_rotations;
mod lease;
#[cfg(feature = "metrics")]
pub mod metrics;
mod observed;
mod once;
mod other_self;
mod output;
mod own;
mod own_votes;
mod past;
mod proofs;
mod renewal;
mod rotations;
mod staged;
mod standings;
mod start;
mod statements;
mod steps;
mod stored_proofs;
mod succession;
mod tick;
mod views;
mod witnessing;

pub use blame::Blame;
pub use config::{Config, DiskTrust};
pub use counters::Stats;
pub use engine::Core;
pub use event::Event;
pub use explanation::{ExplainedStage, Explanation, Finding};
pub use output::{Accepted, Output, Step, WriteId};
