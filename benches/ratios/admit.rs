//! A fresh beacon, taken by the whole core.

use std::hint::black_box;

use meshward::Suite;
use meshward::suite::SigningKey;

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::json::Measured;
use crate::mesh::{LINK, Mesh, unlimited};
use crate::raw::{Bare, raw};
use crate::speaker::at;
use crate::timing::{compare, each};

/// Against the bare check of the suite's own crate, and as many against the fastest.
const PAIRS: usize = 151;
/// Frames in one timing.
const FRAMES: usize = 6;

pub(crate) fn run(
    suite: Suite,
    keys: &[SigningKey],
    figures: &mut Figures,
    measured: &mut Measured,
) -> Outcome<()> {
    let mesh = Mesh::new(suite, keys.get(..3).ok_or("too few keys")?, unlimited(4))?;
    let speaker = mesh.speaker(1)?;
    let key = [speaker.raw_key()?];
    let numbers = 1..=(2 * PAIRS * FRAMES) as u32;
    let frames: Vec<_> = numbers.map(|number| speaker.beacon(number)).collect::<Result<_, _>>()?;
    let part = |pair: usize| frames.chunks(FRAMES).nth(pair).ok_or("no frames left");
    let work = |pair: usize| {
        let first = 1 + (pair * FRAMES) as u32;
        each(part(pair)?.iter().zip(first..first + FRAMES as u32), |(frame, number)| {
            let step = black_box(mesh.receiver.handle_frame(LINK, frame, at(number)));
            step.result.map(drop).map_err(Into::into)
        })
    };
    let compared = compare(PAIRS, work, |pair| raw(&key, part(pair)?))?;
    figures.print(suite, "raw signature check, us", compared.base / 1e3, Bar::None);
    figures.print(suite, "admit a fresh beacon, over a raw check", compared.ratio, Bar::Most(1.05));
    let fastest = Bare::fastest()?;
    let over = compare(PAIRS, |pair| work(PAIRS + pair), |_| fastest.time())?;
    let name = "admit a fresh beacon, over the fastest raw check";
    figures.print(suite, name, over.ratio, Bar::Most(0.42));
    let measured = measured.of(suite);
    measured.check_us = compared.base / 1e3;
    measured.admit_us = compared.work / 1e3;
    Ok(())
}
