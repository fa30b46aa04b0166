//! What can go wrong on this side: the caller asked for what cannot be, or we failed.

use std::fmt::Display;

use thiserror::Error;

use crate::id::{Epoch, NodeId};
use crate::store::StoreError;
use crate::suite::{Suite, SuiteError};
use crate::wire::WireError;

/// A call that did not do what it was asked to. Nothing was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for what cannot be done.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The library or something beneath it failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What a caller asked for and cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misuse {
    /// This node is not a member of the view it was given.
    #[error("{0} is no member of the view")]
    NotAMember(NodeId),
    /// The identity's key is not the one the view (and the rotations since) give this node.
    #[error("the view does not know the key of this node for epoch {0}")]
    ForeignKey(Epoch),
    /// An identity is in the store already.
    #[error("the store already holds the identity of {0}")]
    IdentityExists(NodeId),
    /// The store holds no identity.
    #[error("the store holds no identity")]
    NoIdentity,
    /// More messages than the mesh takes of one origin.
    #[error("the sending rate is used up; try again in {wait_ms} ms")]
    RateExceeded {
        /// Milliseconds until a message can be signed again.
        wait_ms: u64,
    },
    /// A message longer than a frame can carry.
    #[error("a body of {found} bytes, {limit} are allowed")]
    BodyTooLong {
        /// Its length in bytes.
        found: usize,
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// The sequence of this boot is used up.
    #[error("all nonces of this boot are used; restart to begin the next")]
    NoncesExhausted,
    /// This node's disk may have been rolled back, and no quorum has witnessed the number of this start
    /// yet: what it signs now could be signed under a number that was used before. It may sign after
    /// [`Event::BootConfirmed`](crate::Event::BootConfirmed).
    #[error("no quorum has witnessed the number of this start yet")]
    Unconfirmed,
    /// The boot counter or the key epoch cannot be counted any further.
    #[error("the {0} is used up")]
    CounterExhausted(&'static str),
    /// The rotation before has not been made durable yet.
    #[error("a rotation is under way")]
    RotationPending,
    /// A rotation to a weaker suite.
    #[error("rotating from {from} back to {to} is a downgrade")]
    Downgrade {
        /// The suite in use.
        from: Suite,
        /// The suite that was asked for.
        to: Suite,
    },
    /// The current key commits to no next key of that suite: it was made by a build without it. The next
    /// one, of the same suite as the current one, will.
    #[error("this node's key commits to no next key of {0}")]
    NoNextKey(Suite),
    /// Two different rotations from one key of this node are known to the mesh: its keys are frozen.
    #[error("the keys of this node are frozen until they are recovered")]
    Frozen,
    /// This node's keys were recovered or rotated somewhere else, and those here speak for it no more.
    #[error("this node's keys were taken over elsewhere")]
    Superseded,
    /// Somebody else signs with this node's key, and it cannot be replaced by one that only this node has:
    /// see [`Event::SigningStopped`](crate::Event::SigningStopped).
    #[error("somebody else signs with this node's key, and it has no other to go on with")]
    OtherSelf,
    /// A statement about a node that is no member.
    #[error("{0}, which the event is about, is no member")]
    UnknownSubject(NodeId),
    /// A node cannot attest its own failure.
    #[error("a node does not attest its own failure")]
    OwnFailure,
    /// The subject was heard too recently to be reported.
    #[error("{subject} was heard {ago_ms} ms ago, a failure is reported after {needed_ms} ms")]
    NotSilent {
        /// The member in question.
        subject: NodeId,
        /// How long ago it was heard, in milliseconds.
        ago_ms: u64,
        /// The suspicion time, in milliseconds.
        needed_ms: u64,
    },
    /// Something arrives under the name of the subject and is not taken: it is asked first whether it
    /// lives, and is reported when it has not answered for the suspicion time.
    #[error("{0} may be alive and is refused or late here: it has not been asked for long enough")]
    NotAsked(NodeId),
    /// A content beyond those that may be accepted in one undecided slot, or a slot beyond those that
    /// may be undecided.
    #[error("too many proposals are undecided here")]
    TooManyProposals,
    /// This node may have voted in that slot what it does not remember, so it says nothing more there:
    /// see [`Event::Abstains`](crate::Event::Abstains).
    #[error("this node does not know what it voted in that slot, and abstains")]
    Abstains,
    /// A change of the members that cannot be made.
    #[error("the change of the members: {0}")]
    Change(String),
    /// A reservation for one link more than there are places.
    #[error("all {links} places for links are reserved")]
    NoPlaceLeft {
        /// Places there are.
        links: usize,
    },
    /// A stage is asked for where nothing is enforced in stages: see
    /// [`Config::rollout`](crate::Config::rollout).
    #[error("this node has no rollout")]
    NoRollout,
    /// Another change of the rule's stage has yet to be made durable.
    #[error("a change of that rule's stage is being written")]
    StageChanging,
    /// An event that says what it cannot say.
    #[error("the event makes no sense: {0}")]
    Nonsense(&'static str),
    /// A configuration value out of its range.
    #[error("configuration: {0}")]
    Config(String),
}

/// What failed on our side. Never held against a peer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signature scheme failed or is not compiled in.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// Something could not be written or, from the store, read.
    #[error("stored or produced data: {0}")]
    Wire(#[from] WireError),
}

impl Misuse {
    /// Names a number of the configuration that is not `least` to `most`.
    pub(crate) fn unless_in_range<T: PartialOrd + Display>(
        name: &str,
        value: T,
        least: T,
        most: T,
    ) -> Result<(), Self> {
        if (least <= value) && (value <= most) {
            return Ok(());
        }
        Err(Self::Config(format!("{name} is {value}, it may be {least} to {most}")))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl From<SuiteError> for Error {
    fn from(error: SuiteError) -> Self {
        Fault::from(error).into()
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        match error {
            WireError::TooLong { found, limit, .. } => Misuse::BodyTooLong { found, limit }.into(),
            WireError::Sign(error) => error.into(),
            other => Fault::from(other).into(),
        }
    }
}
