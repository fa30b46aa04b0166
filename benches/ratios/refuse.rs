//! Frames of 3.6 KiB that are refused, stage by stage, in the order of the stages.

use std::hint::black_box;
use std::sync::Arc;

use meshward::limit::Rate;
use meshward::quorum::{Ballot, Phase};
use meshward::suite::SigningKey;
use meshward::{
    Config, Core, CriticalEvent, Digest, Identity, Kind, Link, LinkId, MemoryStore, MeshId, Millis,
    OsEntropy, Output, Suite, View,
};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::json::Measured;
use crate::mesh::{LINK, Mesh, carry_out, id, unlimited};
use crate::raw::raw;
use crate::speaker::{Speaker, at};
use crate::timing::{compare, each};

const PAIRS: usize = 41;
/// Signature checks, and refusals, in one timing.
const CHECKS: usize = 6;
const REFUSALS: usize = 200;
/// A link that pays for nothing, as it is only claimed.
const ANYBODY: Link = Link::Claimed(LinkId(7));

/// Whether a refusal has to come before the signature check, or takes one; or the key is to be made ready
/// first, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Cheap,
    OneCheck,
    KeyToo,
}

/// A packet that is refused however often it comes.
struct Case<'a> {
    name: &'static str,
    reason: &'static str,
    cost: Cost,
    core: &'a Core,
    link: Link,
    packet: Vec<u8>,
    now: Millis,
}

pub(crate) fn run(
    suite: Suite,
    keys: &[SigningKey],
    figures: &mut Figures,
    measured: &mut Measured,
) -> Outcome<()> {
    let keys = keys.get(..3).ok_or("too few keys")?;
    let mesh = Mesh::new(suite, keys, unlimited(4))?;
    let narrow = Mesh::new(suite, keys, Config::default())?;
    let mut poor = unlimited(4);
    poor.gossip.claimed_checks = Rate { per_second: 1, burst: 1 };
    let poor = Mesh::new(suite, keys, poor)?;
    let rotated = Rotated::new(suite)?;
    let mut cases = by_form(&mesh)?;
    cases.extend(by_budget(&narrow, &poor)?);
    cases.extend(by_origin(&mesh)?);
    cases.push(rotated.case());
    let late = Mesh::new(suite, keys, unlimited(4))?;
    cases.extend(after_the_check(&late)?);

    let speaker = mesh.speaker(1)?;
    let key = [speaker.raw_key()?];
    let numbers = 3_001..=3_000 + CHECKS as u32;
    let checked: Vec<_> =
        numbers.map(|number| speaker.long_beacon(number)).collect::<Result<_, _>>()?;
    for case in cases {
        let Case { name, reason, cost, .. } = case;
        let count = if cost == Cost::Cheap { REFUSALS } else { CHECKS };
        let work = |_| each(0..count, |_| case.refuse());
        let compared = compare(PAIRS, work, |_| raw(&key, &checked))?;
        let over = format!("refuse {name}, over a raw check");
        let most = match cost {
            Cost::Cheap => Bar::Most(1.0 / 30.0),
            Cost::OneCheck => Bar::Most(1.05),
            Cost::KeyToo => Bar::None,
        };
        figures.print(suite, &over, compared.ratio, most);
        if cost != Cost::Cheap {
            continue;
        }
        figures.print(suite, &format!("refuse {name}, ns"), compared.work, Bar::Most(1_000.0));
        if reason == "duplicate" {
            measured.of(suite).duplicate_us = compared.work / 1e3;
        }
    }
    Ok(())
}

impl Case<'_> {
    fn refuse(&self) -> Outcome<()> {
        let step = black_box(self.core.handle_frame(self.link, &self.packet, self.now));
        match step.result {
            Err(refusal) if refusal.reason() == self.reason => Ok(()),
            other => Err(format!("{}: {other:?}", self.name).into()),
        }
    }
}

/// Gives `mesh` what `packet` makes, until one is refused for `reason`, and tells which.
fn until(
    reason: &str,
    (mesh, link, now): (&Mesh<'_>, Link, Millis),
    mut packet: impl FnMut(u32) -> Outcome<Vec<u8>>,
) -> Outcome<Vec<u8>> {
    for number in 1..=200_000 {
        let packet = packet(number)?;
        if mesh.give(link, &packet, now).is_err_and(|refusal| refusal.reason() == reason) {
            return Ok(packet);
        }
    }
    Err(format!("never refused for {reason}").into())
}

/// What shows at the first look, and what needs no more than to know who the members are.
fn by_form<'a>(mesh: &'a Mesh<'_>) -> Outcome<Vec<Case<'a>>> {
    let (speaker, now) = (mesh.speaker(3)?, at(1));
    let case = |name, reason, packet| {
        let (core, link, cost) = (&mesh.receiver, ANYBODY, Cost::Cheap);
        Case { name, reason, cost, core, link, packet, now }
    };
    let whole = speaker.long_beacon(1)?;
    let (_, short) = whole.split_last().ok_or("empty")?;
    let mut spoiled = whole.clone();
    spoiled.iter_mut().next_back().into_iter().for_each(|last| *last ^= 1);
    let mut header = speaker.header(Kind::Beacon, 1);
    header.mesh = MeshId::from_bytes([9; 32]);
    let elsewhere = speaker.seal(header.clone())?;
    (header.mesh, header.origin) = (mesh.view.mesh(), id(9_999));
    let stranger = speaker.seal(header.clone())?;
    (header.origin, header.key) = (speaker.id(), Digest::from_bytes([9; 32]));
    let forged = speaker.seal(header)?;
    Ok(vec![
        case("what is malformed", "malformed", short.to_vec()),
        case("what is of another mesh", "other_mesh", elsewhere),
        case("what is of no member", "unknown_origin", stranger),
        case("what is under an unknown key", "unknown_key", forged),
        case("what has another body", "body_mismatch", spoiled),
    ])
}

/// A link in quarantine; one over its budget of packets, and of checks.
fn by_budget<'a>(narrow: &'a Mesh<'_>, poor: &'a Mesh<'_>) -> Outcome<Vec<Case<'a>>> {
    let now = at(1);
    let vouched = Link::Proven(LinkId(66));
    until("link_quarantined", (narrow, vouched, now), |_| Ok(vec![1; 200]))?;
    let fresh = narrow.speaker(3)?.long_beacon(1)?;
    until("link_budget", (narrow, ANYBODY, now), |_| Ok(vec![1; 200]))?;
    let of_poor = poor.speaker(3)?;
    let (header, fresh_too) = (of_poor.header(Kind::Beacon, 1), of_poor.long_beacon(1)?);
    let by_another = poor.speaker(2)?.seal(header)?;
    until("check_budget", (poor, ANYBODY, now), |_| Ok(by_another.clone()))?;
    let case = |name, reason, mesh: &'a Mesh<'_>, link, packet: &Vec<u8>| Case {
        name,
        reason,
        cost: Cost::Cheap,
        core: &mesh.receiver,
        link,
        packet: packet.clone(),
        now,
    };
    Ok(vec![
        case("over a link in quarantine", "link_quarantined", narrow, vouched, &fresh),
        case("over the link's packets", "link_budget", narrow, ANYBODY, &fresh),
        case("over the link's checks", "check_budget", poor, ANYBODY, &fresh_too),
    ])
}

/// What was taken before, and what its origin is not heard with any more.
fn by_origin<'a>(mesh: &'a Mesh<'_>) -> Outcome<Vec<Case<'a>>> {
    let now = at(2_000);
    let case = |name, reason, packet| {
        let (core, link, cost) = (&mesh.receiver, LINK, Cost::Cheap);
        Case { name, reason, cost, core, link, packet, now }
    };
    let speaker = mesh.speaker(1)?;
    let (old, new) = (speaker.long_beacon(1)?, speaker.long_beacon(2_000)?);
    mesh.give(LINK, &old, at(1))?;
    mesh.give(LINK, &new, now)?;
    let two_faced = mesh.speaker(2)?;
    mesh.give(LINK, &two_faced.long_beacon(1)?, now)?;
    let other = two_faced.seal(two_faced.header(Kind::RouteUpdate, 1))?;
    let _equivocation = mesh.give(LINK, &other, now);
    let muted = two_faced.seal(two_faced.header(Kind::RouteUpdate, 2))?;
    let talker = mesh.speaker(3)?;
    let over = until("attestor_rate", (mesh, LINK, now), |number| vote(&talker, number))?;
    Ok(vec![
        case("a duplicate", "duplicate", new),
        case("what is below the window", "replay", old),
        case("an origin in quarantine", "origin_quarantined", muted),
        case("a vote over its origin's rate", "attestor_rate", over),
    ])
}

/// A vote on a topic of its own.
fn vote(speaker: &Speaker<'_>, number: u32) -> Outcome<Vec<u8>> {
    let mut topic = [5; 32];
    let (front, _) = topic.split_at_mut(4);
    front.copy_from_slice(&number.to_be_bytes());
    let topic = Digest::from_bytes(topic);
    let event = CriticalEvent::GovernanceProposal { topic, sequence: 1, content: topic };
    let ballot = Ballot::for_event(&event, 0, Phase::Prevote).ok_or("not exclusive")?;
    speaker.vote(&ballot, number)
}

/// What cannot be told without the check: who signed, and what an origin itself is to blame for.
fn after_the_check<'a>(mesh: &'a Mesh<'_>) -> Outcome<Vec<Case<'a>>> {
    let (speaker, now) = (mesh.speaker(1)?, at(2_000));
    let case = |name, reason, packet| {
        let (core, link, cost) = (&mesh.receiver, ANYBODY, Cost::OneCheck);
        Case { name, reason, cost, core, link, packet, now }
    };
    // Its key is ready, as it is of who was heard lately.
    mesh.give(LINK, &speaker.long_beacon(1)?, at(1))?;
    let unheard = mesh.speaker(2)?;
    let unheard = mesh.speaker(3)?.seal(unheard.header(Kind::Beacon, 1))?;
    let header = speaker.header(Kind::Beacon, 2_001);
    let forged = mesh.speaker(3)?.seal(header)?;
    // Said in time, and arriving all at once.
    let saved_up = mesh.speaker(3)?;
    let early = until("origin_rate", (mesh, LINK, now), |number| saved_up.long_beacon(number))?;
    Ok(vec![
        case("a bad signature", "bad_signature", forged),
        Case {
            cost: Cost::KeyToo,
            ..case("one under a key that nothing came under yet", "bad_signature", unheard)
        },
        case("what was said in time and comes at once", "origin_rate", early),
    ])
}

/// A node that knows of a rotation, and a frame from before it.
struct Rotated {
    receiver: Core,
    before: Vec<u8>,
}

impl Rotated {
    fn new(suite: Suite) -> Outcome<Self> {
        let stores = [MemoryStore::new(), MemoryStore::new()];
        let identities = (0..).zip(&stores);
        let identities: Vec<_> = identities
            .map(|(place, store)| Identity::create(store, id(place), suite, &OsEntropy))
            .collect::<Result<_, _>>()?;
        let members = identities.iter().map(|identity| identity.member("")).collect();
        let view = Arc::new(View::genesis(members)?);
        let config = Config { grace_ms: 0, ..unlimited(2) };
        let mut cores = Vec::new();
        for (identity, store) in identities.into_iter().zip(&stores) {
            let (view, entropy) = (Arc::clone(&view), Arc::new(OsEntropy));
            cores.push(Core::start(config.clone(), view, identity, store, entropy, Millis(0))?);
        }
        let [here, there] = stores;
        let sender = cores.pop().ok_or("no sender")?;
        let receiver = cores.pop().ok_or("no receiver")?;
        let before = sender.sign_beacon(&[7; 208], at(1))?;
        let outputs = sender.rotate_keys(suite)?.outputs;
        for output in carry_out(&sender, &there, outputs, at(2)) {
            if let Output::Send(rotation) = output {
                let step = receiver.handle_frame(LINK, &rotation, at(3));
                step.result?;
                carry_out(&receiver, &here, step.outputs, at(3));
            }
        }
        Ok(Self { receiver, before })
    }

    fn case(&self) -> Case<'_> {
        Case {
            name: "what is of an old key epoch",
            reason: "unknown_key",
            cost: Cost::Cheap,
            core: &self.receiver,
            link: LINK,
            packet: self.before.clone(),
            now: at(4),
        }
    }
}
