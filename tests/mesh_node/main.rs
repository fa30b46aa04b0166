//! The example `mesh_node`: its configuration, its datagrams, and meshes of processes that run it.
//!
//! A process of the node, or of `keytool`, is this test itself, started again, which calls the example's `run`.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod backups;
#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "../page/chromium.rs"]
mod chromium;
mod configuration;
mod desk;
mod hostile;
#[allow(dead_code, reason = "here `run` is called, and not `main`")]
#[path = "../../examples/keytool/main.rs"]
mod keytool;
mod lossy;
#[allow(dead_code, reason = "here `run` is called, and not `main`")]
#[path = "../../examples/mesh_node/main.rs"]
mod mesh_node;
mod page;
mod parts;
mod proven;
mod readme;
mod relay;
mod running;
mod shell;
mod staged;
mod unread;
mod views;

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};

use mesh_node::output::Output;

/// The arguments of a process of the node.
const NODE: &str = "MESHWARD_TEST_MESH_NODE";
/// The arguments of a process of the tool.
const KEYTOOL: &str = "MESHWARD_TEST_MESH_NODE_KEYTOOL";
const BETWEEN: char = '\u{1f}';

fn arguments(of: &str) -> Option<Vec<OsString>> {
    let arguments = std::env::var(of).ok()?;
    Some(arguments.split(BETWEEN).map(OsString::from).collect())
}

/// Does nothing unless a test started it.
#[test]
fn node_process() {
    let Some(arguments) = arguments(NODE) else { return };
    let (out, err) = (Output::of(io::stdout()), Output::of(io::stderr()));
    std::process::exit(mesh_node::run(arguments, &out, &err).into());
}

/// Does nothing unless a test started it.
#[test]
fn keytool_process() {
    let Some(arguments) = arguments(KEYTOOL) else { return };
    let (code, out, err) = keytool::run(arguments);
    println!("\n{out}");
    eprint!("{err}");
    std::process::exit(code.into());
}

/// What the test harness is told, so that it becomes that process and nothing else.
fn harness(test: &str) -> [&str; 4] {
    ["--exact", test, "--nocapture", "--test-threads=1"]
}

/// A process of the node.
fn node(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(harness("node_process")).stdin(Stdio::null());
    command.env(NODE, arguments.join(&BETWEEN.to_string()));
    command
}
