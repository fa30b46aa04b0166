//! What protection costs over the bare signature: `cargo bench --bench ratios`.
//!
//! Both sides of a ratio are timed in turn, pair by pair, and the median of the pairs' ratios is
//! printed, so that a noisy machine disturbs both alike. One line a figure: suite, name, value, bar. It
//! ends with 1 if a bar is missed. `-- --json FILE` writes what single things take into a file, too;
//! words pick a suite and a part by their names.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions)]

mod admit;
mod certificate;
mod figures;
mod flood;
mod json;
mod members;
mod memory;
mod mesh;
// The source itself: its portable half has no way in of its own.
#[allow(dead_code, unused_imports, reason = "a part of it is enough")]
#[path = "../../src/suite/prepared/mod.rs"]
mod own;
mod prepared;
mod raw;
mod refuse;
mod sign;
mod speaker;
#[cfg(feature = "durable-store")]
mod start;
mod statements;
mod threads;
mod timing;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::ValueExt as _;
use meshward::Suite;
use meshward::suite::SigningKey;
use peak_alloc::PeakAlloc;

use self::figures::Figures;
use self::json::Measured;

/// Counts every byte on the heap.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Beside the node that is measured.
const MOST_MEMBERS: usize = 9_999;

type Part = fn(Suite, &[SigningKey], &mut Figures, &mut Measured) -> Outcome<()>;

const PARTS: [(&str, Part); 12] = [
    ("sign", |suite, _, figures, measured| sign::run(suite, figures, measured)),
    ("prepared", |suite, keys, figures, _| prepared::run(suite, keys, figures)),
    ("admit", admit::run),
    ("refuse", refuse::run),
    ("statements", statements::run),
    ("certificate", certificate::run),
    ("threads", |suite, keys, figures, _| threads::run(suite, keys, figures)),
    ("flood", |suite, keys, figures, _| flood::run(suite, keys, figures)),
    ("memory", memory::run),
    ("members", |suite, keys, figures, _| members::flat(suite, keys, figures)),
    ("tick", members::busy),
    ("start", start),
];

#[cfg(feature = "durable-store")]
fn start(
    suite: Suite,
    keys: &[SigningKey],
    figures: &mut Figures,
    _: &mut Measured,
) -> Outcome<()> {
    let (keys, next) = keys.split_at_checked(999).ok_or("too few keys")?;
    start::run(suite, (keys, next), figures)
}

#[cfg(not(feature = "durable-store"))]
const fn start(_: Suite, _: &[SigningKey], _: &mut Figures, _: &mut Measured) -> Outcome<()> {
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("{missed} bars missed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// How many bars were missed.
fn run() -> Outcome<usize> {
    let Options { json, only } = Options::read()?;
    let is_wanted = |suite: Suite, part: &str| {
        only.iter().all(|word| suite.name().contains(word.as_str()) || part.contains(word.as_str()))
    };
    let (mut figures, mut measured) = (Figures::default(), Measured::default());
    println!("{}", json::machine());
    for suite in Suite::available() {
        let keys =
            mesh::keys(suite, if is_wanted(suite, "members") { MOST_MEMBERS } else { 2_000 })?;
        let (figures, measured) = (&mut figures, &mut measured);
        for (part, run) in PARTS {
            if is_wanted(suite, part) {
                run(suite, &keys, figures, measured)?;
            }
        }
    }
    if let Some(path) = json {
        measured.write(&path)?;
    }
    Ok(figures.missed)
}

struct Options {
    json: Option<PathBuf>,
    only: Vec<String>,
}

impl Options {
    fn read() -> Outcome<Self> {
        let (mut json, mut only) = (None, Vec::new());
        let mut words = lexopt::Parser::from_env();
        while let Some(word) = words.next()? {
            match word {
                lexopt::Arg::Long("json") => json = Some(words.value()?.into()),
                // What cargo says to every bench.
                lexopt::Arg::Long("bench") => {}
                lexopt::Arg::Value(word) => only.push(word.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Self { json, only })
    }
}
