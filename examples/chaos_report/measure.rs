//! What is counted while a mesh runs.
//!
//! An honest message counts at each honest member that could hear it: one that ran, and to which there was
//! a way through honest members that ran, when it was said and for a second after. Left out are messages
//! of the last ten seconds; and, at a member that was started again, those of each origin until the first
//! one of it that came, but for ten seconds at most since both run: until the origin has answered, it does
//! not know what it took before its start.

use std::collections::{BTreeMap, BTreeSet};

use meshward::wire::{Packet, Tag};
use meshward::{CriticalEvent, Epoch, Mark, NodeId, Nonce, Refusal};

use crate::figures::{Death, Figures};
use crate::mesh::{Fault, Happened, Heard, Step, Told, World};

/// What was said so shortly before the end does not count.
const LAST_MS: u64 = 10_000;
/// So long a way has to last.
const WAY_MS: u64 = 1_000;
/// A node that was started again has to hear an origin after so long.
const OPENS_MS: u64 = 10_000;

/// So many messages that were not delivered are named.
const MISSING: usize = 20;
/// Until then nodes say Hello to each other.
pub(crate) const START_MS: u64 = 10_000;

type Name = (NodeId, Mark);

struct Said {
    at: u64,
    from: usize,
    /// Who could hear it, and has not yet.
    awaited: BTreeSet<usize>,
    /// Who could hear it.
    could: BTreeSet<usize>,
}

pub(crate) struct Measure {
    ends: u64,
    strikes_ms: u64,
    is_lossy: bool,
    said: BTreeMap<Name, Said>,
    /// What was said within the last second.
    recent: Vec<Name>,
    /// How many each member had said.
    newest: Vec<Option<Mark>>,
    /// Whom each reaches, until something befalls the mesh.
    reached: BTreeMap<usize, BTreeSet<usize>>,
    /// Since when a member runs that was started again, and whom it has not heard since.
    reopened: BTreeMap<(usize, usize), u64>,
    lives: Vec<u32>,
    checks: Vec<(u64, u64)>,
    down: BTreeMap<usize, u64>,
    arrived: BTreeSet<(usize, Name)>,
    condemned: BTreeSet<(usize, usize)>,
    condemned_links: BTreeSet<(usize, usize)>,
    pub(crate) figures: Figures,
}

const LEAST: Mark = Mark { epoch: Epoch::FIRST, nonce: Nonce { boot: 0, sequence: 0 } };

impl Measure {
    pub(crate) fn new(world: &World, ends: u64, strikes_ms: u64, is_lossy: bool) -> Self {
        let members = world.members.len();
        Self {
            ends,
            strikes_ms,
            is_lossy,
            said: BTreeMap::new(),
            recent: Vec::new(),
            newest: vec![None; members],
            reached: BTreeMap::new(),
            reopened: BTreeMap::new(),
            lives: vec![0; members],
            checks: vec![(0, 0); members],
            down: BTreeMap::new(),
            arrived: BTreeSet::new(),
            condemned: BTreeSet::new(),
            condemned_links: BTreeSet::new(),
            figures: Figures::default(),
        }
    }

    pub(crate) fn after(&mut self, world: &World, (happened, told): &Step) {
        match happened {
            Happened::Woke { at } if *at < world.members.len() => self.spoke(world, *at),
            Happened::Took { at, from, heard, bytes } if world.is_honest(*at) => {
                self.took(world, *at, heard, bytes);
                self.spent(*at, *from, heard, bytes);
            }
            Happened::Befell(fault) => self.befell(world, fault),
            _ => {}
        }
        for (at, told) in told.iter().filter(|(at, _)| world.is_honest(*at)) {
            self.told(world, *at, told);
        }
    }

    /// It may have said something.
    fn spoke(&mut self, world: &World, at: usize) {
        let id = world.members[at].id;
        let from = self.newest[at].unwrap_or(LEAST);
        let new = world.said.range((id, from)..).take_while(|((node, _), _)| *node == id);
        let new: Vec<_> = new.map(|(name, said)| (*name, said.at)).collect();
        let Some((name, said)) =
            new.last().copied().filter(|(name, _)| self.newest[at] != Some(name.1))
        else {
            return;
        };
        self.newest[at] = Some(name.1);
        if said + LAST_MS > self.ends {
            return;
        }
        let reached = self
            .reached
            .entry(at)
            .or_insert_with(|| world.honestly_reached(at).into_iter().collect());
        let hears = |to: &&usize| {
            let is_open =
                self.reopened.get(&(**to, at)).is_none_or(|since| said > since + OPENS_MS);
            **to != at && is_open
        };
        let could: BTreeSet<_> = reached.iter().filter(hears).copied().collect();
        let awaited = could.clone();
        self.said.insert(name, Said { at: said, from: at, awaited, could });
        self.recent.push(name);
        self.recent.retain(|name| self.said.get(name).is_some_and(|old| old.at + WAY_MS >= said));
    }

    fn took(&mut self, world: &World, at: usize, heard: &Heard, bytes: &[u8]) {
        if let Heard::Delivered(message) = heard {
            self.figures.deliveries += 1;
            if let Some(place) = world.place(&message.origin) {
                self.reopened.remove(&(at, place));
            }
            if let Some(said) = self.said.get_mut(&(message.origin, message.mark))
                && said.awaited.remove(&at)
            {
                self.figures.delays.push((world.now - said.at) as u32);
            }
        }
        if self.is_lossy
            && let Ok(Packet::Frame(frame)) = Packet::parse(bytes)
        {
            let name = (frame.header().origin, frame.header().mark());
            if self.said.get(&name).is_some_and(|said| said.could.contains(&at)) {
                self.arrived.insert((at, name));
            }
        }
    }

    /// On what checks were spent that brought no message.
    fn spent(&mut self, at: usize, from: usize, heard: &Heard, bytes: &[u8]) {
        if Tag::of(bytes) != Ok(Tag::Frame) {
            return;
        }
        match heard {
            Heard::Taken => self.figures.signs_of_life += 1,
            Heard::Refused(Refusal::BadSignature) => {
                *self.figures.bad_signatures.entry((at, from)).or_default() += 1;
            }
            _ => {}
        }
    }

    fn befell(&mut self, world: &World, fault: &Fault) {
        self.reached.clear();
        match fault {
            Fault::Crash { node } => {
                self.checks[*node] = (0, 0);
                self.down.insert(*node, world.now);
                if world.is_honest(*node) {
                    let members = world.honest().filter(|at| world.runs(*at));
                    let awaited = members.map(|at| (at, None)).collect();
                    self.figures.deaths.push(Death {
                        node: *node,
                        at: world.now,
                        until: None,
                        awaited,
                    });
                }
                self.gone_from_deaths(*node);
            }
            Fault::Restart { node } => {
                self.down.remove(node);
                let deaths = self.figures.deaths.iter_mut().filter(|death| death.node == *node);
                deaths.for_each(|death| death.until = death.until.or(Some(world.now)));
                // Who could not answer as it was down has yet to be asked.
                let closed = self.reopened.iter_mut().filter(|((_, from), _)| from == node);
                closed.for_each(|(_, since)| *since = world.now);
                self.lives[*node] += 1;
                if self.lives[*node] > 1 {
                    let pairs = (0..world.members.len()).map(|from| ((*node, from), world.now));
                    self.reopened.extend(pairs);
                }
            }
            _ => {}
        }
        // A way that was there a second ago need not have lasted.
        let now = world.now;
        for name in &self.recent {
            let Some(said) = self.said.get_mut(name).filter(|said| said.at + WAY_MS >= now) else {
                continue;
            };
            let reached: BTreeSet<_> = world.honestly_reached(said.from).into_iter().collect();
            let lost: Vec<_> = said.awaited.difference(&reached).copied().collect();
            for at in lost {
                said.awaited.remove(&at);
                said.could.remove(&at);
            }
        }
    }

    /// Who dies itself need not learn of others.
    fn gone_from_deaths(&mut self, node: usize) {
        for death in &mut self.figures.deaths {
            if death.awaited.get(&node) == Some(&None) {
                death.awaited.remove(&node);
            }
        }
    }

    fn told(&mut self, world: &World, at: usize, told: &Told) {
        let since = world.now.saturating_sub(self.strikes_ms);
        match told {
            Told::Quarantined(node) => {
                let Some(place) = world.place(node) else { return };
                if !self.condemned.insert((at, place)) {
                    return;
                }
                if world.is_honest(place) {
                    self.figures.honest_quarantined.insert(place);
                    self.figures.framed.push(world.now);
                } else {
                    self.figures.hostile_quarantined.push(since);
                }
            }
            Told::LinkQuarantined(link) if self.condemned_links.insert((at, *link)) => {
                match world.is_honest(*link) {
                    true => self.figures.honest_links_quarantined += 1,
                    false => self.figures.hostile_links_quarantined.push(since),
                }
            }
            Told::Certified(CriticalEvent::NodeFailure { subject, .. }) => {
                self.certified(world, at, subject);
            }
            Told::Certified(CriticalEvent::TopologyPartition { unreachable }) => {
                for unheard in unreachable {
                    self.certified(world, at, &unheard.node);
                }
            }
            _ => {}
        }
    }

    fn certified(&mut self, world: &World, at: usize, subject: &NodeId) {
        let Some(place) = world.place(subject) else { return };
        if self.down.contains_key(&place) {
            let death = self.figures.deaths.iter_mut().rev().find(|death| death.node == place);
            if let Some(death) = death
                && let Some(known) = death.awaited.get_mut(&at)
            {
                *known = known.or(Some(world.now - death.at));
            }
            return;
        }
        if world.is_honest(place) && !world.may_be_missed(place) {
            self.figures.false_certificates += 1;
        }
    }

    /// Takes over what nodes have counted since last time: before they crash, and now and then.
    pub(crate) fn look(&mut self, world: &World) {
        for at in world.honest() {
            let node = &world.members[at];
            let Some(peer) = &node.peer else { continue };
            let checks = peer.checks(node.clock(world.now));
            let before = std::mem::replace(&mut self.checks[at], (checks.messages, checks.all));
            self.figures.message_checks += checks.messages - before.0;
            self.figures.all_checks += checks.all - before.1;
        }
        self.figures.traffic = world.traffic;
        if world.now <= START_MS {
            self.figures.own_at_start = world.traffic.own_statements;
        }
        self.figures.honest = world.honest().count();
    }

    pub(crate) fn finish(mut self, world: &World) -> Figures {
        self.look(world);
        let mut figures = self.figures;
        for said in self.said.values() {
            figures.expected += said.could.len() as u64;
            let room = MISSING - figures.missing.len();
            let missing = said.awaited.iter().map(|at| (said.from, *at, said.at));
            figures.missing.extend(missing.take(room));
        }
        figures.arrived = self.arrived.len() as u64;
        figures.delays.sort_unstable();
        figures.hostile_quarantined.sort_unstable();
        figures.hostile_links_quarantined.sort_unstable();
        figures.steps = world.steps;
        figures.lasted_ms = self.ends;
        figures
    }
}
