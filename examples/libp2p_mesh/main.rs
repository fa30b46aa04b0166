//! Twenty swarms in one process, over TCP, noise and yamux on loopback, six of them hostile:
//! `cargo run --release --features libp2p --example libp2p_mesh`.
//!
//! It prints what honest nodes were delivered and what became of each hostile link, and ends with 1 unless
//! everything was delivered once, every hostile link was pruned and no honest one was ever held anything against.

#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)]

mod field;
mod hostile;
mod node;
mod scenario;

use std::process::ExitCode;

use scenario::{HONEST, MEMBERS};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<ExitCode> {
    println!("{MEMBERS} swarms over TCP, {} of them hostile", MEMBERS - HONEST);
    let verdict = scenario::run()?;
    print!("{}", verdict.table());
    Ok(if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
