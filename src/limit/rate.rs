//! A rate with its burst.

use thiserror::Error;

/// Why two numbers are no rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RateError {
    /// `per_second` is outside 1..=1000000.
    #[error("a rate is 1 to 1000000 tokens per second, not {found}")]
    PerSecond {
        /// What was given.
        found: u32,
    },
    /// `burst` is outside 1..=1000000.
    #[error("a burst is 1 to 1000000 tokens, not {found}")]
    Burst {
        /// What was given.
        found: u32,
    },
}

/// So many tokens a second in the long run, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Tokens per second, 1..=1000000.
    pub per_second: u32,
    /// Tokens that may be spent at once after a pause, 1..=1000000.
    pub burst: u32,
}

impl Rate {
    /// The largest rate and the largest burst, in tokens.
    pub const MOST: u32 = 1_000_000;

    /// Checks both numbers.
    ///
    /// # Errors
    ///
    /// When one is outside its range.
    pub const fn validate(&self) -> Result<(), RateError> {
        if self.per_second == 0 || self.per_second > Self::MOST {
            return Err(RateError::PerSecond { found: self.per_second });
        }
        if self.burst == 0 || self.burst > Self::MOST {
            return Err(RateError::Burst { found: self.burst });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_ranges() {
        let ends = [(1, 1), (1_000_000, 1_000_000)];
        for (per_second, burst) in ends {
            assert_eq!(Rate { per_second, burst }.validate(), Ok(()));
        }
        for found in [0, 1_000_001] {
            let slow = Rate { per_second: found, burst: 1 };
            assert_eq!(slow.validate(), Err(RateError::PerSecond { found }));
            let short = Rate { per_second: 1, burst: found };
            assert_eq!(short.validate(), Err(RateError::Burst { found }));
        }
    }
}
