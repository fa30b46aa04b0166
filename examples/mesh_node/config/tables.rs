//! The configuration as it is written. Nothing in it is checked yet but its form.

use std::net::SocketAddr;
use std::path::PathBuf;

use meshward::Suite;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) state: Spanned<PathBuf>,
    pub(super) view: Spanned<PathBuf>,
    #[serde(default)]
    pub(super) disk: Disk,
    pub(super) udp: Udp,
    pub(super) http: Option<Http>,
    #[serde(default)]
    pub(super) beacon: Beacon,
    #[serde(default)]
    pub(super) quorum: Quorum,
    #[serde(default)]
    pub(super) rotation: Rotation,
    pub(super) rollout: Option<Rollout>,
    pub(super) backup: Option<Backup>,
    #[serde(default)]
    pub(super) peer: Vec<Spanned<Peer>>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum Disk {
    #[default]
    NeverRolledBack,
    MayBeRolledBack,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Udp {
    pub(super) listen: Spanned<SocketAddr>,
    pub(super) mtu: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    pub(super) listen: Spanned<SocketAddr>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Beacon {
    pub(super) interval_ms: Option<Spanned<u64>>,
    pub(super) text: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Quorum {
    pub(super) suspicion_ms: Option<Spanned<u64>>,
    pub(super) resend_ms: Option<Spanned<u64>>,
    pub(super) round_ms: Option<Spanned<u64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    pub(super) enabled: Option<bool>,
    pub(super) max_age_ms: Option<Spanned<u64>>,
    pub(super) max_messages: Option<Spanned<u64>>,
    pub(super) min_interval_ms: Option<Spanned<u64>>,
    pub(super) jitter_percent: Option<Spanned<u8>>,
    pub(super) suite: Option<Spanned<Named>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollout {
    pub(super) canary_percent: Option<Spanned<Vec<u8>>>,
    pub(super) soak_ms: Option<Spanned<u64>>,
    pub(super) window_ms: Option<Spanned<u64>>,
    pub(super) patience_ms: Option<Spanned<u64>>,
    pub(super) rollback_above: Option<Spanned<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backup {
    pub(super) directory: Spanned<PathBuf>,
    pub(super) passphrase_file: Spanned<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Peer {
    pub(super) member: Spanned<String>,
    pub(super) address: Spanned<SocketAddr>,
    pub(super) secret_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) authenticated: bool,
}

/// A suite by its name.
pub(super) struct Named(pub(super) Suite);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(Self).map_err(D::Error::custom)
    }
}
