//! What is asked, and what is answered.

use serde::Serialize;

use crate::id::NodeId;

/// Who says something, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Under a signature that held: the origin of a [`Message`](crate::Message) or the attestor of a statement
    /// that was accepted.
    Signed(NodeId),
    /// Unsigned.
    Unsigned {
        /// Who is said to have said it.
        origin: NodeId,
        /// The member that the transport authenticated at the other end of the link for this very packet;
        /// `None` over a link that is only [claimed](crate::Link), or if the host does not know. A host that
        /// names one by an address alone lets anybody roll its stages back.
        neighbour: Option<NodeId>,
    },
}

impl Said {
    /// Who says it, or is said to.
    pub const fn origin(&self) -> NodeId {
        match self {
            Self::Signed(origin) | Self::Unsigned { origin, .. } => *origin,
        }
    }

    /// Whether it came over its origin's own proven link.
    pub(super) fn is_at_first_hand(&self) -> bool {
        matches!(self, Self::Unsigned { origin, neighbour } if *neighbour == Some(*origin))
    }
}

/// What becomes of something that falls short of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[must_use = "what is refused must not be acted on"]
pub enum Verdict {
    /// It falls short of nothing: it is signed, or certified.
    LetThrough,
    /// It is let through, and counted: it would be refused if the rule were enforced for everybody.
    WouldRefuse(Reason),
    /// It is refused.
    Refuse(Reason),
}

impl Verdict {
    /// Whether the host may take it.
    pub const fn lets_through(self) -> bool {
        !matches!(self, Self::Refuse(_))
    }
}

/// What something falls short of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Reason {
    /// There is no [rollout](crate::Config::rollout), so nothing unsigned is taken.
    NoRollout,
    /// Its origin, or whom it is about, is no member of the view.
    NotAMember,
    /// Its origin was heard signed before, or is this node.
    HeardSigned,
    /// The packet is no frame of this mesh. Statements, votes and certificates count as signed or not at all.
    NoFrame,
    /// It is not signed.
    Unsigned,
    /// It is a frame that was refused, of an origin that was never heard signed.
    FrameRefused,
    /// No quorum certified it.
    Uncertified,
}

impl Reason {
    /// A short fixed name, fit for a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoRollout => "no_rollout",
            Self::NotAMember => "not_a_member",
            Self::HeardSigned => "heard_signed",
            Self::NoFrame => "no_frame",
            Self::Unsigned => "unsigned",
            Self::FrameRefused => "frame_refused",
            Self::Uncertified => "uncertified",
        }
    }
}
