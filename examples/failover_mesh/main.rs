//! A mesh that fails over while it is attacked.
//!
//! ```text
//! cargo run --release --example failover_mesh
//! ```
//!
//! starts nine nodes as processes of their own, each with its own UDP socket on loopback, keys,
//! state directory and MAPE-K loop. Two of them are Byzantine, and an outsider attacks, too:
//!
//! 1. beacons flow, routes form;
//! 2. a node that carries traffic moves from Dilithium3 to ML-DSA-65, and none of its beacons is lost;
//! 3. the outsider forges, replays, floods, and frames an honest node;
//! 4. the two liars accuse a live node, then one contradicts itself and the other falls silent;
//! 5. an honest node is killed: the other six certify its failure, and traffic takes another route;
//! 6. it restarts and is heard again.
//!
//! At the end stands what was promised against what was counted. `--help` tells the options.
//!
//! | file | what it is |
//! |---|---|
//! | `options` | the command line |
//! | `plan` | who plays which part, and who is linked to whom |
//! | `story`, `fleet`, `seen` | the parent: the run, the processes, what was seen of them |
//! | `phases` | how the loops dealt with the failure, step by step |
//! | `rotation` | the move to another suite: its part of the run, and what is judged of it |
//! | `verdict`, `report`, `save` | what was promised and counted, how it is printed, what is kept |
//! | `protocol` | what parent and nodes tell each other |
//! | `scrape` | what a node counts, served to Prometheus (`--metrics`, feature `metrics`) |
//! | `node`, `mapek`, `host`, `links`, `routes` | a node: its process, its MAPE-K loop, what it implements for the library, UDP, routing |
//! | `liar`, `outsider` | the attackers |
//!
//! To embed the library, read `node`, `mapek` and `host`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "counts and times of one short run, in an example that should read easily"
)]

mod fleet;
mod host;
mod liar;
mod links;
mod mapek;
mod node;
mod options;
mod outsider;
mod phases;
mod plan;
mod protocol;
mod report;
mod rotation;
mod routes;
mod save;
mod scrape;
mod seen;
mod story;
mod verdict;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use options::{HELP, Job, Options};
use plan::Plan;
use story::Story;

/// A promise did not hold.
const BROKEN: u8 = 1;
/// The options were wrong.
const WRONG_OPTION: u8 = 2;
/// The run could not be carried out.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Job::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Job::Node { dir, start, metrics }) => match serve_and_run(&dir, start, metrics) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(FAILED), // The parent was told why.
        },
        Ok(Job::Mesh(options)) => mesh(&options).unwrap_or_else(|sentence| {
            eprintln!("{sentence} (seed {})", options.seed);
            ExitCode::from(FAILED)
        }),
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(WRONG_OPTION)
        }
    }
}

fn serve_and_run(
    dir: &Path,
    start: u32,
    metrics: Option<SocketAddr>,
) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(address) = metrics
        && let Err(error) = scrape::serve(address)
    {
        eprintln!("Nobody is served at {address}: {error}.");
    }
    node::run(dir, start)
}

fn mesh(options: &Options) -> Result<ExitCode, String> {
    let plan = Plan::new(options)?;
    if let Some(dir) = &options.save {
        save::prepare(dir)?;
    }
    let (seen, view) = Story::tell(options, &plan)?;
    let saved = options.save.as_ref().map(|dir| save::save(dir, &view, &seen)).transpose()?;
    let verdict = verdict::judge(&plan, &seen, view);
    if options.json {
        println!("{}", report::json(options, &plan, &verdict, &seen));
    } else {
        report::table(&plan, &verdict, &seen);
    }
    if let Some(told) = saved {
        eprintln!("{told}");
    }
    Ok(if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}
