//! What a node shows: the answer to `/status`, as JSON.
//!
//! Every list is bounded by who fills it, and no text in it is trusted: names come from the view, beacons
//! from the mesh. The page shows them as text, and so must whoever else reads this.

use serde::Serialize;

/// A snapshot of a node.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    /// The version of the crate.
    pub(crate) version: &'static str,
    /// The name of this node in the view.
    pub(crate) node: String,
    /// Its id, in hexadecimal.
    pub(crate) id: String,
    /// The id of the mesh, in hexadecimal.
    pub(crate) mesh: String,
    /// The number of the view.
    pub(crate) view: u64,
    /// Members that must attest before an event is believed.
    pub(crate) quorum: usize,
    /// Whether this node signs: not while it waits for a quorum to confirm its start, nor once it stopped.
    pub(crate) signing: bool,
    /// Seconds since the start.
    pub(crate) uptime_s: u64,
    /// The members of the view, this node among them.
    pub(crate) members: Vec<MemberLine>,
    /// The neighbours that the transport knows.
    pub(crate) links: Vec<LinkLine>,
    /// The rules of the rollout; empty if none is configured.
    pub(crate) rollout: Vec<RuleLine>,
    /// What is the matter now, a sentence each.
    pub(crate) alerts: Vec<String>,
    /// What happened, the newest first.
    pub(crate) events: Vec<EventLine>,
    /// What a quorum agreed on, the newest first.
    pub(crate) certificates: Vec<CertificateLine>,
    /// What the library counted.
    pub(crate) stats: meshward::Stats,
}

/// A member, as this node sees it.
#[derive(Debug, Serialize)]
pub(crate) struct MemberLine {
    /// Its name in the view.
    pub(crate) name: String,
    /// Its id, in hexadecimal.
    pub(crate) id: String,
    /// How it stands.
    pub(crate) state: MemberState,
    /// Its reputation, 0 to 1.
    pub(crate) reputation: f64,
    /// How long its quarantine still lasts, in milliseconds.
    pub(crate) quarantine_ms: Option<u64>,
    /// How long ago it was heard last, in milliseconds.
    pub(crate) heard_ms: Option<u64>,
    /// The epoch of its key.
    pub(crate) epoch: String,
    /// Its signature scheme.
    pub(crate) suite: String,
    /// The body of its last beacon, as text, cut short.
    pub(crate) beacon: Option<String>,
}

/// How a member stands; of several, the first that holds in the order failed, quarantined, unproven, silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemberState {
    /// It is this node.
    ThisNode,
    /// It was heard lately.
    Heard,
    /// It was not heard for a while.
    Silent,
    /// Its messages are refused for a while.
    Quarantined,
    /// A quorum attested that it failed, and it was not heard since.
    Failed,
    /// It has not shown yet that what it sends is no replay.
    Unproven,
}

/// A neighbour.
#[derive(Debug, Serialize)]
pub(crate) struct LinkLine {
    /// The name that the configuration gives it.
    pub(crate) name: String,
    /// Its address.
    pub(crate) address: String,
    /// Whether the transport proved who is at its other end.
    pub(crate) proven: bool,
    /// How long its quarantine still lasts, in milliseconds.
    pub(crate) quarantine_ms: Option<u64>,
    /// How good the link is, in percent.
    pub(crate) quality: Option<u8>,
}

/// A rule of the rollout.
#[derive(Debug, Serialize)]
pub(crate) struct RuleLine {
    /// Its name.
    pub(crate) rule: String,
    /// Its stage.
    pub(crate) stage: String,
    /// What it refused since the start.
    pub(crate) refused: u64,
    /// What it let through since the start and will refuse in a later stage.
    pub(crate) would_refuse: u64,
}

/// Something that happened.
#[derive(Debug, Serialize)]
pub(crate) struct EventLine {
    /// When, in milliseconds since 1970 by the clock of the host.
    pub(crate) unix_ms: u64,
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) text: String,
}

/// Something that a quorum agreed on.
#[derive(Debug, Serialize)]
pub(crate) struct CertificateLine {
    /// When this node had it, in milliseconds since 1970 by the clock of the host.
    pub(crate) unix_ms: u64,
    /// What it says.
    pub(crate) event: String,
    /// The view that agreed.
    pub(crate) view: u64,
    /// How many attested.
    pub(crate) attestors: usize,
}
