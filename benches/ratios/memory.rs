//! What a node holds on the heap: for each member, and after floods of what does not exist.

use std::sync::Arc;

use meshward::gossip::GossipConfig;
use meshward::limit::Rate;
use meshward::suite::SigningKey;
use meshward::wire::{HEADER_LEN, Header, Tag};
use meshward::{
    Config, Core, Digest, Identity, Kind, Link, LinkId, MemoryStore, Millis, NodeId, OsEntropy,
    Output, Suite, View,
};

use crate::figures::{Bar, Figures};
use crate::json::Measured;
use crate::mesh::{LINK, Mesh, carry_out, id};
use crate::speaker::at;
use crate::timing::float;
use crate::{HEAP, Outcome};

/// What a flood may leave behind once the first tenth of it has filled the tables, in KiB: these are trees,
/// which are not always equally dense. A single byte kept of each of the links would be more, and of each of
/// the origins ten times as much.
const SLACK_KIB: f64 = 64.0;

pub(crate) fn run(
    suite: Suite,
    keys: &[SigningKey],
    figures: &mut Figures,
    measured: &mut Measured,
) -> Outcome<()> {
    let [few, many] = [held_with(suite, 4)?, held_with(suite, 104)?];
    let all = many.all.saturating_sub(few.all) / 100;
    let rotations = many.rotations.saturating_sub(few.rotations) / 100;
    let newest = HEADER_LEN + suite.signature_len();
    let state = all.saturating_sub(newest + rotations);
    figures.print(suite, "state of a member, bytes", float(state), Bar::Most(8_192.0));
    let name = "the same with its newest signed header and a rotation, bytes";
    figures.print(suite, name, float(all), Bar::None);
    measured.member_bytes = measured.member_bytes.max(state);

    let keys = keys.get(..3).ok_or("too few keys")?;
    let grown = invented_origins(suite, keys, 1_000_000)?;
    let name = "growth by 10^6 invented origins, KiB";
    figures.print(suite, name, grown, Bar::Most(SLACK_KIB));
    let grown = invented_links(suite, keys, 100_000)?;
    let name = "growth by 10^5 invented links, KiB";
    figures.print(suite, name, grown, Bar::Most(SLACK_KIB));
    Ok(())
}

/// What a node holds, and how long the rotations are that it keeps of the others.
struct Held {
    all: usize,
    rotations: usize,
}

/// In a mesh of so many that it has heard under two keys each; without its disk, with room for one expanded
/// key, and without retained headers but the newest of each.
fn held_with(suite: Suite, members: usize) -> Outcome<Held> {
    let stores: Vec<_> = (0..members).map(|_| MemoryStore::new()).collect();
    let mut identities = Vec::new();
    for (place, store) in stores.iter().enumerate() {
        identities.push(Identity::create(store, id(place), suite, &OsEntropy)?);
    }
    let view = identities.iter().map(|identity| identity.member("node")).collect();
    let view = Arc::new(View::genesis(view)?);
    let gossip = GossipConfig { retained_bytes: 0, ..GossipConfig::default() };
    let config = Config { gossip, prepared_keys: 1, ..Config::default() };
    let start = |identity, store: &MemoryStore, now| {
        let (view, entropy) = (Arc::clone(&view), Arc::new(OsEntropy));
        Core::start(config.clone(), view, identity, store, entropy, now)
    };
    let mut nodes = identities.into_iter().zip(&stores).zip(0..);
    let ((identity, disk), _) = nodes.next().ok_or("nobody")?;
    let receiver = start(identity, disk, Millis(0))?;
    let give = |bytes: &[u8], now| {
        let step = receiver.handle_frame(LINK, bytes, now);
        carry_out(&receiver, disk, step.outputs, now);
        step.result.map(drop)
    };
    let (mut rotations, mut now) = (0, Millis(0));
    for ((identity, store), number) in nodes {
        now = at(number);
        let sender = start(identity, store, now)?;
        give(&sender.sign_beacon(b"here", now)?, now)?;
        let outputs = sender.rotate_keys(suite)?.outputs;
        for output in carry_out(&sender, store, outputs, now) {
            if let Output::Send(packet) = output {
                let is_rotation = Tag::of(&packet) == Ok(Tag::Rotation);
                rotations += if is_rotation { packet.len() } else { 0 };
                give(&packet, now)?;
            }
        }
        give(&sender.sign_beacon(b"here", now)?, now)?;
    }
    // What is to be on the disk is there.
    for second in 1..=2 {
        now = now.after(second * 1_000);
        carry_out(&receiver, disk, receiver.tick(now), now);
    }
    drop(view);
    let before = HEAP.current_usage();
    drop(receiver);
    Ok(Held { all: before.saturating_sub(HEAP.current_usage()), rotations })
}

/// How much more a node holds at the end of a flood than after its first tenth, in KiB. It is taken apart, so
/// that nothing counts that others hold.
fn grown(mesh: &Mesh<'_>, count: u32, mut packets: impl FnMut(u32) -> Outcome<()>) -> Outcome<f64> {
    let now = |number: u32| Millis(u64::from(number));
    let mut held = Vec::new();
    for number in 1..=count {
        packets(number)?;
        if number % (count / 10) == 0 {
            mesh.carry_out(mesh.receiver.tick(now(number)), now(number));
            held.push(HEAP.current_usage());
        }
    }
    let most = held.iter().skip(1).max().zip(held.first());
    Ok(most.map_or(f64::NAN, |(most, first)| float(most.saturating_sub(*first)) / 1_024.0))
}

/// A name or digest that nobody has.
fn invented(number: u32) -> [u8; 32] {
    let mut bytes = [0xee; 32];
    let (front, _) = bytes.split_at_mut(4);
    front.copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Writes `header` over that of a frame.
fn relabel(frame: &mut [u8], header: &Header) -> Outcome<()> {
    let front = frame.get_mut(..HEADER_LEN).ok_or("no frame")?;
    front.copy_from_slice(&header.to_bytes()?);
    Ok(())
}

/// Frames under names that are nobody's, and under a member's with keys that are nobody's.
fn invented_origins(suite: Suite, keys: &[SigningKey], count: u32) -> Outcome<f64> {
    let mesh = Mesh::new(suite, keys, Config::default())?;
    let speaker = mesh.speaker(1)?;
    let mut frame = speaker.beacon(1)?;
    mesh.give(LINK, &frame, at(1))?;
    grown(&mesh, count, |number| {
        let mut header = meshward::wire::Frame::parse(&frame)?.header().clone();
        (header.origin, header.key) = (speaker.id(), Digest::from_bytes(invented(number)));
        if number % 2 == 0 {
            header.origin = NodeId::from_bytes(invented(number));
        }
        relabel(&mut frame, &header)?;
        let over = if number % 4 < 2 { LINK } else { Link::Claimed(LinkId(9)) };
        match mesh.give(over, &frame, Millis(u64::from(number))) {
            Err(refusal) if matches!(refusal.reason(), "unknown_origin" | "unknown_key") => Ok(()),
            other => Err(format!("{other:?}").into()),
        }
    })
}

/// Links that never came before, by turns proven and claimed, each with a forged frame, a captured one, and
/// bytes that are no packet.
fn invented_links(suite: Suite, keys: &[SigningKey], count: u32) -> Outcome<f64> {
    // Few checks, which take time and no memory.
    let rate = Rate { per_second: 20, burst: 40 };
    let (newcomer_checks, claimed_checks) = (rate, rate);
    let gossip = GossipConfig { newcomer_checks, claimed_checks, ..GossipConfig::default() };
    let mesh = Mesh::new(suite, keys, Config { gossip, ..Config::default() })?;
    let speaker = mesh.speaker(1)?;
    let captured = speaker.beacon(1)?;
    mesh.give(LINK, &captured, at(1))?;
    let mut forged = mesh.speaker(2)?.seal(speaker.header(Kind::Beacon, 2))?;
    grown(&mesh, count, |number| {
        let id = LinkId(u64::from(number.wrapping_mul(0x9e37_79b1)) + 1_000);
        let over = if number % 2 == 0 { Link::Proven(id) } else { Link::Claimed(id) };
        let mut header = meshward::wire::Frame::parse(&forged)?.header().clone();
        header.nonce.sequence = number.max(2);
        relabel(&mut forged, &header)?;
        for packet in [forged.as_slice(), &captured, &[1; 200]] {
            if mesh.give(over, packet, Millis(u64::from(number))).is_ok() {
                return Err("it was taken".into());
            }
        }
        Ok(())
    })
}
