//! What becomes of a packet that gossipsub brought: one table, made of the one that says who pays.

use libp2p::gossipsub::MessageAcceptance;

use crate::core::{Accepted, Blame};
use crate::wire::Refusal;

/// What becomes of a packet that gossipsub brought.
///
/// | what meshward says | verdict | gossipsub is told | it costs the peer |
/// |---|---|---|---|
/// | taken, and [for others, too](Accepted::is_for_others) | [`PassOn`](Self::PassOn) | `Accept` | nothing |
/// | taken, and for this node alone | [`Keep`](Self::Keep) | `Ignore` | nothing |
/// | malformed, a body that is not the header's, a signature that does not hold, a certificate that is refuted or has no proper shape | [`Punish`](Self::Punish) | `Reject` | P4, and P5 |
/// | over the link's packets | [`DropCopy`](Self::DropCopy) | `Ignore` | P5 |
/// | over the link's checks; link in quarantine | [`DropCopy`](Self::DropCopy) | `Ignore` | nothing more |
/// | equivocation, votes that contradict each other, over its origin's rate: the origin pays | [`Drop`](Self::Drop) | `Ignore` | nothing |
/// | all else: duplicates, replays, members, keys and views unknown here, origins in quarantine, what this node cannot afford | [`Drop`](Self::Drop) | `Ignore` | nothing |
///
/// `Reject` is for exactly those refusals that [`Blame::of`] puts on the link and that hang on nothing but the
/// bytes: no honest peer passes them on, since it had to refuse them itself. With one exception, then: over
/// the budget of packets is what a link did, not what the bytes are, and gossipsub takes P4 of *every* peer
/// that brings the bytes it was told to reject. Whoever floods with true frames of others would have their
/// honest relays pay. The link pays for that by P5, which is its reputation in meshward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Taken: gossipsub passes it on, and nobody else does.
    PassOn,
    /// Taken, and nobody else needs it.
    Keep,
    /// Whoever handed it on pays.
    Punish,
    /// Nobody who handed it on pays.
    Drop,
    /// Refused for the link it came over: the same bytes over another link are heard.
    DropCopy,
}

impl Verdict {
    /// What becomes of a packet of which this came.
    pub const fn of(result: &Result<Accepted, Refusal>) -> Self {
        match result {
            Ok(accepted) if accepted.is_for_others() => Self::PassOn,
            Ok(_) => Self::Keep,
            Err(refusal) => Self::of_refusal(refusal),
        }
    }

    /// What becomes of a packet that was refused so.
    pub const fn of_refusal(refusal: &Refusal) -> Self {
        match (refusal, Blame::of(refusal)) {
            (Refusal::LinkBudget | Refusal::CheckBudget | Refusal::LinkQuarantined, _) => {
                Self::DropCopy
            }
            (_, Blame::Link(_)) => Self::Punish,
            (_, Blame::Origin(_) | Blame::Nobody) => Self::Drop,
        }
    }

    /// What gossipsub is told.
    pub const fn acceptance(self) -> MessageAcceptance {
        match self {
            Self::PassOn => MessageAcceptance::Accept,
            Self::Punish => MessageAcceptance::Reject,
            Self::Keep | Self::Drop | Self::DropCopy => MessageAcceptance::Ignore,
        }
    }
}
