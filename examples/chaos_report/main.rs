//! The whole mesh under attack, as a page to look at.
//!
//! ```text
//! cargo run --release --example chaos_report
//! ```
//!
//! runs meshes of whole nodes with real signatures in virtual time, through one scenario after the other,
//! each once with this library in every node and once with a naive gossip in its place; then writes a page
//! with plots and a table, and the same figures as JSON. `--help` tells the options.
//!
//! | file | what it is |
//! |---|---|
//! | `options` | the command line |
//! | `scenarios`, `draft` | what the meshes go through, and what that is made of |
//! | `runs` | all runs, on as many threads as there are cores, and their progress |
//! | `measure`, `figures` | what is counted while a mesh runs, and what that comes to |
//! | `ideal` | what a flood without any fault of its own could reach over lossy links |
//! | `bars` | what has to hold |
//! | `plots`, `page`, `json` | the report |
//! | `../../tests/sim/mesh` | the simulator, and the naive gossip (`naive`) |

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "counts and times of a simulation, in an example that should read easily"
)]

mod bars;
mod draft;
mod figures;
mod ideal;
mod json;
mod measure;
#[path = "../../tests/sim/mesh/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use all of it")]
mod mesh;
mod options;
mod page;
mod plots;
mod runs;
mod scenarios;

use std::fs;
use std::process::ExitCode;

use options::{HELP, Job, Options};

/// A bar was missed.
const MISSED: u8 = 1;
/// The options were wrong.
const WRONG_OPTION: u8 = 2;
/// The report could not be written.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Job::Help) => print!("{HELP}"),
        Ok(Job::List) => scenarios::NAMES.iter().for_each(|name| println!("{name}")),
        Ok(Job::Run(options)) => return report(&options),
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::from(WRONG_OPTION);
        }
    }
    ExitCode::SUCCESS
}

fn report(options: &Options) -> ExitCode {
    let scenarios = match scenarios::all(options) {
        Ok(scenarios) => scenarios,
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::from(WRONG_OPTION);
        }
    };
    let report = runs::all(options, scenarios);
    let bars = bars::all(&report);
    for bar in &bars {
        eprintln!("{}  {}: {}", if bar.holds { "held  " } else { "MISSED" }, bar.name, bar.found);
    }
    let figures = json::of(&report, &bars);
    let written = fs::create_dir_all(&options.out)
        .and_then(|()| fs::write(options.out.join("report.html"), page::of(&report, &bars)))
        .and_then(|()| fs::write(options.out.join("report.json"), format!("{figures:#}\n")));
    if let Err(error) = written {
        eprintln!("{}: {error}", options.out.display());
        return ExitCode::from(FAILED);
    }
    if options.json {
        println!("{figures:#}");
    }
    eprintln!("{}", options.out.join("report.html").display());
    let holds = bars.iter().all(|bar| bar.holds);
    if holds { ExitCode::SUCCESS } else { ExitCode::from(MISSED) }
}
