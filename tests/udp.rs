//! Whole nodes over real UDP sockets on loopback, in datagrams for an MTU of 1280, through a relay that loses
//! some of them and delivers others late, so that they overtake each other.
//!
//! `cargo test --test udp -- --nocapture` prints what got through.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use meshward::wire::{MAX_BODY_LEN, Packet};
use meshward::{
    Accepted, Config, Fragmenter, Millis, QuorumConfig, Reassembler, ReassemblyConfig, Suite,
};
use support::{Mesh, id, link};

const NODES: usize = 4;
/// What UDP over IPv6 carries at its least MTU.
const MTU_1280: usize = 1_232;
/// From whom and to whom: the envelope.
const ENVELOPE: usize = 2;
/// Of a thousand datagrams that are not lost, so many are late.
const LATE: u64 = 150;
const BEACON_MS: u64 = 250;
const START: u64 = 1_000_000;

/// Carries datagrams from socket to socket.
struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Loses so many of a thousand.
    fn start(nodes: Vec<SocketAddr>, loss: u64, seed: u64) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count) = (stop.clone(), lost.clone());
        let thread = thread::spawn(move || {
            let mut dice = seed;
            // xorshift64 (Marsaglia 2003).
            let mut roll = |sides: u64| {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                dice % sides
            };
            let mut late: Vec<(Instant, Vec<u8>)> = Vec::new();
            let mut buffer = [0; 2_048];
            while !stopped.load(Ordering::Relaxed) {
                let send = |bytes: &[u8]| {
                    let _lost = socket.send_to(bytes, nodes[usize::from(bytes[1])]);
                };
                if let Ok((len, _)) = socket.recv_from(&mut buffer) {
                    assert!(len <= MTU_1280, "a datagram of {len} bytes");
                    if roll(1_000) < loss {
                        count.fetch_add(1, Ordering::Relaxed);
                    } else if roll(1_000) < LATE {
                        let due = Instant::now() + Duration::from_millis(1 + roll(20));
                        late.push((due, buffer[..len].to_vec()));
                    } else {
                        send(&buffer[..len]);
                    }
                }
                let now = Instant::now();
                late.extract_if(.., |(due, _)| *due <= now).for_each(|(_, bytes)| send(&bytes));
            }
        });
        Self { address, stop, lost, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(
            thread::panicking() || ended.is_some_and(|end| end.is_ok()),
            "the relay broke down"
        );
    }
}

/// A mesh whose nodes speak through the relay, in real time.
struct Udp {
    mesh: Mesh,
    sockets: Vec<UdpSocket>,
    fragmenter: Fragmenter,
    reassemblers: Vec<Reassembler>,
    relay: Relay,
    started: Instant,
    beats: u64,
    datagrams: u64,
    /// Frames that were sent and that became whole, by the number of their pieces: each once a link.
    sent: BTreeMap<usize, u64>,
    whole: BTreeMap<usize, u64>,
}

impl Udp {
    /// Of a thousand datagrams `loss` are lost.
    fn new(suite: Suite, loss: u64) -> Self {
        let quorum =
            QuorumConfig { suspicion_ms: 2_000, resend_ms: 500, ..QuorumConfig::default() };
        let mesh = Mesh::with(suite, NODES, Config { quorum, ..Config::default() });
        let sockets = [(); NODES].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap());
        let relay = Relay::start(addresses.collect(), loss, 0x9e37_79b9_7f4a_7c15);
        for socket in &sockets {
            socket.set_nonblocking(true).unwrap();
            socket.connect(relay.address).unwrap();
        }
        let config = ReassemblyConfig::of(NODES, NODES - 1);
        Self {
            mesh,
            sockets: sockets.into(),
            fragmenter: Fragmenter::new(MTU_1280 - ENVELOPE).unwrap(),
            reassemblers: (0..NODES).map(|_| Reassembler::new(config.clone()).unwrap()).collect(),
            relay,
            started: Instant::now(),
            beats: 0,
            datagrams: 0,
            sent: BTreeMap::new(),
            whole: BTreeMap::new(),
        }
    }

    /// Runs until `done`, at most for `most_ms`. Tells whether it was done.
    fn run(&mut self, most_ms: u64, done: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + Duration::from_millis(most_ms);
        while Instant::now() < end {
            let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap();
            self.mesh.now = Millis(START + elapsed);
            let due = elapsed / BEACON_MS > self.beats;
            self.beats = elapsed / BEACON_MS;
            for place in
                (0..NODES).filter(|place| !self.mesh.nodes[*place].down).collect::<Vec<_>>()
            {
                if due {
                    self.mesh.guard(place).sign_beacon(&[7; 200], self.mesh.now).unwrap();
                    self.mesh.guard(place).tick(self.mesh.now).unwrap();
                }
                self.receive(place);
                self.send(place);
            }
            if done(self) {
                return true;
            }
            thread::sleep(Duration::from_millis(1));
        }
        false
    }

    fn receive(&mut self, place: usize) {
        let mut buffer = [0; 2_048];
        while let Ok(len) = self.sockets[place].recv(&mut buffer) {
            let from = link(usize::from(buffer[0]));
            let datagram = &buffer[ENVELOPE..len];
            let taken = self.reassemblers[place].take(from, datagram, self.mesh.now).unwrap();
            let Some(packet) = taken else { continue };
            if let Ok(Packet::Frame(_)) = Packet::parse(&packet) {
                *self.whole.entry(pieces(&self.fragmenter, &packet)).or_default() += 1;
            }
            if let Ok(Accepted::Message(message)) = self.mesh.give(place, from, &packet) {
                self.reassemblers[place].was_of_use(from, self.mesh.now);
                self.mesh.nodes[place].inbox.push(message);
            }
            self.send(place);
        }
    }

    fn send(&mut self, place: usize) {
        for (packet, except) in self.mesh.nodes[place].host.sent() {
            for to in (0..NODES).filter(|to| *to != place && except != Some(link(*to))) {
                self.send_to(place, to, &packet);
            }
        }
        let replies = std::mem::take(&mut *self.mesh.nodes[place].host.replies.lock());
        for (over, packet) in replies {
            self.send_to(place, usize::try_from(over.id().0).unwrap(), &packet);
        }
    }

    fn send_to(&mut self, from: usize, to: usize, packet: &[u8]) {
        let is_heard = !self.mesh.nodes[to].down;
        let datagrams = self.fragmenter.split(packet).unwrap();
        if let (Ok(Packet::Frame(_)), true) = (Packet::parse(packet), is_heard) {
            *self.sent.entry(datagrams.len()).or_default() += 1;
        }
        for datagram in datagrams {
            let envelope = [from, to].map(|place| u8::try_from(place).unwrap());
            self.sockets[from].send(&[envelope.as_slice(), &datagram].concat()).unwrap();
            self.datagrams += 1;
        }
    }
}

fn pieces(fragmenter: &Fragmenter, packet: &[u8]) -> usize {
    assert!(packet.len() <= MAX_BODY_LEN);
    fragmenter.split(packet).unwrap().len()
}

/// Over one link a frame of *p* datagrams gets through with (1 − loss)^p, neither more seldom nor, for pieces that
/// are not its own, more often.
fn assert_links_bring(udp: &Udp, loss: f64) {
    let lost = udp.relay.lost.load(Ordering::Relaxed) as f64 / udp.datagrams as f64;
    println!("{} datagrams, {:.1} % lost", udp.datagrams, lost * 100.0);
    assert!((lost - loss).abs() < 0.4 * loss + 0.001, "{lost} of {loss}");
    for (pieces, sent) in udp.sent.iter().filter(|(_, sent)| **sent >= 200) {
        let whole = udp.whole.get(pieces).copied().unwrap_or(0);
        let rate = whole as f64 / *sent as f64;
        let expected = (1.0 - loss).powi(i32::try_from(*pieces).unwrap());
        println!("{whole} of {sent} frames of {pieces} pieces, {rate:.3} ({expected:.3})");
        // Five standard deviations, and what is on its way.
        let spread = (expected * (1.0 - expected) / *sent as f64).sqrt();
        assert!((rate - expected).abs() < 5.0 * spread + 0.01, "{rate} {expected}");
    }
}

/// Which share of the beacons of each node each other one heard, by whatever path.
fn heard(udp: &Udp) -> Vec<f64> {
    let pairs = (0..NODES).flat_map(|at| (0..NODES).map(move |of| (at, of)));
    let pairs = pairs.filter(|(at, of)| at != of);
    let of = |(at, of): (usize, usize)| {
        let inbox = udp.mesh.nodes[at].inbox.iter();
        inbox.filter(|one| one.origin == id(of)).count() as f64 / udp.beats as f64
    };
    let shares: Vec<_> = pairs.map(of).collect();
    println!("{:.3} of all beacons heard over all paths", mean(&shares));
    shares
}

fn mean(shares: &[f64]) -> f64 {
    shares.iter().sum::<f64>() / shares.len() as f64
}

/// What gets through where nothing is lost, and where a fifth is.
#[test]
fn what_is_lost_is_what_the_links_lose() {
    let suite = Suite::available().next().unwrap();
    for (loss, least) in [(0, 0.97), (200, 0.4)] {
        let mut udp = Udp::new(suite, loss);
        udp.run(6_000, |_| false);
        assert_links_bring(&udp, loss as f64 / 1_000.0);
        let heard = heard(&udp);
        assert!(mean(&heard) >= least, "{heard:?}");
    }
}

/// Promises P6 and P7 at an MTU of 1280 and 5 % loss. Over three paths nearly all frames get through. Nobody is taken for dead but who is, and that is certified by all others.
#[test]
fn beacons_and_failures_get_through_in_small_datagrams_with_loss() {
    for suite in Suite::available() {
        let mut udp = Udp::new(suite, 50);
        udp.run(6_000, |_| false);
        assert_links_bring(&udp, 0.05);
        assert!(udp.sent.iter().any(|(pieces, sent)| *pieces >= 3 && *sent >= 200));
        let heard = heard(&udp);
        // One in fifty is lost on every path of one or two links.
        assert!(heard.iter().all(|share| *share >= 0.75), "{heard:?}");
        assert!(mean(&heard) >= 0.94, "{heard:?}");
        for (at, of) in (0..NODES).flat_map(|at| (0..NODES).map(move |of| (at, of))) {
            assert!(!udp.mesh.certified(at, of), "{of} at {at}");
        }
        udp.mesh.nodes[3].down = true;
        let dead = Instant::now();
        let certified = udp.run(15_000, |udp| (0..3).all(|at| udp.mesh.certified(at, 3)));
        println!("{suite}: certified by all others after {} ms", dead.elapsed().as_millis());
        assert!(certified);
        for (at, of) in (0..3).flat_map(|at| (0..3).map(move |of| (at, of))) {
            assert!(!udp.mesh.certified(at, of), "{of} at {at}");
            let full = meshward::reputation::Reputation::FULL;
            let by_link = udp.mesh.guard(at).core().link_reputation(link(of).id(), udp.mesh.now);
            assert_eq!(by_link, full, "the link of {of} at {at}");
        }
        let most = ReassemblyConfig::of(NODES, NODES - 1).most_bytes();
        assert!(udp.reassemblers.iter().all(|one| one.unfinished_bytes() <= most));
    }
}
