//! What is remembered of a member's Hellos and rotations.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::once::OncePerLink;
use crate::id::{Digest, Millis, Nonce, ViewNumber};
use crate::limit::{Rate, TokenBucket};
use crate::wire::Statement;

/// What a Hello says: where its origin stands, so that an older one is known for a replay.
#[derive(Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) nonce: Nonce,
    /// The view that it is in: who is ahead tells it how to go on.
    pub(super) view: ViewNumber,
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
    taken: VecDeque<Taken>,
    /// The view in which it was last sent the step to the next one, and when.
    helped: Option<(ViewNumber, Millis)>,
    /// Over which links it was shown a vote of its own that it may have forgotten.
    pub(super) shown: OncePerLink,
}

/// A rotation that was taken.
#[derive(Debug, Clone)]
struct Taken {
    fingerprint: Digest,
    /// It leads to a key that certificates may be signed with.
    bytes: Arc<[u8]>,
    /// When it was last worth passing on.
    passed_on: Millis,
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
            helped: None,
            shown: OncePerLink::default(),
        }
    }

    /// Remembers a rotation that was taken.
    pub(super) fn took(&mut self, statement: &Statement<'_>, now: Millis) {
        if self.taken.len() >= TAKEN_ROTATIONS {
            self.taken.pop_front();
        }
        let (fingerprint, bytes) = (fingerprint(statement), whole(statement).into());
        self.taken.push_back(Taken { fingerprint, bytes, passed_on: now });
    }

    /// The rotations that were last taken, oldest first.
    pub(super) fn rotations(&self) -> Vec<Arc<[u8]>> {
        self.taken.iter().map(|taken| Arc::clone(&taken.bytes)).collect()
    }

    /// What of it lives on in the next view.
    pub(super) fn succeed(&self) -> Self {
        let Self { hello, ref rotations, ref taken, .. } = *self;
        Self { hello, rotations: rotations.clone(), taken: taken.clone(), ..Self::new() }
    }

    /// Whether a member that speaks in `view`, which is over, may be sent the next step: once in
    /// `interval_ms`, and the same again after `pause_ms`. Then it was.
    pub(super) fn may_be_helped(
        &mut self,
        view: ViewNumber,
        interval_ms: u64,
        pause_ms: u64,
        now: Millis,
    ) -> bool {
        let may = self.helped.is_none_or(|(before, at)| {
            let wait_ms = if view > before { interval_ms } else { pause_ms };
            now < at || now.since(at) >= wait_ms
        });
        if may {
            self.helped = Some((view, now));
        }
        may
    }

    /// Whether a rotation that was taken before should be passed on once more: somebody further
    /// away asked for it, and would never get it if each neighbour took it for a mere duplicate.
    pub(super) fn pass_on_again(&mut self, statement: &Digest, now: Millis) -> bool {
        let known = self.taken.iter_mut().find(|taken| taken.fingerprint == *statement);
        let Some(Taken { passed_on: last, .. }) = known else { return false };
        let due = now < *last || now.since(*last) >= PASS_ON_INTERVAL_MS;
        if due {
            *last = now;
        }
        due
    }
}

/// Tells one rotation from another, whole: what was checked once is known again byte by byte.
pub(super) fn fingerprint(statement: &Statement<'_>) -> Digest {
    Digest::of("meshward 2026 rotation statement", &whole(statement))
}

pub(super) fn whole(statement: &Statement<'_>) -> Vec<u8> {
    [statement.signed(), statement.signature(), statement.attachment()].concat()
}
