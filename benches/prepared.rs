//! What a key that is expanded once saves: `cargo bench --features prepared --bench prepared`.
//!
//! All sides are timed in turn, round by round. Printed are medians over the rounds, in microseconds,
//! and medians of the rounds' ratios, so that a noisy machine disturbs all sides alike.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use meshward::suite::{OsEntropy, PublicKey, Purpose, SigningKey, Suite, VerifyingKey};

/// Rounds that are timed.
const ROUNDS: usize = 201;
/// Checks in one timing.
const CHECKS: u32 = 20;

struct Side {
    suite: Suite,
    key: PublicKey,
    own: VerifyingKey,
    expanded: VerifyingKey,
    signature: Vec<u8>,
}

fn side(suite: Suite) -> Result<Side, Box<dyn Error>> {
    let key = SigningKey::generate(suite, &OsEntropy)?;
    let signature = key.sign(Purpose::Frame, &[7; 100], &OsEntropy)?.into();
    let key = key.public_key().clone();
    Ok(Side { suite, own: key.prepare()?, expanded: key.expand()?, key, signature })
}

/// Microseconds of one run of `work`.
fn time(mut work: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    let mut held = true;
    for _ in 0..CHECKS {
        held &= black_box(work());
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(CHECKS);
    if held { micros } else { f64::NAN }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn Error>> {
    let sides = Suite::available().map(side).collect::<Result<Vec<_>, _>>()?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = Vec::new();
        for side in &sides {
            let check =
                |key: &VerifyingKey| key.verify(Purpose::Frame, &[7; 100], &side.signature).is_ok();
            round.push(time(|| check(&side.own)));
            round.push(time(|| check(&side.expanded)));
            round.push(time(|| side.key.expand().is_ok()));
        }
        rounds.push(round);
    }
    let column = |at: usize| rounds.iter().filter_map(move |round| round.get(at).copied());
    let fastest: Vec<_> = rounds
        .iter()
        .map(|round| round.iter().step_by(3).copied().fold(f64::INFINITY, f64::min))
        .collect();
    for (side, at) in sides.iter().zip((0_usize..).step_by(3)) {
        let (own, expanded) = (at, at.saturating_add(1));
        let over_own = column(own).zip(column(expanded)).map(|(own, expanded)| expanded / own);
        let over_fastest = column(expanded).zip(&fastest).map(|(expanded, own)| expanded / own);
        println!(
            "{:<11} own check {:>7.2}, expanded {:>7.2}: {:.3} of own, {:.3} of the fastest own; expanding {:>7.2}",
            side.suite,
            median(column(own)),
            median(column(expanded)),
            median(over_own),
            median(over_fastest),
            median(column(at.saturating_add(2))),
        );
    }
    Ok(())
}
