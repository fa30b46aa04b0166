//! A node that people can run: one process, one node, configured by a file.
//!
//! ```text
//! cargo run --release --features metrics --example mesh_node -- --help
//! ```
//!
//! [`README.md`](README.md) makes a mesh of three of them on one host.
//!
//! | file | what it is |
//! |---|---|
//! | `args` | the command line |
//! | `config` | the configuration: read, checked, each error with its line |
//! | `start_number` | a number that grows with each start, durable |
//! | `envelope` | datagrams that prove who sent them |
//! | `udp`, `inbox` | the socket, and what waits to be looked at |
//! | `routes`, `host` | a routing table, and what the node implements for the library |
//! | `names`, `words`, `journal` | what happened, in words, bounded |
//! | `node` | the node: started, its loop, stopped |
//! | `snapshot`, `web` | what is shown of it, over HTTP |

mod args;
mod config;
pub(crate) mod envelope;
mod host;
pub(crate) mod inbox;
pub(crate) mod journal;
mod names;
mod node;
pub(crate) mod routes;
mod snapshot;
pub(crate) mod start_number;
mod udp;
mod web;
mod words;

use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use args::{Asked, HELP};
use node::Node;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Why the node does not run: the exit code, and a sentence.
#[derive(Debug)]
pub(crate) struct Failure(u8, String);

impl Failure {
    /// It could not go on.
    fn running(sentence: impl fmt::Display) -> Self {
        Self(1, sentence.to_string())
    }

    /// The command line or the configuration is wrong.
    fn asked(sentence: impl fmt::Display) -> Self {
        Self(2, sentence.to_string())
    }
}

fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os().skip(1)))
}

/// Does what the arguments after the program's name ask for, and gives the exit code.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    match args::parse(args).and_then(carry_out) {
        Ok(()) => 0,
        Err(Failure(code, sentence)) => {
            eprintln!("mesh_node: {sentence}");
            code
        }
    }
}

fn carry_out(asked: Asked) -> Result<(), Failure> {
    match asked {
        Asked::Help => print!("{HELP}"),
        Asked::Check(file) => {
            let settings = config::read(&file)?;
            let (members, peers) = (settings.view.len(), settings.peers.len());
            println!("{} holds: {peers} peers in a mesh of {members}.", file.display());
        }
        Asked::Run(file) => {
            let settings = config::read(&file)?;
            log_to_stderr();
            let stop = stop_signals().map_err(|error| {
                Failure::running(format!("The signals to stop cannot be waited for: {error}."))
            })?;
            Node::start(settings)?.work(&stop)?;
        }
    }
    Ok(())
}

/// What the library warns of.
fn log_to_stderr() {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN);
    // Whoever logs already goes on to.
    let _there_is_one = log.with_writer(std::io::stderr).with_ansi(false).try_init();
}

/// Is set by SIGTERM and by SIGINT. A second one ends the process at once.
fn stop_signals() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first one only sets what the second one looks at.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
