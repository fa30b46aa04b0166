//! The numbers of a rollout.

use super::Stage;
use crate::keyring::Misuse;

const DAY_MS: u64 = 86_400_000;

/// The most canary stages there may be.
const MOST_STAGES: usize = 16;

/// How a rollout goes from stage to stage, see [`rollout`](crate::rollout). All nodes should have the same
/// percentages; each is in a stage of its own all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutConfig {
    /// The stages between observing and enforcing: for how many percent of all nodes each holds. 1 to 99,
    /// ascending, at most 16 of them; default 1, 10, 50.
    pub canary_percent: Vec<u8>,
    /// After how many milliseconds of running time in a stage without a rollback the next begins by itself,
    /// unless it would be rolled back at once; [`Rule::Quorum`](super::Rule::Quorum) waits until a quorum was
    /// heard signed, too. `window_ms` to 90 days; default `None`: stages begin by hand only.
    pub soak_ms: Option<u64>,
    /// For how many milliseconds a refusal is remembered. 1 second to 1 day, default 10 minutes.
    pub window_ms: u64,
    /// For how many milliseconds a member must have been refused before it counts. At least what it takes to
    /// certify a failure, and to hear a member's first signed beacon. 0 to `window_ms`, default 30 seconds.
    pub patience_ms: u64,
    /// How many members beside the f that may lie a stage may refuse: with one more it is rolled back.
    /// 0 to 16 384, default 0. `None`: it is rolled back by hand only. Set it so to shut out more than f
    /// old nodes for good.
    pub rollback_above: Option<usize>,
}

impl Default for RolloutConfig {
    fn default() -> Self {
        Self {
            canary_percent: vec![1, 10, 50],
            soak_ms: None,
            window_ms: 600_000,
            patience_ms: 30_000,
            rollback_above: Some(0),
        }
    }
}

impl RolloutConfig {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`Misuse::Config`] names the first that is out of it.
    pub fn validate(&self) -> Result<(), Misuse> {
        let percent = &self.canary_percent;
        let in_range = percent.iter().all(|percent| Stage::canary(*percent).is_some());
        if !in_range || !percent.is_sorted_by(|one, next| one < next) || percent.len() > MOST_STAGES
        {
            return Err(Misuse::Config(format!(
                "canary_percent is {percent:?}, it may be 1 to 99, ascending, at most {MOST_STAGES}"
            )));
        }
        Misuse::unless_in_range("window_ms", self.window_ms, 1_000, DAY_MS)?;
        Misuse::unless_in_range("patience_ms", self.patience_ms, 0, self.window_ms)?;
        if let Some(soak_ms) = self.soak_ms {
            Misuse::unless_in_range("soak_ms", soak_ms, self.window_ms, 90 * DAY_MS)?;
        }
        let above = self.rollback_above.unwrap_or(0);
        Misuse::unless_in_range("rollback_above", above, 0, 16_384)
    }

    /// The stage that follows; `None` if all is enforced.
    pub(super) fn next(&self, stage: Stage) -> Option<Stage> {
        let canaries = self.canary_percent.iter().filter_map(|percent| Stage::canary(*percent));
        canaries.chain([Stage::ENFORCED]).find(|later| *later > stage)
    }

    /// The stage before; observing, if there is none.
    pub(super) fn before(&self, stage: Stage) -> Stage {
        let mut canaries = self.canary_percent.iter().filter_map(|percent| Stage::canary(*percent));
        canaries.rfind(|earlier| *earlier < stage).unwrap_or(Stage::OBSERVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_bad_values_are_named() {
        assert_eq!(RolloutConfig::default().validate(), Ok(()));
        let error = |change: fn(&mut RolloutConfig)| {
            let mut config = RolloutConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        for percent in [vec![0, 5], vec![5, 100], vec![10, 10], vec![10, 1], (1..18).collect()] {
            let config = RolloutConfig { canary_percent: percent, ..RolloutConfig::default() };
            assert!(config.validate().unwrap_err().to_string().contains("canary_percent"));
        }
        assert!(error(|config| config.window_ms = 999).contains("window_ms"));
        assert!(error(|config| config.patience_ms = 600_001).contains("patience_ms"));
        assert!(error(|config| config.soak_ms = Some(599_999)).contains("soak_ms"));
        assert!(error(|config| config.rollback_above = Some(16_385)).contains("rollback_above"));
        let none = RolloutConfig { canary_percent: Vec::new(), ..RolloutConfig::default() };
        assert_eq!(none.validate(), Ok(()));
        assert_eq!(none.next(Stage::OBSERVE), Some(Stage::ENFORCED));
        assert_eq!(none.before(Stage::ENFORCED), Stage::OBSERVE);
    }

    #[test]
    fn stages_follow_one_another_and_back() {
        let config = RolloutConfig::default();
        let mut stages = vec![Stage::OBSERVE];
        while let Some(next) = config.next(stages[stages.len() - 1]) {
            stages.push(next);
        }
        let names: Vec<_> = stages.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["observe", "canary 1 %", "canary 10 %", "canary 50 %", "enforced"]);
        for pair in stages.windows(2) {
            assert_eq!(config.before(pair[1]), pair[0]);
        }
        assert_eq!(config.before(Stage::OBSERVE), Stage::OBSERVE);
        // One that the configuration does not name has its place, too.
        let between = Stage::canary(30).unwrap();
        assert_eq!(config.next(between), Stage::canary(50));
        assert_eq!(config.before(between), Stage::canary(10).unwrap());
    }
}
