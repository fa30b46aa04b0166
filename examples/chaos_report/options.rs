//! What can be asked for on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;
use meshward::Suite;

pub(crate) const HELP: &str = "\
The whole mesh under attack, in virtual time: what became of it, and of a naive mesh beside it.

Usage: cargo run --release --example chaos_report -- [OPTIONS]

Options:
  --nodes N         members of each mesh, 12 to 100 [default: 24]
  --quick           meshes of 12 members and shorter runs: under 30 s on two cores
  --scenario NAME   this one alone; may be given more than once [default: all; --list names them]
  --suite NAME      signatures: ml-dsa-65 or dilithium3 [default: ml-dsa-65; with --quick
                    dilithium3, which signs ten times as fast]
  --out DIR         where report.html and report.json go [default: target/chaos_report]
  --seed N          how meshes are linked, and all chance in them [default: 1]
  --json            the figures on stdout, too
  --list            the names of the scenarios
  --help            this text

Progress is on stderr. Exit code: 0 if every bar was held, 1 if one was missed, 2 for a wrong option,
3 if the report could not be written.
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Job {
    Help,
    List,
    Run(Options),
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) nodes: usize,
    pub(crate) is_quick: bool,
    pub(crate) only: Vec<String>,
    pub(crate) suite: Suite,
    pub(crate) out: PathBuf,
    pub(crate) seed: u64,
    pub(crate) json: bool,
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// A sentence that says what is wrong with them.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Job, String> {
    let mut args = lexopt::Parser::from_args(args);
    let (mut nodes, mut is_quick, mut only) = (None, false, Vec::new());
    let mut suite = None;
    let (mut out, mut seed, mut json) = (PathBuf::from("target/chaos_report"), 1, false);
    while let Some(arg) = args.next().map_err(sentence)? {
        match arg {
            Long("help") | Short('h') => return Ok(Job::Help),
            Long("list") => return Ok(Job::List),
            Long("quick") => is_quick = true,
            Long("json") => json = true,
            Long("nodes") => nodes = Some(number("--nodes", &mut args)?),
            Long("seed") => seed = number("--seed", &mut args)?,
            Long("suite") => {
                let name = args.value().map_err(sentence)?.to_string_lossy().into_owned();
                suite = Some(name.parse().map_err(|_| {
                    format!("--suite is ml-dsa-65 or dilithium3, and not '{name}'.")
                })?);
            }
            Long("out") => out = PathBuf::from(args.value().map_err(sentence)?),
            Long("scenario") => {
                only.push(args.value().map_err(sentence)?.to_string_lossy().into_owned());
            }
            other => return Err(sentence(other.unexpected())),
        }
    }
    let usual = if is_quick { Suite::Dilithium3 } else { Suite::MlDsa65 };
    let suite = suite.unwrap_or(usual);
    let nodes = nodes.unwrap_or(if is_quick { 12 } else { 24 });
    let nodes = usize::try_from(nodes).unwrap_or(usize::MAX);
    if !(12..=100).contains(&nodes) {
        return Err(format!("--nodes is {nodes}, and may be 12 to 100."));
    }
    Ok(Job::Run(Options { nodes, is_quick, only, suite, out, seed, json }))
}

fn number(name: &str, args: &mut lexopt::Parser) -> Result<u64, String> {
    let given = args.value().map_err(sentence)?;
    let text = given.to_string_lossy();
    text.parse().map_err(|_| format!("{name} does not take '{text}'; see --help."))
}

fn sentence(error: lexopt::Error) -> String {
    format!("{error}; see --help.")
}
