//! What of a standing outlives a restart.

use serde::{Deserialize, Serialize};

use crate::reputation::{Offence, Reputation};

/// What is shorter is over, in milliseconds.
const SHORTEST_MS: u64 = 1_000;

/// A standing as it is written down: durations as of the moment of writing, since no clock goes on over
/// a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The score.
    pub score: Reputation,
    /// For how long it does not rise yet, in milliseconds: probation.
    pub probation_ms: u64,
    /// How long ago the last offence was, or the end of the last quarantine, in milliseconds.
    pub clean_ms: u64,
    /// Quarantines that are not forgotten, the current one included.
    pub times: u32,
    /// The quarantine that it is in.
    pub sentence: Option<Sentence>,
}

/// What is left of a quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// The offence that led to it.
    pub offence: Offence,
    /// How long it lasts yet, in milliseconds.
    pub left_ms: u64,
    /// The score that probation will begin with.
    pub then: Reputation,
}

impl Record {
    /// What of it stands after a restart: half of everything that time would have taken away. A restart
    /// cannot know how long ago the record was written; in this way all restarts together prolong nothing
    /// by more than its own length, however fast they follow each other, and the first takes no more than
    /// half away. How often there was a quarantine stands.
    #[must_use]
    pub fn halved(mut self) -> Self {
        let lost = Reputation::FULL.as_ppm().saturating_sub(self.score.as_ppm());
        // In quarantine the score stands still.
        if self.sentence.is_none() {
            self.score = Reputation::FULL.lowered(Reputation::from_ppm(lost / 2));
        }
        self.probation_ms = half(self.probation_ms);
        if let Some(sentence) = &mut self.sentence {
            sentence.left_ms = half(sentence.left_ms);
        }
        self
    }
}

const fn half(ms: u64) -> u64 {
    let half = ms / 2;
    if half < SHORTEST_MS { 0 } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_halve_what_time_would_take_away_and_nothing_else() {
        let sentence =
            Sentence { offence: Offence::OverRate, left_ms: 9_000, then: Reputation::ZERO };
        let record = Record {
            score: Reputation::from_ppm(200_000),
            probation_ms: 5_000,
            clean_ms: 70,
            times: 3,
            sentence: Some(sentence.clone()),
        };
        let halved = record.clone().halved();
        let sentence = Sentence { left_ms: 4_500, ..sentence };
        let expected = Record { probation_ms: 2_500, sentence: Some(sentence), ..record.clone() };
        assert_eq!(halved, expected);
        let free = Record { sentence: None, ..record }.halved();
        assert_eq!(free.score.as_ppm(), 600_000);
        let (mut record, mut served) = (halved, 9_000);
        for _ in 0..20 {
            served += record.sentence.as_ref().unwrap().left_ms;
            record = record.halved();
        }
        assert_eq!(record.sentence.unwrap().left_ms, 0);
        assert!(served < 18_000 && record.probation_ms == 0 && record.times == 3);
    }
}
