//! What is remembered of a member's Hellos and rotations.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::once::OncePerLink;
use super::tick::is_due;
use crate::id::{Digest, Epoch, Millis, NodeId, Nonce, ViewNumber};
use crate::keyring::KeyChange;
use crate::limit::{Rate, TokenBucket};
use crate::wire::{self, Packet, Refusal, Statement, StatementHead, WireError};

/// What a Hello says: where its origin stands, so that an older one is known for a replay.
#[derive(Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) nonce: Nonce,
    /// The view that it is in: who is ahead tells it how to go on.
    pub(super) view: ViewNumber,
    /// Whose key it met that it does not know, and the epoch of the newest of that member that it does.
    pub(super) lacks: Option<(NodeId, Epoch)>,
}

impl Hello {
    pub(super) fn read(statement: &Statement<'_>) -> Result<Self, Refusal> {
        let hello = wire::decode("a Hello", statement.content())?;
        match statement.attachment().len() {
            0 => Ok(hello),
            extra => Err(WireError::Trailing { extra }.into()),
        }
    }

    /// Its place among the Hellos of its origin. A thief's numbers are of another life of its keys (attack
    /// K8).
    pub(super) const fn number(&self, head: &StatementHead) -> (u32, Nonce) {
        (head.epoch.recovery, self.nonce)
    }
}

/// What is remembered of one member's bare statements beside its attestations.
#[derive(Debug)]
pub(super) struct Asides {
    /// The recovery count and the nonce of its newest Hello: older ones are replays.
    pub(super) hello: Option<(u32, Nonce)>,
    /// Rotations that are still taken of it: a whole history at once, then one a second.
    pub(super) rotations: TokenBucket,
    /// The rotations that were last taken of it, newest last, and when each was last worth passing
    /// on. Mostly there is one or none, so no tree, which would cost a KiB from the first.
    taken: VecDeque<Taken>,
    /// The one that contradicts one of them, while the member is frozen.
    other: Option<Box<Taken>>,
    /// When it was last told keys that it lacked.
    told_keys: Option<Millis>,
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

impl Taken {
    fn new(statement: &Statement<'_>, now: Millis) -> Self {
        let (fingerprint, bytes) = (fingerprint(statement), whole(statement).into());
        Self { fingerprint, bytes, passed_on: now }
    }

    /// The epoch of the key that it leads on from.
    fn from(&self) -> Option<Epoch> {
        match Packet::parse(&self.bytes) {
            Ok(Packet::Statement(statement)) => Some(statement.head().epoch),
            _ => None,
        }
    }
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
            other: None,
            told_keys: None,
            helped: None,
            shown: OncePerLink::default(),
        }
    }

    /// Remembers a rotation or a recovery that was taken. It settles what contradicted one before. Tells
    /// from which epoch the one led on that is forgotten for it.
    pub(super) fn took(&mut self, statement: &Statement<'_>, now: Millis) -> Option<Epoch> {
        let is_full = self.taken.len() >= TAKEN_ROTATIONS;
        let forgotten = if is_full { self.taken.pop_front() } else { None };
        // Room for the one that there mostly is, and no more.
        self.taken.reserve_exact(1);
        self.taken.push_back(Taken::new(statement, now));
        self.other = None;
        forgotten.and_then(|taken| taken.from())
    }

    /// Remembers the one that contradicts one that was taken.
    pub(super) fn took_other(&mut self, statement: &Statement<'_>, now: Millis) {
        self.other = Some(Box::new(Taken::new(statement, now)));
    }

    /// The one that contradicts one that was taken.
    pub(super) fn other_way(&self) -> Option<Arc<[u8]>> {
        self.other.as_ref().map(|taken| Arc::clone(&taken.bytes))
    }

    /// What was taken that leads on from the key of this epoch, as it came.
    pub(super) fn rotation_from(&self, from: Epoch) -> Option<Arc<[u8]>> {
        let taken = self.taken.iter().find(|taken| taken.from() == Some(from));
        taken.map(|taken| Arc::clone(&taken.bytes))
    }

    /// What it says.
    pub(super) fn change_from(&self, from: Epoch) -> Option<KeyChange> {
        change_in(&self.rotation_from(from)?).map(|(_, change)| change)
    }

    /// Whether this member may be told keys that it lacks: once in `interval_ms`. Then it was.
    pub(super) fn may_be_told_keys(&mut self, interval_ms: u64, now: Millis) -> bool {
        is_due(&mut self.told_keys, interval_ms, now)
    }

    /// The rotations that were last taken, oldest first.
    pub(super) fn rotations(&self) -> Vec<Arc<[u8]>> {
        self.taken.iter().map(|taken| Arc::clone(&taken.bytes)).collect()
    }

    /// What of it lives on in the next view.
    pub(super) fn succeed(&self) -> Self {
        let Self { hello, ref rotations, ref taken, ref other, told_keys, .. } = *self;
        let (rotations, taken, other) = (rotations.clone(), taken.clone(), other.clone());
        Self { hello, rotations, taken, other, told_keys, ..Self::new() }
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
    /// `None` if it is another one.
    pub(super) fn pass_on_again(&mut self, statement: &Digest, now: Millis) -> Option<bool> {
        let due = self.repeats(statement, now)?;
        let mut known = self.taken.iter_mut().chain(self.other.as_deref_mut());
        let known = known.find(|taken| taken.fingerprint == *statement);
        if let Some(taken) = known.filter(|_| due) {
            taken.passed_on = now;
        }
        Some(due)
    }

    /// The same, without taking it for passed on.
    pub(super) fn repeats(&self, statement: &Digest, now: Millis) -> Option<bool> {
        let mut known = self.taken.iter().chain(self.other.as_deref());
        let last = known.find(|taken| taken.fingerprint == *statement)?.passed_on;
        Some(now < last || now.since(last) >= PASS_ON_INTERVAL_MS)
    }
}

/// From which epoch a rotation or a recovery that was taken before leads on, and what it says.
pub(super) fn change_in(bytes: &[u8]) -> Option<(Epoch, KeyChange)> {
    match Packet::parse(bytes) {
        Ok(Packet::Statement(known)) => Some((known.head().epoch, KeyChange::read(&known).ok()?)),
        _ => None,
    }
}

/// Tells one rotation from another, whole: what was checked once is known again byte by byte.
pub(super) fn fingerprint(statement: &Statement<'_>) -> Digest {
    Digest::of("meshward 2026 rotation statement", &whole(statement))
}

pub(super) fn whole(statement: &Statement<'_>) -> Vec<u8> {
    [statement.signed(), statement.signature(), statement.attachment()].concat()
}
