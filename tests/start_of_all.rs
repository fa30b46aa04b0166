//! What it costs each node when a mesh of a thousand starts anew at once:
//! `cargo test --release --test start_of_all -- --ignored --nocapture` prints it.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meshward::membership::Member;
use meshward::suite::SigningKey;
use meshward::wire::{Packet, Tag};
use meshward::{
    Config, Digest, Epoch, Host, Identity, Link, LinkId, MeshByzantineProtection, Millis, NodeId,
    OsEntropy, Suite, View,
};
use support::{Disk, HostSide, Liar};

const MEMBERS: usize = 1_000;
/// How long a packet takes, and how often each host ticks.
const STEP_MS: u64 = 50;
/// An eighth of the default suspicion time: each node answers once in it.
const TURN_MS: u64 = 375;
/// Echoes in one answer.
const ECHOES: usize = 384;
const START: Millis = Millis(1_000_000);

fn id(place: usize) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&u16::try_from(place).unwrap().to_be_bytes());
    NodeId::from_bytes(bytes)
}

/// The node that is played in full: the last of the view, so that it is answered last.
const R: usize = MEMBERS - 1;

struct All {
    others: Vec<Liar>,
    view: Arc<View>,
    disk: Disk,
}

fn all(suite: Suite) -> All {
    let disk = Disk::default();
    let own = Identity::create(&disk, id(R), suite, &OsEntropy).unwrap();
    let keys: Vec<_> = (0..R).map(|_| SigningKey::generate(suite, &OsEntropy).unwrap()).collect();
    let members = keys.iter().enumerate();
    let members = members.map(|(at, key)| Member::new(id(at), "x", key.public_key().clone()));
    let view = Arc::new(View::genesis(members.chain([own.member("x")]).collect()).unwrap());
    let others = keys.into_iter().enumerate().map(|(at, key)| Liar {
        id: id(at),
        epoch: Epoch::FIRST,
        key,
        next: Vec::new(),
        recovery: Digest::from_bytes([0; 32]),
        view: Arc::clone(&view),
        chance: support::Chance::default(),
    });
    All { others: others.collect(), view, disk }
}

fn riddle(of: usize) -> [u8; 16] {
    let mut riddle = [7; 16];
    riddle[..8].copy_from_slice(&(of as u64).to_le_bytes());
    riddle
}

impl All {
    /// What every statement here begins with: the view, and its number in the second boot.
    fn begin(&self, sequence: u32) -> Vec<u8> {
        let numbers = [2, sequence].map(u32::to_le_bytes).concat();
        [self.view.digest().as_bytes().as_slice(), &numbers].concat()
    }

    fn challenge(&self, from: usize) -> Vec<u8> {
        let subjects = (0..MEMBERS as u32).filter(|at| *at as usize != from);
        let subjects: Vec<_> = subjects.flat_map(u32::to_le_bytes).collect();
        let count = (MEMBERS as u64 - 1).to_le_bytes();
        let content = [&self.begin(1), riddle(from).as_slice(), &count, &subjects].concat();
        self.others[from].say(Tag::Challenge, &content)
    }

    fn hello(&self, from: usize) -> Vec<u8> {
        let content = [[2, 2].map(u32::to_le_bytes).concat(), vec![0; 8], vec![0]].concat();
        self.others[from].say(Tag::Hello, &content)
    }

    /// The answers by which a member answers everybody, in turns.
    fn answers(&self, from: usize, asked_by_r: [u8; 16]) -> Vec<Vec<u8>> {
        let others: Vec<_> = (0..MEMBERS).filter(|at| *at != from).collect();
        let answer = |(turn, to): (usize, &[usize])| {
            let echo = |at: &usize| {
                let riddle = if *at == R { asked_by_r } else { riddle(*at) };
                [(*at as u32).to_le_bytes().as_slice(), &riddle].concat()
            };
            let begin = self.begin(3 + turn as u32);
            let count = (to.len() as u64).to_le_bytes();
            let said = [
                begin.as_slice(),
                &500_u64.to_le_bytes(),
                &0_u32.to_le_bytes(),
                &count,
                &to.iter().flat_map(echo).collect::<Vec<_>>(),
            ];
            self.others[from].say(Tag::Answer, &said.concat())
        };
        others.chunks(ECHOES).enumerate().map(answer).collect()
    }

    fn start(&self, now: Millis) -> (MeshByzantineProtection, HostSide) {
        let host = HostSide::default();
        let ours = Host::new(self.disk.clone(), host.clone(), host.clone());
        let view = Arc::clone(&self.view);
        (MeshByzantineProtection::start(Config::default(), view, ours, now).unwrap(), host)
    }
}

/// What R met with.
#[derive(Default)]
struct Cost {
    heard: (usize, usize),
    said: BTreeMap<Tag, (usize, usize)>,
    passed_on: usize,
    refused: BTreeMap<(Tag, &'static str), usize>,
    busy: Duration,
    open_after_ms: Option<u64>,
}

/// R starts with all others, whom it hears over `links` links.
fn run(all: &All, links: usize) -> Cost {
    drop(all.start(START));
    let (guard, host) = all.start(START);
    assert_eq!(guard.core().unproven().len(), R);
    let mut cost = Cost::default();
    let mut due: BTreeMap<u64, Vec<(usize, Vec<u8>)>> = BTreeMap::new();
    let first = (0..R).flat_map(|from| [(from, all.challenge(from)), (from, all.hello(from))]);
    due.insert(STEP_MS, first.collect());
    for step in 0..60 {
        let (at, now) = (step * STEP_MS, START.after(step * STEP_MS));
        let began = Instant::now();
        guard.tick(now).unwrap();
        for (from, bytes) in due.remove(&at).unwrap_or_default() {
            cost.heard = (cost.heard.0 + 1, cost.heard.1 + bytes.len());
            let link = Link::Proven(LinkId((from % links) as u64));
            if let Err(refusal) = guard.handle_frame(link, &bytes, now) {
                let what = (Tag::of(&bytes).unwrap(), refusal.reason());
                *cost.refused.entry(what).or_default() += 1;
            }
        }
        cost.busy += began.elapsed();
        for (bytes, except) in host.sent() {
            if except.is_some() {
                cost.passed_on += bytes.len();
                continue;
            }
            let tag = Tag::of(&bytes).unwrap();
            let (count, long) = cost.said.entry(tag).or_default();
            (*count, *long) = (*count + 1, *long + bytes.len());
            let Ok(Packet::Statement(statement)) = Packet::parse(&bytes) else { continue };
            if tag == Tag::Challenge && step == 0 {
                let asked = statement.content()[40..56].try_into().unwrap();
                for from in 0..R {
                    for (turn, answer) in (0..).zip(all.answers(from, asked)) {
                        // Heard, then said at the next tick whose turn it is, then on its way.
                        let when = (2 * STEP_MS + turn * TURN_MS).next_multiple_of(STEP_MS);
                        due.entry(when + STEP_MS).or_default().push((from, answer));
                    }
                }
            }
        }
        if guard.core().unproven().is_empty() {
            cost.open_after_ms.get_or_insert(at);
        }
    }
    println!("  signature checks: {}", guard.stats(START).signature_checks);
    cost
}

/// K15, promises P2 and P4: a thousand nodes start at once. One is played in full, against the true signed
/// questions, Hellos and answers of all others, heard over a link each or through eight neighbours.
#[test]
#[ignore = "makes a thousand keys and five thousand signatures; run it in release"]
fn k15_what_the_start_of_a_thousand_nodes_at_once_costs_each() {
    for suite in Suite::available() {
        let all = all(suite);
        for links in [R, 8] {
            println!("{suite}, {MEMBERS} members, heard over {links} links:");
            let cost = run(&all, links);
            let (count, bytes) = cost.heard;
            println!("  heard: {count} packets, {:.1} MB", bytes as f64 / 1e6);
            println!("  refused: {:?}", cost.refused);
            println!("  said: {:?} (packets, bytes)", cost.said);
            println!("  passed on: {:.1} MB to each neighbour", cost.passed_on as f64 / 1e6);
            println!("  busy for {:?}, all open after {:?} ms", cost.busy, cost.open_after_ms);
            assert!(cost.open_after_ms.is_some_and(|ms| ms <= 1_500), "{suite} {links}");
        }
    }
}
