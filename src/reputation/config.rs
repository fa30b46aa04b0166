//! The numbers of the model.

use thiserror::Error;

use crate::reputation::{Offence, Penalties, Reputation};

const DAY_MS: u64 = 86_400_000;

/// Every offence there is, for the check that each has a penalty.
const OFFENCES: [Offence; 7] = [
    Offence::BadSignature,
    Offence::Malformed,
    Offence::BodyMismatch,
    Offence::OverBudget,
    Offence::Equivocation,
    Offence::OverRate,
    Offence::RefutedCertificate,
];

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReputationConfigError {
    /// A number is outside its range.
    #[error("{field} is {found}, it must be in {least}..={most}")]
    Range {
        /// The field.
        field: &'static str,
        /// Its value; parts per million for a reputation.
        found: u64,
        /// The least value allowed.
        least: u64,
        /// The greatest value allowed.
        most: u64,
    },
    /// An offence is free.
    #[error("the penalty for {offence} is 0, so it would never be held against anybody")]
    FreeOffence {
        /// The name of the offence.
        offence: &'static str,
    },
    /// The penalty for equivocation leaves a clean record at or over the threshold.
    #[error("the penalty for equivocation must lead from 1.0 to below quarantine_below at once")]
    MildEquivocation,
    /// A ledger without room for a single record.
    #[error("a ledger needs room for at least one record")]
    NoCapacity,
}

/// The numbers of the [model](crate::reputation), where the reasons for the defaults stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReputationConfig {
    /// Whose score is below this goes into quarantine. 0.01..=0.9, default 0.3.
    pub quarantine_below: Reputation,
    /// How much comes back in an hour, evenly. 0.001..=1.0, default 0.6.
    pub recovery_per_hour: Reputation,
    /// Length of the first quarantine in milliseconds; each repetition doubles it. 1 second to
    /// 1 day, default 5 minutes.
    pub first_quarantine_ms: u64,
    /// Length of the longest in milliseconds. `first_quarantine_ms` to 30 days, default 24 hours.
    pub longest_quarantine_ms: u64,
    /// The score after a quarantine without further offences. Above `quarantine_below`, at most
    /// 1.0, default 0.5.
    pub probation_score: Reputation,
    /// For how many milliseconds after a quarantine the score does not rise. 0 to 30 days, default
    /// 1 hour.
    pub probation_ms: u64,
    /// After how many milliseconds without offence and quarantine the repetitions are forgotten.
    /// `longest_quarantine_ms` to 365 days, default 7 days. A record that had a quarantine is kept
    /// that long, so a longer time needs more room.
    pub forget_after_ms: u64,
    /// What each offence costs.
    pub penalties: Penalties,
}

impl Default for ReputationConfig {
    fn default() -> Self {
        Self {
            quarantine_below: Reputation::from_ppm(300_000),
            recovery_per_hour: Reputation::from_ppm(600_000),
            first_quarantine_ms: 300_000,
            longest_quarantine_ms: DAY_MS,
            probation_score: Reputation::from_ppm(500_000),
            probation_ms: 3_600_000,
            forget_after_ms: 7 * DAY_MS,
            penalties: Penalties::default(),
        }
    }
}

impl ReputationConfig {
    /// Checks every number and how they stand to each other.
    ///
    /// # Errors
    ///
    /// Names the first field that is wrong.
    pub fn validate(&self) -> Result<(), ReputationConfigError> {
        let threshold = ppm(self.quarantine_below);
        let full = ppm(Reputation::FULL);
        in_range("quarantine_below", threshold, 10_000, 900_000)?;
        in_range("recovery_per_hour", ppm(self.recovery_per_hour), 1_000, full)?;
        in_range("first_quarantine_ms", self.first_quarantine_ms, 1_000, DAY_MS)?;
        in_range(
            "longest_quarantine_ms",
            self.longest_quarantine_ms,
            self.first_quarantine_ms,
            30 * DAY_MS,
        )?;
        let probation = ppm(self.probation_score);
        in_range("probation_score", probation, threshold.saturating_add(1), full)?;
        in_range("probation_ms", self.probation_ms, 0, 30 * DAY_MS)?;
        in_range(
            "forget_after_ms",
            self.forget_after_ms,
            self.longest_quarantine_ms,
            365 * DAY_MS,
        )?;
        for offence in OFFENCES {
            if self.penalties.of(offence) == Reputation::ZERO {
                return Err(ReputationConfigError::FreeOffence { offence: offence.name() });
            }
        }
        if Reputation::FULL.lowered(self.penalties.equivocation) >= self.quarantine_below {
            return Err(ReputationConfigError::MildEquivocation);
        }
        Ok(())
    }
}

fn ppm(score: Reputation) -> u64 {
    u64::from(score.as_ppm())
}

fn in_range(
    field: &'static str,
    found: u64,
    least: u64,
    most: u64,
) -> Result<(), ReputationConfigError> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(ReputationConfigError::Range { field, found, least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut ReputationConfig)) -> String {
        let mut config = ReputationConfig::default();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(ReputationConfig::default().validate(), Ok(()));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let ppm = Reputation::from_ppm;
        assert!(refused(|c| c.quarantine_below = ppm(9_999)).starts_with("quarantine_below is"));
        assert!(refused(|c| c.recovery_per_hour = ppm(999)).starts_with("recovery_per_hour is"));
        assert!(refused(|c| c.first_quarantine_ms = 999).starts_with("first_quarantine_ms is"));
        assert!(refused(|c| c.longest_quarantine_ms = 1).starts_with("longest_quarantine_ms is"));
        assert!(refused(|c| c.probation_score = ppm(300_000)).starts_with("probation_score is"));
        assert!(refused(|c| c.probation_ms = u64::MAX).starts_with("probation_ms is"));
        assert!(refused(|c| c.forget_after_ms = DAY_MS - 1).starts_with("forget_after_ms is"));
    }

    #[test]
    fn the_longest_times_are_30_and_365_days() {
        let holds = |quarantine, probation, forget| {
            let config = ReputationConfig {
                longest_quarantine_ms: quarantine,
                probation_ms: probation,
                forget_after_ms: forget,
                ..ReputationConfig::default()
            };
            config.validate().is_ok()
        };
        let (month, year) = (30 * DAY_MS, 365 * DAY_MS);
        assert!(holds(month, month, year));
        assert!(!holds(month + 1, month, year));
        assert!(!holds(month, month + 1, year));
        assert!(!holds(month, month, year + 1));
    }

    #[test]
    fn offences_are_told_apart_by_name() {
        let names: std::collections::BTreeSet<_> = OFFENCES.map(Offence::name).into();
        assert_eq!(names.len(), OFFENCES.len());
        assert_eq!(Offence::OverRate.name(), "over_rate");
    }

    #[test]
    fn penalties_have_effect() {
        for offence in OFFENCES {
            let text = refused(|c| {
                let penalties = &mut c.penalties;
                *match offence {
                    Offence::BadSignature => &mut penalties.bad_signature,
                    Offence::Malformed => &mut penalties.malformed,
                    Offence::BodyMismatch => &mut penalties.body_mismatch,
                    Offence::OverBudget => &mut penalties.over_budget,
                    Offence::Equivocation => &mut penalties.equivocation,
                    Offence::OverRate => &mut penalties.over_rate,
                    Offence::RefutedCertificate => &mut penalties.refuted_certificate,
                } = Reputation::ZERO;
            });
            assert!(text.contains(offence.name()));
        }
        let text = refused(|c| c.penalties.equivocation = Reputation::from_ppm(700_000));
        assert!(text.contains("equivocation"));
    }
}
