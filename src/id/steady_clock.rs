//! Time that never goes back, whatever the caller's clock does.

use super::Millis;

/// By how much the caller's clock may seem to go back because two threads read it before either
/// took the lock that this is behind.
const JITTER_MS: u64 = 100;

/// What one step on counts for at most, in milliseconds: 1000 days. Nothing that is timed lasts that
/// long (the ranges of the configuration add up to under 500 days), so it changes nothing but that a
/// clock which jumps to the end of its range and back still leaves time to come.
const LONGEST_STEP_MS: u64 = 1000 * 86_400_000;

/// Milliseconds that the caller's clock went on since this was first asked, steps back left out.
///
/// Whoever keeps points on this clock need not think of clocks that go back.
#[derive(Debug, Clone, Default)]
pub(crate) struct SteadyClock {
    last: Option<Millis>,
    elapsed: u64,
}

impl SteadyClock {
    /// Where the clock is when the caller's shows `now`.
    pub(crate) fn advance(&mut self, now: Millis) -> u64 {
        let last = self.last.unwrap_or(now);
        self.elapsed = self.elapsed.saturating_add(now.since(last).min(LONGEST_STEP_MS));
        let overtaken = now < last && last.since(now) <= JITTER_MS;
        self.last = Some(if overtaken { last } else { now });
        self.elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_and_never_back() {
        let mut clock = SteadyClock::default();
        assert_eq!(clock.advance(Millis(1_000_000)), 0);
        assert_eq!(clock.advance(Millis(1_000_500)), 500);
        assert_eq!(clock.advance(Millis(10)), 500);
        assert_eq!(clock.advance(Millis(25)), 515);
    }

    #[test]
    fn a_step_on_counts_up_to_a_thousand_days() {
        const DAY: u64 = 86_400_000;
        let mut clock = SteadyClock::default();
        clock.advance(Millis(0));
        assert_eq!(clock.advance(Millis(1000 * DAY)), 1000 * DAY);
        assert_eq!(clock.advance(Millis(2001 * DAY)), 2000 * DAY);
    }

    #[test]
    fn threads_that_overtake_each_other_make_no_time() {
        let mut clock = SteadyClock::default();
        for _ in 0..1000 {
            assert_eq!(clock.advance(Millis(5000)), 0);
            assert_eq!(clock.advance(Millis(4990)), 0);
        }
        assert_eq!(clock.advance(Millis(5001)), 1);
    }

    #[test]
    fn the_ends_of_the_range_leave_time_to_come() {
        let mut clock = SteadyClock::default();
        clock.advance(Millis(0));
        clock.advance(Millis(u64::MAX));
        let at = clock.advance(Millis(0));
        assert_eq!(clock.advance(Millis(7)), at + 7);
    }
}
