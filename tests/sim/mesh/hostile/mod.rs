//! What a node does that is not honest. Strategies are composed: a hostile node has several.

mod accuse;
mod censor;
mod collude;
mod degrade;
mod delay;
mod equivocate;
mod flood;
mod forge;
mod frame;
mod hold_back;
mod mirror;
mod relay;
mod replay;

use std::sync::Arc;

use meshward::{NodeId, View};

use super::dice::Dice;
use super::support::Liar;

/// What a hostile node has: its place, and what it wants sent.
pub(crate) struct Hands<'a> {
    pub(crate) now: u64,
    pub(crate) neighbours: &'a [usize],
    pub(crate) view: &'a Arc<View>,
    pub(crate) dice: &'a mut Dice,
    /// To whom, and when.
    pub(crate) sends: Vec<(usize, u64, Arc<[u8]>)>,
}

impl<'a> Hands<'a> {
    pub(crate) const fn new(
        now: u64,
        neighbours: &'a [usize],
        view: &'a Arc<View>,
        dice: &'a mut Dice,
    ) -> Self {
        Self { now, neighbours, view, dice, sends: Vec::new() }
    }

    fn send(&mut self, to: usize, bytes: impl Into<Arc<[u8]>>) {
        self.sends.push((to, self.now, bytes.into()));
    }

    fn send_to_all(&mut self, bytes: impl Into<Arc<[u8]>>) {
        self.send_to_others(None, bytes);
    }

    fn send_to_others(&mut self, but: Option<usize>, bytes: impl Into<Arc<[u8]>>) {
        let (now, bytes) = (self.now, bytes.into());
        let to = self.neighbours.iter().filter(|to| Some(**to) != but);
        self.sends.extend(to.map(|to| (*to, now, Arc::clone(&bytes))));
    }

    /// Some member, perhaps this one.
    fn member(&mut self) -> NodeId {
        self.dice.one_of(self.view.members()).id
    }
}

/// A key to lie with.
pub(crate) enum Keys {
    /// Its own, for a member.
    Own(Liar),
    /// One that nobody knows.
    Unknown(Liar),
}

impl Keys {
    const fn any(&self) -> &Liar {
        match self {
            Self::Own(liar) | Self::Unknown(liar) => liar,
        }
    }

    const fn own(&self) -> Option<&Liar> {
        match self {
            Self::Own(liar) => Some(liar),
            Self::Unknown(_) => None,
        }
    }
}

/// One way to be hostile.
trait Strategy {
    /// A packet came from a neighbour.
    fn hears(&mut self, _keys: &Keys, _hands: &mut Hands<'_>, _from: usize, _bytes: &Arc<[u8]>) {}

    /// A tick has passed.
    fn acts(&mut self, _keys: &Keys, _hands: &mut Hands<'_>) {}

    /// When what this node would honestly send at that time goes out; `None` for never.
    fn passes(
        &mut self,
        _keys: &Keys,
        _hands: &mut Hands<'_>,
        at: u64,
        _bytes: &Arc<[u8]>,
    ) -> Option<u64> {
        Some(at)
    }

    /// Whether it wants to hear what comes.
    fn listens(&self) -> bool {
        true
    }
}

/// A name for each strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Accuse,
    Censor,
    Collude,
    /// What else it does, it begins with a minute after the start, all at once.
    Covert,
    Degrade,
    Delay,
    Equivocate,
    Flood,
    Forge,
    Frame,
    HoldBack,
    Mirror,
    Replay,
}

/// When those strike who are covert until then, in milliseconds.
pub(crate) const STRIKE_MS: u64 = 60_000;

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::Accuse,
        Self::Censor,
        Self::Collude,
        Self::Covert,
        Self::Degrade,
        Self::Delay,
        Self::Equivocate,
        Self::Flood,
        Self::Forge,
        Self::Frame,
        Self::HoldBack,
        Self::Mirror,
        Self::Replay,
    ];

    fn strategy(self) -> Option<Box<dyn Strategy>> {
        Some(match self {
            Self::Accuse => Box::new(accuse::Accuse::default()),
            Self::Censor => Box::new(censor::Censor),
            Self::Collude => Box::new(collude::Collude::default()),
            Self::Covert => return None,
            Self::Degrade => Box::new(degrade::Degrade),
            Self::Delay => Box::new(delay::Delay),
            Self::Equivocate => Box::new(equivocate::Equivocate::default()),
            Self::Flood => Box::new(flood::Flood),
            Self::Forge => Box::new(forge::Forge),
            Self::Frame => Box::new(frame::Frame::default()),
            Self::HoldBack => Box::new(hold_back::HoldBack),
            Self::Mirror => Box::new(mirror::Mirror),
            Self::Replay => Box::new(replay::Replay::default()),
        })
    }
}

/// A node that is not honest. If it is a member it runs the library, too, as far as its strategies let
/// it; if it is not, it passes on what comes, as far as they let it.
pub(crate) struct Hostile {
    strategies: Vec<Box<dyn Strategy>>,
    strikes_at: u64,
    keys: Keys,
    relay: Option<relay::Relay>,
    /// In which tick it sent how many packets, and how many it can.
    sent: (u64, usize),
    at_once: usize,
}

impl Hostile {
    pub(crate) fn new(kinds: &[Kind], keys: Keys, at_once: usize) -> Self {
        let strategies = kinds.iter().filter_map(|kind| kind.strategy()).collect();
        let strikes_at = if kinds.contains(&Kind::Covert) { STRIKE_MS } else { 0 };
        let censors = kinds.contains(&Kind::Censor) && strikes_at == 0;
        let is_relay = keys.own().is_none() && !censors;
        let relay = is_relay.then(relay::Relay::default);
        Self { strategies, strikes_at, keys, relay, sent: (0, 0), at_once }
    }

    /// How many of so many packets it can send in this tick.
    pub(crate) fn may_send(&mut self, packets: usize, tick: u64) -> usize {
        if self.sent.0 != tick {
            self.sent = (tick, 0);
        }
        let may = packets.min(self.at_once.saturating_sub(self.sent.1));
        self.sent.1 += may;
        may
    }

    pub(crate) fn listens(&self) -> bool {
        self.relay.is_some() || self.strategies.iter().any(|strategy| strategy.listens())
    }

    pub(crate) fn hears(&mut self, hands: &mut Hands<'_>, from: usize, bytes: &Arc<[u8]>) {
        let is_new = self.relay.as_mut().is_some_and(|relay| relay.is_new(bytes));
        if is_new && let Some(at) = self.passes(hands, bytes) {
            let to = hands.neighbours.iter().filter(|to| **to != from);
            hands.sends.extend(to.map(|to| (*to, at, Arc::clone(bytes))));
        }
        if hands.now >= self.strikes_at {
            for strategy in &mut self.strategies {
                strategy.hears(&self.keys, hands, from, bytes);
            }
        }
    }

    pub(crate) fn acts(&mut self, hands: &mut Hands<'_>) {
        if hands.now >= self.strikes_at {
            self.strategies.iter_mut().for_each(|strategy| strategy.acts(&self.keys, hands));
        }
    }

    pub(crate) fn passes(&mut self, hands: &mut Hands<'_>, bytes: &Arc<[u8]>) -> Option<u64> {
        let now = hands.now;
        let strategies = self.strategies.iter_mut().filter(|_| now >= self.strikes_at);
        let mut passed = Some(now);
        for strategy in strategies {
            passed = passed.and_then(|at| strategy.passes(&self.keys, hands, at, bytes));
        }
        passed
    }
}
