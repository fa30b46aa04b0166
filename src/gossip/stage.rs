//! The stages that a packet goes through.

use std::fmt;

use serde::Serialize;

use crate::wire::Tag;

/// A question that is asked of a packet on its way in. A packet comes to those that concern its sort,
/// cheapest first, and is refused at the first that it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Whether it is a packet of this version, of a size that may be. Asked first, but what fails it pays
    /// like any other packet, so its link is looked at before it is refused.
    Form,
    /// Whether it is meant for this mesh.
    Mesh,
    /// Whether its link is in quarantine.
    LinkQuarantine,
    /// Whether its link may bring one more packet.
    LinkBudget,
    /// Whether it names another member as its origin.
    Origin,
    /// Whether it belongs to a view that is heard here.
    View,
    /// Whether the key that it names speaks for its origin, and for its nonce.
    Key,
    /// Whether what a statement says makes sense here.
    Content,
    /// Whether its origin has [answered](crate::Refusal::Unproven) since this node started.
    Opening,
    /// Whether it was taken before, or is no news.
    Seen,
    /// Whether its origin is in quarantine, or frozen.
    OriginQuarantine,
    /// Whether its nonce is new.
    Window,
    /// Whether its body is the one that its header names.
    Body,
    /// Whether its link may have one more signature checked.
    CheckBudget,
    /// Whether its signature holds; of a statement also whether its key is known.
    Signature,
    /// Whether its origin signed something else under its nonce, or in its place.
    Contradiction,
    /// Whether it is dated too far ahead.
    ClockLead,
    /// Whether its origin keeps to its rate by its own signed times.
    SentRate,
    /// Whether so much is taken of its origin's statements.
    Share,
    /// Whether it still leads on from what holds here.
    Standing,
}

impl Stage {
    /// Those that a packet may come to, in their order. It skips those that do not concern it: an answer
    /// that is waited for comes whatever its link has used up, what is only passed on again is not checked
    /// again. What has not the right [form](Self::Form) is refused for that after it paid.
    pub const fn of(packet: Tag) -> &'static [Self] {
        match packet {
            Tag::Frame => &[
                Self::Form,
                Self::Mesh,
                Self::LinkQuarantine,
                Self::LinkBudget,
                Self::Origin,
                Self::View,
                Self::Key,
                Self::Opening,
                Self::Seen,
                Self::OriginQuarantine,
                Self::Window,
                Self::Body,
                Self::CheckBudget,
                Self::Signature,
                Self::Contradiction,
                Self::ClockLead,
                Self::SentRate,
            ],
            Tag::Rotation | Tag::Recovery => &[
                Self::Form,
                Self::Mesh,
                Self::LinkQuarantine,
                Self::LinkBudget,
                Self::Origin,
                Self::Seen,
                Self::Content,
                Self::CheckBudget,
                Self::Signature,
                Self::Share,
                Self::Standing,
            ],
            Tag::Attestation
            | Tag::Ballot
            | Tag::Challenge
            | Tag::Answer
            | Tag::Claim
            | Tag::Witness
            | Tag::Hello => &[
                Self::Form,
                Self::Mesh,
                Self::LinkQuarantine,
                Self::LinkBudget,
                Self::Origin,
                Self::Content,
                Self::Key,
                Self::Seen,
                Self::CheckBudget,
                Self::Signature,
                Self::Contradiction,
                Self::Share,
                Self::Standing,
            ],
            Tag::Certificate | Tag::Prevotes | Tag::Proof | Tag::Change | Tag::View => &[
                Self::Form,
                Self::Mesh,
                Self::LinkQuarantine,
                Self::LinkBudget,
                Self::Content,
                Self::View,
                Self::Seen,
                Self::CheckBudget,
                Self::Signature,
                Self::Standing,
            ],
            Tag::Cookie | Tag::CookieEcho => {
                &[Self::Form, Self::Mesh, Self::LinkQuarantine, Self::LinkBudget, Self::Content]
            }
        }
    }

    /// The name for logs, metrics and files; it never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Mesh => "mesh",
            Self::LinkQuarantine => "link_quarantine",
            Self::LinkBudget => "link_budget",
            Self::Origin => "origin",
            Self::View => "view",
            Self::Key => "key",
            Self::Content => "content",
            Self::Opening => "opening",
            Self::Seen => "seen",
            Self::OriginQuarantine => "origin_quarantine",
            Self::Window => "window",
            Self::Body => "body",
            Self::CheckBudget => "check_budget",
            Self::Signature => "signature",
            Self::Contradiction => "contradiction",
            Self::ClockLead => "clock_lead",
            Self::SentRate => "sent_rate",
            Self::Share => "share",
            Self::Standing => "standing",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name().replace('_', " "))
    }
}
