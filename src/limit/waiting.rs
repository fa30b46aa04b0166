//! Whose turn it is at a budget that somebody else can spend.

use crate::id::{Millis, Nonce};

/// For so many milliseconds one that found the budget spent keeps older ones from it.
const LASTS_MS: u64 = 60_000;

/// The newest of an origin's messages that found its budget spent.
///
/// Whoever saved up what an origin said can play it to a receiver that has not heard it, say one that
/// has just started: each old message is true and draws on the origin's budget, so the next live one
/// may find it spent. That one is remembered for a minute, and until then nothing that was said long
/// before it draws on what comes back, so it has its turn when it comes again, or the next one does
/// (attack G6). Only what the origin signed may be remembered, or anybody could keep it from its own
/// budget with a number that it never gave.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// By so many numbers less is *long before*: what was said later may well arrive earlier.
    slack: u32,
    newest: Option<(Nonce, Millis)>,
}

impl Waiting {
    pub(crate) const fn new(slack: u32) -> Self {
        Self { slack, newest: None }
    }

    /// Whether that keeps the message numbered `nonce` from the budget.
    pub(crate) fn bars(&self, nonce: Nonce, now: Millis) -> bool {
        self.newest_at(now).is_some_and(|newest| {
            nonce.boot < newest.boot
                || nonce.boot == newest.boot
                    && nonce.sequence.saturating_add(self.slack) < newest.sequence
        })
    }

    /// Whether the message numbered `nonce` would wait if it found the budget spent.
    pub(crate) fn would_wait(&self, nonce: Nonce, now: Millis) -> bool {
        self.newest_at(now) < Some(nonce)
    }

    /// The message numbered `nonce`, which the origin signed, found the budget spent.
    pub(crate) fn refused(&mut self, nonce: Nonce, now: Millis) {
        if self.would_wait(nonce, now) {
            self.newest = Some((nonce, now));
        }
    }

    fn newest_at(&self, now: Millis) -> Option<Nonce> {
        let newest = self.newest.filter(|(_, since)| now >= *since && now.since(*since) < LASTS_MS);
        newest.map(|(nonce, _)| nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn said(boot: u32, sequence: u32) -> Nonce {
        Nonce { boot, sequence }
    }

    #[test]
    fn what_was_said_long_before_is_barred_for_a_minute() {
        let mut waiting = Waiting::new(8);
        assert!(!waiting.bars(said(0, 0), Millis(0)));
        waiting.refused(said(2, 100), Millis(1_000));
        for now in [1_000, 60_999].map(Millis) {
            assert!(waiting.bars(said(2, 91), now) && waiting.bars(said(1, 500), now));
            for later in [said(2, 92), said(2, 100), said(2, u32::MAX), said(3, 0)] {
                assert!(!waiting.bars(later, now), "{later:?}");
            }
        }
        for now in [61_000, 999].map(Millis) {
            assert!(!waiting.bars(said(1, 0), now), "it waits no more");
        }
    }

    #[test]
    fn the_newest_waits_and_no_longer_for_coming_again() {
        let mut waiting = Waiting::new(8);
        for (nonce, now) in [((2, 100), 0), ((2, 100), 30_000), ((2, 99), 40_000)] {
            waiting.refused(said(nonce.0, nonce.1), Millis(now));
        }
        assert!(waiting.bars(said(2, 91), Millis(59_999)));
        assert!(!waiting.bars(said(2, 91), Millis(60_000)));
        waiting.refused(said(1, 7), Millis(60_000));
        waiting.refused(said(2, 7), Millis(60_001));
        assert!(waiting.bars(said(1, 7), Millis(120_000)), "a newer one waits from then on");
    }
}
