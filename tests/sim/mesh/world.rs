//! The mesh, its air and its time: one step after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshward::wire::{Packet, Tag};
use meshward::{Config, CriticalEvent, Mark, Millis, NodeId, Suite, View};

use super::air::{Air, Fault, Hop, What};
use super::dice::Dice;
use super::hostile::{Hands, Hostile, Keys, Kind};
use super::node::{Node, TICK_MS, id, stranger};
use super::peer::{Heard, Peer, Sent, Sort, Told};
use super::silences::{Silences, life_shown};
use super::topology::reached;

/// What a world is made of.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) sort: Sort,
    pub(crate) suite: Suite,
    pub(crate) config: Config,
    /// So many of the nodes are members, the first ones. Others only have links.
    pub(crate) members: usize,
    pub(crate) neighbours: Vec<Vec<usize>>,
    /// Who is hostile, and how.
    pub(crate) hostile: BTreeMap<usize, Vec<Kind>>,
    /// What a hostile node can send in a tick, in packets: its radio is no better than that of others.
    pub(crate) hostile_packets: usize,
    pub(crate) usual: Hop,
    pub(crate) hops: BTreeMap<(usize, usize), Hop>,
    /// A multiple of a tick.
    pub(crate) beacon_ms: u64,
    pub(crate) faults: Vec<(u64, Fault)>,
    pub(crate) proposals: Vec<(u64, usize, CriticalEvent)>,
    /// How many bytes of the heap are in use, for who wants to know what a node holds.
    pub(crate) heap: fn() -> usize,
}

/// What an honest member had signed, and when.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) at: u64,
    pub(crate) body: Vec<u8>,
}

/// What honest members sent, in bytes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) messages: u64,
    /// Reports, votes, certificates, Hellos, answers.
    pub(crate) statements: u64,
    /// What they had to state themselves, each statement once, to however many neighbours it went.
    pub(crate) own_statements: u64,
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) steps: u64,
    pub(crate) view: Arc<View>,
    sort: Sort,
    config: Config,
    pub(crate) beacon_ms: u64,
    pub(crate) members: Vec<Node>,
    places: BTreeMap<NodeId, usize>,
    pub(crate) hostile: BTreeMap<usize, Hostile>,
    pub(crate) neighbours: Vec<Vec<usize>>,
    /// Who does anything with what it hears.
    listens: Vec<bool>,
    air: Air,
    dice: Dice,
    pub(crate) said: BTreeMap<(NodeId, Mark), Said>,
    /// Under what number an honest member said two things.
    pub(crate) contradicted: Option<(usize, Mark)>,
    silences: Silences,
    /// From whom there is a way to whom through honest ones that run.
    ways: Vec<Vec<bool>>,
    pub(crate) traffic: Traffic,
    heap: fn() -> usize,
}

/// What a step brought about.
#[derive(Debug)]
pub(crate) enum Happened {
    Nothing,
    Took { at: usize, from: usize, bytes: Arc<[u8]>, heard: Heard },
    Woke { at: usize },
    Proposed { at: usize, event: CriticalEvent },
    Befell(Fault),
}

/// With what the hosts were told meanwhile.
pub(crate) type Step = (Happened, Vec<(usize, Told)>);

impl Plan {
    /// The world as it is before anybody starts. Everybody does at a moment of its own.
    pub(crate) fn world(&self) -> World {
        let made = (0..self.members).map(|place| Node::new(place, self.suite, self.seed));
        let (members, named): (Vec<_>, Vec<_>) = made.unzip();
        let view = Arc::new(View::genesis(named).unwrap());
        let hostile = self.hostile.iter().map(|(place, kinds)| {
            let keys = match members.get(*place) {
                Some(node) => Keys::Own(node.keys(&view)),
                None => Keys::Unknown(stranger(*place, self.suite, self.seed, &view)),
            };
            (*place, Hostile::new(kinds, keys, self.hostile_packets))
        });
        let hostile: BTreeMap<_, _> = hostile.collect();
        let listens = |at| at < self.members || hostile.get(&at).is_some_and(Hostile::listens);
        let mut world = World {
            listens: (0..self.neighbours.len()).map(listens).collect(),
            now: 0,
            steps: 0,
            hostile,
            view,
            sort: self.sort,
            config: self.config.clone(),
            beacon_ms: self.beacon_ms,
            places: members.iter().enumerate().map(|(place, node)| (node.id, place)).collect(),
            silences: Silences::new(members.len(), self.config.quorum.suspicion_ms),
            ways: vec![vec![false; members.len()]; members.len()],
            members,
            neighbours: self.neighbours.clone(),
            air: Air::new(self.usual, self.hops.clone()),
            dice: Dice::new(self.seed ^ 0xa5a5),
            said: BTreeMap::new(),
            contradicted: None,
            traffic: Traffic::default(),
            heap: self.heap,
        };
        for node in 0..self.neighbours.len() {
            let what = match node < self.members {
                true => What::Fault(Fault::Restart { node }),
                false => What::Wake { node, life: 0 },
            };
            let at = world.dice.below(self.beacon_ms);
            world.air.at(at, what);
        }
        for (at, fault) in &self.faults {
            world.air.at(*at, What::Fault(fault.clone()));
        }
        for (at, node, event) in &self.proposals {
            world.air.at(*at, What::Propose { node: *node, event: event.clone() });
        }
        world
    }
}

impl World {
    pub(crate) fn place(&self, node: &NodeId) -> Option<usize> {
        self.places.get(node).copied()
    }

    pub(crate) fn is_honest(&self, place: usize) -> bool {
        place < self.members.len() && !self.hostile.contains_key(&place)
    }

    pub(crate) fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.members.len()).filter(|place| self.is_honest(*place))
    }

    pub(crate) fn runs(&self, place: usize) -> bool {
        let member = self.members.get(place);
        member.is_none_or(|node| node.peer.is_some() && node.stalled_until <= self.now)
    }

    /// The honest members to which there is a way from `place` through honest ones that run.
    pub(crate) fn honestly_reached(&self, place: usize) -> Vec<usize> {
        let open = |from: usize, to: usize| {
            self.is_honest(to) && self.runs(to) && self.air.is_open(from, to)
        };
        match self.is_honest(place) && self.runs(place) {
            true => reached(&self.neighbours, place, open),
            false => Vec::new(),
        }
    }

    /// Whether a member is down, or a quorum may miss it: the honest ones that do or did a short while ago,
    /// and all hostile ones. What a quorum is is not asked of the library, which may be wrong.
    pub(crate) fn may_be_missed(&self, place: usize) -> bool {
        let count = |at: &usize| !self.is_honest(*at) || self.silences.missed(*at, place, self.now);
        let members = self.members.len();
        !self.runs(place) || (0..members).filter(count).count() >= (2 * members).div_ceil(3)
    }

    /// The next thing that happens, if it does before `until`.
    pub(crate) fn step(&mut self, until: u64) -> Option<Step> {
        let (at, what) = self.air.next(until)?;
        (self.now, self.steps) = (self.now.max(at), self.steps + 1);
        let (happened, place) = match what {
            What::Packet { from, to, bytes } => (self.packet(from, to, bytes), to),
            What::Wake { node, life } => (self.wake(node, life), node),
            What::Propose { node, event } => (self.propose(node, event), node),
            What::Fault(fault) => self.fault(fault),
            What::Over => {
                self.look_for_ways();
                (Happened::Nothing, 0)
            }
        };
        let peer = self.members.get_mut(place).and_then(|node| node.peer.as_mut());
        let told = peer.map(|peer| peer.told()).unwrap_or_default();
        Some((happened, told.into_iter().map(|told| (place, told)).collect()))
    }

    fn packet(&mut self, from: usize, to: usize, bytes: Arc<[u8]>) -> Happened {
        if let Some(node) = self.members.get(to).filter(|node| node.stalled_until > self.now) {
            self.air.at(node.stalled_until, What::Packet { from, to, bytes });
            return Happened::Nothing;
        }
        self.with_hostile(to, |hostile, hands| hostile.hears(hands, from, &bytes));
        let heard = self.with_peer(to, |peer, now| peer.hear(from, &bytes, now));
        let Some(heard) = heard else { return Happened::Nothing };
        self.members[to].gives_away(heard.heap());
        if !matches!(heard, Heard::Refused(_)) {
            self.note_life(to, &bytes);
        }
        self.carry_out(to);
        Happened::Took { at: to, from, bytes, heard }
    }

    /// Where only liars pass it on, or no question gets back, nothing shows life for long.
    fn note_life(&mut self, at: usize, bytes: &[u8]) {
        let me = self.view.index_of(&id(at));
        let Some((origin, sign)) = life_shown(bytes, me, self.sort) else { return };
        let Some(origin) = self.place(&origin) else { return };
        if self.ways[origin][at] && self.ways[at][origin] {
            self.silences.hears(at, origin, sign, self.now);
        }
    }

    fn wake(&mut self, place: usize, life: u32) -> Happened {
        let next = What::Wake { node: place, life };
        if let Some(node) = self.members.get_mut(place) {
            if node.stalled_until > self.now {
                self.air.at(node.stalled_until, next);
                return Happened::Nothing;
            }
            if node.life != life || node.peer.is_none() {
                return Happened::Nothing;
            }
            node.ticks += 1;
            let (ticks, speaks) = (node.ticks, node.ticks % (self.beacon_ms / TICK_MS) == 0);
            self.with_peer(place, |peer, now| {
                if speaks {
                    peer.beacon(&ticks.to_le_bytes(), now);
                }
                peer.tick(now);
            });
            self.carry_out(place);
        }
        self.with_hostile(place, |hostile, hands| hostile.acts(hands));
        self.air.at(self.now + TICK_MS, next);
        Happened::Woke { at: place }
    }

    fn propose(&mut self, place: usize, event: CriticalEvent) -> Happened {
        if self.runs(place) {
            self.with_peer(place, |peer, now| peer.propose(event.clone(), now));
            self.carry_out(place);
        }
        Happened::Proposed { at: place, event }
    }

    fn fault(&mut self, fault: Fault) -> (Happened, usize) {
        let mut at = 0;
        match fault.clone() {
            Fault::Crash { node } => {
                self.members[node].peer = None;
                self.silences.stops(node, self.now);
            }
            Fault::Restart { node } => {
                at = node;
                if self.members[node].peer.is_none() {
                    let before = (self.heap)();
                    self.members[node].start(self.sort, &self.config, &self.view, self.now);
                    self.members[node].holds = difference(before, (self.heap)());
                    self.silences.starts(node, self.now);
                    let life = self.members[node].life;
                    self.air.at(self.now, What::Wake { node, life });
                }
            }
            Fault::Stall { node, ms } => {
                self.members[node].stalled_until = self.now + ms;
                self.air.at(self.now + ms, What::Over);
            }
            Fault::Step { node, ms } => {
                self.members[node].step_clock(ms);
                self.silences.forgets(node);
            }
            Fault::Part { island, is_one_way } => self.air.part(Some((island, is_one_way))),
            Fault::Heal => self.air.part(None),
        }
        self.look_for_ways();
        (Happened::Befell(fault), at)
    }

    /// There is none before all have been started once.
    fn look_for_ways(&mut self) {
        if self.members.iter().any(|node| node.life == 0) {
            return;
        }
        for from in 0..self.members.len() {
            let mut ways = vec![false; self.members.len()];
            self.honestly_reached(from).into_iter().for_each(|to| ways[to] = true);
            self.ways[from] = ways;
        }
    }

    fn with_peer<T>(
        &mut self,
        place: usize,
        act: impl FnOnce(&mut dyn Peer, Millis) -> T,
    ) -> Option<T> {
        let node = self.members.get_mut(place)?;
        let (clock, before) = (node.clock(self.now), (self.heap)());
        let result = act(node.peer.as_mut()?.as_mut(), clock);
        node.holds += difference(before, (self.heap)());
        Some(result)
    }

    /// Sends what a member wants sent.
    fn carry_out(&mut self, place: usize) {
        for sent in self.with_peer(place, |peer, _| peer.sent()).into_iter().flatten() {
            self.members[place].gives_away(sent.packet().len());
            let is_own = !matches!(sent, Sent::ToAll { except: Some(_), .. });
            if is_own && self.is_honest(place) && Tag::of(sent.packet()) != Ok(Tag::Frame) {
                self.traffic.own_statements += sent.packet().len() as u64;
            }
            match sent {
                Sent::To(to, packet) if self.neighbours[place].contains(&to) => {
                    self.send(place, to, &packet);
                }
                Sent::To(..) => {}
                Sent::ToAll { except, packet } => {
                    if except.is_none() {
                        self.note_said(place, &packet);
                    }
                    for at in 0..self.neighbours[place].len() {
                        let to = self.neighbours[place][at];
                        if except != Some(to) {
                            self.send(place, to, &packet);
                        }
                    }
                }
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, packet: &Arc<[u8]>) {
        let mut at = Some(self.now);
        if self.hostile.contains_key(&from) {
            self.with_hostile(from, |hostile, hands| at = hostile.passes(hands, packet));
        } else if matches!(Tag::of(packet), Ok(Tag::Frame)) {
            self.traffic.messages += packet.len() as u64;
        } else {
            self.traffic.statements += packet.len() as u64;
        }
        if let Some(at) = at.filter(|_| self.listens[to]) {
            self.air.send((from, to), Arc::clone(packet), at, &mut self.dice);
        }
    }

    fn note_said(&mut self, place: usize, bytes: &[u8]) {
        let Ok(Packet::Frame(frame)) = Packet::parse(bytes) else { return };
        let mark = frame.header().mark();
        if frame.header().origin != id(place) || !self.is_honest(place) {
            return;
        }
        let (at, body) = (self.now, frame.body());
        let said = self.said.entry((id(place), mark));
        let said = said.or_insert_with(|| Said { at, body: body.to_vec() });
        if said.body != body {
            self.contradicted = Some((place, mark));
        }
    }

    fn with_hostile(&mut self, at: usize, act: impl FnOnce(&mut Hostile, &mut Hands<'_>)) {
        let Some(hostile) = self.hostile.get_mut(&at) else { return };
        let neighbours = &self.neighbours[at];
        let mut hands = Hands::new(self.now, neighbours, &self.view, &mut self.dice);
        act(hostile, &mut hands);
        let sends = std::mem::take(&mut hands.sends);
        let may = hostile.may_send(sends.len(), self.now / TICK_MS);
        for (to, when, bytes) in sends.into_iter().take(may) {
            self.air.send((at, to), bytes, when, &mut self.dice);
        }
    }
}

fn difference(before: usize, after: usize) -> isize {
    isize::try_from(after).unwrap() - isize::try_from(before).unwrap()
}
