//! What a charge leads to.

use crate::id::Millis;
use crate::reputation::Reputation;

/// What came of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Charge {
    /// It is on record, and this is the score now. So it is, too, below the threshold, when it was
    /// said within a minute that quarantine is withheld.
    Noted(Reputation),
    /// The score fell below the threshold: the subject's frames are refused from now on.
    Quarantined {
        /// When it ends, on the caller's clock.
        until: Millis,
        /// The how-manieth quarantine it is, from 1, forgotten ones not counted.
        times: u32,
    },
    /// It would be in quarantine, but it would be one more than allowed, or there is no room for
    /// its record beside those in quarantine. It stays heard; the caller raises an alarm.
    Withheld,
    /// It is in quarantine already. The charge counts against its probation.
    Already,
}
