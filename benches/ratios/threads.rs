//! Two threads that admit frames of different origins, beside one.
//!
//! The bar is 1.9. How much faster two are is limited by the machine, too, so bare checks are made on two threads
//! in the same rounds: where these gain less than 2, the bar is 95 % of what they do. A round is short, so that
//! most are over before somebody else gets a core.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use meshward::suite::SigningKey;
use meshward::{Link, LinkId, Suite};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::mesh::{Mesh, unlimited};
use crate::speaker::{at, signed};
use crate::timing::median;

const ROUNDS: usize = 71;
/// Frames of one thread in a round.
const FRAMES: usize = 24;

pub(crate) fn run(suite: Suite, keys: &[SigningKey], figures: &mut Figures) -> Outcome<()> {
    let mesh = Mesh::new(suite, keys.get(..3).ok_or("too few keys")?, unlimited(4))?;
    // One thread alone takes the frames of the first, two those of the others.
    let mut frames = Vec::new();
    let mut prepared = Vec::new();
    for place in 1..=3 {
        let speaker = mesh.speaker(place)?;
        let numbers = 1..=(ROUNDS * FRAMES) as u32;
        let said = numbers.map(|number| speaker.beacon(number)).collect::<Result<Vec<_>, _>>()?;
        frames.push(said);
        prepared.push(speaker.prepared()?);
    }
    let part = |place: usize, round: usize| {
        let of = frames.get(place).ok_or("no such member")?;
        of.get(round * FRAMES..(round + 1) * FRAMES).ok_or("no frames left")
    };
    let admit = |place: usize, round: usize| -> Outcome<()> {
        let link = Link::Proven(LinkId(place as u64));
        for (frame, number) in part(place, round)?.iter().zip(1 + (round * FRAMES) as u32..) {
            mesh.receiver.handle_frame(link, frame, at(number)).result?;
        }
        Ok(())
    };
    let check = |place: usize, round: usize| {
        let key = prepared.get(place).ok_or("no such key")?;
        part(place, round)?.iter().try_for_each(|frame| {
            let (purpose, message, signature) = signed(frame)?;
            Ok(key.verify(purpose, message, signature)?)
        })
    };
    let [mut admitting, mut checking] = [const { Vec::new() }; 2];
    for round in 0..ROUNDS {
        let one = seconds([0], |place| admit(place, round))?;
        let two = seconds([1, 2], |place| admit(place, round))?;
        admitting.push(2.0 * one / two);
        let one = seconds([0], |place| check(place, round))?;
        let two = seconds([1, 2], |place| check(place, round))?;
        checking.push(2.0 * one / two);
    }
    let [admitting, checking] = [admitting, checking].map(median);
    figures.print(suite, "bare checks on two threads, over one", checking, Bar::None);
    // Where others have the second core, nobody gains from it.
    let least = Bar::Least(1.9_f64.min(0.95 * checking));
    figures.print(suite, "admit on two threads, over one", admitting, least);
    Ok(())
}

/// How long the work for each of `places` takes, each on a thread of its own, from when the first begins
/// to when the last is done. All wait until all are there.
fn seconds<const N: usize>(
    places: [usize; N],
    work: impl Fn(usize) -> Outcome<()> + Sync,
) -> Outcome<f64> {
    let there = AtomicUsize::new(0);
    let spans: Vec<Result<_, String>> = std::thread::scope(|scope| {
        let run = |place: usize| {
            let (there, work) = (&there, &work);
            scope.spawn(move || {
                there.fetch_add(1, Ordering::SeqCst);
                while there.load(Ordering::SeqCst) < N {
                    std::hint::spin_loop();
                }
                let begin = Instant::now();
                work(place).map_err(|error| error.to_string())?;
                Ok((begin, Instant::now()))
            })
        };
        let threads = places.map(run);
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|end| end.unwrap_or_else(|_| Err("a thread panicked".into()))).collect()
    });
    let spans: Vec<(Instant, Instant)> = spans.into_iter().collect::<Result<_, _>>()?;
    let begin = spans.iter().map(|(begin, _)| begin).min().ok_or("nobody worked")?;
    let end = spans.iter().map(|(_, end)| end).max().ok_or("nobody worked")?;
    Ok(end.duration_since(*begin).as_secs_f64())
}
