//! *Plan*: what to do about it.

use super::{Analysis, Outlook};
use crate::id::NodeId;
use crate::keyring::RotationCause;

/// Something that this node should do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// State that a member has failed. It counts once two thirds of the members do.
    Report {
        /// The member.
        node: NodeId,
    },
    /// Stop routing through a member that has failed or is in quarantine here.
    Isolate {
        /// The member.
        node: NodeId,
    },
    /// Route through a member again.
    Readmit {
        /// The member.
        node: NodeId,
    },
    /// Prefer other ways to the one through a member. It is in doubt on no more than this node's own
    /// word, so it is not isolated.
    Reroute {
        /// The member.
        node: NodeId,
        /// What arrives over the link to it, in percent, if that is known.
        link_quality: Option<u8>,
    },
    /// Replace the key of this node.
    RotateKeys {
        /// Why.
        cause: RotationCause,
    },
    /// Tell whoever runs the node.
    Raise(Alert),
}

/// Something that no node can mend by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alert {
    /// So many members are silent that nothing can be certified.
    NoQuorum {
        /// Members that are overdue.
        silent: usize,
        /// Members that may be.
        tolerated: usize,
    },
    /// This node hears no more than a third of the members, itself included.
    CutOff {
        /// Members that are heard.
        heard: usize,
    },
    /// This node gives the others more time than it was configured to, since it may be the one at fault:
    /// it is paused, or slow, or missed members that were there.
    SelfDoubt {
        /// So many times the configured suspicion time, 2 to 8.
        times: u64,
    },
}

impl Alert {
    /// Whether both are about the same, whatever the numbers.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// What to do about what is wrong, in the order in which to do it. A pure function: nothing is done, and
/// the same analysis gives the same actions.
pub fn plan(analysis: &Analysis) -> Vec<Action> {
    let alerts = [
        match analysis.outlook {
            Outlook::Sound => None,
            Outlook::NoQuorum { silent, tolerated } => Some(Alert::NoQuorum { silent, tolerated }),
            Outlook::CutOff { heard } => Some(Alert::CutOff { heard }),
        },
        (analysis.self_doubt > 1).then_some(Alert::SelfDoubt { times: analysis.self_doubt }),
    ];
    let reroute =
        |&(node, link_quality): &(NodeId, Option<u8>)| Action::Reroute { node, link_quality };
    let nodes = |of: &[NodeId], action: fn(NodeId) -> Action| -> Vec<Action> {
        of.iter().map(|node| action(*node)).collect()
    };
    let mut actions: Vec<_> = alerts.into_iter().flatten().map(Action::Raise).collect();
    actions.extend(nodes(&analysis.to_isolate, |node| Action::Isolate { node }));
    actions.extend(nodes(&analysis.to_readmit, |node| Action::Readmit { node }));
    actions.extend(analysis.doubtful.iter().map(reroute));
    actions.extend(nodes(&analysis.suspects, |node| Action::Report { node }));
    actions.extend(analysis.key_due.map(|cause| Action::RotateKeys { cause }));
    actions
}
