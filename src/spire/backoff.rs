//! How long to wait before the next try.

use std::time::Duration;

/// Waits that double from the first to the longest, each shortened by a random part of up to its half, so that
/// a thousand workloads that lost the same agent do not come back to it in the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next wait.
    pub(super) fn wait(&mut self) -> Duration {
        let whole = self.next.min(self.longest);
        self.next = whole.saturating_mul(2);
        let half = whole.mul_f64(0.5);
        half.saturating_add(up_to(whole.saturating_sub(half)))
    }

    /// It went well: the next wait is the first again.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A random time from nothing to `most`.
pub(super) fn up_to(most: Duration) -> Duration {
    most.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(350));
        for whole in [100, 200, 350, 350] {
            let wait = backoff.wait();
            assert!((ms(whole / 2)..=ms(whole)).contains(&wait), "{wait:?} of {whole}");
        }
        backoff.reset();
        assert!(backoff.wait() <= ms(100));
        // With the same wait for all, all would come back at once.
        let waits: std::collections::BTreeSet<_> = (0..100).map(|_| up_to(ms(100))).collect();
        assert!(waits.len() > 50);
    }
}
