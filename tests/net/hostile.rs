//! A stranger: no member, wired to several nodes, each of which knows its cable for what it is. It plays what
//! it hears over one cable into the others, alters it, sends garbage, and puts the numbers of neighbours
//! in front.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use meshward::Link;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::envelope::ENVELOPE_LEN;
use crate::plan::{DATAGRAM_LEN, Setup};
use crate::said::{Said, end_with_parent, say};
use crate::wires::Wires;

pub(crate) const HOSTILE: &str = "MESHWARD_TEST_NET_HOSTILE";

/// Of each kind, over each cable, in each volley.
const VOLLEY: usize = 5;
const VOLLEY_MS: u64 = 10;
/// Datagrams that it keeps.
const KEPT: usize = 256;

/// Does nothing unless a test started it.
#[test]
fn hostile_process() {
    let Some(directory) = std::env::var_os(HOSTILE) else { return };
    thread::spawn(end_with_parent);
    let setup = std::fs::read(Path::new(&directory).join("setup")).unwrap();
    let setup: Setup = serde_json::from_slice(&setup).unwrap();
    let members = u8::try_from(setup.ids.len()).unwrap();
    let wires = Wires::open(setup);
    let mut random = StdRng::seed_from_u64(6);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut buffer = [0; 2_048];
    let (mut garbage, mut replayed, mut spoiled, mut spoofed) = (0, 0, 0, 0);
    let mut said = Instant::now();
    say(&Said::Ready);
    loop {
        for wire in &wires.wires {
            while let Some((Link::Proven(_), payload)) = wire.receive(&mut buffer) {
                let place = random.random_range(0..KEPT);
                match kept.get_mut(place) {
                    Some(old) => *old = payload.to_vec(),
                    None => kept.push(payload.to_vec()),
                }
            }
        }
        for wire in &wires.wires {
            for _ in 0..VOLLEY {
                let mut bytes = vec![0; random.random_range(1..DATAGRAM_LEN - ENVELOPE_LEN)];
                random.fill_bytes(&mut bytes);
                // Half of it begins as the library's packets do: version and tag.
                if let [version @ 0..128, tag, ..] = bytes.as_mut_slice() {
                    (*version, *tag) = (1, *tag % 16);
                }
                wires.send_one(wire, &bytes);
                garbage += 1;
                let Some(old) = kept.get(random.random_range(0..kept.len().max(1))) else {
                    continue;
                };
                wires.send_one(wire, old);
                replayed += 1;
                let mut altered = old.clone();
                let place = random.random_range(0..altered.len());
                altered[place] ^= 1;
                wires.send_one(wire, &altered);
                spoiled += 1;
                let envelope = [random.random_range(0..members); ENVELOPE_LEN];
                for payload in [&bytes, old, &altered] {
                    wire.send_bare(&[&envelope, payload.as_slice()].concat());
                }
                spoofed += 3;
            }
        }
        if said.elapsed() > Duration::from_millis(500) {
            said = Instant::now();
            say(&Said::Sent { garbage, replayed, spoiled, spoofed });
        }
        thread::sleep(Duration::from_millis(VOLLEY_MS));
    }
}
