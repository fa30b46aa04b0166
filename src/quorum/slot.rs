//! Where statements on one matter meet.

use serde::{Deserialize, Serialize};

use super::CriticalEvent;
use crate::id::{Digest, Epoch, NodeId, ViewNumber};

/// A matter on which each member has one statement, its newest; in an exclusive one, one ballot in each
/// phase of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Slot {
    Failure(NodeId),
    Link {
        reporter: NodeId,
        peer: NodeId,
    },
    Partition,
    Proposal {
        topic: Digest,
        sequence: u64,
    },
    Rotation {
        node: NodeId,
        epoch: Epoch,
    },
    Incident {
        offender: NodeId,
        epoch: Epoch,
    },
    /// Which members the view of that number is to have.
    Membership(ViewNumber),
    /// With what that view begins.
    View(ViewNumber),
}

impl Slot {
    /// Whether it is about the failure of a member.
    pub(crate) const fn is_failure(&self) -> bool {
        matches!(self, Self::Failure(_))
    }

    /// Whether at most one content may ever be certified here, so that ballots decide.
    pub(crate) const fn is_exclusive(&self) -> bool {
        self.outlives_its_view() || matches!(self, Self::Membership(_) | Self::View(_))
    }

    /// Whether it stays the same matter in the next view.
    pub(super) const fn outlives_its_view(&self) -> bool {
        matches!(self, Self::Proposal { .. } | Self::Rotation { .. })
    }

    /// The event that this exclusive slot is decided on with `content`; `None` for any other slot.
    pub(super) const fn event(&self, content: Digest) -> Option<CriticalEvent> {
        Some(match *self {
            Self::Proposal { topic, sequence } => {
                CriticalEvent::GovernanceProposal { topic, sequence, content }
            }
            Self::Rotation { node, epoch } => {
                CriticalEvent::KeyRotation { node, epoch, key: content }
            }
            Self::Membership(view) => CriticalEvent::MembershipChange { view, change: content },
            Self::View(view) => CriticalEvent::ViewChange { view, digest: content },
            _ => return None,
        })
    }
}
