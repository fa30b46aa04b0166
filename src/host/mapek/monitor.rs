//! *Monitor*: what is seen of each member at one moment.

use std::collections::BTreeSet;

use crate::host::{MeshByzantineProtection, PeerHealth};
use crate::id::{Millis, NodeId};
use crate::keyring::RotationCause;
use crate::quorum::FailureStatus;

/// What is known of the mesh at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observations {
    /// Members of the view, this node included.
    pub members: usize,
    /// Members that must attest before an event is believed: ⌈2n/3⌉.
    pub quorum: usize,
    /// How long a member has to be silent to be overdue here, in times of the configured suspicion
    /// time: 1 to 8. More than 1 is what this node [holds against itself](crate::QuorumValidator::suspicion_ms).
    pub self_doubt: u64,
    /// Why the key of this node should be replaced, if it should and does not do so
    /// [by itself](crate::Config::rotation).
    pub key_due: Option<RotationCause>,
    /// Every other member, in the order of the view.
    pub peers: Vec<PeerSeen>,
}

/// What is known of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerSeen {
    /// The member.
    pub node: NodeId,
    /// For how long it has not been heard while this node was there to hear it, in milliseconds.
    pub silent_ms: u64,
    /// It has been silent for the suspicion time, whatever was stated of it.
    pub overdue: bool,
    /// This node is to state that it has failed: it is overdue, was asked, did not answer, and was not
    /// reported yet ([`QuorumValidator::to_report`](crate::QuorumValidator::to_report)).
    pub to_report: bool,
    /// What the host knows of it by means of its own.
    pub health: PeerHealth,
    /// How much of what is sent over the link to it arrives, as the host measures it, in percent; `None`
    /// where there is no link, or nothing is known of it.
    pub link_quality: Option<u8>,
    /// What the mesh says of its failure.
    pub standing: Standing,
    /// Its ordinary messages are refused here, for what it did under its own signature.
    pub quarantined: bool,
    /// The router was told not to route through it.
    pub isolated: bool,
}

/// What the mesh says of a member's failure: [`FailureStatus`] without the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody reports it, or it was heard after the reports.
    Heard,
    /// Some report it.
    Reported {
        /// Members whose reports add up.
        attestations: usize,
        /// Members whose reports must.
        needed: usize,
    },
    /// The mesh agrees, and nothing newer was heard of it since.
    Failed,
}

impl Observations {
    /// A mesh of so many members in which all is well and nobody was looked at yet.
    pub const fn of(members: usize, quorum: usize) -> Self {
        Self { members, quorum, self_doubt: 1, key_due: None, peers: Vec::new() }
    }
}

impl PeerSeen {
    /// A member that was heard just now, and of which there is nothing else to say.
    pub const fn heard(node: NodeId) -> Self {
        Self {
            node,
            silent_ms: 0,
            overdue: false,
            to_report: false,
            health: PeerHealth::Unknown,
            link_quality: None,
            standing: Standing::Heard,
            quarantined: false,
            isolated: false,
        }
    }
}

impl From<&FailureStatus> for Standing {
    fn from(status: &FailureStatus) -> Self {
        match *status {
            FailureStatus::Heard => Self::Heard,
            FailureStatus::Reported { attestations, needed } => {
                Self::Reported { attestations, needed }
            }
            FailureStatus::Certified(_) => Self::Failed,
        }
    }
}

impl MeshByzantineProtection {
    /// Looks at every other member, and asks the host's monitor about it. Changes nothing. O(n log n)
    /// in the members.
    pub fn monitor(&self, now: Millis) -> Observations {
        let core = self.core();
        let (view, quorum) = (core.view(), core.quorum());
        let [overdue, to_report] =
            [core.overdue(now), core.to_report(now)].map(BTreeSet::from_iter);
        let isolated = self.isolated();
        let seen = |node: NodeId| PeerSeen {
            node,
            silent_ms: core.silent_for(&node, now).unwrap_or(0),
            overdue: overdue.contains(&node),
            to_report: to_report.contains(&node),
            health: self.host.monitor.check_peer_health(node),
            link_quality: self.host.monitor.link_quality(node).map(|percent| percent.min(100)),
            standing: (&core.validate_node_failure(&node)).into(),
            quarantined: core.is_node_quarantined(&node, now),
            isolated: isolated.contains(&node),
        };
        let others = view.members().iter().map(|member| member.id);
        Observations {
            members: view.len(),
            quorum: view.quorum(),
            self_doubt: quorum.self_doubt(now),
            key_due: core.rotation_due(),
            peers: others.filter(|node| *node != core.node()).map(seen).collect(),
        }
    }
}
