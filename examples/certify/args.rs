//! What can be asked for on the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::thread::available_parallelism;

use lexopt::prelude::*;
use meshward::MeshId;

pub(crate) const HELP: &str = "\
Checks certificates, equivocation proofs and steps from view to view offline, and says in words who
attested what.

Usage: cargo run --release --example certify -- [OPTIONS] VIEW FILE...

  VIEW            the members of the mesh and the history of their keys, as KeyHistory writes it
  FILE            a certificate, an equivocation proof, or the step to the next view, as it went over
                  the wire. Files are taken in order: what stands behind a step may belong to the view
                  that it leads to

Options:
  --mesh ID       refuse a view file of any mesh but this one (64 hexadecimal digits). Without it
                  whoever gave you the view file decides who the members are
  --threads N     how many threads check the signatures of a certificate, 1 to 64
                  [default: as many as there are processors]
  --json          one JSON object instead of words
  --help          this text

Exit code: 0 if everything holds, 1 if something does not, 2 for a wrong option or a file that
cannot be read.

`cargo run --release --example failover_mesh -- --save DIR` writes files to try it on.
";

const MOST_THREADS: usize = 64;

/// What to do.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Print the help.
    Help,
    /// Check files.
    Check(Args),
}

/// What to check, and how.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) view: PathBuf,
    /// At least one.
    pub(crate) files: Vec<PathBuf>,
    /// The mesh that the view must be of.
    pub(crate) mesh: Option<MeshId>,
    /// 1 to 64.
    pub(crate) threads: usize,
    pub(crate) json: bool,
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// A sentence that says what is wrong with them.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let mut args = lexopt::Parser::from_args(args);
    let (mut mesh, mut threads, mut json) = (None, None, false);
    let mut paths = Vec::new();
    while let Some(arg) = args.next().map_err(sentence)? {
        match arg {
            Long("help") | Short('h') => return Ok(Asked::Help),
            Long("mesh") => {
                let text = args.value().map_err(sentence)?.to_string_lossy().into_owned();
                let id = text.parse().map_err(|error| format!("--mesh does not fit: {error}."))?;
                mesh = Some(id);
            }
            Long("threads") => threads = Some(number(&args.value().map_err(sentence)?)?),
            Long("json") => json = true,
            Value(path) => paths.push(PathBuf::from(path)),
            other => return Err(sentence(other.unexpected())),
        }
    }
    let mut paths = paths.into_iter();
    let view = paths.next().ok_or("A view file and a file to check are needed; see --help.")?;
    let files: Vec<_> = paths.collect();
    if files.is_empty() {
        return Err("Behind the view file a file to check is needed; see --help.".to_owned());
    }
    let processors = || available_parallelism().map_or(1, |all| all.get().min(MOST_THREADS));
    let threads = threads.unwrap_or_else(processors);
    Ok(Asked::Check(Args { view, files, mesh, threads, json }))
}

fn number(given: &OsString) -> Result<usize, String> {
    let text = given.to_string_lossy();
    match text.parse() {
        Ok(threads @ 1..=MOST_THREADS) => Ok(threads),
        _ => Err(format!("--threads is {}, and may be 1 to {MOST_THREADS}.", text.escape_debug())),
    }
}

fn sentence(error: lexopt::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}; see --help.", letters.as_str())
}
