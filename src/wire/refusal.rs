//! Why a packet of a peer was refused.

use thiserror::Error;

use super::WireError;
use crate::id::{Epoch, MeshId, NodeId, ViewNumber};
use crate::suite::{Suite, VerifyError};

/// Why a packet of a peer was refused: the peer's doing or nobody's, never the caller's.
///
/// Who pays for it, if anybody, is decided in one place, [`Blame::of`](crate::Blame::of).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The bytes are no packet.
    #[error("malformed: {0}")]
    Malformed(WireError),
    /// A format version, or a packet, kind, suite or event of a later release.
    #[error("not understood: {0}")]
    NotUnderstood(WireError),
    /// Meant for another mesh.
    #[error("it is meant for mesh {0}")]
    OtherMesh(MeshId),
    /// The link it came over is in quarantine.
    #[error("its link is in quarantine")]
    LinkQuarantined,
    /// The link it came over has used up its budget of packets.
    #[error("its link is over its budget of packets")]
    LinkBudget,
    /// The link it came over has used up its budget of signature checks.
    #[error("its link is over its budget of signature checks")]
    CheckBudget,
    /// Its origin is no member of the view.
    #[error("{0} is no member")]
    UnknownOrigin(NodeId),
    /// It is signed with a key of its origin that is not known here.
    #[error("the key of {origin} for epoch {epoch} is unknown here")]
    UnknownKey {
        /// The member it claims to come from.
        origin: NodeId,
        /// The key epoch it claims.
        epoch: Epoch,
    },
    /// Said in a view before its origin joined, or more than one after the current one.
    #[error("it belongs to view {}, the current one is {}", found.0, current.0)]
    OtherView {
        /// The view it belongs to.
        found: ViewNumber,
        /// The view here.
        current: ViewNumber,
    },
    /// A packet of this node that found its way back.
    #[error("it is this node's own")]
    Own,
    /// The very same packet was taken before.
    #[error("it was taken before")]
    Duplicate,
    /// Its nonce was used before, or is older than the replay window.
    #[error("its nonce was used before or is too old to tell")]
    Replay,
    /// This node started anew, and its origin has yet to answer a challenge and show where it stands:
    /// what it said before may have been taken before.
    #[error(
        "its origin has not answered since this node started, so it may have been taken before"
    )]
    Unproven,
    /// Its nonce lies beyond the last one of a key that was rotated away.
    #[error("its nonce lies beyond the end of its key epoch")]
    ClosedEpoch,
    /// Its origin is in quarantine.
    #[error("its origin is in quarantine")]
    OriginQuarantined,
    /// Its body is not the one that its header names.
    #[error("its body does not match its header")]
    BodyMismatch,
    /// Its signature does not hold.
    #[error("its signature does not hold")]
    BadSignature,
    /// Its scheme is not compiled in.
    #[error("{0} is not available in this build")]
    SuiteUnavailable(Suite),
    /// Its origin's own signed times prove that it sends faster than is allowed.
    #[error("its origin sends faster than is allowed")]
    OverRate,
    /// More of its origin's frames arrive at once than are taken; later it may be.
    #[error("too many frames of its origin arrive at once")]
    OriginRate,
    /// Its origin signed something else under the same nonce.
    #[error("its origin signed something else under the same nonce")]
    Equivocation,
    /// A message of another kind than was asked for.
    #[error("it is no beacon")]
    NotABeacon,
    /// A statement that says what it cannot say.
    #[error("the statement makes no sense: {0}")]
    Nonsense(&'static str),
    /// A statement about a member that has been heard since.
    #[error("its subject has been heard since")]
    Outdated,
    /// A vote on an event that is certified already.
    #[error("the event is certified already")]
    Decided,
    /// A second, different vote in a slot in which a member has one.
    #[error("its attestor voted differently in the same slot")]
    ContradictoryVote,
    /// Its attestor makes more statements than are taken in the time.
    #[error("its attestor makes more statements than are taken")]
    AttestorRate,
    /// A certificate with too few attestors, one twice, or one that cannot attest.
    #[error("the certificate does not add up: {0}")]
    CertificateShape(&'static str),
    /// A certificate or proof with a signature that does not hold.
    #[error("a signature inside does not hold")]
    Refuted,
    /// Its origin rotates its key faster than is taken.
    #[error("its origin rotates its key faster than is taken")]
    RotationRate,
    /// The echo of a cookie that this node did not make, or not lately.
    #[error("it echoes no cookie of this node")]
    BadCookie,
    /// A rotation that does not lead from the current key to the next epoch.
    #[error("the rotation does not follow the current key")]
    RotationOrder,
    /// A rotation to a key that the one before does not commit to, or a recovery by another key than the
    /// member committed to.
    #[error("it opens no commitment of the key before")]
    Commitment,
    /// A rotation that commits to another recovery key than the key before.
    #[error("only a recovery replaces the recovery key")]
    RecoveryReplaced,
    /// A rotation to a weaker suite, which is not taken here.
    #[error("going on in a weaker suite is a downgrade")]
    Downgrade,
    /// A rotation of a member of which two that contradict each other were seen.
    #[error("its origin's keys are frozen until it recovers them")]
    Frozen,
}

impl Refusal {
    /// A short fixed name, fit for a metric's label.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NotUnderstood(_) => "not_understood",
            Self::OtherMesh(_) => "other_mesh",
            Self::LinkQuarantined => "link_quarantined",
            Self::LinkBudget => "link_budget",
            Self::CheckBudget => "check_budget",
            Self::UnknownOrigin(_) => "unknown_origin",
            Self::UnknownKey { .. } => "unknown_key",
            Self::OtherView { .. } => "other_view",
            Self::Own => "own",
            Self::Duplicate => "duplicate",
            Self::Replay => "replay",
            Self::Unproven => "unproven",
            Self::ClosedEpoch => "closed_epoch",
            Self::OriginQuarantined => "origin_quarantined",
            Self::BodyMismatch => "body_mismatch",
            Self::BadSignature => "bad_signature",
            Self::SuiteUnavailable(_) => "suite_unavailable",
            Self::OverRate => "over_rate",
            Self::OriginRate => "origin_rate",
            Self::Equivocation => "equivocation",
            Self::NotABeacon => "not_a_beacon",
            Self::Nonsense(_) => "nonsense",
            Self::Outdated => "outdated",
            Self::Decided => "decided",
            Self::ContradictoryVote => "contradictory_vote",
            Self::AttestorRate => "attestor_rate",
            Self::CertificateShape(_) => "certificate_shape",
            Self::Refuted => "refuted",
            Self::BadCookie => "bad_cookie",
            Self::RotationRate => "rotation_rate",
            Self::RotationOrder => "rotation_order",
            Self::Commitment => "commitment",
            Self::RecoveryReplaced => "recovery_replaced",
            Self::Downgrade => "downgrade",
            Self::Frozen => "frozen",
        }
    }
}

impl Refusal {
    /// What a refusal of a part is to the whole that carries it.
    pub(crate) fn of_the_whole(self) -> Self {
        match self {
            Self::BadSignature => Self::Refuted,
            other => other,
        }
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::SuiteUnavailable(suite) => Self::SuiteUnavailable(suite),
            _ => Self::BadSignature,
        }
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Version { .. } | WireError::Tag { .. } | WireError::Unknown { .. } => {
                Self::NotUnderstood(error)
            }
            other => Self::Malformed(other),
        }
    }
}
