//! The token bucket.

use crate::id::Millis;
use crate::limit::Rate;

/// By how much the caller's clock may seem to go back because two threads read it before either
/// took the bucket's lock.
const JITTER_MS: u64 = 100;

/// There are not enough tokens. How many milliseconds from the `now` that was given until the same
/// request would succeed if nobody else takes any; `u64::MAX` when it never would, because it asks
/// for more than the burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wait(pub u64);

/// A token bucket (the "leaky bucket as a meter" of ITU-T I.371, Annex A): it fills at a rate up
/// to a burst, and what is taken must be in it. It is full at first.
///
/// Exact: it counts thousandths of a token, of which one millisecond at `r` a second brings `r`, so
/// nothing is lost to rounding however often it is asked.
///
/// A clock that goes back brings no tokens and takes none. Up to 100 ms it is taken for threads
/// that overtook each other: filling goes on once the clock is where it was, or each such pair of
/// calls would bring the same millisecond's tokens twice. Beyond that the clock has stepped, and
/// filling goes on from where it is now. A clock that steps on brings a full bucket at most.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: Rate,
    /// Thousandths of a token as of `last`.
    level: u64,
    last: Millis,
}

impl TokenBucket {
    /// A full bucket. `rate` should have been [validated](Rate::validate); one of 0 a second
    /// never fills again.
    pub fn new(rate: Rate) -> Self {
        Self { rate, level: thousandths(rate.burst), last: Millis::default() }
    }

    /// Takes `tokens` at the time `now`.
    ///
    /// # Errors
    ///
    /// When there are fewer: then none is taken, and the error says how long to wait.
    pub fn try_take(&mut self, now: Millis, tokens: u32) -> Result<(), Wait> {
        (self.level, self.last) = self.at(now);
        match self.level.checked_sub(thousandths(tokens)) {
            Some(left) => {
                self.level = left;
                Ok(())
            }
            None => Err(self.wait(now, tokens)),
        }
    }

    /// Whether [`try_take`](Self::try_take) would succeed. Changes nothing.
    pub fn peek(&self, now: Millis, tokens: u32) -> bool {
        self.at(now).0 >= thousandths(tokens)
    }

    /// Level and stamp as they are at `now`.
    fn at(&self, now: Millis) -> (u64, Millis) {
        if now < self.last && self.last.since(now) <= JITTER_MS {
            return (self.level, self.last);
        }
        let brought = now.since(self.last).saturating_mul(u64::from(self.rate.per_second));
        let level = self.level.saturating_add(brought).min(thousandths(self.rate.burst));
        (level, now)
    }

    fn wait(&self, now: Millis, tokens: u32) -> Wait {
        if tokens > self.rate.burst || self.rate.per_second == 0 {
            return Wait(u64::MAX);
        }
        let missing = thousandths(tokens).saturating_sub(self.level);
        let filling = missing.div_ceil(u64::from(self.rate.per_second));
        Wait(self.last.since(now).saturating_add(filling))
    }
}

fn thousandths(tokens: u32) -> u64 {
    u64::from(tokens).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400_000;

    fn bucket(per_second: u32, burst: u32) -> TokenBucket {
        TokenBucket::new(Rate { per_second, burst })
    }

    #[test]
    fn full_at_first_then_by_the_rate() {
        let mut bucket = bucket(10, 3);
        assert_eq!(bucket.try_take(Millis(0), 3), Ok(()));
        assert_eq!(bucket.try_take(Millis(0), 1), Err(Wait(100)));
        assert_eq!(bucket.try_take(Millis(99), 1), Err(Wait(1)));
        assert!(bucket.peek(Millis(100), 1));
        assert_eq!(bucket.try_take(Millis(100), 1), Ok(()));
        assert_eq!(bucket.try_take(Millis(100_000), 3), Ok(()));
        assert!(!bucket.peek(Millis(100_000), 1));
    }

    #[test]
    fn more_than_the_burst_never_succeeds() {
        assert_eq!(bucket(10, 3).try_take(Millis(5), 4), Err(Wait(u64::MAX)));
    }

    #[test]
    fn asking_often_loses_nothing() {
        let mut bucket = bucket(3, 1);
        assert_eq!(bucket.try_take(Millis(0), 1), Ok(()));
        for now in 0..334 {
            assert_eq!(bucket.try_take(Millis(now), 1), Err(Wait(334 - now)));
        }
        assert_eq!(bucket.try_take(Millis(334), 1), Ok(()));
    }

    #[test]
    fn a_step_back_by_a_day_neither_fills_nor_starves() {
        let mut bucket = bucket(10, 1);
        assert_eq!(bucket.try_take(Millis(DAY), 1), Ok(()));
        assert_eq!(bucket.try_take(Millis(5), 1), Err(Wait(100)));
        assert_eq!(bucket.try_take(Millis(105), 1), Ok(()));
    }

    #[test]
    fn threads_that_overtake_each_other_bring_no_tokens() {
        let mut bucket = bucket(1000, 10);
        assert_eq!(bucket.try_take(Millis(500), 10), Ok(()));
        for _ in 0..1000 {
            assert_eq!(bucket.try_take(Millis(499), 1), Err(Wait(2)));
            assert_eq!(bucket.try_take(Millis(500), 1), Err(Wait(1)));
        }
        assert_eq!(bucket.try_take(Millis(501), 1), Ok(()));
    }

    proptest! {
        /// On a clock that only goes on, never more than burst + rate × time.
        #[test]
        fn never_over_the_rate(
            per_second in 1_u32..5000,
            burst in 1_u32..500,
            steps in prop::collection::vec((0_u64..50, 0_u32..20), 0..300),
        ) {
            let mut bucket = bucket(per_second, burst);
            let (mut now, mut taken) = (0, 0);
            for (on, tokens) in steps {
                now += on;
                let peeked = bucket.peek(Millis(now), tokens);
                let took = bucket.try_take(Millis(now), tokens);
                prop_assert_eq!(peeked, took.is_ok());
                if took.is_ok() {
                    taken += u64::from(tokens);
                }
                prop_assert!(taken * 1000 <= u64::from(burst) * 1000 + now * u64::from(per_second));
            }
        }

        /// The wait is exact: then it succeeds, a millisecond earlier it does not.
        #[test]
        fn waiting_helps_and_nothing_shorter_does(
            per_second in any::<u32>(),
            burst in any::<u32>(),
            steps in prop::collection::vec((any::<u64>(), any::<u32>()), 1..50),
        ) {
            let mut bucket = bucket(per_second, burst);
            for (now, tokens) in steps {
                let Err(Wait(wait)) = bucket.try_take(Millis(now), tokens) else { continue };
                if let Some(then) = now.checked_add(wait) {
                    prop_assert!(bucket.peek(Millis(then), tokens));
                    prop_assert!(!bucket.peek(Millis(then - 1), tokens));
                }
            }
        }
    }
}
