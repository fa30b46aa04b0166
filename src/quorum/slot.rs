//! Where statements on one matter meet.

use serde::{Deserialize, Serialize};

use crate::id::{Digest, Epoch, NodeId};

/// A matter on which each member has one statement: its newest in an observed one, its first in an
/// exclusive one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Slot {
    Failure(NodeId),
    Link { reporter: NodeId, peer: NodeId },
    Partition,
    Proposal { topic: Digest, sequence: u64 },
    Rotation { node: NodeId, epoch: Epoch },
    Incident { offender: NodeId, epoch: Epoch },
}

impl Slot {
    /// Whether it is about the failure of a member.
    pub(crate) const fn is_failure(&self) -> bool {
        matches!(self, Self::Failure(_))
    }

    /// Whether at most one content may ever be certified here, so that a member votes once.
    pub(crate) const fn is_exclusive(&self) -> bool {
        matches!(self, Self::Proposal { .. } | Self::Rotation { .. })
    }
}
