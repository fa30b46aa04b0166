//! What fragments cost, in bytes and in time: `cargo bench --bench fragments`.
//!
//! A line for each length of packet, cut for an MTU of 1280: pieces, bytes beside the packet, and the median
//! time to cut it, to put it together, and to refuse one forged piece.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use meshward::wire::{Tag, VERSION};
use meshward::{Fragmenter, Link, LinkId, Millis, Reassembler, ReassemblyConfig};

const DATAGRAM: usize = 1_232;
const ROUNDS: u32 = 501;
const LINK: Link = Link::Proven(LinkId(1));

fn main() -> Result<(), Box<dyn Error>> {
    let fragmenter = Fragmenter::new(DATAGRAM)?;
    let reassembler = Reassembler::new(ReassemblyConfig::of(100, 4))?;
    println!("packet   pieces  more bytes     cut  put together  refuse one piece");
    for length in [1_232, 3_490, 4_096, 16_384, 65_536, 230_000] {
        let packet = [[VERSION, Tag::Frame.code()].as_slice(), &vec![7; length]].concat();
        let packet = packet.get(..length).unwrap_or_default();
        let datagrams = fragmenter.split(packet)?;
        let sent: usize = datagrams.iter().map(|datagram| datagram.len()).sum();
        let cut = median(|| black_box(fragmenter.split(packet)).is_ok());
        let join = median(|| {
            datagrams.iter().any(|datagram| {
                matches!(reassembler.take(LINK, datagram, Millis(0)), Ok(Some(whole)) if *whole == *packet)
            })
        });
        let mut forged = datagrams.first().map(|datagram| datagram.to_vec()).unwrap_or_default();
        forged.iter_mut().next_back().into_iter().for_each(|last| *last ^= 1);
        let refuse = median(|| reassembler.take(LINK, &forged, Millis(0)).is_err());
        println!(
            "{length:>6} {:>8} {:>6} {:>4.1} % {cut:>5.1} µs {join:>10.1} µs {refuse:>14.1} µs",
            datagrams.len(),
            sent.saturating_sub(length),
            percent(sent, length),
        );
    }
    Ok(())
}

/// How much more `sent` is than `length`.
fn percent(sent: usize, length: usize) -> f64 {
    let count = |bytes: usize| u32::try_from(bytes).map_or(f64::INFINITY, f64::from);
    (count(sent) / count(length) - 1.0) * 100.0
}

/// Microseconds.
fn median(mut run: impl FnMut() -> bool) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(run());
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
