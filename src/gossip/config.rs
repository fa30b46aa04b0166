//! The numbers gossip is run with.

use crate::keyring::Misuse;
use crate::limit::Rate;
use crate::replay::WindowWidth;

/// The numbers gossip is run with. Ranges are checked when a node is built, defaults included.
#[derive(Debug, Clone)]
pub struct GossipConfig {
    /// How far behind the newest nonce of a key a frame may arrive, in messages. At 10 messages a
    /// second the default of 1024 bears 100 s of reordering.
    pub window: WindowWidth,
    /// The messages that are taken of one origin: 10 a second with bursts of 20. The whole mesh must
    /// use one value: each node keeps to it when it sends and holds others to it.
    pub origin_rate: Rate,
    /// Packets taken over one proven link, and over all claimed links together. Raised, where it is
    /// less, to twice the frames that the whole view may send, which an honest neighbour may all pass
    /// on; [`Core`](crate::Core) adds room for statements.
    pub link_packets: Rate,
    /// Signature checks spent on one proven link that has a place: it brought something new and true
    /// within ten minutes, or its place was reserved. At 100 µs a check the default of 500 a second
    /// is 5 % of a core. Its burst is raised, where it is less, to what one certificate takes, and by
    /// [`Core`](crate::Core) to four times the members, which say as much at once when all start anew.
    pub link_checks: Rate,
    /// Signature checks spent on all proven links without a place together, on each at most an eighth
    /// of [`link_checks`](Self::link_checks). Its burst is raised likewise.
    pub newcomer_checks: Rate,
    /// Signature checks spent on all claimed links together, but for the pairs below; its burst is
    /// raised likewise.
    pub claimed_checks: Rate,
    /// Places for proven links, and newcomers that are remembered, of which the least recently used
    /// goes first. Each costs less than 300 bytes. 1 to 1 048 576.
    pub links: usize,
    /// Signature checks spent on one pair of claimed link and origin that answered a cookie, before it
    /// draws on those that all claimed links share. With the default of 5 a second all 256 pairs
    /// together take 13 % of a core at most.
    pub pair_checks: Rate,
    /// Places for such pairs: the neighbours over claimed links, times the members that are heard
    /// over each. Each costs less than 300 bytes. 1 to 1 048 576.
    pub claimed_pairs: usize,
    /// Bytes of signed headers kept of each member to prove equivocation: at 3.4 KiB each the default
    /// of 128 KiB holds its last 37 frames. It must hold more than a burst: a member that says one
    /// thing here and another there can send a burst after each, and what that pushes out before the
    /// two meet is not proven. With the default they have 1.7 s after the burst. 0 to 16 MiB; with 0
    /// nothing can be proven.
    pub retained_bytes: usize,
    /// How long a member in quarantine waits between two beacons that are still taken as signs of
    /// life, in milliseconds. 100 to half the suspicion time, so that a member is not reported as
    /// failed because it is in quarantine.
    pub quarantine_beacon_ms: u64,
}

impl Default for GossipConfig {
    fn default() -> Self {
        Self {
            window: WindowWidth::default(),
            origin_rate: Rate { per_second: 10, burst: 20 },
            link_packets: Rate { per_second: 5_000, burst: 10_000 },
            link_checks: Rate { per_second: 500, burst: 1_000 },
            newcomer_checks: Rate { per_second: 500, burst: 1_000 },
            claimed_checks: Rate { per_second: 500, burst: 1_000 },
            links: 4_096,
            pair_checks: Rate { per_second: 5, burst: 20 },
            claimed_pairs: 256,
            retained_bytes: 128 * 1024,
            quarantine_beacon_ms: 1_000,
        }
    }
}

impl GossipConfig {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`Misuse::Config`] names the first that is out of it.
    pub fn validate(&self) -> Result<(), Misuse> {
        let rates = [
            ("origin_rate", self.origin_rate),
            ("link_packets", self.link_packets),
            ("link_checks", self.link_checks),
            ("newcomer_checks", self.newcomer_checks),
            ("claimed_checks", self.claimed_checks),
            ("pair_checks", self.pair_checks),
        ];
        for (name, rate) in rates {
            rate.validate().map_err(|error| Misuse::Config(format!("{name}: {error}")))?;
        }
        Misuse::unless_in_range("links", self.links, 1, 1_048_576)?;
        Misuse::unless_in_range("claimed_pairs", self.claimed_pairs, 1, 1_048_576)?;
        Misuse::unless_in_range("retained_bytes", self.retained_bytes, 0, 16 * 1024 * 1024)?;
        Misuse::unless_in_range("quarantine_beacon_ms", self.quarantine_beacon_ms, 100, 1_800_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_bad_values_are_named() {
        assert_eq!(GossipConfig::default().validate(), Ok(()));
        let config = GossipConfig { links: 0, ..GossipConfig::default() };
        let error = config.validate().unwrap_err().to_string();
        assert_eq!(error, "configuration: links is 0, it may be 1 to 1048576");
        for (bytes, holds) in [(16 * 1024 * 1024, true), (16 * 1024 * 1024 + 1, false)] {
            let config = GossipConfig { retained_bytes: bytes, ..GossipConfig::default() };
            assert_eq!(config.validate().is_ok(), holds);
        }
        let rate = Rate { per_second: 0, burst: 20 };
        let config = GossipConfig { origin_rate: rate, ..GossipConfig::default() };
        assert!(config.validate().unwrap_err().to_string().contains("origin_rate"));
    }
}
