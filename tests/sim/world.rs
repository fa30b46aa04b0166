//! The mesh, its air and its time: one step after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshward::wire::Packet;
use meshward::{Accepted, Config, Event, Link, LinkId, Mark, NodeId, Refusal, View};

use crate::air::{Air, Fault, What};
use crate::dice::Dice;
use crate::hostile::{Hands, Strategy};
use crate::node::{BEACON_MS, Node, TICK_MS, id};
use crate::support::Liar;
use crate::topology::reached;

/// A node that is not honest. If it is a member it runs the library, too, as far as its strategies let it.
pub(crate) struct Hostile {
    pub(crate) strategies: Vec<Box<dyn Strategy>>,
    pub(crate) keys: Option<Liar>,
    /// In which quarter of a second it sent how many packets.
    pub(crate) sent: (u64, usize),
}

/// What a hostile node can send in a quarter of a second: its radio is no better than that of others.
const MOST_SENT: usize = 100;

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) steps: u64,
    pub(crate) view: Arc<View>,
    pub(crate) config: Config,
    /// The members; those who only have links come after them.
    pub(crate) members: Vec<Node>,
    pub(crate) hostile: BTreeMap<usize, Hostile>,
    pub(crate) neighbours: Vec<Vec<usize>>,
    pub(crate) air: Air,
    pub(crate) dice: Dice,
    /// What honest members had signed.
    pub(crate) said: BTreeMap<(NodeId, Mark), Vec<u8>>,
    /// Since when each member is where all honest ones can hear it.
    pub(crate) heard_since: Vec<Option<u64>>,
}

/// What a step brought about.
#[derive(Debug)]
pub(crate) enum Happened {
    Nothing,
    Took { at: usize, from: usize, bytes: Arc<[u8]>, result: Result<Accepted, Refusal> },
    Woke { at: usize },
    Befell(Fault),
}

/// With what the hosts were told meanwhile.
pub(crate) type Step = (Happened, Vec<(usize, Event)>);

impl World {
    pub(crate) fn place(&self, node: &NodeId) -> Option<usize> {
        self.members.iter().position(|member| member.id == *node)
    }

    pub(crate) fn is_honest(&self, place: usize) -> bool {
        place < self.members.len() && !self.hostile.contains_key(&place)
    }

    pub(crate) fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.members.len()).filter(|place| self.is_honest(*place))
    }

    fn runs(&self, place: usize) -> bool {
        self.members
            .get(place)
            .is_none_or(|node| node.guard.is_some() && node.stalled_until <= self.now)
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

    /// Everybody who is not running is started, at moments of their own.
    pub(crate) fn begin(&mut self) {
        for place in 0..self.members.len() {
            let at = self.dice.below(BEACON_MS);
            self.air.at(at, What::Fault(Fault::Restart { node: place }));
        }
        for place in self.members.len()..self.neighbours.len() {
            self.air.at(self.dice.below(TICK_MS), What::Wake { node: place, life: 0 });
        }
    }

    /// The next thing that happens, if it does before `until`.
    pub(crate) fn step(&mut self, until: u64) -> Option<Step> {
        let (at, what) = self.air.next()?;
        if at > until {
            self.air.at(at, what);
            return None;
        }
        (self.now, self.steps) = (self.now.max(at), self.steps + 1);
        let happened = match what {
            What::Packet { from, to, bytes } => self.packet(from, to, bytes),
            What::Wake { node, life } => self.wake(node, life),
            What::Fault(fault) => self.fault(fault),
        };
        let events = self.members.iter().enumerate().flat_map(|(place, node)| {
            let events = std::mem::take(&mut *node.host.events.lock());
            events.into_iter().map(move |event| (place, event))
        });
        let events = events.collect();
        Some((happened, events))
    }

    fn packet(&mut self, from: usize, to: usize, bytes: Arc<[u8]>) -> Happened {
        if let Some(node) = self.members.get(to).filter(|node| node.stalled_until > self.now) {
            let at = node.stalled_until;
            self.air.at(at, What::Packet { from, to, bytes });
            return Happened::Nothing;
        }
        self.with_strategies(to, |strategy, hands| strategy.hears(hands, from, &bytes));
        let clock = match self.members.get(to) {
            Some(node) => node.clock(self.now),
            None => return Happened::Nothing,
        };
        let Some(guard) = &self.members[to].guard else { return Happened::Nothing };
        let result = guard.handle_frame(Link::Proven(LinkId(from as u64)), &bytes, clock);
        self.carry_out(to);
        Happened::Took { at: to, from, bytes, result }
    }

    fn wake(&mut self, place: usize, life: u32) -> Happened {
        let next = What::Wake { node: place, life };
        if let Some(node) = self.members.get_mut(place) {
            if node.life != life || node.guard.is_none() {
                return Happened::Nothing;
            }
            if node.stalled_until > self.now {
                self.air.at(node.stalled_until, next);
                return Happened::Nothing;
            }
            node.ticks += 1;
            let clock = node.clock(self.now);
            let guard = node.guard.as_ref().unwrap();
            if node.ticks % (BEACON_MS / TICK_MS) == 0 {
                // Who left its mesh, or signs nothing any more, has nothing to say.
                let _signed_or_not = guard.sign_beacon(&node.ticks.to_le_bytes(), clock);
            }
            guard.tick(clock).unwrap();
            self.carry_out(place);
        }
        self.with_strategies(place, |strategy, hands| strategy.acts(hands));
        self.air.at(self.now + TICK_MS, next);
        self.look_who_is_heard();
        Happened::Woke { at: place }
    }

    fn fault(&mut self, fault: Fault) -> Happened {
        match fault.clone() {
            Fault::Crash { node } => self.members[node].guard = None,
            Fault::Restart { node } if self.members[node].guard.is_none() => {
                self.members[node].start(&self.config, &self.view, self.now);
                let life = self.members[node].life;
                self.air.at(self.now, What::Wake { node, life });
            }
            Fault::Restart { .. } => {}
            Fault::Stall { node, ms } => self.members[node].stalled_until = self.now + ms,
            Fault::Step { node, ms } => self.members[node].step_clock(ms),
            Fault::Part { island, is_one_way } => self.air.part(Some((island, is_one_way))),
            Fault::Heal => self.air.part(None),
        }
        self.look_who_is_heard();
        Happened::Befell(fault)
    }

    fn look_who_is_heard(&mut self) {
        let honest: Vec<_> = self.honest().filter(|place| self.runs(*place)).collect();
        for place in 0..self.members.len() {
            let reached = self.honestly_reached(place);
            let all = honest.iter().all(|other| reached.contains(other));
            let since = self.heard_since[place].unwrap_or(self.now);
            self.heard_since[place] = (all && !reached.is_empty()).then_some(since);
        }
    }

    /// Sends what the library of a member wants sent.
    fn carry_out(&mut self, place: usize) {
        let sent = self.members[place].host.sent();
        let replies = std::mem::take(&mut *self.members[place].host.replies.lock());
        let mut sends: Vec<(usize, Arc<[u8]>)> = Vec::new();
        for (bytes, except) in sent {
            let bytes: Arc<[u8]> = bytes.into();
            if except.is_none() {
                self.note_said(place, &bytes);
            }
            let others = self.neighbours[place].iter();
            let others = others.filter(|to| except != Some(Link::Proven(LinkId(**to as u64))));
            sends.extend(others.map(|to| (*to, Arc::clone(&bytes))));
        }
        for (link, bytes) in replies {
            let to = usize::try_from(link.id().0).unwrap();
            if self.neighbours[place].contains(&to) {
                sends.push((to, bytes.into()));
            }
        }
        for (to, bytes) in sends {
            let mut at = Some(self.now);
            if self.hostile.contains_key(&place) {
                self.with_strategies(place, |strategy, hands| {
                    at = at.and_then(|at| strategy.passes(hands, at, &bytes));
                });
            }
            if let Some(at) = at {
                self.air.send((place, to), bytes, at, &mut self.dice);
            }
        }
    }

    fn note_said(&mut self, place: usize, bytes: &[u8]) {
        if let Ok(Packet::Frame(frame)) = Packet::parse(bytes)
            && frame.header().origin == id(place)
        {
            let said = (id(place), frame.header().mark());
            self.said.insert(said, frame.body().to_vec());
        }
    }

    fn with_strategies(
        &mut self,
        place: usize,
        mut act: impl FnMut(&mut dyn Strategy, &mut Hands<'_>),
    ) {
        let Some(hostile) = self.hostile.get_mut(&place) else { return };
        let mut hands = Hands {
            now: self.now,
            neighbours: &self.neighbours[place],
            keys: hostile.keys.as_ref(),
            view: &self.view,
            dice: &mut self.dice,
            sends: Vec::new(),
        };
        for strategy in &mut hostile.strategies {
            act(strategy.as_mut(), &mut hands);
        }
        let sends = std::mem::take(&mut hands.sends);
        let quarter = self.now / TICK_MS;
        if hostile.sent.0 != quarter {
            hostile.sent = (quarter, 0);
        }
        let room = MOST_SENT.saturating_sub(hostile.sent.1);
        hostile.sent.1 += sends.len().min(room);
        for (to, at, bytes) in sends.into_iter().take(room) {
            self.air.send((place, to), bytes, at, &mut self.dice);
        }
    }
}
