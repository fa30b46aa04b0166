//! How far an origin's signed clock may run ahead of the receiver's.

use crate::id::{Millis, Nonce, SentAt};
use crate::limit::{Rate, TokenBucket, Waiting};

/// So many bursts of messages an origin may bring that are dated ahead.
const BURSTS_AHEAD: u32 = 64;
/// So many times its rate it may bring of them in the long run: its clock may run four times as fast.
const GAIN: u32 = 3;
/// A message that waits for the budget keeps older ones from it when its origin, at its full rate, said
/// them more than so many seconds before.
const WAITING_SLACK_S: u32 = 8;
/// Time and budget are counted in thousandths of a message: one millisecond at `r` a second is `r`.
const MESSAGE: u32 = 1_000;

/// Bounds what an origin can say by dating it ahead.
///
/// An origin keeps to its rate by its own signed clock, which [`SentRate`](crate::limit::SentRate)
/// watches. A clock that runs a thousand times too fast keeps to it, too, with a thousand times the
/// messages; that proves nothing against anybody, as clocks are not compared, but it must not be
/// taken either. So the receiver keeps, for one boot of the origin, the least difference between its
/// own clock and the signed one that it has seen or was paid for. What comes with a greater difference
/// was on its way for longer, or was held back, and is free: however much a hostile relay saves up and
/// lets out at once, it leaves the origin's next message all its room (attack G6). What comes with a
/// smaller one is *ahead*, and pays for the time that it is ahead, up to what the rate allows one
/// message in. The least difference falls by what was paid and no more: a clock that jumps would
/// otherwise buy, for the price of the jump, all that it dates into the time it jumped over, as much as
/// a replay window holds with every jump. An honest clock that jumped pays for each message until the
/// receiver's has caught up, which at its full rate is a third of what comes back.
///
/// The budget is 64 bursts, and three times the rate comes back. A new boot pays for one burst and
/// begins when it is first heard, so what was said in it before that pays like what is ahead.
///
/// Altogether an origin that keeps to its rate by its own clock gets taken, in any time, at most its
/// rate four times over and 65 bursts, besides what it had saved up when it was first heard: of that
/// there is as much as a replay window holds.
///
/// A receiver that has just started knows no difference yet. A relay that first plays it an hour of
/// what the origin said draws on the budget with every message, and could go on for as long as it has
/// more. So one that finds the budget spent is remembered for a minute, and until then nothing that
/// was said long before it draws on what comes back: the next live message has it, however long it was
/// on its way. While such a stock lasts, which the replay window bounds, that costs one live message a
/// minute.
#[derive(Debug, Clone)]
pub struct ClockLead {
    per_second: u32,
    burst: u32,
    spare: TokenBucket,
    /// The least difference in the newest boot that was seen or paid for.
    least: Option<Seen>,
    waiting: Waiting,
}

/// What a message says of its origin's clock.
#[derive(Debug, Clone, Copy)]
struct Seen {
    boot: u32,
    /// The receiver's clock less the origin's, in thousandths of a message.
    difference: i128,
}

impl ClockLead {
    /// Has heard nothing yet of an origin that may send at `rate`.
    pub fn new(rate: Rate) -> Self {
        let burst = rate.burst.saturating_mul(MESSAGE);
        let spare = Rate {
            per_second: rate.per_second.saturating_mul(MESSAGE).saturating_mul(GAIN),
            burst: burst.saturating_mul(BURSTS_AHEAD),
        };
        Self {
            per_second: rate.per_second,
            burst,
            spare: TokenBucket::new(spare),
            least: None,
            waiting: Waiting::new(rate.per_second.saturating_mul(WAITING_SLACK_S)),
        }
    }

    /// Takes a message whose signature holds, unless it is too far ahead; it may be taken later then.
    pub fn try_take(&mut self, nonce: Nonce, sent_at: SentAt, now: Millis) -> bool {
        let seen = self.seen(nonce, sent_at, now);
        let least = self.least.unwrap_or(seen);
        let (cost, least) = if seen.boot < least.boot {
            // Of another clock than the one that is watched.
            (MESSAGE, least)
        } else if seen.boot > least.boot {
            (self.burst, self.seen(nonce, SentAt(0), now))
        } else {
            let ahead = least.difference.saturating_sub(seen.difference).max(0);
            let cost = u32::try_from(ahead).unwrap_or(MESSAGE).min(MESSAGE);
            let difference = least.difference.saturating_sub(i128::from(cost));
            (cost, Seen { difference, ..least })
        };
        let may_draw = cost == 0 || !self.waiting.bars(nonce, now);
        let taken = may_draw && self.spare.try_take(now, cost).is_ok();
        if taken {
            self.least = Some(least);
        } else {
            self.waiting.refused(nonce, now);
        }
        taken
    }

    fn seen(&self, Nonce { boot, .. }: Nonce, sent_at: SentAt, now: Millis) -> Seen {
        let milliseconds = i128::from(now.0).saturating_sub(i128::from(sent_at.0));
        let difference = milliseconds.saturating_mul(i128::from(self.per_second));
        Seen { boot, difference }
    }
}

#[cfg(test)]
mod tests;
