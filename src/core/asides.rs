//! What is remembered of a member's Hellos and rotations.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::id::{Digest, Millis, Nonce};
use crate::limit::{Rate, TokenBucket};
use crate::wire::Statement;

/// What a Hello says: where its origin stands, so that an older one is known for a replay.
#[derive(Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) nonce: Nonce,
}

/// What is remembered of one member's bare statements beside its attestations.
#[derive(Debug)]
pub(super) struct Asides {
    /// The nonce of its newest Hello: older ones are replays.
    pub(super) hello: Option<Nonce>,
    /// Rotations that are still taken of it: a whole history at once, then one a second.
    pub(super) rotations: TokenBucket,
    /// The rotations that were last taken of it, newest last, and when each was last worth passing
    /// on. Mostly there is one or none, so no tree, which would cost a KiB from the first.
    taken: VecDeque<(Digest, Millis)>,
}

/// Rotations of one member that are told from others, to be passed on again.
const TAKEN_ROTATIONS: usize = 18;
/// How often the same rotation is passed on, in milliseconds.
const PASS_ON_INTERVAL_MS: u64 = 1_000;

impl Asides {
    pub(super) fn new() -> Self {
        Self {
            hello: None,
            rotations: TokenBucket::new(Rate { per_second: 1, burst: 32 }),
            taken: VecDeque::new(),
        }
    }

    /// Remembers a rotation that was taken.
    pub(super) fn took(&mut self, statement: Digest, now: Millis) {
        if self.taken.len() >= TAKEN_ROTATIONS {
            self.taken.pop_front();
        }
        self.taken.push_back((statement, now));
    }

    /// Whether a rotation that was taken before should be passed on once more: somebody further
    /// away asked for it, and would never get it if each neighbour took it for a mere duplicate.
    pub(super) fn pass_on_again(&mut self, statement: &Digest, now: Millis) -> bool {
        let known = self.taken.iter_mut().find(|(taken, _)| taken == statement);
        let Some((_, last)) = known else { return false };
        let due = now < *last || now.since(*last) >= PASS_ON_INTERVAL_MS;
        if due {
            *last = now;
        }
        due
    }
}

/// Tells one rotation from another, whole: what was checked once is known again byte by byte.
pub(super) fn fingerprint(statement: &Statement<'_>) -> Digest {
    let whole = [statement.signed(), statement.signature(), statement.attachment()].concat();
    Digest::of("meshward 2026 rotation statement", &whole)
}
