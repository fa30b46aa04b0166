//! What a node does that is not honest. Strategies are composed: a hostile node has several.

mod accuse;
mod censor;
mod delay;
mod equivocate;
mod flood;
mod forge;
mod mirror;
mod replay;

use std::sync::Arc;

use meshward::{NodeId, View};

use crate::dice::Dice;
use crate::support::Liar;

pub(crate) use self::accuse::Accuse;
pub(crate) use self::censor::Censor;
pub(crate) use self::delay::Delay;
pub(crate) use self::equivocate::Equivocate;
pub(crate) use self::flood::Flood;
pub(crate) use self::forge::Forge;
pub(crate) use self::mirror::Mirror;
pub(crate) use self::replay::Replay;

/// What a hostile node has: its place, its keys if it is a member, and what it wants sent.
pub(crate) struct Hands<'a> {
    pub(crate) now: u64,
    pub(crate) neighbours: &'a [usize],
    /// Of those that are members: the keys.
    pub(crate) keys: Option<&'a Liar>,
    pub(crate) view: &'a Arc<View>,
    pub(crate) dice: &'a mut Dice,
    /// To whom, and when.
    pub(crate) sends: Vec<(usize, u64, Arc<[u8]>)>,
}

impl Hands<'_> {
    pub(crate) fn send(&mut self, to: usize, bytes: impl Into<Arc<[u8]>>) {
        self.sends.push((to, self.now, bytes.into()));
    }

    pub(crate) fn send_to_all(&mut self, bytes: impl Into<Arc<[u8]>>) {
        let bytes = bytes.into();
        let to = self.neighbours.iter().map(|to| (*to, self.now, Arc::clone(&bytes)));
        self.sends.extend(to);
    }

    /// Some member, perhaps this one.
    pub(crate) fn member(&mut self) -> NodeId {
        self.dice.one_of(self.view.members()).id
    }
}

/// One way to be hostile.
pub(crate) trait Strategy {
    /// A packet came from a neighbour.
    fn hears(&mut self, _hands: &mut Hands<'_>, _from: usize, _bytes: &Arc<[u8]>) {}

    /// A quarter of a second has passed.
    fn acts(&mut self, _hands: &mut Hands<'_>) {}

    /// When what the honest side of this node sends goes out; `None` for never.
    fn passes(&mut self, _hands: &mut Hands<'_>, at: u64, _bytes: &Arc<[u8]>) -> Option<u64> {
        Some(at)
    }
}

/// A name for each strategy, for what a run says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Accuse,
    Censor,
    Delay,
    Equivocate,
    Flood,
    Forge,
    Mirror,
    Replay,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Accuse,
        Self::Censor,
        Self::Delay,
        Self::Equivocate,
        Self::Flood,
        Self::Forge,
        Self::Mirror,
        Self::Replay,
    ];

    pub(crate) fn new(self) -> Box<dyn Strategy> {
        match self {
            Self::Accuse => Box::new(Accuse::default()),
            Self::Censor => Box::new(Censor),
            Self::Delay => Box::new(Delay),
            Self::Equivocate => Box::new(Equivocate::default()),
            Self::Flood => Box::new(Flood),
            Self::Forge => Box::new(Forge),
            Self::Mirror => Box::new(Mirror),
            Self::Replay => Box::new(Replay::default()),
        }
    }
}
