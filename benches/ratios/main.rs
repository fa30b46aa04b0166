//! What protection costs over the bare signature: `cargo bench --bench ratios`.
//!
//! Both sides of a ratio are timed in turn, pair by pair, and the median of the pairs' ratios is
//! printed, so that a noisy machine disturbs both alike. One line a figure: suite, name, value, bar. It
//! ends with 1 if a bar is missed. `-- --json FILE` writes what single things take into a file, too; a
//! word picks the parts that have it in their name.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions)]

mod admit;
mod figures;
mod json;
mod mesh;
mod refuse;
mod speaker;
mod threads;
mod timing;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::ValueExt as _;
use meshward::Suite;

use self::figures::Figures;
use self::json::Measured;

type Outcome<T> = Result<T, Box<dyn Error>>;

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
    let is_wanted = |part: &str| only.as_ref().is_none_or(|only| part.contains(only.as_str()));
    let (mut figures, mut measured) = (Figures::default(), Measured::default());
    println!("{}", json::machine());
    for suite in Suite::available() {
        let keys = mesh::keys(suite, 100)?;
        if is_wanted("admit") {
            admit::run(suite, &keys, &mut figures, &mut measured)?;
        }
        if is_wanted("refuse") {
            refuse::run(suite, &keys, &mut figures, &mut measured)?;
        }
        if is_wanted("threads") {
            threads::run(suite, &keys, &mut figures)?;
        }
    }
    if let Some(path) = json {
        measured.write(&path)?;
    }
    Ok(figures.missed)
}

struct Options {
    json: Option<PathBuf>,
    only: Option<String>,
}

impl Options {
    fn read() -> Outcome<Self> {
        let (mut json, mut only) = (None, None);
        let mut words = lexopt::Parser::from_env();
        while let Some(word) = words.next()? {
            match word {
                lexopt::Arg::Long("json") => json = Some(words.value()?.into()),
                // What cargo says to every bench.
                lexopt::Arg::Long("bench") => {}
                lexopt::Arg::Value(part) => only = Some(part.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Self { json, only })
    }
}

