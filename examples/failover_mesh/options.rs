//! What can be asked for on the command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::prelude::*;
use meshward::{Suite, quorum_size};

pub(crate) const HELP: &str = "\
A mesh under attack: nodes as processes of their own, liars among them, one killed and replaced.

Usage: cargo run --release --example failover_mesh -- [OPTIONS]

Options:
  --nodes N       members of the mesh, 4 to 24 [default: 9]
  --byzantine B   how many of them lie [default: as many as leave a quorum when one more dies:
                  N/3 - 1, that is 2 of 9]; with more, the run shows what then breaks
  --seconds S     how long it takes, 10 to 600 [default: 15]
  --suite NAME    signatures: ml-dsa-65 or dilithium3 [default: ml-dsa-65]
  --seed N        who plays which part, and how the mesh is linked [default: random, and printed]
  --save DIR      write the view, the certificates and the proofs of the run into DIR, which is new
                  or empty; the example certify checks them
  --metrics ADDR  node i answers Prometheus at the port of ADDR plus i, such as 127.0.0.1:9100; needs
                  cargo run --features metrics
  --json          progress on stderr, and one JSON object on stdout at the end
  --help          this text

Exit code: 0 if every promise held, 1 if one did not, 2 for a wrong option, 3 if the run could not
be carried out.
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Print the help.
    Help,
    /// Run a mesh of processes.
    Mesh(Options),
    /// Be one of its nodes.
    Node {
        /// Holds its setup and its state.
        dir: PathBuf,
        /// Which start of this node it is, from 1.
        start: u32,
        /// Where it answers Prometheus.
        metrics: Option<SocketAddr>,
    },
}

/// What the mesh is to be like.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) nodes: usize,
    pub(crate) byzantine: usize,
    pub(crate) seconds: u64,
    pub(crate) suite: Suite,
    pub(crate) seed: u64,
    pub(crate) json: bool,
    pub(crate) save: Option<PathBuf>,
    /// Where the first node answers Prometheus.
    pub(crate) metrics: Option<SocketAddr>,
}

impl Options {
    /// The most liars with whom a quorum is left when one more member dies.
    pub(crate) fn bearable(nodes: usize) -> usize {
        nodes.saturating_sub(quorum_size(nodes)).saturating_sub(1)
    }

    /// The most liars that this example stages: four honest nodes are needed for a way around the
    /// victim, and a quorum of liars alone could certify anything.
    fn most_liars(nodes: usize) -> usize {
        nodes.saturating_sub(4).min(quorum_size(nodes).saturating_sub(1))
    }
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// A sentence that says what is wrong with them.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Job, String> {
    let mut args = lexopt::Parser::from_args(args);
    let (mut nodes, mut byzantine, mut seconds) = (9, None, 15);
    let (mut suite, mut seed, mut json, mut save) = (Suite::MlDsa65, None, false, None);
    let mut metrics = None;
    while let Some(arg) = args.next().map_err(sentence)? {
        match arg {
            Long("help") | Short('h') => return Ok(Job::Help),
            Long("nodes") => nodes = number("--nodes", &mut args, 4, 24)?,
            Long("byzantine") => byzantine = Some(value("--byzantine", &mut args)?),
            Long("seconds") => seconds = number("--seconds", &mut args, 10, 600)?,
            Long("suite") => {
                let name: String = value("--suite", &mut args)?;
                suite = name.parse().map_err(|_| {
                    format!("--suite is ml-dsa-65 or dilithium3, and not '{name}'.")
                })?;
            }
            Long("seed") => seed = Some(value("--seed", &mut args)?),
            Long("json") => json = true,
            Long("metrics") if cfg!(feature = "metrics") => {
                metrics = Some(value("--metrics", &mut args)?);
            }
            Long("metrics") => {
                return Err("--metrics needs 'cargo run --features metrics'.".to_owned());
            }
            Long("save") => save = Some(PathBuf::from(args.value().map_err(sentence)?)),
            Value(word) if word == "node" => return node(&mut args),
            other => return Err(sentence(other.unexpected())),
        }
    }
    let byzantine = byzantine.unwrap_or_else(|| Options::bearable(nodes));
    let most = Options::most_liars(nodes);
    if byzantine > most {
        return Err(format!(
            "--byzantine is {byzantine}, and among {nodes} nodes it may be 0 to {most}."
        ));
    }
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    Ok(Job::Mesh(Options { nodes, byzantine, seconds, suite, seed, json, save, metrics }))
}

/// `node --dir DIR --start N`: how the example starts itself again.
fn node(args: &mut lexopt::Parser) -> Result<Job, String> {
    let (mut dir, mut start, mut metrics) = (None, 1, None);
    while let Some(arg) = args.next().map_err(sentence)? {
        match arg {
            Long("dir") => dir = Some(PathBuf::from(args.value().map_err(sentence)?)),
            Long("start") => start = value("--start", args)?,
            Long("metrics") => metrics = Some(value("--metrics", args)?),
            other => return Err(sentence(other.unexpected())),
        }
    }
    let dir = dir.ok_or("A node needs --dir, the directory with its setup.")?;
    Ok(Job::Node { dir, start, metrics })
}

fn number<T>(name: &str, args: &mut lexopt::Parser, least: T, most: T) -> Result<T, String>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    let found: T = value(name, args)?;
    if found < least || found > most {
        return Err(format!("{name} is {found}, and may be {least} to {most}."));
    }
    Ok(found)
}

fn value<T: FromStr>(name: &str, args: &mut lexopt::Parser) -> Result<T, String> {
    let given = args.value().map_err(sentence)?;
    let text = given.to_string_lossy();
    text.parse().map_err(|_| format!("{name} does not take '{text}'; see --help."))
}

fn sentence(error: lexopt::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}; see --help.", letters.as_str())
}
