//! *Analyse*: what is wrong, and with whom.

use super::{Observations, PeerSeen, Standing};
use crate::host::PeerHealth;
use crate::id::NodeId;
use crate::keyring::RotationCause;

/// A link over which less than this arrives, in percent, is poor.
pub const POOR_LINK: u8 = 50;

/// What is wrong. Each list is in the order of the view.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Analysis {
    /// How the mesh as a whole is heard from here.
    pub outlook: Outlook,
    /// Members that this node is to state the failure of.
    pub suspects: Vec<NodeId>,
    /// Members to go around meanwhile, with what arrives over the link to them in percent, if that is
    /// known: those that are overdue, and those whose link is [poor](POOR_LINK).
    pub doubtful: Vec<(NodeId, Option<u8>)>,
    /// Members that are overdue, and that the host knows to work all the same.
    pub vouched_for: Vec<NodeId>,
    /// Members that have failed or are in quarantine, and are routed through.
    pub to_isolate: Vec<NodeId>,
    /// Members that are not, and are not routed through.
    pub to_readmit: Vec<NodeId>,
    /// See [`Observations::self_doubt`].
    pub self_doubt: u64,
    /// See [`Observations::key_due`].
    pub key_due: Option<RotationCause>,
}

/// How much of the mesh is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// All but as many as may fail.
    Sound,
    /// Fewer than a quorum, so that nothing can be certified.
    NoQuorum {
        /// Members that are overdue.
        silent: usize,
        /// Members that may be.
        tolerated: usize,
    },
    /// No more than a third, this node included: it is the one that is cut off, and accuses nobody.
    CutOff {
        /// Members that are heard, this node included.
        heard: usize,
    },
}

/// Judges what was seen. A pure function: the same observations give the same analysis.
///
/// A member that the host knows to be [healthy](PeerHealth::Healthy) is no suspect, however long it has
/// been silent: data passes through it. One that it knows to have [failed](PeerHealth::Failed) becomes
/// one no earlier than others, since no more than a node's own word stands behind that, and its silence
/// is what other members see as well.
pub fn analyse(seen: &Observations) -> Analysis {
    let of = |holds: fn(&PeerSeen) -> bool| -> Vec<NodeId> {
        seen.peers.iter().filter(|peer| holds(peer)).map(|peer| peer.node).collect()
    };
    let doubtful = seen.peers.iter().filter(|peer| is_doubtful(peer));
    Analysis {
        outlook: outlook(seen),
        suspects: of(|peer| peer.to_report && !is_vouched_for(peer)),
        doubtful: doubtful.map(|peer| (peer.node, peer.link_quality)).collect(),
        vouched_for: of(|peer| peer.overdue && is_vouched_for(peer)),
        to_isolate: of(|peer| is_out(peer) && !peer.isolated),
        to_readmit: of(|peer| !is_out(peer) && peer.isolated),
        self_doubt: seen.self_doubt,
        key_due: seen.key_due,
    }
}

fn is_vouched_for(peer: &PeerSeen) -> bool {
    peer.health == PeerHealth::Healthy
}

/// Whom the mesh agreed on, or who did it under its own signature.
fn is_out(peer: &PeerSeen) -> bool {
    peer.standing == Standing::Failed || peer.quarantined
}

fn is_doubtful(peer: &PeerSeen) -> bool {
    let is_silent = peer.overdue && !is_vouched_for(peer);
    let is_poor = peer.link_quality.is_some_and(|percent| percent < POOR_LINK);
    (is_silent || is_poor || peer.health == PeerHealth::Failed) && !is_out(peer)
}

fn outlook(seen: &Observations) -> Outlook {
    let silent = seen.peers.iter().filter(|peer| peer.overdue).count();
    let (heard, tolerated) =
        (seen.members.saturating_sub(silent), seen.members.saturating_sub(seen.quorum));
    if silent <= tolerated {
        Outlook::Sound
    } else if heard <= seen.members / 3 {
        Outlook::CutOff { heard }
    } else {
        Outlook::NoQuorum { silent, tolerated }
    }
}
