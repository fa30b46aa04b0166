//! Promise P5, measured: an allocator that counts shows what one node holds on the heap, before,
//! during and after floods of everything that an attacker can invent.
//!
//! `cargo test --test memory -- --nocapture` prints the curves; with `--release` and `--ignored` the
//! same floods run ten and a hundred times as long.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use meshward::gossip::GossipConfig;
use meshward::limit::Rate;
use meshward::wire::{Container, HEADER_LEN, Header, Kind, Packet, Tag};
use meshward::{
    Accepted, Config, CriticalEvent, Digest, Fragmenter, Link, LinkId, NodeId, Nonce, Reassembler,
    ReassemblyConfig, Refusal, SentAt, Suite,
};
use parking_lot::Mutex;
use peak_alloc::PeakAlloc;
use support::{Liar, Mesh, link, with_signature};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The heap is one for the whole process, so tests that measure it take turns.
static ALONE: Mutex<()> = Mutex::new(());

const KIB: usize = 1024;

/// Once its tables are full, what a node holds may grow by so much: the trees they are kept in are not
/// always equally dense, and the test harness needs a little, too. A flood goes on for nine times as
/// many packets as it took to fill them, so a single byte kept of each would show.
const fn slack(held: usize) -> usize {
    8 * KIB + held / 16
}

/// What a node holds when 0, 10, 20 … 100 % of a flood have come, in bytes.
struct Curve {
    held: [usize; 11],
    /// The most that was allocated at any moment beyond what was held at its end.
    peak: usize,
}

impl Curve {
    /// Sends node 0 of a mesh the packets 0 to `count`, and takes the node apart in the end: what
    /// that sets free is what it held. What it wants sent, and tells its host, is dropped.
    fn of(mut mesh: Mesh, count: u32, mut packet: impl FnMut(&mut Mesh, u32)) -> Self {
        HEAP.reset_peak_usage();
        let mut used = [HEAP.current_usage(); 11];
        for tenth in 1..=10 {
            for number in count / 10 * (tenth - 1)..count / 10 * tenth {
                packet(&mut mesh, number);
                forget(&mesh);
            }
            mesh.guard(0).tick(mesh.now).unwrap();
            forget(&mesh);
            used[tenth as usize] = HEAP.current_usage();
        }
        let peak = HEAP.peak_usage() - used[10];
        let before = HEAP.current_usage();
        drop(mesh.nodes.remove(0));
        let node = before - HEAP.current_usage();
        // Without the node, so much would have been in use.
        let others = used[10] - node;
        // Less than nothing only where something leaked, which is what the curve then shows.
        Self { held: used.map(|used| used.saturating_sub(others)), peak }
    }

    fn assert_flat(&self, name: &str, suite: Suite, config: &Config) {
        let most = most(config);
        let curve: Vec<_> = self.held.iter().map(|held| (held / KIB).to_string()).collect();
        println!("{name}, {suite}: {} KiB, of at most {}", curve.join(" "), most / KIB);
        for held in &self.held[2..] {
            assert!(
                *held <= self.held[1] + slack(self.held[1]),
                "{name}, {suite}: {:?}",
                self.held
            );
        }
        assert!(self.held[10] <= most, "{name}, {suite}: {} of {most}", self.held[10]);
        assert!(self.peak <= 256 * KIB, "{name}, {suite}: {} at once", self.peak);
    }
}

const MEMBERS: usize = 4;

/// What a node of a mesh of four may hold, from the numbers that its configuration states: the docs
/// of each say what a place costs.
fn most(config: &Config) -> usize {
    let Config { gossip, quorum, prepared_keys, .. } = config;
    // A place, a newcomer and a record of offences for each proven link; pairs.
    let links = gossip.links * 3 * 250 + gossip.claimed_pairs * 250;
    let statements = quorum.slots_per_member * 12 * KIB;
    // A member's state, the tree around its retained headers, and its two statements on failures.
    let member = 8 * KIB + gossip.retained_bytes * 5 / 4 + statements + 2 * 12 * KIB;
    let keys = prepared_keys.min(&(2 * MEMBERS)) * 44 * KIB;
    links + MEMBERS * member + keys + 128 * KIB
}

/// A name or digest that nobody has.
fn invented(number: u32) -> [u8; 32] {
    let mut bytes = [0xee; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// A packet that its receiver takes.
fn give(mesh: &Mesh, over: Link, bytes: &[u8]) {
    let taken = mesh.give(0, over, bytes);
    assert!(taken.is_ok(), "{taken:?}");
}

/// Drops what node 0 wants sent and has told its host.
fn forget(mesh: &Mesh) {
    let host = &mesh.nodes[0].host;
    host.sent();
    *host.replies.lock() = Vec::new();
    *host.events.lock() = Vec::new();
}

/// A mesh in which everybody has been heard, and a member and a frame of it.
fn mesh(suite: Suite, config: &Config) -> (Mesh, Liar, Vec<u8>) {
    let mesh = Mesh::with(suite, MEMBERS, config.clone());
    let captured = [1, 2, 3].map(|place| mesh.beacon(place));
    for (place, frame) in (1..).zip(&captured) {
        give(&mesh, link(place), frame);
    }
    let liar = mesh.steal(1);
    let [captured, ..] = captured;
    forget(&mesh);
    (mesh, liar, captured)
}

fn signature(suite: Suite, frame: &[u8]) -> &[u8] {
    &frame[HEADER_LEN..][..suite.signature_len()]
}

/// Frames under names that are nobody's, and under a member's name with keys and epochs that are
/// nobody's, over proven and claimed links.
fn invented_origins(count: u32) {
    let _alone = ALONE.lock();
    for suite in Suite::available() {
        let config = Config::default();
        let (mesh, liar, captured) = mesh(suite, &config);
        let curve = Curve::of(mesh, count, |mesh, number| {
            mesh.now = mesh.now.after(1);
            let mut header = liar.header(Kind::Beacon, Nonce { boot: 7, sequence: number });
            match number % 4 {
                0 | 1 => header.origin = NodeId::from_bytes(invented(number)),
                2 => header.key = Digest::from_bytes(invented(number)),
                _ => header.epoch.operational = number,
            }
            let frame = with_signature(header, signature(suite, &captured), b"who am I");
            let over = [link(2), Link::Claimed(LinkId(9))][number as usize % 2];
            let refusal = mesh.give(0, over, &frame).unwrap_err();
            let expected =
                matches!(refusal, Refusal::UnknownOrigin(_) | Refusal::UnknownKey { .. });
            assert!(expected, "{refusal}");
        });
        curve.assert_flat("invented origins and keys", suite, &config);
    }
}

/// Links that never came before, by turns proven and claimed. Each brings a frame with a signature
/// that does not hold, a captured one, and bytes that are no packet.
fn invented_links(count: u32) {
    let _alone = ALONE.lock();
    for suite in Suite::available() {
        let rate = Rate { per_second: 20, burst: 40 };
        let gossip = GossipConfig {
            newcomer_checks: rate,
            claimed_checks: rate,
            // Fewer than come in the first tenth.
            links: 2_048,
            ..GossipConfig::default()
        };
        let config = Config { gossip, ..Config::default() };
        let (mesh, liar, captured) = mesh(suite, &config);
        let curve = Curve::of(mesh, count, |mesh, number| {
            mesh.now = mesh.now.after(1);
            let id = LinkId(u64::from(number.wrapping_mul(0x9e37_79b1)) + 1_000);
            let over = if number % 2 == 0 { Link::Proven(id) } else { Link::Claimed(id) };
            let header = liar.header(Kind::Beacon, Nonce { boot: 7, sequence: number });
            let junk = with_signature(header, signature(suite, &captured), b"junk");
            for packet in [&junk, &captured, &vec![1; 200]] {
                let _refused = mesh.give(0, over, packet).unwrap_err();
            }
        });
        curve.assert_flat("invented links", suite, &config);
    }
}

/// Claimed links at each of which somebody answers, so that all earn a part of their own by turns;
/// and for each an echo that was made up.
fn echoed_cookies(count: u32) {
    let _alone = ALONE.lock();
    for suite in Suite::available() {
        let rate = Rate { per_second: 1, burst: 1 };
        let gossip = GossipConfig { claimed_checks: rate, ..GossipConfig::default() };
        let config = Config { gossip, ..Config::default() };
        let (mesh, liar, captured) = mesh(suite, &config);
        let curve = Curve::of(mesh, count, |mesh, number| {
            mesh.now = mesh.now.after(2);
            let over = Link::Claimed(LinkId(u64::from(number) + 1_000));
            let header = liar.header(Kind::Beacon, Nonce { boot: 7, sequence: number });
            let junk = with_signature(header, signature(suite, &captured), b"junk");
            let _refused = mesh.give(0, over, &junk).unwrap_err();
            let asked = mesh.nodes[0].host.replies.lock().pop();
            if let Some((_, cookie)) = asked {
                let Packet::Cookie(cookie) = Packet::parse(&cookie).unwrap() else {
                    panic!("a cookie");
                };
                let mut payload = cookie.payload().to_vec();
                let echo = Container::to_bytes(Tag::CookieEcho, cookie.mesh(), &payload);
                assert!(matches!(mesh.give(0, over, &echo), Ok(Accepted::CookieEcho(_))));
                *payload.last_mut().unwrap() ^= 1;
                let forged = Container::to_bytes(Tag::CookieEcho, cookie.mesh(), &payload);
                assert_eq!(mesh.give(0, over, &forged).unwrap_err(), Refusal::BadCookie);
            }
        });
        curve.assert_flat("echoed cookies", suite, &config);
    }
}

/// Frames that are all taken, ten a second. Each is signed, which takes most of the time, so most are
/// of the faster suite: what is held of a frame is as long in both.
fn accepted_frames(suite: Suite, count: u32) {
    let _alone = ALONE.lock();
    let config = Config::default();
    let (mesh, liar, _) = mesh(suite, &config);
    let curve = Curve::of(mesh, count, |mesh, number| {
        mesh.now = mesh.now.after(100);
        let header = Header {
            sent_at: SentAt(u64::from(number) * 100),
            ..liar.header(Kind::Beacon, Nonce { boot: 7, sequence: number })
        };
        give(mesh, link(1), &liar.frame(header, b"all is well here"));
    });
    curve.assert_flat("accepted frames", suite, &config);
}

/// One member's statements on matters that it makes up, ten a second.
fn invented_events(suite: Suite, count: u32) {
    let _alone = ALONE.lock();
    let config = Config::default();
    let (mesh, liar, _) = mesh(suite, &config);
    let curve = Curve::of(mesh, count, |mesh, number| {
        mesh.now = mesh.now.after(100);
        let topic = Digest::from_bytes(invented(number));
        let event = CriticalEvent::GovernanceProposal {
            topic,
            sequence: u64::from(number),
            content: topic,
        };
        give(mesh, link(1), &liar.attest(&event));
    });
    curve.assert_flat("invented events", suite, &config);
}

#[test]
fn p05_a_hundred_thousand_invented_origins_leave_memory_flat() {
    invented_origins(100_000);
}

#[test]
fn p05_a_hundred_thousand_invented_links_leave_memory_flat() {
    invented_links(100_000);
}

#[test]
fn p05_cookies_echoed_over_a_hundred_thousand_links_leave_memory_flat() {
    echoed_cookies(100_000);
}

#[test]
fn p05_accepted_frames_leave_memory_flat() {
    for suite in Suite::available() {
        let count = if suite == Suite::Dilithium3 { 20_000 } else { 2_000 };
        accepted_frames(suite, count);
    }
}

#[test]
fn p05_invented_events_leave_memory_flat() {
    for suite in Suite::available() {
        invented_events(suite, 2_000);
    }
}

#[test]
#[ignore = "minutes; run it by name, in release"]
fn p05_a_million_invented_origins_leave_memory_flat() {
    invented_origins(1_000_000);
}

#[test]
#[ignore = "minutes; run it by name, in release"]
fn p05_a_million_invented_links_leave_memory_flat() {
    invented_links(1_000_000);
}

#[test]
#[ignore = "a minute; run it by name, in release"]
fn p05_a_hundred_thousand_accepted_frames_leave_memory_flat() {
    accepted_frames(Suite::available().next().unwrap(), 100_000);
}

#[test]
#[ignore = "many minutes; run it by name, in release"]
fn p05_a_million_accepted_frames_leave_memory_flat() {
    accepted_frames(Suite::available().next().unwrap(), 1_000_000);
}

/// What a node holds in a mesh of so many that it has heard under two keys each, in bytes; without
/// its disk, with room for one expanded key, and without retained headers in the ring. And the bytes of
/// the rotations that it keeps of them, for who joins later.
fn held_with(suite: Suite, members: usize) -> (usize, usize) {
    let gossip = GossipConfig { retained_bytes: 0, ..GossipConfig::default() };
    let config = Config { gossip, prepared_keys: 1, ..Config::default() };
    let mut mesh = Mesh::with(suite, members, config);
    let mut rotations = 0;
    for place in 1..members {
        mesh.now = mesh.now.after(100);
        // Over one link, so that what is counted is members.
        give(&mesh, link(1), &mesh.beacon(place));
        mesh.guard(place).rotate_keys(suite, mesh.now).unwrap();
        for (rotation, _) in mesh.nodes[place].host.sent() {
            rotations += if Tag::of(&rotation) == Ok(Tag::Rotation) { rotation.len() } else { 0 };
            let _first_or_copy = mesh.give(0, link(1), &rotation);
        }
        give(&mesh, link(1), &mesh.beacon(place));
        let member = mesh.view.index_of(&mesh.nodes[place].id).unwrap();
        let known = mesh.guard(0).core().directory().current(member).unwrap();
        assert_eq!(known.epoch.operational, 1);
        // What is to be on the disk is there.
        mesh.guard(0).tick(mesh.now).unwrap();
    }
    mesh.now = mesh.now.after(1000);
    mesh.guard(0).tick(mesh.now).unwrap();
    forget(&mesh);
    let node = mesh.nodes.remove(0);
    drop(mesh);
    let _disk = node.disk.clone();
    let before = HEAP.current_usage();
    drop(node);
    (before - HEAP.current_usage(), rotations)
}

/// What a member costs: windows and encoded keys of two epochs, budgets, marks. The signed header that
/// proves its newest mark, one of each member, is a retained header, too, and named apart; so are the
/// rotations by which its keys follow from the one in the view.
#[test]
fn p05_a_member_costs_less_than_8_kib() {
    let _alone = ALONE.lock();
    for suite in Suite::available() {
        let [few, many] = [4, 104].map(|members| held_with(suite, members));
        let [each, rotation] = [(many.0 - few.0) / 100, (many.1 - few.1) / 100];
        let newest = HEADER_LEN + suite.signature_len();
        println!("{suite}: {each} bytes a member, of them {newest} its newest signed header");
        println!("and {rotation} the rotation of its key");
        assert!(each - newest - rotation <= 8 * KIB, "{suite}: {each} bytes a member");
    }
}

/// What unfinished packets cost by the library's own count is at least what they take on the heap.
#[test]
fn p05_unfinished_packets_cost_no_more_than_is_counted() {
    let _alone = ALONE.lock();
    // Packets of two pieces of 256 bytes, and of a hundred, of which all but one came.
    for (length, links) in [(513, 1), (513, u64::MAX), (25_700, 1), (25_700, u64::MAX)] {
        let config = ReassemblyConfig::of(9, 2);
        let (before, fragmenter) = (HEAP.current_usage(), Fragmenter::new(512).unwrap());
        let reassembler = Reassembler::new(config.clone()).unwrap();
        for number in 0..6_000_000 / length as u64 {
            let packet = [&number.to_be_bytes(), vec![1; length - 8].as_slice()].concat();
            for piece in &fragmenter.split(&packet).unwrap()[1..] {
                let link = Link::Claimed(LinkId(number % links));
                assert_eq!(reassembler.take(link, piece, meshward::Millis(number)), Ok(None));
            }
        }
        let (held, counted) = (HEAP.current_usage() - before, reassembler.unfinished_bytes());
        println!("{length} bytes, {links} links: {} KiB, counted {}", held / KIB, counted / KIB);
        assert!(held <= counted + 8 * KIB && counted <= config.most_bytes(), "{held} {counted}");
    }
}
