//! The ordinary benches, for daily work: `cargo bench --bench daily`, or with a part of a name behind it,
//! `cargo bench --bench daily -- admit`. No bar hangs on them; those are in `ratios`.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]
#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::fmt;

use common::{BEACON_MS, BODY, Mesh, NEIGHBOUR, Stage, generous};
use divan::{Bencher, black_box};
use meshward::wire::Packet;
use meshward::{
    Accepted, Certificate, Config, Fragmenter, Kind, Millis, Reassembler, ReassemblyConfig, Suite,
};

/// UDP over IPv6 at an MTU of 1280.
const DATAGRAM: usize = 1_232;

fn main() {
    divan::main();
}

/// A clock that lets a member say one thing more.
fn next(now: &Cell<Millis>) -> Millis {
    now.set(now.get().after(BEACON_MS));
    now.get()
}

#[divan::bench(args = Suite::available())]
fn sign_message(bencher: Bencher, suite: Suite) {
    let (node, _) = Mesh::pair(suite, &generous());
    let now = Cell::default();
    bencher.bench_local(|| node.sign_message(Kind::Beacon, black_box(&BODY), next(&now)).unwrap());
}

#[divan::bench(args = Suite::available())]
fn raw_check(bencher: Bencher, suite: Suite) {
    let (_, mut speaker) = Mesh::pair(suite, &generous());
    let key = speaker.key.public_key().prepare().unwrap();
    let frame = speaker.beacon();
    bencher.bench_local(|| common::raw_check(&key, black_box(&frame)));
}

#[divan::bench(args = Suite::available())]
fn admit(bencher: Bencher, suite: Suite) {
    let (node, mut speaker) = Mesh::pair(suite, &generous());
    bencher
        .with_inputs(|| (speaker.beacon(), speaker.now()))
        .bench_local_refs(|(beacon, now)| common::admit(&node, beacon, *now));
}

/// A stage in a suite.
struct Refused(Stage, Suite);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.0.reason(), self.1)
    }
}

/// In the suite that is there; of those that end in a check in each.
fn refusals() -> impl Iterator<Item = Refused> {
    let first = Suite::available().next();
    Stage::ALL.into_iter().flat_map(move |stage| {
        let suites = Suite::available().filter(move |it| stage.is_checked() || Some(*it) == first);
        suites.map(move |suite| Refused(stage, suite))
    })
}

#[divan::bench(args = refusals())]
fn refuse(bencher: Bencher, Refused(stage, suite): &Refused) {
    let case = stage.case(*suite);
    bencher.bench_local(|| case.refuse());
}

/// A report that a member has failed, from one that did not say so before.
#[divan::bench(args = Suite::available(), sample_count = 150, sample_size = 1)]
fn attestation(bencher: Bencher, suite: Suite) {
    let mesh = Mesh::new(suite, 100, 3, &generous());
    let reports: Vec<_> = [1, 2].into_iter().flat_map(|place| mesh.reports(place)).collect();
    let mut reports = reports.into_iter();
    bencher.with_inputs(|| reports.next().unwrap()).bench_local_refs(|(report, now)| {
        let taken = mesh.nodes[0].handle_frame(NEIGHBOUR, report, *now).result;
        assert!(matches!(taken, Ok(Accepted::Attestation { .. })), "{taken:?}");
    });
}

/// By 67 of 100 members, checked for the first time.
#[divan::bench(args = Suite::available())]
fn certificate(bencher: Bencher, suite: Suite) {
    let mesh = Mesh::new(suite, 100, 67, &generous());
    let certificate = mesh.certificate();
    let directory = mesh.nodes[0].directory();
    bencher.bench_local(|| Certificate::verify(black_box(&certificate), directory).unwrap());
}

/// With 1000 members of whom none is missed yet, when nothing is to be sent again.
#[divan::bench(sample_count = 500, sample_size = 1)]
fn tick(bencher: Bencher) {
    let Some(suite) = Suite::available().next() else { return };
    let mesh = Mesh::new(suite, 1000, 1, &Config::default());
    let now = Cell::new(Millis(1));
    // It says Hello first.
    drop(mesh.nodes[0].tick(now.get()));
    bencher.bench_local(|| {
        now.set(now.get().after(1));
        mesh.nodes[0].tick(now.get())
    });
}

#[divan::bench]
fn should_accept_message(bencher: Bencher) {
    let Some(suite) = Suite::available().next() else { return };
    let mesh = Mesh::new(suite, 1000, 1, &Config::default());
    let origin = mesh.speaker.id();
    bencher.bench_local(|| {
        mesh.nodes[0].should_accept_message(
            NEIGHBOUR,
            black_box(&origin),
            Kind::RouteUpdate,
            Millis(1),
        )
    });
}

#[divan::bench]
fn parse(bencher: Bencher) {
    let frame = frame();
    bencher.bench_local(|| Packet::parse(black_box(&frame)).is_ok());
}

#[divan::bench]
fn split(bencher: Bencher) {
    let (frame, fragmenter) = (frame(), Fragmenter::new(DATAGRAM).unwrap());
    bencher.bench_local(|| fragmenter.split(black_box(&frame)).unwrap().len());
}

#[divan::bench]
fn reassemble(bencher: Bencher) {
    let frame = frame();
    let datagrams = Fragmenter::new(DATAGRAM).unwrap().split(&frame).unwrap();
    let reassembler = Reassembler::new(ReassemblyConfig::of(100, 4)).unwrap();
    bencher.bench_local(|| {
        let mut taken = datagrams.iter().map(|it| reassembler.take(NEIGHBOUR, it, Millis(0)));
        assert!(taken.any(|whole| matches!(whole, Ok(Some(_)))));
    });
}

fn frame() -> Vec<u8> {
    let suite = Suite::available().next().unwrap();
    Mesh::pair(suite, &generous()).1.beacon()
}
