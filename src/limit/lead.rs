//! How far an origin's signed clock may run ahead of the receiver's.

use crate::id::{Millis, Nonce, SentAt};
use crate::limit::{Rate, TokenBucket};

/// So many bursts an origin's clock may be ahead at once.
const BURSTS_AHEAD: u32 = 64;
/// By so many milliseconds a second it may gain on the receiver's clock in the long run: it may run
/// four times as fast.
const GAIN_MS_PER_SECOND: u32 = 3_000;
/// For so many milliseconds a message that found the budget spent keeps older ones from it.
const WAITING_MS: u64 = 60_000;
/// It does so with those that are older by more than so many milliseconds: one live message may well
/// take some seconds longer than another.
const WAITING_SLACK_MS: u32 = 8_000;

/// Bounds what an origin can say by dating it ahead.
///
/// An origin keeps to its rate by its own signed clock, which [`SentRate`](crate::limit::SentRate)
/// watches. A clock that runs a thousand times too fast keeps to it, too, with a thousand times the
/// messages; that proves nothing against anybody, as clocks are not compared, but it must not be
/// taken either. So the receiver keeps, for one boot of the origin, the least difference it has seen
/// between its own clock and the signed one. What comes with a greater difference was on its way for
/// longer, or was held back, and is free: however much a hostile relay saves up and lets out at once,
/// it leaves the origin's next message all its room (attack G6). What comes with a smaller one is
/// *ahead*, by so many milliseconds, and these are drawn from a budget: as many milliseconds as 64
/// bursts take to send, and 3000 more each second. A clock that jumps buys no more than one burst
/// with it ([`Rate`]), so no jump costs more; nor does a new boot, which starts the difference afresh.
///
/// Altogether an origin that keeps to its rate by its own clock gets taken, in any time, at most its
/// rate four times over and 65 bursts, besides what it saved up in the past: of that there is as much
/// as a replay window holds.
///
/// A receiver that has just started knows no difference yet. A relay that first plays it an hour of
/// what the origin said draws on the budget with every message, and could go on for as long as it has
/// more. So a message that finds the budget spent is remembered for a minute, and until then nothing
/// that is older than it by more than eight seconds draws on what comes back: the next live message
/// has it.
#[derive(Debug, Clone)]
pub struct ClockLead {
    /// Milliseconds in which the rate allows one burst.
    burst_ms: u32,
    /// Milliseconds in which it allows one message.
    message_ms: u32,
    spare: TokenBucket,
    /// The least difference seen in the newest boot.
    least: Option<Seen>,
    /// The newest of those that found the budget spent, and when it came.
    waiting: Option<(Seen, Millis)>,
}

/// What a message says of its origin's clock.
#[derive(Debug, Clone, Copy)]
struct Seen {
    boot: u32,
    /// The receiver's clock less the origin's, in milliseconds.
    difference: i128,
}

impl Seen {
    /// Whether it was said later than `other`, by more than `slack_ms` if in the same boot.
    fn is_later_than(self, other: Self, slack_ms: u32) -> bool {
        let by = other.difference.saturating_sub(self.difference);
        self.boot > other.boot || (self.boot == other.boot && by > i128::from(slack_ms))
    }
}

impl ClockLead {
    /// Has heard nothing yet of an origin that may send at `rate`.
    pub fn new(rate: Rate) -> Self {
        let thousandths = u64::from(rate.burst).saturating_mul(1000);
        let burst_ms = thousandths.div_ceil(u64::from(rate.per_second.max(1)));
        let burst_ms = u32::try_from(burst_ms).unwrap_or(u32::MAX);
        let spare =
            Rate { per_second: GAIN_MS_PER_SECOND, burst: burst_ms.saturating_mul(BURSTS_AHEAD) };
        Self {
            burst_ms,
            message_ms: 1000_u32.div_ceil(rate.per_second.max(1)),
            spare: TokenBucket::new(spare),
            least: None,
            waiting: None,
        }
    }

    /// Takes a message whose signature holds, unless it is too far ahead; it may be taken later then.
    pub fn try_take(&mut self, nonce: Nonce, sent_at: SentAt, now: Millis) -> bool {
        let difference = i128::from(now.0).saturating_sub(i128::from(sent_at.0));
        let seen = Seen { boot: nonce.boot, difference };
        let least = self.least.unwrap_or(seen);
        let (cost, least) = if seen.boot < least.boot {
            // Of another clock than the one that is watched.
            (self.message_ms, least)
        } else if seen.boot > least.boot {
            (self.burst_ms, seen)
        } else {
            let ahead = least.difference.saturating_sub(difference).max(0);
            let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
            (ahead.min(self.burst_ms), if ahead > 0 { seen } else { least })
        };
        let may_draw = cost == 0 || !self.a_later_one_waits(seen, WAITING_SLACK_MS, now);
        let taken = may_draw && self.spare.try_take(now, cost).is_ok();
        if taken {
            self.least = Some(least);
        } else if !self.a_later_one_waits(seen, 0, now) {
            self.waiting = Some((seen, now));
        }
        taken
    }

    /// Whether one that was said later than `seen`, by more than `slack_ms`, found the budget spent
    /// lately.
    fn a_later_one_waits(&self, seen: Seen, slack_ms: u32, now: Millis) -> bool {
        self.waiting.is_some_and(|(later, since)| {
            now >= since && now.since(since) < WAITING_MS && later.is_later_than(seen, slack_ms)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ten a second, twenty at once: a burst takes two seconds.
    const RATE: Rate = Rate { per_second: 10, burst: 20 };
    const DAY: u64 = 86_400_000;

    fn nonce(boot: u32) -> Nonce {
        Nonce { boot, sequence: 0 }
    }

    /// How many messages are taken of a stream in boot 1, given as (sent at, now).
    fn taken(lead: &mut ClockLead, stream: impl IntoIterator<Item = (u64, u64)>) -> usize {
        let stream = stream.into_iter();
        stream.filter(|(sent, now)| lead.try_take(nonce(1), SentAt(*sent), Millis(*now))).count()
    }

    #[test]
    fn what_was_held_back_is_free_in_whatever_order_it_comes() {
        let held = || (0..5_000_u64).map(|number| (number * 100, 600_000));
        for backwards in [false, true] {
            let mut lead = ClockLead::new(RATE);
            assert_eq!(taken(&mut lead, [(0, 0), (590_000, 590_000)]), 2);
            let stock: Vec<_> = if backwards { held().rev().collect() } else { held().collect() };
            assert_eq!(taken(&mut lead, stock), 5_000);
            assert!(lead.spare.peek(Millis(600_000), 64 * 2_000), "nothing was drawn");
            assert_eq!(taken(&mut lead, [(600_000, 600_000)]), 1, "the next live one");
        }
    }

    #[test]
    fn a_fast_clock_gets_64_bursts_and_then_at_most_four_times_its_rate() {
        let burst = || (0..=1 + 64 * 20_u64).map(|number| (number * 100, 0));
        // At the rate, by clocks that run four and ten times as fast as the receiver's, for a minute.
        for (every_ms, of_them) in [(25, 2_400..=2_400), (10, 1..=2_400)] {
            let mut lead = ClockLead::new(RATE);
            assert_eq!(taken(&mut lead, burst()), 1 + 64 * 20);
            let fast = 60_000 / every_ms;
            let fast = (1..=fast).map(|number| (128_000 + number * 100, number * every_ms));
            let taken = taken(&mut lead, fast);
            assert!(of_them.contains(&taken), "{taken} at one in {every_ms} ms");
        }
    }

    #[test]
    fn a_jump_costs_no_more_than_a_burst_and_so_does_a_boot() {
        let mut lead = ClockLead::new(RATE);
        assert!(lead.try_take(nonce(1), SentAt(0), Millis(DAY)));
        // The receiver slept for a day by its own clock.
        assert!(lead.try_take(nonce(1), SentAt(DAY), Millis(DAY)));
        assert!(lead.spare.peek(Millis(DAY), 63 * 2_000));
        assert!(!lead.spare.peek(Millis(DAY), 63 * 2_000 + 1));
        let boots = (2..65).filter(|boot| lead.try_take(nonce(*boot), SentAt(0), Millis(DAY)));
        assert_eq!(boots.count(), 63);
        let mut spent = lead.clone();
        assert!(!lead.try_take(nonce(1), SentAt(0), Millis(DAY)), "nothing is left");
        assert!(lead.try_take(nonce(1), SentAt(0), Millis(DAY + 34)), "one message's worth is");
        assert!(!spent.try_take(nonce(65), SentAt(0), Millis(DAY)));
        assert!(!spent.try_take(nonce(1), SentAt(0), Millis(DAY + 34)), "a newer boot waits");
    }

    #[test]
    fn what_is_too_far_ahead_changes_nothing_and_is_taken_later() {
        let mut lead = ClockLead::new(RATE);
        let ahead = (1..=64).map(|number| (number * 2_000, 0));
        assert_eq!(taken(&mut lead, [(0, 0)].into_iter().chain(ahead)), 65);
        assert_eq!(taken(&mut lead, [(130_000, 0), (130_000, 499)]), 0);
        assert_eq!(taken(&mut lead, [(128_000, 499)]), 1, "as far ahead as before is free");
        assert_eq!(taken(&mut lead, [(130_000, 500)]), 1);
    }

    #[test]
    fn a_stock_that_is_played_first_does_not_keep_the_live_message_out() {
        // Ten hours of messages, one a second, and then as many as the attacker wants to send.
        let mut lead = ClockLead::new(RATE);
        let mut stock = (0..36_000_u64).map(|number| number * 1000);
        let mut now = 36_000_000;
        let mut refused = 0;
        for live in 0..60_u64 {
            for _ in 0..200 {
                let old = stock.next().unwrap_or(0);
                let _drawn = lead.try_take(nonce(1), SentAt(old), Millis(now));
            }
            // It comes a little later or earlier than those before, and once a second.
            let jitter = [0, 7, 3][live as usize % 3];
            let sent = 36_000_000 + live * 1000 - jitter;
            refused += u32::from(!lead.try_take(nonce(1), SentAt(sent), Millis(now)));
            now += 1000;
        }
        assert!(refused <= 1, "{refused} live messages were refused");
    }

    #[test]
    fn who_waits_keeps_older_ones_out_for_a_minute_and_no_longer() {
        let mut lead = ClockLead::new(RATE);
        let ahead = (0..=64).map(|number| (number * 2_000, 0));
        assert_eq!(taken(&mut lead, ahead), 65);
        assert_eq!(taken(&mut lead, [(900_000, 0)]), 0);
        // Eight seconds older than the one that waits, and more.
        let [near, far] = [900_000 - 8_000, 900_000 - 8_001];
        assert_eq!(taken(&mut lead, [(far + 59_999, 59_999)]), 0);
        assert_eq!(taken(&mut lead, [(near - 100_000 + 60_000, 60_000)]), 1, "it waits no more");
        let mut lead = ClockLead::new(RATE);
        let ahead = (0..=64).map(|number| (number * 2_000, 0));
        assert_eq!(taken(&mut lead, ahead), 65);
        assert_eq!(taken(&mut lead, [(900_000, 0), (near, 0), (near + 59_999, 59_999)]), 1);
    }

    proptest! {
        /// Whatever is signed and whenever it comes: no more than the documented bound is taken of
        /// an origin that keeps to its rate by its own clock.
        #[test]
        fn never_more_than_the_bound(
            steps in prop::collection::vec((0_u64..5_000, 0_u64..20, any::<bool>()), 1..2_000),
        ) {
            let rate = Rate { per_second: 10, burst: 2 };
            let mut lead = ClockLead::new(rate);
            let mut own = TokenBucket::new(rate);
            let (mut boot, mut sent, mut now, mut count) = (1, 0, 0, 0_u64);
            for (on, passed, restarts) in steps {
                if restarts && on < 50 {
                    (boot, sent, own) = (boot + 1, 0, TokenBucket::new(rate));
                }
                sent += on;
                now += passed;
                if own.try_take(Millis(sent), 1).is_ok()
                    && lead.try_take(nonce(boot), SentAt(sent), Millis(now)) {
                    count += 1;
                }
            }
            prop_assert!(count * 1000 <= 65 * 2_000 + 40 * now + 1_000, "{} in {} ms", count, now);
        }
    }
}
