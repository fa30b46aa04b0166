//! The operator's tool for a node's keys: makes them, shows them, rotates them, backs them up, takes them
//! back.
//!
//! ```text
//! cargo run --release --example keytool -- --help
//! ```
//!
//! Each command is a few calls of the library. No secret is taken from the command line, which every
//! process on the host can see.
//!
//! | file | what it is |
//! |---|---|
//! | `args` | the command line |
//! | `keys` | what works on a store: generate, show, rotate, view |
//! | `backups` | what works on backups: backup, restore, verify |
//! | `shares` | split and combine |
//! | `passphrase` | from a file, the environment or a terminal |
//! | `files` | what is read is bounded, what is written is its owner's alone |

mod args;
mod backups;
mod files;
mod keys;
mod passphrase;
mod shares;

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use args::{Asked, HELP};

/// Why a command was not carried out: the exit code, and a sentence.
#[derive(Debug)]
pub(crate) struct Failure(u8, String);

impl Failure {
    /// It was refused: something does not hold, or is there already.
    fn refused(sentence: impl fmt::Display) -> Self {
        Self(1, sentence.to_string())
    }

    /// It was asked wrongly, or a file cannot be read or written.
    fn asked(sentence: impl fmt::Display) -> Self {
        Self(2, sentence.to_string())
    }
}

fn main() -> ExitCode {
    let (code, out, err) = run(std::env::args_os().skip(1));
    // Who closed the pipe wants to read no more; the exit code still tells.
    let _closed = std::io::stdout().write_all(out.as_bytes());
    let _closed = std::io::stderr().write_all(err.as_bytes());
    ExitCode::from(code)
}

/// Does what the arguments after the program's name ask for. Gives the exit code, and what goes to standard
/// output and to standard error.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> (u8, String, String) {
    match args::parse(args).and_then(carry_out) {
        Ok(told) => (0, told, String::new()),
        Err(Failure(code, sentence)) => (code, String::new(), format!("keytool: {sentence}\n")),
    }
}

fn carry_out(asked: Asked) -> Result<String, Failure> {
    match asked {
        Asked::Help => Ok(HELP.to_owned()),
        Asked::Generate(options) => keys::generate(&options),
        Asked::View(options) => keys::view(&options),
        Asked::Show(options) => keys::show(&options),
        Asked::Rotate(options) => keys::rotate(&options),
        Asked::Backup(options) => backups::backup(&options),
        Asked::Restore(options) => backups::restore(&options),
        Asked::Verify(options) => backups::verify(&options),
        Asked::Split(options) => shares::split(&options),
        Asked::Combine(options) => shares::combine(&options),
    }
}
