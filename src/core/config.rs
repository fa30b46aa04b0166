//! Everything that can be set, in one place.

use crate::gossip::GossipConfig;
use crate::keyring::{Misuse, RotationPolicy};
use crate::quorum::QuorumConfig;
use crate::reputation::ReputationConfig;
use crate::rollout::RolloutConfig;

/// Whether what this node has stored is there again when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskTrust {
    /// It is: the disk is never restored from a copy, and the machine never from a snapshot.
    #[default]
    NeverRolledBack,
    /// It may not be: the disk can be an older one. The node then signs nothing at its start until a
    /// quorum has stored the number of this start: see
    /// [`Event::BootConfirmed`](super::Event::BootConfirmed). It is one of the f faulty when its disk
    /// was rolled back.
    ///
    /// A store that does not [survive a restart](crate::Store::survives_restart) counts as such a disk,
    /// if the identity in it was not made there.
    MayBeRolledBack,
}

/// Everything that can be set. Ranges are checked when a node is built, defaults included.
#[derive(Debug, Clone)]
pub struct Config {
    /// Frames: windows, rates, budgets.
    pub gossip: GossipConfig,
    /// Events: suspicion, re-sending, shares.
    pub quorum: QuorumConfig,
    /// What offences of members cost.
    pub members: ReputationConfig,
    /// What offences of proven links cost.
    pub links: ReputationConfig,
    /// When this node replaces its key by itself; `None`: only when its host says so, or somebody else
    /// signs with it. A host that calls
    /// [`health_check`](crate::MeshByzantineProtection::health_check) says so once a key is due by
    /// [`RotationPolicy::default`].
    pub rotation: Option<RotationPolicy>,
    /// How long the key before a rotation is still taken, in milliseconds. 0 to 3 600 000.
    pub grace_ms: u64,
    /// Keys kept ready for checks, 36 KiB each (ML-DSA-65 without the feature `prepared`: 43 KiB), so
    /// that a check takes a third of what the crates beneath take, or less. In a mesh with more members
    /// than this those that are not kept are made ready again for each of their messages, which is eight
    /// times a check. With 0 none is kept, and ML-DSA-65 is checked by `ml-dsa` alone. 0 to 16 384.
    pub prepared_keys: usize,
    /// Whether this node's disk can be an older one than it wrote.
    pub disk: DiskTrust,
    /// Whether keys may be rotated to a weaker suite, this node's own and others'. No by default: whoever
    /// can break the weaker suite would want it. All members need it set before one of them does it; a
    /// member that has not takes nothing more of the one that did until it comes back.
    pub allow_downgrades: bool,
    /// Whether signatures and quorum are enforced in stages, in a mesh with old nodes that know neither; see
    /// [`rollout`](crate::rollout). It weakens *authentic*: until a stage holds for a member that was never
    /// heard signed, the host may take anybody's word in its name. `None`, the default: nothing unsigned is
    /// ever taken.
    pub rollout: Option<RolloutConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gossip: GossipConfig::default(),
            quorum: QuorumConfig::default(),
            members: ReputationConfig::default(),
            links: ReputationConfig::default(),
            rotation: Some(RotationPolicy::default()),
            grace_ms: 60_000,
            prepared_keys: 256,
            disk: DiskTrust::default(),
            allow_downgrades: false,
            rollout: None,
        }
    }
}

impl Config {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`Misuse::Config`] names the first that is out of it.
    pub fn validate(&self) -> Result<(), Misuse> {
        self.gossip.validate()?;
        self.quorum.validate()?;
        for (name, config) in [("members", &self.members), ("links", &self.links)] {
            config.validate().map_err(|error| Misuse::Config(format!("{name}: {error}")))?;
        }
        let (beacon, suspicion) = (self.gossip.quarantine_beacon_ms, self.quorum.suspicion_ms);
        if beacon > suspicion / 2 {
            return Err(Misuse::Config(format!(
                "quarantine_beacon_ms is {beacon}, with a suspicion_ms of {suspicion} it may be at \
                 most half of that"
            )));
        }
        self.rotation.as_ref().map_or(Ok(()), RotationPolicy::validate)?;
        self.rollout.as_ref().map_or(Ok(()), RolloutConfig::validate)?;
        if self.grace_ms > 3_600_000 {
            let found = self.grace_ms;
            return Err(Misuse::Config(format!("grace_ms is {found}, it may be 0 to 3600000")));
        }
        if self.prepared_keys > 16_384 {
            let found = self.prepared_keys;
            return Err(Misuse::Config(format!("prepared_keys is {found}, it may be 0 to 16384")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_bad_values_are_named() {
        assert_eq!(Config::default().validate(), Ok(()));
        let error = |config: Config| config.validate().unwrap_err().to_string();
        let mut config = Config::default();
        config.quorum.suspicion_ms = 1_500;
        assert!(error(config).contains("quarantine_beacon_ms is 1000"));
        let rotation = Some(RotationPolicy { max_messages: 1, ..RotationPolicy::default() });
        assert!(error(Config { rotation, ..Config::default() }).contains("max_messages"));
        assert_eq!(Config { rotation: None, ..Config::default() }.validate(), Ok(()));
        assert!(error(Config { grace_ms: 3_600_001, ..Config::default() }).contains("grace_ms"));
        assert!(
            error(Config { prepared_keys: 16_385, ..Config::default() }).contains("prepared_keys")
        );
        let rollout = Some(RolloutConfig { window_ms: 0, ..RolloutConfig::default() });
        assert!(error(Config { rollout, ..Config::default() }).contains("window_ms"));
        let mut config = Config::default();
        config.quorum.slots_per_member = 0;
        assert!(error(config).contains("slots_per_member"));
    }
}
