//! What a node shows: the answer to `/status`.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) version: &'static str,
    pub(crate) node: String,
    pub(crate) id: String,
    pub(crate) mesh: String,
    pub(crate) view: u64,
    pub(crate) quorum: usize,
    pub(crate) signing: bool,
    pub(crate) uptime_s: u64,
    pub(crate) members: Vec<MemberLine>,
    pub(crate) links: Vec<LinkLine>,
    pub(crate) rollout: Vec<RuleLine>,
    pub(crate) alerts: Vec<String>,
    pub(crate) events: Vec<EventLine>,
    pub(crate) certificates: Vec<CertificateLine>,
    pub(crate) stats: meshward::Stats,
}

#[derive(Debug, Serialize)]
pub(crate) struct MemberLine {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) state: MemberState,
    pub(crate) reputation: f64,
    pub(crate) quarantine_ms: Option<u64>,
    pub(crate) heard_ms: Option<u64>,
    pub(crate) epoch: String,
    pub(crate) suite: String,
    pub(crate) beacon: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemberState {
    ThisNode,
    Heard,
    Silent,
    Quarantined,
    Failed,
    Unproven,
}

#[derive(Debug, Serialize)]
pub(crate) struct LinkLine {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) proven: bool,
    pub(crate) quarantine_ms: Option<u64>,
    pub(crate) quality: Option<u8>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RuleLine {
    pub(crate) rule: String,
    pub(crate) stage: String,
    pub(crate) refused: u64,
    pub(crate) would_refuse: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct EventLine {
    pub(crate) unix_ms: u64,
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct CertificateLine {
    pub(crate) unix_ms: u64,
    pub(crate) event: String,
    pub(crate) view: u64,
    pub(crate) attestors: usize,
}
