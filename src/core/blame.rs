//! The one table that says who pays for a refusal.

use std::fmt;

use serde::Serialize;

use crate::id::{Link, NodeId};
use crate::reputation::Offence;
use crate::wire::Refusal;

/// Who pays for a refusal.
///
/// A link pays for what nobody honest would pass on, and only if the transport vouches for it: an
/// address alone can be anybody's. An origin pays only for what stands under its own valid
/// signature. Everything else costs nobody anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The link, if it is proven.
    Link(Offence),
    /// The origin, which signed it.
    Origin(Offence),
    /// Nobody.
    Nobody,
}

impl Blame {
    /// Who pays for `refusal`.
    pub const fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Malformed(_) | Refusal::CertificateShape(_) => Self::Link(Offence::Malformed),
            Refusal::BodyMismatch => Self::Link(Offence::BodyMismatch),
            Refusal::BadSignature => Self::Link(Offence::BadSignature),
            Refusal::Refuted => Self::Link(Offence::RefutedCertificate),
            // The budget of packets is more than all members may send. That of checks is not: an
            // honest neighbour may pass on more true frames than this node can afford to check.
            Refusal::LinkBudget => Self::Link(Offence::OverBudget),
            Refusal::Equivocation | Refusal::ContradictoryVote => {
                Self::Origin(Offence::Equivocation)
            }
            Refusal::OverRate => Self::Origin(Offence::OverRate),
            // Honest nodes differ in what they know: of keys, views, releases, and of what they have
            // heard before.
            Refusal::NotUnderstood(_)
            | Refusal::OtherMesh(_)
            | Refusal::UnknownOrigin(_)
            | Refusal::UnknownKey { .. }
            | Refusal::OtherView { .. }
            | Refusal::Own
            | Refusal::Duplicate
            | Refusal::Replay
            | Refusal::Unproven
            | Refusal::ClosedEpoch
            | Refusal::Outdated
            | Refusal::Decided
            | Refusal::RotationOrder => Self::Nobody,
            // Told before anything is proven, so it may be anybody's; or proven, and who relays it has
            // not made it. Nodes differ in what they have seen of a member, and in what they allow.
            Refusal::Commitment
            | Refusal::RecoveryReplaced
            | Refusal::Downgrade
            | Refusal::Frozen => Self::Nobody,
            // Whoever is refused for what it did before has paid for that.
            Refusal::LinkQuarantined | Refusal::OriginQuarantined => Self::Nobody,
            // This node's own means.
            Refusal::CheckBudget | Refusal::SuiteUnavailable(_) | Refusal::NotABeacon => {
                Self::Nobody
            }
            // Relays can save up what was said in time and bring it at once.
            Refusal::OriginRate | Refusal::AttestorRate | Refusal::RotationRate => Self::Nobody,
            // Not signed, so anybody's; or signed, and harmless.
            Refusal::BadCookie | Refusal::Nonsense(_) => Self::Nobody,
        }
    }

    /// The same for what came over `link` in the name of `origin`: nobody pays if there is nobody to pay.
    pub(super) const fn of_whom_it_can_fall_on(self, link: Link, origin: Option<NodeId>) -> Self {
        match self {
            Self::Link(_) if link.proven().is_none() => Self::Nobody,
            Self::Origin(_) if origin.is_none() => Self::Nobody,
            blame => blame,
        }
    }

    /// What is paid for, by whoever it is.
    pub const fn offence(&self) -> Option<Offence> {
        match self {
            Self::Link(offence) | Self::Origin(offence) => Some(*offence),
            Self::Nobody => None,
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(offence) => write!(f, "its link pays for {}", offence.name()),
            Self::Origin(offence) => write!(f, "its origin pays for {}", offence.name()),
            Self::Nobody => f.write_str("nobody pays"),
        }
    }
}
