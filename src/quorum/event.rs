//! The kinds of events that a mesh agrees on, and the word that takes one of them back.

use serde::{Deserialize, Serialize};

use super::Slot;
use crate::id::{Digest, Epoch, Mark, NodeId, ViewNumber};
use crate::membership::View;

/// The most members that one `TopologyPartition` names.
pub const MAX_UNREACHABLE: usize = 128;

/// A member that is out of reach, with the mark up to which it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unheard {
    /// The member.
    pub node: NodeId,
    /// Its newest signed header that was heard; `None` if none ever was.
    pub mark: Option<Mark>,
}

/// An event that is believed only when two thirds of the members attest it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CriticalEvent {
    /// Nothing was heard of `subject` after `mark`.
    NodeFailure {
        /// The silent member. It does not attest its own failure.
        subject: NodeId,
        /// Its newest signed header that was heard; `None` if none ever was.
        mark: Option<Mark>,
    },
    /// `reporter` no longer hears `peer` over the link between them. Others confirm it only beside
    /// the reporter's own attestation, since nobody else can see that link. So a certificate makes
    /// the reporter's word known and proves nothing against `peer`, which may well be heard by
    /// everybody else: route around the link, and isolate nobody for it.
    LinkDown {
        /// The endpoint that misses the other.
        reporter: NodeId,
        /// The other endpoint.
        peer: NodeId,
        /// The newest header of `peer` that `reporter` knew of, by whatever way, when it lost the
        /// link.
        mark: Option<Mark>,
    },
    /// Members that fell silent together: a part of the mesh is out of reach. In its one canonical
    /// form, so that members that know the same say the same, byte by byte: see
    /// [`QuorumValidator::partition`](super::QuorumValidator::partition).
    TopologyPartition {
        /// Those out of reach, in the order of their ids, 1 to [`MAX_UNREACHABLE`].
        unreachable: Vec<Unheard>,
    },
    /// A proposal is adopted. Exclusive: one content for each topic and sequence.
    GovernanceProposal {
        /// What it is about.
        topic: Digest,
        /// Which decision on that topic.
        sequence: u64,
        /// What is decided.
        content: Digest,
    },
    /// A member's key is replaced by the others' word. Exclusive: one key for each node and epoch.
    KeyRotation {
        /// The member.
        node: NodeId,
        /// The epoch of the new key.
        epoch: Epoch,
        /// The digest of the new key.
        key: Digest,
    },
    /// A member contradicted itself under its own signature. Attested only by those who have
    /// checked the proof.
    SecurityIncident {
        /// The member that contradicted itself.
        offender: NodeId,
        /// The epoch of the key it did it with.
        epoch: Epoch,
        /// The digest of that key.
        key: Digest,
    },
    /// The mesh is to have other members, or members other keys. Exclusive: one change for each view.
    /// It takes effect with the [`ViewChange`](Self::ViewChange) that follows.
    MembershipChange {
        /// The number of the view that the change leads to.
        view: ViewNumber,
        /// The digest of the [`Change`](crate::Change).
        change: Digest,
    },
    /// A view ends and the next one begins. Exclusive: one for each number. Nodes vote on it by
    /// themselves, once the change of the members is decided; no host reports it.
    ViewChange {
        /// The number of the next view.
        view: ViewNumber,
        /// Its digest.
        digest: Digest,
    },
    /// `reporter` hears `peer` again over the link between them. It takes back nothing but what
    /// `reporter` itself said, so its word alone is enough: it is never certified.
    LinkUp {
        /// The endpoint that missed the other.
        reporter: NodeId,
        /// The other endpoint.
        peer: NodeId,
        /// The newest header of `peer` that `reporter` knew of then.
        mark: Option<Mark>,
    },
}

/// The kind of a [`CriticalEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// See [`CriticalEvent::NodeFailure`].
    NodeFailure,
    /// See [`CriticalEvent::LinkDown`].
    LinkDown,
    /// See [`CriticalEvent::TopologyPartition`].
    TopologyPartition,
    /// See [`CriticalEvent::GovernanceProposal`].
    GovernanceProposal,
    /// See [`CriticalEvent::KeyRotation`].
    KeyRotation,
    /// See [`CriticalEvent::SecurityIncident`].
    SecurityIncident,
    /// See [`CriticalEvent::MembershipChange`].
    MembershipChange,
    /// See [`CriticalEvent::ViewChange`].
    ViewChange,
    /// See [`CriticalEvent::LinkUp`].
    LinkUp,
}

impl EventKind {
    /// A short fixed name, fit for a log or a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NodeFailure => "node_failure",
            Self::LinkDown => "link_down",
            Self::TopologyPartition => "topology_partition",
            Self::GovernanceProposal => "governance_proposal",
            Self::KeyRotation => "key_rotation",
            Self::SecurityIncident => "security_incident",
            Self::MembershipChange => "membership_change",
            Self::ViewChange => "view_change",
            Self::LinkUp => "link_up",
        }
    }
}

impl CriticalEvent {
    /// Which of them it is.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::NodeFailure { .. } => EventKind::NodeFailure,
            Self::LinkDown { .. } => EventKind::LinkDown,
            Self::TopologyPartition { .. } => EventKind::TopologyPartition,
            Self::GovernanceProposal { .. } => EventKind::GovernanceProposal,
            Self::KeyRotation { .. } => EventKind::KeyRotation,
            Self::SecurityIncident { .. } => EventKind::SecurityIncident,
            Self::MembershipChange { .. } => EventKind::MembershipChange,
            Self::ViewChange { .. } => EventKind::ViewChange,
            Self::LinkUp { .. } => EventKind::LinkUp,
        }
    }

    /// The slot in which statements on this event meet.
    pub(crate) fn slot(&self) -> Slot {
        match *self {
            Self::NodeFailure { subject, .. } => Slot::Failure(subject),
            Self::LinkDown { reporter, peer, .. } | Self::LinkUp { reporter, peer, .. } => {
                Slot::Link { reporter, peer }
            }
            Self::TopologyPartition { .. } => Slot::Partition,
            Self::GovernanceProposal { topic, sequence, .. } => Slot::Proposal { topic, sequence },
            Self::KeyRotation { node, epoch, .. } => Slot::Rotation { node, epoch },
            Self::SecurityIncident { offender, epoch, .. } => Slot::Incident { offender, epoch },
            Self::MembershipChange { view, .. } => Slot::Membership(view),
            Self::ViewChange { view, .. } => Slot::View(view),
        }
    }

    /// Whether at most one content may ever be certified in its slot, so that ballots decide.
    pub const fn is_exclusive(&self) -> bool {
        self.content().is_some()
    }

    /// What is decided, where its slot is exclusive; `None` for what is observed.
    pub(super) const fn content(&self) -> Option<Digest> {
        match self {
            Self::GovernanceProposal { content, .. }
            | Self::KeyRotation { key: content, .. }
            | Self::MembershipChange { change: content, .. }
            | Self::ViewChange { digest: content, .. } => Some(*content),
            _ => None,
        }
    }

    /// The member whose attestation must be among those that certify this event.
    pub(super) const fn required_attestor(&self) -> Option<NodeId> {
        match self {
            Self::LinkDown { reporter, .. } => Some(*reporter),
            _ => None,
        }
    }

    /// Why an attestation by `node` would count for nothing, if it would.
    pub(super) fn bars(&self, node: &NodeId) -> Option<&'static str> {
        match self {
            Self::NodeFailure { subject, .. } if subject == node => {
                Some("a node does not attest its own failure")
            }
            Self::TopologyPartition { unreachable } => {
                let place = unreachable.binary_search_by_key(node, |unheard| unheard.node);
                place.ok().map(|_| "a node does not attest that it is out of reach itself")
            }
            Self::LinkUp { reporter, .. } if reporter != node => {
                Some("only the end of a link that missed the other takes that back")
            }
            _ => None,
        }
    }

    /// Whether the event is about members of `view` and in its one canonical form.
    pub(super) fn check(&self, view: &View) -> Result<(), &'static str> {
        let is_member = |node: &NodeId| view.index_of(node).is_some();
        let subjects_known = match self {
            Self::NodeFailure { subject: node, .. }
            | Self::KeyRotation { node, .. }
            | Self::SecurityIncident { offender: node, .. } => is_member(node),
            Self::LinkDown { reporter, peer, .. } | Self::LinkUp { reporter, peer, .. } => {
                if reporter == peer {
                    return Err("a link has two ends");
                }
                is_member(reporter) && is_member(peer)
            }
            Self::TopologyPartition { unreachable } => {
                if unreachable.is_empty() || unreachable.len() > MAX_UNREACHABLE {
                    return Err("a partition names 1 to 128 members");
                }
                if !unreachable.is_sorted_by(|one, next| one.node < next.node) {
                    return Err("a partition names its members once and in order");
                }
                unreachable.iter().all(|unheard| is_member(&unheard.node))
            }
            Self::MembershipChange { view: next, .. } | Self::ViewChange { view: next, .. } => {
                let is_next = view.number().0.checked_add(1) == Some(next.0);
                return if is_next {
                    Ok(())
                } else {
                    Err("it is not about the view that comes next")
                };
            }
            Self::GovernanceProposal { .. } => true,
        };
        if subjects_known { Ok(()) } else { Err("it is about a node that is no member") }
    }
}
