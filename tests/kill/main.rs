//! A node process under traffic that is killed with SIGKILL, again and again, on one directory.
//!
//! `cargo test --release --test kill -- --ignored --nocapture` kills it 200 times;
//! `MESHWARD_KILL_ROUNDS` is another number. Under `cargo test` it is killed three times.

#![cfg(all(unix, feature = "durable-store", any(feature = "dilithium3", feature = "ml-dsa-65")))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod child;
mod world;

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use meshward::quorum::{Ballot, UncheckedBallot};
use meshward::wire::{Packet, Tag};
use meshward::{
    Accepted, DurableStore, Epoch, Event, Identity, Mark, MemoryStore, MeshByzantineProtection,
    OsEntropy, Suite, View,
};
use world::{Collected, from_hex, id, link, now, start, to_hex};

/// What the world has of the node, over all its lives.
#[derive(Default)]
struct Seen {
    frames: HashMap<Mark, Vec<u8>>,
    /// Its votes, by slot, round and phase.
    ballots: HashMap<String, Ballot>,
    /// The last epoch to which it said that it had rotated.
    acknowledged: Option<Epoch>,
    /// The highest boot of the lives before this one.
    boot: u32,
    delivered: usize,
    /// What it took, by origin and mark, and how often.
    heard: HashMap<String, usize>,
}

impl Seen {
    /// One line of what the process said.
    fn line(&mut self, line: &str, boot: &mut u32, peers: &[Peer]) {
        // The last line may be cut off by the kill.
        let line = line.strip_suffix(" end").unwrap_or_default();
        let Some((what, rest)) = line.split_once(' ') else { return };
        match what {
            "packet" => self.packet(&from_hex(rest), boot, peers),
            "rotated" => {
                let epoch = Epoch { recovery: 0, operational: rest.parse().unwrap() };
                self.acknowledged = self.acknowledged.max(Some(epoch));
            }
            "took" => *self.heard.entry(rest.to_owned()).or_default() += 1,
            _ => {}
        }
    }

    fn packet(&mut self, bytes: &[u8], boot: &mut u32, peers: &[Peer]) {
        match Packet::parse(bytes).unwrap() {
            Packet::Frame(frame) if frame.header().origin == id(1) => {
                let mark = frame.header().mark();
                assert!(mark.nonce.boot > self.boot, "{mark:?} after boot {}", self.boot);
                assert!(Some(mark.epoch) >= self.acknowledged, "{mark:?} is of a key before");
                *boot = mark.nonce.boot;
                let before = self.frames.insert(mark, bytes.to_vec());
                assert!(before.is_none_or(|before| before == bytes), "{mark:?} was used twice");
            }
            Packet::Statement(statement) if statement.head().origin == id(1) => {
                if statement.tag() != Tag::Ballot {
                    return self.hand_on(bytes, peers);
                }
                let ballot = *UncheckedBallot::read(statement, &peers[0].view).unwrap().ballot();
                // Slot, round and phase, without the choice.
                let mut place = serde_json::to_value(ballot).unwrap();
                place.as_object_mut().unwrap().remove("choice").unwrap();
                let before = self.ballots.insert(place.to_string(), ballot);
                assert!(before.is_none_or(|before| before == ballot), "{before:?}, {ballot:?}");
            }
            _ => {}
        }
        self.hand_on(bytes, peers);
    }

    fn hand_on(&mut self, bytes: &[u8], peers: &[Peer]) {
        for peer in peers {
            let taken = peer.guard.handle_frame(link(1), bytes, now());
            self.delivered += usize::from(matches!(taken, Ok(Accepted::Message(_))));
        }
    }
}

struct Peer {
    guard: MeshByzantineProtection,
    host: Collected,
    view: Arc<View>,
}

fn spawn(directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child::node_process", "--nocapture", "--test-threads=1"])
        .env(child::DIRECTORY, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Writes lines to the process without waiting for it, which may be waiting for us.
fn write_to(mut input: ChildStdin) -> SyncSender<String> {
    let (sender, lines) = sync_channel::<String>(100);
    thread::spawn(move || lines.iter().try_for_each(|line| input.write_all(line.as_bytes())));
    sender
}

/// Makes the identities and leaves the view where the process finds it.
fn prepare(directory: &Path, suite: Suite) -> Vec<Peer> {
    let store = DurableStore::open(&directory.join("store")).unwrap();
    let first = Identity::create(&store, id(1), suite, &OsEntropy).unwrap();
    drop(store);
    let stores: Vec<_> = (2..=4).map(|_| MemoryStore::new()).collect();
    let others = stores
        .iter()
        .zip(2..)
        .map(|(store, place)| Identity::create(store, id(place), suite, &OsEntropy).unwrap());
    let members = std::iter::once(first).chain(others);
    let members = members.map(|identity| identity.member(identity.node().to_string()));
    let view = View::genesis(members.collect()).unwrap();
    std::fs::write(directory.join("view"), view.to_bytes().unwrap()).unwrap();
    let view = Arc::new(view);
    let peer = |store| {
        let host = Collected::default();
        let guard = start(store, &view, &host).unwrap();
        Peer { guard, host, view: Arc::clone(&view) }
    };
    stores.into_iter().map(peer).collect()
}

fn rounds(rounds: u32) {
    let suite = Suite::available().last().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let peers = prepare(directory.path(), suite);
    let mut seen = Seen::default();
    // All that was ever sent to the node, to be played again in every later life.
    let mut sent: Vec<String> = Vec::new();
    let mut played = 0;
    for round in 0..rounds {
        let mut process = spawn(directory.path());
        let input = write_to(process.stdin.take().unwrap());
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        let mut boot = 0;
        // Another moment each time: in its start, in what it writes, in what it says; and every third life
        // long enough to vote and to rotate its key.
        let mut last = (if round % 3 == 2 { round * 37 % 300 } else { round % 23 }) as usize;
        for line in lines.by_ref() {
            seen.line(&line, &mut boot, &peers);
            if line.starts_with("packet ") || line.starts_with("rotated ") {
                for peer in &peers {
                    let _rate = peer.guard.sign_beacon(b"here", now());
                    let _ticked = peer.guard.tick(now());
                    for packet in peer.host.take() {
                        // Each of them twice: it is taken once. What it does not get to is lost.
                        let line = to_hex(&packet);
                        let _full = input.try_send(format!("{line}\n{line}\n"));
                        sent.push(line);
                    }
                }
                for old in 0..4 {
                    let old = &sent[(played * 7 + old * 31) % sent.len().max(1)..];
                    let old = old.first().map(|line| input.try_send(format!("{line}\n")));
                    played += usize::from(old.is_some_and(|sent| sent.is_ok()));
                }
                if last == 0 {
                    break;
                }
                last -= 1;
            }
        }
        thread::sleep(Duration::from_micros(u64::from(round * 137 % 3000)));
        process.kill().unwrap();
        // What it said before it died is said.
        lines.for_each(|line| seen.line(&line, &mut boot, &peers));
        process.wait().unwrap();
        seen.boot = seen.boot.max(boot);
    }
    for peer in &peers {
        let accuses = |event: &Event| {
            matches!(event, Event::Equivocation { .. } | Event::MemberQuarantined { .. })
        };
        assert_eq!(peer.host.events().iter().filter(|event| accuses(event)).count(), 0);
    }
    let twice = seen.heard.values().filter(|times| **times > 1).count();
    println!(
        "{rounds} kills: {} frames, no nonce among them twice; {} votes, none contradicted; \
         {} deliveries to its peers, {} to it, {twice} of them twice, though {played} packets were played \
         again; boot {}, {:?}",
        seen.frames.len(),
        seen.ballots.len(),
        seen.delivered,
        seen.heard.len(),
        seen.boot,
        seen.acknowledged,
    );
    assert_eq!(twice, 0);
    assert!(!seen.heard.is_empty() && played > rounds as usize);
    assert!(seen.frames.len() >= rounds as usize && seen.delivered > 0);
    assert!(seen.boot >= rounds / 2, "most lives got to speak");
}

#[test]
fn three_kills_reuse_no_nonce() {
    rounds(3);
}

#[test]
#[ignore = "takes minutes; .ci/run runs 20 rounds"]
fn two_hundred_kills_reuse_no_nonce() {
    let wanted = env::var("MESHWARD_KILL_ROUNDS").map(|rounds| rounds.parse().unwrap());
    rounds(wanted.unwrap_or(200));
}
