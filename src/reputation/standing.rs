//! One subject's record: a state machine without a lock, a clock or a neighbour.

use crate::reputation::{Offence, Record, Reputation, ReputationConfig, Sentence};

const HOUR_MS: u64 = 3_600_000;
const SECOND_MS: u64 = 1_000;
/// How often it is said of one subject that its quarantine is withheld, in milliseconds.
const ALARM_MS: u64 = 60_000;

/// A sentence being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quarantine {
    /// What led to it.
    offence: Offence,
    ends: u64,
    /// The score it will begin its probation with.
    then: Reputation,
}

/// What is held against one subject. All times are points on the ledger's own clock, which never
/// goes back.
///
/// ```text
///                    charge: score < quarantine_below, a place is free
///            heard ─────────────────────────────────────────────────► quarantine
///  (score rises from         ◄────────────────────────────────────────  (score stands)
///   `rises_from` on)                 `ends` is reached: probation
/// ```
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// The score as it was at `rises_from`.
    score: Reputation,
    /// From here on it rises. After a quarantine this lies in the future: probation.
    rises_from: u64,
    /// The last offence or the end of the last quarantine, whichever is later.
    clean_since: u64,
    /// How long it had been clean then, where that was in an earlier boot.
    clean_before: u64,
    /// Quarantines that are not forgotten.
    times: u32,
    /// When `OverBudget` was last counted.
    over_budget_at: Option<u64>,
    /// When it was last said that a quarantine was withheld.
    alarm_at: Option<u64>,
    quarantine: Option<Quarantine>,
}

impl Standing {
    /// A clean record.
    pub(super) const fn new(now: u64) -> Self {
        Self {
            score: Reputation::FULL,
            rises_from: now,
            clean_since: now,
            clean_before: 0,
            times: 0,
            over_budget_at: None,
            alarm_at: None,
            quarantine: None,
        }
    }

    /// The score at `now`. In quarantine it stands still.
    pub(super) fn score(&self, now: u64, config: &ReputationConfig) -> Reputation {
        if self.quarantine.is_some() {
            return self.score;
        }
        let rate = u64::from(config.recovery_per_hour.as_ppm());
        let risen = now.saturating_sub(self.rises_from).saturating_mul(rate) / HOUR_MS;
        self.score.raised(Reputation::from_ppm(u32::try_from(risen).unwrap_or(u32::MAX)))
    }

    /// How bad it is, the least bad first: by quarantines, then by when its score will be full again.
    /// No passing of time changes that, so records can be kept in this order.
    pub(super) fn rank(&self, config: &ReputationConfig) -> (u32, u64) {
        let lost = Reputation::FULL.as_ppm().saturating_sub(self.score.as_ppm());
        let rate = u64::from(config.recovery_per_hour.as_ppm()).max(1);
        let takes = u64::from(lost).saturating_mul(HOUR_MS).div_ceil(rate);
        (self.times, self.rises_from.saturating_add(takes))
    }

    /// The ledger time at which the quarantine ends, if it is in one.
    pub(super) fn quarantine_ends(&self) -> Option<u64> {
        self.quarantine.map(|quarantine| quarantine.ends)
    }

    /// Quarantines so far that are not forgotten, the current one included.
    pub(super) const fn times(&self) -> u32 {
        self.times
    }

    /// Lowers the score by what `offence` costs. Up to one part per million of what came back since
    /// the last charge is rounded away.
    pub(super) fn charge(&mut self, offence: Offence, now: u64, config: &ReputationConfig) {
        if offence == Offence::OverBudget {
            if self.over_budget_at.is_some_and(|at| now.saturating_sub(at) < SECOND_MS) {
                return;
            }
            self.over_budget_at = Some(now);
        }
        self.forget(now, config);
        let penalty = config.penalties.of(offence);
        self.score = self.score(now, config).lowered(penalty);
        self.rises_from = self.rises_from.max(now);
        (self.clean_since, self.clean_before) = (now, 0);
        if let Some(quarantine) = &mut self.quarantine {
            quarantine.then = quarantine.then.lowered(penalty).max(config.quarantine_below);
        }
    }

    fn forget(&mut self, now: u64, config: &ReputationConfig) {
        if self.quarantine.is_none() && self.clean_ms(now) >= config.forget_after_ms {
            self.times = 0;
        }
    }

    /// Whether to say once more that its quarantine is withheld: whoever stays heard can offend with
    /// every frame, and must not drown the host in alarms.
    pub(super) fn raises_alarm(&mut self, now: u64) -> bool {
        let due = self.alarm_at.is_none_or(|at| now.saturating_sub(at) >= ALARM_MS);
        if due {
            self.alarm_at = Some(now);
        }
        due
    }

    /// Begins a quarantine and returns its length in milliseconds: twice that of the one before, never
    /// more than the longest.
    pub(super) fn begin_quarantine(
        &mut self,
        offence: Offence,
        now: u64,
        config: &ReputationConfig,
    ) -> u64 {
        let doublings = 2_u64.saturating_pow(self.times);
        self.times = self.times.saturating_add(1);
        let length = config.first_quarantine_ms.saturating_mul(doublings);
        let length = length.min(config.longest_quarantine_ms);
        let ends = now.saturating_add(length);
        self.quarantine = Some(Quarantine { offence, ends, then: config.probation_score });
        length
    }

    /// What is to be written down of it: how it will stand at `at`, now or later, if nothing more happens.
    pub(super) fn to_record(&self, at: u64, config: &ReputationConfig) -> Record {
        let mut then = self.clone();
        if let Some(ends) = then.quarantine_ends().filter(|ends| *ends <= at) {
            then.end_quarantine(ends, config);
        }
        Record {
            score: then.score(at, config),
            probation_ms: then.rises_from.saturating_sub(at),
            clean_ms: then.clean_ms(at),
            times: then.times,
            sentence: then.quarantine.map(|Quarantine { offence, ends, then }| Sentence {
                offence,
                left_ms: ends.saturating_sub(at),
                then,
            }),
        }
    }

    /// What was written down, but for the quarantine.
    pub(super) fn of_record(record: &Record, now: u64, config: &ReputationConfig) -> Self {
        Self {
            score: record.score,
            rises_from: now.saturating_add(record.probation_ms.min(config.probation_ms)),
            clean_before: record.clean_ms,
            times: record.times,
            ..Self::new(now)
        }
    }

    /// Goes on with a quarantine that was written down, never for more than the longest. Returns what is
    /// left of it in milliseconds.
    pub(super) fn resume(
        &mut self,
        sentence: &Sentence,
        now: u64,
        config: &ReputationConfig,
    ) -> u64 {
        let left_ms = sentence.left_ms.min(config.longest_quarantine_ms);
        let (offence, then) = (sentence.offence, sentence.then);
        let ends = now.saturating_add(left_ms);
        self.quarantine = Some(Quarantine { offence, ends, then });
        left_ms
    }

    fn clean_ms(&self, now: u64) -> u64 {
        now.saturating_sub(self.clean_since).saturating_add(self.clean_before)
    }

    /// Ends the quarantine as of `at`: probation begins there, however late it is noticed.
    pub(super) fn end_quarantine(&mut self, at: u64, config: &ReputationConfig) {
        if let Some(quarantine) = self.quarantine.take() {
            self.score = quarantine.then;
            self.rises_from = at.saturating_add(config.probation_ms);
            (self.clean_since, self.clean_before) = (at, 0);
        }
    }

    /// Whether it says no more than no record would.
    pub(super) fn is_neutral(&self, now: u64, config: &ReputationConfig) -> bool {
        let forgotten = self.clean_ms(now) >= config.forget_after_ms;
        self.quarantine.is_none()
            && (self.times == 0 || forgotten)
            && self.score(now, config) == Reputation::FULL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = HOUR_MS;

    fn charged(offences: u32, config: &ReputationConfig) -> Standing {
        let mut standing = Standing::new(0);
        (0..offences).for_each(|_| standing.charge(Offence::Malformed, 0, config));
        standing
    }

    #[test]
    fn time_alone_raises_the_score() {
        let config = ReputationConfig::default();
        let standing = charged(2, &config);
        assert_eq!(standing.score(0, &config).as_ppm(), 800_000);
        assert_eq!(standing.score(600_000, &config).as_ppm(), 900_000);
        assert_eq!(standing.score(u64::MAX, &config), Reputation::FULL);
        assert!(!standing.is_neutral(1_199_999, &config));
        assert!(standing.is_neutral(1_200_000, &config));
    }

    #[test]
    fn over_budget_counts_once_a_second() {
        let config = ReputationConfig::default();
        let mut standing = Standing::new(0);
        for now in 0..1000 {
            standing.charge(Offence::OverBudget, now, &config);
        }
        assert_eq!(standing.score(0, &config).as_ppm(), 980_000);
        standing.charge(Offence::OverBudget, 1000, &config);
        assert!(standing.score(1000, &config).as_ppm() < 961_000);
    }

    #[test]
    fn an_alarm_is_raised_at_once_and_then_once_a_minute() {
        let mut standing = Standing::new(0);
        let raised =
            [0, 1, ALARM_MS - 1, ALARM_MS, ALARM_MS + 1].map(|at| standing.raises_alarm(at));
        assert_eq!(raised, [true, false, false, true, false]);
    }

    #[test]
    fn each_quarantine_is_twice_as_long_up_to_the_longest() {
        let config = ReputationConfig::default();
        let mut standing = charged(8, &config);
        let mut lengths = Vec::new();
        let mut now = 0;
        for _ in 0..40 {
            let length = standing.begin_quarantine(Offence::Malformed, now, &config);
            now += length;
            standing.end_quarantine(now, &config);
            lengths.push(length);
        }
        assert_eq!(lengths[..4], [300_000, 600_000, 1_200_000, 2_400_000]);
        assert_eq!(lengths[9..].iter().max(), Some(&config.longest_quarantine_ms));
        assert_eq!(lengths[9..].iter().min(), Some(&config.longest_quarantine_ms));
    }

    #[test]
    fn probation_does_not_rise_and_then_does() {
        let config = ReputationConfig::default();
        let mut standing = charged(8, &config);
        let ends = standing.begin_quarantine(Offence::Malformed, 0, &config);
        standing.end_quarantine(ends, &config);
        assert_eq!(standing.score(ends, &config), config.probation_score);
        assert_eq!(standing.score(ends + HOUR, &config), config.probation_score);
        assert_eq!(standing.score(ends + HOUR + 600_000, &config).as_ppm(), 600_000);
        standing.charge(Offence::Malformed, ends + 1, &config);
        assert_eq!(standing.score(ends + HOUR, &config).as_ppm(), 400_000);
    }

    #[test]
    fn offences_in_quarantine_are_taken_from_probation_down_to_the_threshold() {
        let config = ReputationConfig::default();
        let mut standing = charged(8, &config);
        let ends = standing.begin_quarantine(Offence::Malformed, 0, &config);
        standing.charge(Offence::Malformed, 1, &config);
        let mut worse = standing.clone();
        worse.charge(Offence::Equivocation, 2, &config);
        standing.end_quarantine(ends, &config);
        worse.end_quarantine(ends, &config);
        assert_eq!(standing.score(ends, &config).as_ppm(), 400_000);
        assert_eq!(worse.score(ends, &config), config.quarantine_below);
        assert_eq!(worse.quarantine_ends(), None);
    }

    #[test]
    fn repetitions_are_forgotten_after_a_clean_week_only() {
        let config = ReputationConfig::default();
        let mut standing = charged(8, &config);
        let ends = standing.begin_quarantine(Offence::Malformed, 0, &config);
        standing.end_quarantine(ends, &config);
        let week = ends + config.forget_after_ms;
        assert!(!standing.is_neutral(week - 1, &config));
        assert!(standing.is_neutral(week, &config));
        let mut early = standing.clone();
        early.charge(Offence::Equivocation, week - 1, &config);
        assert_eq!(early.begin_quarantine(Offence::Malformed, week - 1, &config), 600_000);
        standing.charge(Offence::Equivocation, week, &config);
        assert_eq!(standing.begin_quarantine(Offence::Malformed, week, &config), 300_000);
    }
}
