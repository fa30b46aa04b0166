//! Two works timed in turn, so that a noisy machine disturbs both alike.

use std::time::Instant;

use crate::Outcome;

/// The medians over all pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// Of the ratios of the two in each pair.
    pub(crate) ratio: f64,
    /// Of the work, in nanoseconds for one.
    pub(crate) work: f64,
    /// Of what it is compared with, likewise.
    pub(crate) base: f64,
}

/// Times `work` and `base` in turn, `pairs` times; each gets the number of the pair and tells how many
/// nanoseconds one took. Every other time the base goes first: what comes second finds a warmer cache.
pub(crate) fn compare(
    pairs: usize,
    mut work: impl FnMut(usize) -> Outcome<f64>,
    mut base: impl FnMut(usize) -> Outcome<f64>,
) -> Outcome<Compared> {
    let [mut ratios, mut works, mut bases] = [const { Vec::new() }; 3];
    for pair in 0..pairs {
        let (one, other) = if pair % 2 == 0 {
            let other = base(pair)?;
            (work(pair)?, other)
        } else {
            (work(pair)?, base(pair)?)
        };
        ratios.push(one / other);
        works.push(one);
        bases.push(other);
    }
    Ok(Compared { ratio: median(ratios), work: median(works), base: median(bases) })
}

/// How many nanoseconds one of `items` takes.
pub(crate) fn each<T>(
    items: impl ExactSizeIterator<Item = T>,
    mut work: impl FnMut(T) -> Outcome<()>,
) -> Outcome<f64> {
    let count = float(items.len());
    let start = Instant::now();
    for item in items {
        work(item)?;
    }
    Ok(nanoseconds(start) / count)
}

/// How many have passed since `start`.
pub(crate) fn nanoseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e9
}

pub(crate) fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which `part` of them lie.
pub(crate) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (float(values.len()) * part) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// A count as a number to divide.
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}
