//! What a call asks its caller to do.

use std::sync::Arc;

use super::Event;
use crate::gossip::Message;
use crate::id::{Epoch, Link, NodeId};
use crate::membership::{Change, View};
use crate::quorum::{Ballot, Certificate, CriticalEvent, EquivocationProof, Tally};
use crate::store::Batch;
use crate::wire::Refusal;

/// Names a write that something waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub(super) u64);

/// Something the caller is to do, in the order given.
#[derive(Debug)]
pub enum Output {
    /// Hand these bytes to every neighbour.
    Send(Vec<u8>),
    /// Hand these bytes to the neighbour on this link, and to nobody else.
    SendTo {
        /// The link that the packet before came over.
        link: Link,
        /// The bytes.
        packet: Vec<u8>,
    },
    /// Make this durable, then call [`Core::persisted`](super::Core::persisted), or
    /// [`Core::write_failed`](super::Core::write_failed).
    Persist {
        /// The name of the write.
        write: WriteId,
        /// What to write, all or nothing.
        batch: Batch,
    },
    /// Tell whoever is in charge.
    Event(Event),
}

/// The result of a call, and what it asks its caller to do.
#[derive(Debug)]
#[must_use = "the outputs must be carried out, in their order"]
pub struct Step<T> {
    /// The result.
    pub result: T,
    /// What to do, in this order.
    pub outputs: Vec<Output>,
}

/// A packet of a peer that was taken. A host that relays should pass the same bytes on to its other
/// neighbours if it [is for others, too](Self::is_for_others).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Accepted {
    /// A message, delivered this once.
    Message(Message),
    /// A beacon of a member in quarantine: it is alive, and its body is not delivered.
    SignOfLife(NodeId),
    /// A member's statement on an event was counted.
    Attestation {
        /// Who made it.
        attestor: NodeId,
        /// What about.
        event: CriticalEvent,
        /// Where the event stands now.
        tally: Tally,
    },
    /// A member's vote in a round on an exclusive slot was counted.
    Ballot {
        /// Who votes.
        voter: NodeId,
        /// The vote.
        ballot: Ballot,
        /// Where the slot stands now.
        tally: Tally,
    },
    /// Two thirds prevoted this in some round; it is not certified with that.
    Prevotes(CriticalEvent),
    /// A member's attestation, ballot, rotation or claim that was taken before and that others may have lost.
    Repeated {
        /// Who made it.
        origin: NodeId,
    },
    /// A member has a new key, by a rotation or a recovery.
    Rotation {
        /// The member.
        node: NodeId,
        /// The epoch of the key.
        epoch: Epoch,
    },
    /// Two different changes of one key of a member were seen, and this is the second: its keys are frozen.
    Frozen {
        /// The member.
        node: NodeId,
        /// The epoch to which both lead.
        epoch: Epoch,
    },
    /// A member asks others whether they live. If this node is among them, its answer is an output of one
    /// of the next ticks.
    Challenge {
        /// Who asks.
        challenger: NodeId,
        /// Whether it asks other members, too. If not, nobody else needs it.
        asks_others: bool,
    },
    /// A member answers who asked whether it lives.
    Answer {
        /// Who answers.
        node: NodeId,
        /// Whether it answers other members, too, and that is news. If not, nobody else needs it.
        answers_others: bool,
    },
    /// A member asks for what it missed.
    Hello(NodeId),
    /// A member claims the number of its start. It is witnessed once it is stored.
    Claim(NodeId),
    /// A member has stored the claims of others.
    Witness {
        /// The member.
        node: NodeId,
        /// Whether that is news of claims that others wait for. If not, nobody else needs it.
        is_news: bool,
    },
    /// Others agreed on an event.
    Certificate(Arc<Certificate>),
    /// A member contradicted itself.
    Proof(Arc<EquivocationProof>),
    /// Somebody votes for this change of the members.
    Change(Arc<Change>),
    /// The next view was certified. It begins when that is durable.
    View(Arc<View>),
    /// A neighbour asked whether this node is where its packets seem to come from. The answer is
    /// among the outputs.
    Cookie,
    /// Somebody answers at the claimed link over which packets of this origin come: they have a
    /// budget of their own now.
    CookieEcho(NodeId),
}

impl Accepted {
    /// Whether the packet is to be passed on: it has been checked, is news to others, too, and concerns
    /// them.
    pub const fn is_for_others(&self) -> bool {
        match self {
            Self::Cookie | Self::CookieEcho(_) => false,
            Self::Challenge { asks_others, .. } => *asks_others,
            Self::Answer { answers_others, .. } => *answers_others,
            Self::Witness { is_news, .. } => *is_news,
            _ => true,
        }
    }

    /// The member under whose signature the packet stands, if that was checked just now. What is repeated was
    /// checked when it was taken first, and a witness with a header shows that header alone.
    pub(super) const fn signer(&self) -> Option<NodeId> {
        match self {
            Self::Message(Message { origin: node, .. })
            | Self::SignOfLife(node)
            | Self::Attestation { attestor: node, .. }
            | Self::Ballot { voter: node, .. }
            | Self::Rotation { node, .. }
            | Self::Challenge { challenger: node, .. }
            | Self::Answer { node, .. }
            | Self::Hello(node)
            | Self::Claim(node)
            | Self::Witness { node, is_news: true } => Some(*node),
            _ => None,
        }
    }

    /// The message, where a beacon was asked for.
    pub(crate) fn into_beacon(self) -> Result<Message, Refusal> {
        match self {
            Self::Message(message) => Ok(message),
            Self::SignOfLife(_) => Err(Refusal::OriginQuarantined),
            _ => Err(Refusal::NotABeacon),
        }
    }
}
