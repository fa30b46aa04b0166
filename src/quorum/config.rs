//! The numbers the quorum is run with.

use crate::keyring::Misuse;
use crate::limit::Rate;

/// The numbers the quorum is run with. Ranges are checked when a node is built, defaults included.
#[derive(Debug, Clone)]
pub struct QuorumConfig {
    /// How long a member is silent before it may be reported as failed, in milliseconds. At least
    /// three beacon intervals, so that two lost beacons do not make a suspect, and longer than a round
    /// trip through the mesh. Up to eight times as
    /// long while there are signs that this node itself is slow, paused or cut off (Lifeguard, arXiv
    /// 1707.00788). 100 to 3 600 000.
    ///
    /// Three more times follow from it. A member is asked whether it lives after half of it without a
    /// sign of life. A frame that is later than half of it, by its origin's own clock and beside the
    /// earliest of the same boot, is no sign of life: beacons must not vary by more than that on their
    /// way. And a node signs no more than one challenge and one answer in an eighth of it. Whoever plays
    /// recorded frames of a dead member delays its end by at most twice this time, and who sends garbage
    /// in its name by half of it.
    pub suspicion_ms: u64,
    /// How often own statements on undecided events are sent again, in milliseconds. 50 to 600 000.
    pub resend_ms: u64,
    /// How long the first round on an exclusive slot waits for its leader, and for votes that agree
    /// when two thirds are in, in milliseconds; the second waits twice as long, and so on, up to 64
    /// times. Longer than a ballot takes through the mesh. 50 to 600 000.
    pub round_ms: u64,
    /// How long this node has to know a member as failed, with a certificate and without a sign of life
    /// since, before it takes part in giving the name another key (see
    /// [`Change::replace`](crate::Change::replace)), in milliseconds. It counts anew in each view and
    /// after a start. Longer than an owner may need to bring its host back. At least `suspicion_ms`,
    /// 1 000 to 2 678 400 000 (31 days).
    pub replacement_delay_ms: u64,
    /// The attestations taken of one member, beside a burst of two for each member of the view.
    pub attestor_rate: Rate,
    /// The undecided events other than node failures that are kept of one member's statements; its
    /// oldest goes first, never another member's. Each costs up to 12 KiB. 1 to 4096.
    pub slots_per_member: usize,
}

impl Default for QuorumConfig {
    fn default() -> Self {
        Self {
            suspicion_ms: 3_000,
            resend_ms: 1_000,
            round_ms: 2_000,
            replacement_delay_ms: 86_400_000,
            attestor_rate: Rate { per_second: 10, burst: 20 },
            slots_per_member: 64,
        }
    }
}

impl QuorumConfig {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`Misuse::Config`] names the first that is out of it.
    pub fn validate(&self) -> Result<(), Misuse> {
        let ranges = [
            ("suspicion_ms", self.suspicion_ms, 100, 3_600_000),
            ("resend_ms", self.resend_ms, 50, 600_000),
            ("round_ms", self.round_ms, 50, 600_000),
            (
                "replacement_delay_ms",
                self.replacement_delay_ms,
                self.suspicion_ms.max(1_000),
                2_678_400_000,
            ),
            ("slots_per_member", u64::try_from(self.slots_per_member).unwrap_or(0), 1, 4_096),
        ];
        for (name, value, least, most) in ranges {
            Misuse::unless_in_range(name, value, least, most)?;
        }
        let rate = self.attestor_rate.validate();
        rate.map_err(|error| Misuse::Config(format!("attestor_rate: {error}")))
    }
}
