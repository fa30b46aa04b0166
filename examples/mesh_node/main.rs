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
//! | `names`, `words`, `journal`, `output` | what happened, in words, bounded, said without waiting for who reads |
//! | `node` | the node: started, its loop, stopped |
//! | `backup` | backups of the keys, after each rotation |
//! | `snapshot`, `web` | what is shown of it, over HTTP |

mod args;
mod backup;
mod config;
pub(crate) mod envelope;
mod host;
pub(crate) mod inbox;
pub(crate) mod journal;
pub(crate) mod names;
mod node;
pub(crate) mod output;
pub(crate) mod routes;
mod snapshot;
pub(crate) mod start_number;
mod udp;
mod web;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use std::{fmt, io};

use args::{Asked, HELP};
use node::Node;
use output::Output;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// For so long it is waited at the end for who reads what is said.
const AT_THE_END: Duration = Duration::from_secs(2);

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
    let (out, err) = (Output::of(io::stdout()), Output::of(io::stderr()));
    ExitCode::from(run(std::env::args_os().skip(1), &out, &err))
}

/// Does what the arguments after the program's name ask for, and gives the exit code.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>, out: &Output, err: &Output) -> u8 {
    let done = args::parse(args).and_then(|asked| carry_out(asked, out, err));
    let code = match done {
        Ok(()) => 0,
        Err(Failure(code, sentence)) => {
            err.say(format!("mesh_node: {sentence}"));
            code
        }
    };
    let begin = Instant::now();
    for output in [out, err] {
        output.close(AT_THE_END.saturating_sub(begin.elapsed()));
    }
    code
}

fn carry_out(asked: Asked, out: &Output, err: &Output) -> Result<(), Failure> {
    match asked {
        Asked::Help => out.say(HELP.trim_end()),
        Asked::Check(file) => {
            let settings = config::read(&file)?;
            let (members, peers) = (settings.view.len(), settings.peers.len());
            out.say(format!("{} holds: {peers} peers in a mesh of {members}.", file.display()));
        }
        Asked::Run(file) => {
            let settings = config::read(&file)?;
            log_to(err.clone());
            let stop = stop_signals().map_err(|error| {
                Failure::running(format!("The signals to stop cannot be waited for: {error}."))
            })?;
            Node::start(settings, out)?.work(&stop)?;
        }
    }
    Ok(())
}

/// What the library warns of.
fn log_to(err: Output) {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN);
    // Whoever logs already goes on to.
    let _there_is_one = log.with_writer(move || err.clone()).with_ansi(false).try_init();
}

/// Is set by SIGTERM and by SIGINT. A second one ends the process at once.
fn stop_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first one only sets what the second one looks at.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
