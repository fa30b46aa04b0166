//! Twenty swarms in one process, over TCP, noise and yamux on loopback, six of them hostile:
//! `cargo run --release --features libp2p --example libp2p_mesh`.
//!
//! It prints what honest nodes were delivered and what became of each hostile link, and ends with 1 unless
//! everything was delivered once, every hostile link was pruned and no honest one was ever held anything against.

#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)]

mod hostile;
mod mesh;
mod node;

use std::process::ExitCode;

use mesh::{HONEST, Mesh, NODES};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<ExitCode> {
    println!("{NODES} swarms over TCP, {} of them hostile", NODES - HONEST);
    let verdict = Mesh::run()?;
    print!("{}", verdict.table());
    Ok(if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
