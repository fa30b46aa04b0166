//! meshward over libp2p: real swarms over TCP, noise and yamux on loopback.

#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::unwrap_used)]

#[path = "../../examples/libp2p_mesh/field.rs"]
mod field;
#[path = "../../examples/libp2p_mesh/hostile.rs"]
mod hostile;
mod links;
#[path = "../../examples/libp2p_mesh/node.rs"]
mod node;
#[path = "../../examples/libp2p_mesh/scenario.rs"]
mod scenario;
mod setup;
mod traffic;
mod verdicts;

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Garbage, forgeries, altered bodies, replays, a flood and a censor: everything honest is delivered, every
/// hostile link is pruned, and nothing is held against an honest one.
#[test]
fn six_of_twenty_are_hostile() {
    let verdict = scenario::run().unwrap();
    assert!(verdict.holds(), "{}", verdict.table());
}
