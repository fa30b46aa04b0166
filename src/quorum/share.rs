//! How much is taken of one member's statements.

use super::QuorumConfig;
use crate::id::{Millis, Nonce};
use crate::limit::{Rate, TokenBucket, Waiting};
use crate::wire::Refusal;

/// One member's share: nobody else's statements draw on it, and old ones of its own, played again,
/// leave its newest a turn (attack G6).
#[derive(Debug)]
pub(super) struct Share {
    bucket: TokenBucket,
    waiting: Waiting,
}

impl Share {
    /// When many members fail at once, an honest one has one statement to make on each of them.
    pub(super) fn new(members: usize, config: &QuorumConfig) -> Self {
        let everyone_twice = u32::try_from(members.saturating_mul(2)).unwrap_or(u32::MAX);
        let Rate { per_second, burst } = config.attestor_rate;
        let burst = burst.saturating_add(everyone_twice).min(Rate::MOST);
        Self::of(Rate { per_second, burst })
    }

    /// A share at `rate`.
    pub(super) fn of(rate: Rate) -> Self {
        // What it says at once may come in any order.
        Self { bucket: TokenBucket::new(rate), waiting: Waiting::new(rate.burst) }
    }

    /// With the share spent a statement can still have its turn kept for it, if its signature holds.
    pub(super) fn is_worth_a_check(&self, nonce: Nonce, now: Millis) -> Result<(), Refusal> {
        let is_worth_it = match self.bucket.peek(now, 1) {
            true => !self.waiting.bars(nonce, now),
            false => self.waiting.would_wait(nonce, now),
        };
        is_worth_it.then_some(()).ok_or(Refusal::AttestorRate)
    }

    /// Whether [`take`](Self::take) would take one.
    pub(super) fn has_room(&self, now: Millis) -> Result<(), Refusal> {
        self.bucket.peek(now, 1).then_some(()).ok_or(Refusal::AttestorRate)
    }

    /// Takes a statement whose signature holds.
    pub(super) fn take(&mut self, nonce: Nonce, now: Millis) -> Result<(), Refusal> {
        self.bucket.try_take(now, 1).map_err(|_| {
            self.waiting.refused(nonce, now);
            Refusal::AttestorRate
        })
    }
}
