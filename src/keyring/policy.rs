//! When a node replaces its key without being told to.

use super::Misuse;
use crate::suite::Suite;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// When a node replaces its key by itself.
///
/// A key in use for long has been on more disks, in more copies of memory and before more attackers. Its
/// own theft is seldom noticed, and whoever has the key alone is out with the next rotation. NIST SP
/// 800-57 Part 1 Rev. 5, section 5.3.6 (1), asks for a private signature key to be used for one to three
/// years at most; the signatures themselves wear out neither suite (FIPS 204 rests on 2⁶⁴ of them).
///
/// Each rotation has a price: every member keeps 9 KiB of it, and of the last 18 keys alone, and a copy
/// of the disk from before it speaks for nobody any more. So the default is on, and four times a year:
/// 18 keys then last for four years in one view.
///
/// # Time
///
/// Age is the time that the node has *run* with the key, on the clock that its host passes to
/// [`tick`](crate::Core::tick), added up over its starts. No wall clock is asked. Between two ticks at
/// most a minute counts and never less than nothing: a clock that jumps ahead by a year ages the key by
/// a minute, and one that goes back goes on from there. It is written down one, three, seven … minutes after a start,
/// and then every hour, so a start is counted for at least half of what it lasted, less a minute, and the
/// last hour of it at most is lost.
///
/// # Who can bring a rotation about
///
/// Nobody else: what counts is how long this node ran, and how many messages its own host had it sign.
/// What it signs because others ask (answers, statements on events) counts for nothing, and is bounded
/// where it is signed. The one exception is a thief of the key itself: see
/// [`RotationCause::OtherSelf`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationPolicy {
    /// How long a key is used at most, in milliseconds of running time. 1 hour to 3 years; 90 days by
    /// default.
    pub max_age_ms: u64,
    /// How many messages are signed with it at most. 1 024 to 2³²; 2²⁴ by default, which is ten days of
    /// 20 messages a second. Of those since it was last written down, at most one part in 64, a crash forgets.
    pub max_messages: u64,
    /// No key is replaced before it was in use for so long, in milliseconds of running time. 1 minute to
    /// half of `max_age_ms`; 1 day by default.
    pub min_interval_ms: u64,
    /// By how much of `max_age_ms` and `max_messages`, in percent, a key may be replaced earlier, so that
    /// a mesh that was set up in one hour does not rotate in one hour. How much of that it is follows
    /// from the secret key: it is drawn with it, is the same after a restart, and nobody else knows it.
    /// Where much is overdue when a node starts it waits, as drawn, for up to an hour more. 0 to 50; 10 by
    /// default.
    pub jitter_percent: u8,
    /// The suite of the next key. `None`, the default: the one in use. One that is weaker is not taken,
    /// unless [`Config::allow_downgrades`](crate::Config::allow_downgrades) says so, and neither is one
    /// that the key in use commits to no key of: the next is of the suite in use then.
    pub suite: Option<Suite>,
}

impl Default for RotationPolicy {
    fn default() -> Self {
        Self {
            max_age_ms: 90 * DAY_MS,
            max_messages: 1 << 24,
            min_interval_ms: DAY_MS,
            jitter_percent: 10,
            suite: None,
        }
    }
}

impl RotationPolicy {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`Misuse::Config`] names the first that is out of it.
    pub fn validate(&self) -> Result<(), Misuse> {
        let ranges = [
            ("max_age_ms", self.max_age_ms, HOUR_MS, 3 * 365 * DAY_MS),
            ("max_messages", self.max_messages, 1_024, 1 << 32),
            ("min_interval_ms", self.min_interval_ms, 60_000, self.max_age_ms / 2),
            ("jitter_percent", self.jitter_percent.into(), 0, 50),
        ];
        for (name, found, least, most) in ranges {
            if found < least || found > most {
                return Err(Misuse::Config(format!(
                    "rotation: {name} is {found}, it may be {least} to {most}"
                )));
            }
        }
        match self.suite.filter(|suite| !suite.is_available()) {
            Some(suite) => {
                Err(Misuse::Config(format!("rotation: suite is {suite}, which is not compiled in")))
            }
            None => Ok(()),
        }
    }

    /// What is left of `most` where jitter takes `share` of 65 536 parts of what it may.
    const fn lowered(&self, most: u64, share: u16) -> u64 {
        let at_most = (most / 100).saturating_mul(widened(self.jitter_percent));
        most.saturating_sub(part(at_most, share))
    }

    /// Why a key has to go that was in use for `age_ms` and `messages`, `run_ms` of them in this start.
    pub(super) fn cause(
        &self,
        (age_ms, messages, run_ms): (u64, u64, u64),
        share: u16,
    ) -> Option<RotationCause> {
        let wait_ms = if self.min_interval_ms < HOUR_MS { self.min_interval_ms } else { HOUR_MS };
        if age_ms < self.min_interval_ms || run_ms < part(wait_ms, share) {
            return None;
        }
        if age_ms >= self.lowered(self.max_age_ms, share) {
            return Some(RotationCause::Age);
        }
        (messages >= self.lowered(self.max_messages, share)).then_some(RotationCause::Messages)
    }
}

/// `share` of 65 536 parts of `whole`.
const fn part(whole: u64, share: u16) -> u64 {
    let [low, high] = share.to_le_bytes();
    let share = widened(high).saturating_mul(256).saturating_add(widened(low));
    // Within the ranges above it does not saturate.
    whole.saturating_mul(share) >> 16
}

const fn widened(byte: u8) -> u64 {
    u64::from_le_bytes([byte, 0, 0, 0, 0, 0, 0, 0])
}

/// Why a node replaces its key without being told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationCause {
    /// The key has been in use for long: [`RotationPolicy::max_age_ms`].
    Age,
    /// It has signed much: [`RotationPolicy::max_messages`].
    Messages,
    /// Somebody else signs with it: see [`Event::OtherSelf`](crate::Event::OtherSelf).
    OtherSelf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named() {
        let policy = RotationPolicy::default();
        assert_eq!(policy.validate(), Ok(()));
        let wrong = [
            RotationPolicy { max_age_ms: HOUR_MS - 1, ..policy.clone() },
            RotationPolicy { max_age_ms: 1_096 * DAY_MS, ..policy.clone() },
            RotationPolicy { max_messages: 1_023, ..policy.clone() },
            RotationPolicy { max_messages: (1 << 32) + 1, ..policy.clone() },
            RotationPolicy { min_interval_ms: 59_999, ..policy.clone() },
            RotationPolicy { min_interval_ms: 46 * DAY_MS, ..policy.clone() },
            RotationPolicy { jitter_percent: 51, ..policy.clone() },
        ];
        let names = ["max_age", "max_age", "max_me", "max_me", "min_int", "min_int", "jitter"];
        for (wrong, name) in wrong.into_iter().zip(names) {
            let error = wrong.validate().unwrap_err().to_string();
            assert!(error.contains(&format!("rotation: {name}")), "{error}");
        }
    }

    /// Neither limit is ever exceeded, and a mesh is spread over the whole of the jitter.
    #[test]
    fn jitter_takes_away_and_never_adds() {
        let policy = RotationPolicy::default();
        for most in [policy.max_age_ms, policy.max_messages, 3 * 365 * DAY_MS] {
            assert_eq!(policy.lowered(most, 0), most);
            let least = policy.lowered(most, u16::MAX);
            assert!(least >= most / 100 * 90 && least < most / 100 * 90 + most / 10_000 + 2);
            assert!(policy.lowered(most, 1 << 15).abs_diff(most / 100 * 95) < 100);
        }
        let steady = RotationPolicy { jitter_percent: 0, ..policy };
        assert_eq!(steady.lowered(1_000_000, u16::MAX), 1_000_000);
    }

    #[test]
    fn what_is_overdue_at_a_start_waits_for_its_part_of_an_hour() {
        let policy = RotationPolicy::default();
        let overdue = |run_ms, share| policy.cause((policy.max_age_ms, 0, run_ms), share);
        assert_eq!(overdue(0, 0), Some(RotationCause::Age));
        assert_eq!(overdue(HOUR_MS / 2 - 1, 1 << 15), None);
        assert_eq!(overdue(HOUR_MS / 2, 1 << 15), Some(RotationCause::Age));
        assert_eq!(overdue(HOUR_MS, u16::MAX), Some(RotationCause::Age));
        let signed = |age_ms| policy.cause((age_ms, policy.max_messages, HOUR_MS), 7);
        assert_eq!(signed(DAY_MS - 1), None, "however much was signed");
        assert_eq!(signed(DAY_MS), Some(RotationCause::Messages));
    }
}
