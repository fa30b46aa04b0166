//! What can be asked for on the command line.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::prelude::*;
use meshward::Suite;
use meshward::wire::MAX_BODY_LEN;

use super::model::Mesh;

pub(crate) const HELP: &str = "\
Calculates what a mesh costs each of its nodes, from what was measured.

Usage: cargo run --release --example cost -- [OPTIONS]

  --members N     nodes of the mesh, 2 to 10000 [default: 100]
  --neighbours N  links of each node, over which it passes on what is new, 1 to 1000 [default: 4]
  --beacon-ms N   milliseconds between two beacons of a node, 100 to 60000 [default: 1000]
  --body N        bytes that each beacon carries for the router, 0 to 61440 [default: 64]
  --suite NAME    ml-dsa-65 or dilithium3 [default: ml-dsa-65]
  --measured FILE what one thing of each sort takes on your machine, as
                  `cargo bench --bench ratios -- --json FILE` writes it [default: what came with this program]
  --table         a table of meshes of 10, 100 and 1000 nodes, as Markdown
  --help          this text
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Job {
    Help,
    Table { measured: Option<PathBuf> },
    Mesh { mesh: Mesh, measured: Option<PathBuf> },
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// A sentence that says what is wrong with them.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Job, String> {
    let mut args = lexopt::Parser::from_args(args);
    let mut mesh = Mesh::default();
    let (mut measured, mut table) = (None, false);
    let most_body = u32::try_from(MAX_BODY_LEN).unwrap_or(u32::MAX);
    while let Some(arg) = args.next().map_err(sentence)? {
        match arg {
            Long("help") | Short('h') => return Ok(Job::Help),
            Long("members") => mesh.members = number("--members", &mut args, 2, 10_000)?,
            Long("neighbours") => mesh.neighbours = number("--neighbours", &mut args, 1, 1_000)?,
            Long("beacon-ms") => mesh.beacon_ms = number("--beacon-ms", &mut args, 100, 60_000)?,
            Long("body") => mesh.body = number("--body", &mut args, 0, most_body)?,
            Long("suite") => {
                let name = args.value().map_err(sentence)?.to_string_lossy().into_owned();
                mesh.suite = name.parse::<Suite>().map_err(|_| {
                    format!("--suite is ml-dsa-65 or dilithium3, and not '{name}'.")
                })?;
            }
            Long("measured") => measured = Some(PathBuf::from(args.value().map_err(sentence)?)),
            Long("table") => table = true,
            other => return Err(sentence(other.unexpected())),
        }
    }
    if mesh.neighbours >= mesh.members {
        let (neighbours, members) = (mesh.neighbours, mesh.members);
        return Err(format!("In a mesh of {members} nobody has {neighbours} neighbours."));
    }
    Ok(if table { Job::Table { measured } } else { Job::Mesh { mesh, measured } })
}

fn number<T>(name: &str, args: &mut lexopt::Parser, least: T, most: T) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let given = args.value().map_err(sentence)?;
    let text = given.to_string_lossy();
    let found: T =
        text.parse().map_err(|_| format!("{name} does not take '{text}'; see --help."))?;
    if found < least || found > most {
        return Err(format!("{name} is {found}, and may be {least} to {most}."));
    }
    Ok(found)
}

fn sentence(error: lexopt::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}; see --help.", letters.as_str())
}
