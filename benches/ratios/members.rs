//! What grows with the number of members, and what does not.

use std::hint::black_box;

use meshward::suite::SigningKey;
use meshward::wire::Tag;
use meshward::{Kind, Output, Suite};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::json::Measured;
use crate::mesh::{LINK, Mesh, id, unlimited};
use crate::speaker::{Speaker, at};
use crate::timing::{compare, each, median, quantile};

const PAIRS: usize = 101;
/// Frames in one timing.
const FRAMES: usize = 6;
const REFUSALS: usize = 200;
const SECONDS: u32 = 4;
/// Members that speak, in either mesh.
const SPEAKERS: u32 = 3;

/// A frame costs the same in a mesh of 10 and in one of 10 000. The same few members speak in both, since the
/// keys of more than [`Config::prepared_keys`](meshward::Config::prepared_keys) are not kept ready.
pub(crate) fn flat(suite: Suite, keys: &[SigningKey], figures: &mut Figures) -> Outcome<()> {
    let few = Mesh::new(suite, keys.get(..9).ok_or("too few keys")?, unlimited(10))?;
    let many = Mesh::new(suite, keys, unlimited(10))?;
    let said = |mesh: &Mesh<'_>, places: [usize; SPEAKERS as usize]| -> Outcome<Vec<Vec<u8>>> {
        let speakers = places.map(|place| mesh.speaker(place));
        let speakers = speakers.into_iter().collect::<Result<Vec<Speaker<'_>>, _>>()?;
        let numbers = 1..=(PAIRS * FRAMES / SPEAKERS as usize) as u32;
        let of = |number| speakers.iter().map(move |speaker| speaker.beacon(number));
        numbers.flat_map(of).collect()
    };
    let (here, there) = (said(&few, [1, 5, 9])?, said(&many, [1, keys.len() / 2, keys.len()])?);
    let admit = |mesh: &Mesh<'_>, frames: &[Vec<u8>], pair: usize| {
        let frames = frames.chunks(FRAMES).nth(pair).ok_or("no frames left")?;
        let first = (pair * FRAMES) as u32;
        each(frames.iter().zip(first..first + FRAMES as u32), |(frame, number)| {
            let now = at(1 + number / SPEAKERS);
            let step = black_box(mesh.receiver.handle_frame(LINK, frame, now));
            step.result.map(drop).map_err(Into::into)
        })
    };
    let work = |pair| admit(&many, &there, pair);
    let admitted = compare(PAIRS, work, |pair| admit(&few, &here, pair))?;
    let name = "admit with 10 000 members, over 10";
    figures.print(suite, name, admitted.ratio, Bar::Most(1.05));

    let refuse = |mesh: &Mesh<'_>, frames: &[Vec<u8>]| {
        let frame = frames.last().ok_or("no frame")?;
        each(0..REFUSALS, |_| {
            let step = black_box(mesh.receiver.handle_frame(LINK, frame, at(1_000)));
            step.result.is_err().then_some(()).ok_or_else(|| "taken twice".into())
        })
    };
    let refused = compare(PAIRS, |_| refuse(&many, &there), |_| refuse(&few, &here))?;
    let name = "refuse a duplicate with 10 000 members, over 10";
    figures.print(suite, name, refused.ratio, Bar::Most(1.5));
    Ok(())
}

/// A tick while all is well, and the question whether a message is worth looking at, with 1000 members.
pub(crate) fn busy(
    suite: Suite,
    keys: &[SigningKey],
    figures: &mut Figures,
    measured: &mut Measured,
) -> Outcome<()> {
    let keys = keys.get(..999).ok_or("too few keys")?;
    let mesh = Mesh::new(suite, keys, unlimited(1_000))?;
    // Every member speaks once a second, and there are ten ticks in that. In the first one the node asks
    // them once whether their frames are no recorded ones.
    let mut ticks = Vec::new();
    for second in 0..=SECONDS {
        let number = 1 + second * 10;
        for place in 1..1_000 {
            mesh.give(LINK, &mesh.speaker(place)?.beacon(number)?, at(number))?;
        }
        let mut asked = second > 0;
        for tenth in 1..=10 {
            let now = at(number + tenth);
            let mut outputs = Vec::new();
            let time = each(0..1, |_| {
                outputs = black_box(mesh.receiver.tick(now));
                Ok(())
            })?;
            ticks.extend((second > 0).then_some(time));
            for output in mesh.carry_out(outputs, now) {
                let Output::Send(packet) = output else { continue };
                if Tag::of(&packet) != Ok(Tag::Challenge) || std::mem::replace(&mut asked, true) {
                    continue;
                }
                for place in 1..1_000 {
                    let answer = mesh.speaker(place)?.answer(&packet, number)?;
                    mesh.give(LINK, &answer, now)?;
                }
            }
        }
    }
    let most = quantile(ticks.clone(), 0.9);
    let tick = median(ticks);
    figures.print(suite, "tick with 1000 members, us", tick / 1e3, Bar::Most(50.0));
    figures.print(suite, "the same, nine of ten, us", most / 1e3, Bar::None);
    measured.tick_1000_us = tick / 1e3;

    let (origin, now) = (id(500), at(50));
    let ask = |link| {
        each(0..1_000, |_| {
            let (link, origin) = (black_box(link), black_box(&origin));
            let is_worth_it =
                mesh.receiver.should_accept_message(link, origin, Kind::RouteUpdate, now);
            is_worth_it.then_some(()).ok_or_else(|| "it is not".into())
        })
    };
    let times = (0..PAIRS).map(|_| ask(LINK)).collect::<Result<Vec<_>, _>>()?;
    let name = "should_accept_message with 1000 members, ns";
    figures.print(suite, name, median(times), Bar::Most(100.0));
    Ok(())
}
