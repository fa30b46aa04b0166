//! What one could use instead of meshward, timed beside it: `cargo bench --bench peers`.
//!
//! The bench is the package in `benches/peers`, which has its own `Cargo.lock`: what it takes to build
//! libp2p and AWS-LC is to reach nobody who builds or tests meshward. This starts it, and is itself
//! left out of `cargo bench` and `cargo test --all-targets` (`bench = false`): it runs by its name alone.

use std::env;
use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitCode};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/Cargo.toml");

fn main() -> io::Result<ExitCode> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["run", "--release", "--locked", "--manifest-path", MANIFEST, "--"])
        // What cargo adds for harnesses.
        .args(env::args_os().skip(1).filter(|argument| argument != "--bench"))
        .status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
