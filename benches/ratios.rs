//! What protection costs over the bare signature check: `cargo bench --bench ratios`.
//!
//! Both sides of a ratio are timed in turn, pair by pair, and the median of the pairs' ratios is
//! printed, so that a noisy machine disturbs both alike. One line a figure: name, value, bar.

use std::cell::Cell;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use meshward::limit::Rate;
use meshward::membership::Directory;
use meshward::suite::Purpose;
use meshward::wire::Frame;
use meshward::{
    Config, Core, Identity, Link, LinkId, MemoryStore, Millis, NodeId, OsEntropy, Suite, View,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Pairs that are timed for each figure.
const PAIRS: usize = 41;
/// Frames in one timing.
const FRAMES: usize = 40;
/// Time between two of them, as fast as a member may send.
const BEACON_MS: u64 = 100;
const LINK: Link = Link::Proven(LinkId(1));

fn main() -> Outcome<()> {
    let mut missed = 0_usize;
    for suite in Suite::available() {
        for (name, value, bar) in [
            ("admit a fresh beacon, over a raw check", admit(suite)?, 1.05),
            ("refuse a duplicate, over a raw check", duplicate(suite)?, 1.0 / 30.0),
        ] {
            let holds = value <= bar;
            missed = missed.saturating_add(usize::from(!holds));
            println!("{suite:<11} {name:<40} {value:>8.4} bar {bar:.4}{}", verdict(holds));
        }
    }
    if missed > 0 {
        return Err(format!("{missed} bars missed").into());
    }
    Ok(())
}

fn verdict(holds: bool) -> &'static str {
    if holds { "" } else { "  MISSED" }
}

/// A receiver, and frames for it that an honest sender spread over time.
struct Bench {
    receiver: Core,
    frames: Vec<Vec<u8>>,
    directory: Directory,
    now: Cell<Millis>,
}

fn bench(suite: Suite, frames: usize) -> Outcome<Bench> {
    let stores = [MemoryStore::new(), MemoryStore::new()];
    let mut identities = Vec::new();
    for (number, store) in (1..).zip(&stores) {
        identities.push(Identity::create(
            store,
            NodeId::from_bytes([number; 32]),
            suite,
            &OsEntropy,
        )?);
    }
    let members = identities.iter().map(|identity| identity.member("node")).collect();
    let view = Arc::new(View::genesis(members)?);
    let mut config = Config::default();
    // No more than is measured: the budgets of the link are not to be reached.
    config.gossip.link_packets = Rate { per_second: Rate::MOST, burst: Rate::MOST };
    config.gossip.link_checks = config.gossip.link_packets;
    let mut cores = Vec::new();
    for (identity, store) in identities.into_iter().zip(&stores) {
        let (view, entropy) = (Arc::clone(&view), Arc::new(OsEntropy));
        cores.push(Core::start(config.clone(), view, identity, store, entropy, Millis(0))?);
    }
    let (receiver, sender) = (cores.remove(0), cores.remove(0));
    let frames = (0..frames)
        .scan(Millis(0), |now, _| {
            *now = now.after(BEACON_MS);
            Some(sender.sign_beacon(&[7; 64], *now))
        })
        .collect::<Result<_, _>>()?;
    Ok(Bench { receiver, frames, directory: Directory::new(view, 2), now: Cell::default() })
}

impl Bench {
    /// Nanoseconds of one raw signature check, the key ready and the signature decoded inside.
    fn raw(&self, frames: &[Vec<u8>]) -> Outcome<f64> {
        let member = self.directory.view().members().get(1).ok_or("no sender")?;
        let key = member.key.key.prepare()?;
        let mut parsed = Vec::new();
        for bytes in frames {
            parsed.push(Frame::parse(bytes)?);
        }
        let start = Instant::now();
        for frame in &parsed {
            let signed = frame.signed_header();
            key.verify(Purpose::Frame, signed.signed(), signed.signature())?;
        }
        Ok(per_frame(start, frames.len()))
    }

    /// Nanoseconds for one frame, taken by the whole core.
    fn handle(&self, frames: &[Vec<u8>], accepted: bool) -> Outcome<f64> {
        let start = Instant::now();
        for bytes in frames {
            // As far apart as they were sent, so that none is shed.
            self.now.set(self.now.get().after(BEACON_MS));
            let step = black_box(self.receiver.handle_frame(LINK, bytes, self.now.get()));
            if step.result.is_ok() != accepted {
                return Err(format!("unexpected: {:?}", step.result).into());
            }
        }
        Ok(per_frame(start, frames.len()))
    }
}

fn per_frame(start: Instant, frames: usize) -> f64 {
    let frames = u32::try_from(frames).map_or(f64::INFINITY, f64::from);
    start.elapsed().as_secs_f64() * 1e9 / frames
}

fn admit(suite: Suite) -> Outcome<f64> {
    let mut ratios = Vec::new();
    let bench = bench(suite, FRAMES.saturating_mul(PAIRS))?;
    for chunk in bench.frames.chunks(FRAMES) {
        let raw = bench.raw(chunk)?;
        ratios.push(bench.handle(chunk, true)? / raw);
    }
    Ok(median(ratios))
}

fn duplicate(suite: Suite) -> Outcome<f64> {
    let bench = bench(suite, FRAMES)?;
    bench.handle(&bench.frames, true)?;
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let raw = bench.raw(&bench.frames)?;
        ratios.push(bench.handle(&bench.frames, false)? / raw);
    }
    Ok(median(ratios))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
