//! Checks certificates and proofs offline, and says in words who attested what.
//!
//! ```text
//! cargo run --release --example failover_mesh -- --save DIR
//! cargo run --release --example certify -- DIR/mesh.view DIR/*.certificate DIR/*.proof
//! ```
//!
//! Steps from view to view among the files lead to the views that what stands behind them belongs to.
//! `--help` tells the options.
//!
//! | file | what it is |
//! |---|---|
//! | `args` | the command line |
//! | `check` | the checks; all that a third party needs of the library |
//! | `trail` | the views that follow from the trusted one, step by step |
//! | `words`, `json` | what was found, for people and for programs |

mod args;
mod check;
mod json;
mod trail;
pub(crate) mod words;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use meshward::KeyHistory;
use meshward::keyring::HistoryError;
use meshward::wire::Tag;

use args::{Args, Asked, HELP};
use check::Finding;
use trail::{Checked, Trail};

/// Something does not hold.
const DOES_NOT_HOLD: u8 = 1;
/// Something could not be asked or read.
const UNREADABLE: u8 = 2;

/// The longest view file that is read, in bytes: the largest view, and 25 000 rotations.
const MAX_VIEW_FILE: usize = 256 * 1024 * 1024;

fn main() -> ExitCode {
    let (code, text) = match run(std::env::args_os().skip(1)) {
        Ok(told) => told,
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::from(UNREADABLE);
        }
    };
    // Who closed the pipe wants to read no more; the exit code still tells.
    let _closed = std::io::stdout().write_all(text.as_bytes());
    ExitCode::from(code)
}

/// Does what the arguments after the program's name ask for. Gives the exit code, and what goes to
/// standard output.
///
/// # Errors
/// A sentence about wrong arguments or a view file that is none.
pub(crate) fn run(
    args: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<(u8, String), String> {
    let args = match args::parse(args)? {
        Asked::Help => return Ok((0, HELP.to_owned())),
        Asked::Check(args) => args,
    };
    let mut trail = Trail::new(read_view(&args)?);
    let mut checked = |path: &PathBuf| match read(path, trail.longest()) {
        Ok(bytes) => trail.check(&bytes, args.threads),
        Err(sentence) => trail.unreadable(sentence),
    };
    let findings: Vec<_> = args.files.iter().map(&mut checked).collect();
    let code = findings.iter().map(code).max().unwrap_or(0);
    let told = match args.json {
        true => json::tell(&args, trail.begin(), &findings),
        false => words::tell(&args, trail.begin(), &findings),
    };
    Ok((code, told))
}

fn code(checked: &Checked) -> u8 {
    match checked.finding {
        Finding::Certificate(_) | Finding::Proof(_) | Finding::Step(_) => 0,
        Finding::Bad(_) => DOES_NOT_HOLD,
        Finding::Unreadable(_) => UNREADABLE,
    }
}

fn read_view(args: &Args) -> Result<KeyHistory, String> {
    let name = words::path(&args.view);
    let bytes = read(&args.view, MAX_VIEW_FILE)?;
    if bytes.len() > MAX_VIEW_FILE {
        return Err(format!("{name} is longer than {MAX_VIEW_FILE} bytes, and so no view file."));
    }
    let history =
        KeyHistory::from_bytes(&bytes).map_err(|error| match (&error, Tag::of(&bytes)) {
            (HistoryError::Beginning, Ok(Tag::Certificate | Tag::Proof)) => {
                format!(
                    "{name} is a certificate or a proof, and the view file goes first; see --help."
                )
            }
            _ => format!("{name} is no view file that can be used: {error}."),
        })?;
    let mesh = history.view().mesh();
    match args.mesh {
        Some(expected) if expected != mesh => {
            Err(format!("{name} is of mesh {mesh}, and not of {expected}."))
        }
        _ => Ok(history),
    }
}

/// Reads a file, and of one that is longer than `limit` bytes one byte more than that.
fn read(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| format!("{} cannot be read: {error}.", words::path(path)))?;
    Ok(bytes)
}
