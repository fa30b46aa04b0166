//! What a swarm's owner is told.

use libp2p::PeerId;

use crate::core::Accepted;
use crate::wire::Refusal;

/// What a [`Behaviour`](super::Behaviour) tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A packet was taken, a message among others.
    Accepted {
        /// Who handed it on.
        peer: PeerId,
        /// What it is.
        accepted: Box<Accepted>,
    },
    /// A packet was refused, and who is to blame was charged.
    Refused {
        /// Who handed it on.
        peer: PeerId,
        /// Why.
        refusal: Refusal,
    },
    /// A peer takes packets of the topic from now on.
    Joined {
        /// The peer.
        peer: PeerId,
    },
    /// Something that concerns nobody but the behaviour.
    Carried,
}

impl Event {
    pub(super) fn of(peer: PeerId, result: Result<Accepted, Refusal>) -> Self {
        match result {
            Ok(accepted) => Self::Accepted { peer, accepted: Box::new(accepted) },
            Err(refusal) => Self::Refused { peer, refusal },
        }
    }
}
