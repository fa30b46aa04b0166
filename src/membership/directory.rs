//! The keys in force: one directory shared by everything that checks signatures.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::{KeyRecord, MemberIndex, View};
use crate::id::{Digest, Epoch, Millis, Nonce};
use crate::suite::{PreparedKeys, Purpose, Suite, VerifyError};

/// The keys before the previous one that are remembered of a member, 2 KiB each.
const PAST_KEYS: usize = 16;

/// The keys that are known of a member at most: the current one, the one before, and those past.
pub(crate) const MOST_KEYS: usize = PAST_KEYS + 2;

/// The view and, for each member, the keys that speak for it now: the current one and, during the
/// grace period after a rotation, the one before. Keys before that are kept to check what was said under
/// them, the last 16 of each member.
///
/// Each member's keys have a lock of their own; none is held while a signature is checked.
#[derive(Debug)]
pub struct Directory {
    view: Arc<View>,
    keys: Vec<RwLock<Keys>>,
    /// The keys before the previous one that are kept of a member.
    past_keys: usize,
    prepared: PreparedKeys,
    checks: AtomicU64,
}

#[derive(Debug)]
struct Keys {
    current: Arc<KeyRecord>,
    previous: Option<Previous>,
    /// The keys before those, newest last.
    past: VecDeque<Arc<KeyRecord>>,
}

#[derive(Debug)]
struct Previous {
    record: Arc<KeyRecord>,
    closing: Nonce,
    until: Millis,
}

/// A key that speaks for a member at the moment of the look-up.
#[derive(Debug, Clone)]
pub struct KeyInForce {
    /// The key.
    pub record: Arc<KeyRecord>,
    /// The last nonce that is taken under it, when it has been rotated away.
    pub closing: Option<Nonce>,
}

/// What a verified rotation changes.
#[derive(Debug, Clone)]
pub struct RotatedKey {
    /// The key that speaks for the member from now on.
    pub to: KeyRecord,
    /// The last nonce under the key before.
    pub closing: Nonce,
    /// When the key before stops to be taken.
    pub grace_until: Millis,
}

impl Directory {
    /// Starts with the keys of `view`. At most `prepared_keys` keys are kept in expanded form
    /// (ML-DSA-65: 43 KiB each).
    pub fn new(view: Arc<View>, prepared_keys: usize) -> Self {
        Self::keeping(PAST_KEYS, view, prepared_keys)
    }

    /// The same with `past_keys` keys of each member that are kept beside the last two.
    pub(crate) fn keeping(past_keys: usize, view: Arc<View>, prepared_keys: usize) -> Self {
        let keys = view.members().iter().map(|member| {
            let current = Arc::new(member.key.clone());
            RwLock::new(Keys { current, previous: None, past: VecDeque::new() })
        });
        let prepared = PreparedKeys::new(prepared_keys);
        Self { keys: keys.collect(), past_keys, prepared, view, checks: AtomicU64::new(0) }
    }

    /// The view whose members these are.
    pub const fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// The key of `member` under `epoch` with `digest` in `suite`, if it speaks for it at `now`.
    pub fn key(
        &self,
        member: MemberIndex,
        (epoch, digest, suite): (Epoch, Digest, Suite),
        now: Millis,
    ) -> Option<KeyInForce> {
        let is_it = |record: &KeyRecord| {
            record.epoch == epoch && record.key.digest() == digest && record.key.suite() == suite
        };
        let keys = self.keys.get(member.place())?.read();
        if is_it(&keys.current) {
            return Some(KeyInForce { record: Arc::clone(&keys.current), closing: None });
        }
        let previous = keys.previous.as_ref().filter(|previous| now < previous.until)?;
        let record = Arc::clone(&previous.record);
        is_it(&record).then_some(KeyInForce { record, closing: Some(previous.closing) })
    }

    /// The key of `member` under `epoch` with `digest` in `suite`, whether it still speaks for the
    /// member or once did. For what was said then, and is true for good: evidence, certificates,
    /// proofs. A member cannot shake off a proof, nor spoil a certificate, by rotating its key.
    pub fn key_ever(
        &self,
        member: MemberIndex,
        (epoch, digest, suite): (Epoch, Digest, Suite),
    ) -> Option<Arc<KeyRecord>> {
        let keys = self.keys.get(member.place())?.read();
        let previous = keys.previous.as_ref().map(|previous| &previous.record);
        let mut all = [Some(&keys.current), previous].into_iter().flatten().chain(&keys.past);
        let record = all.find(|record| {
            record.epoch == epoch && record.key.digest() == digest && record.key.suite() == suite
        });
        record.map(Arc::clone)
    }

    /// The current key of `member`.
    pub fn current(&self, member: MemberIndex) -> Option<Arc<KeyRecord>> {
        Some(Arc::clone(&self.keys.get(member.place())?.read().current))
    }

    /// The digests of the current key of `member` and of the one before, whether or not the grace
    /// period of the latter is over.
    pub fn known_keys(&self, member: MemberIndex) -> [Option<Digest>; 2] {
        let Some(keys) = self.keys.get(member.place()) else { return [None; 2] };
        let keys = keys.read();
        let previous = keys.previous.as_ref().map(|previous| previous.record.key.digest());
        [Some(keys.current.key.digest()), previous]
    }

    /// Makes a verified rotation effective, unless `from` is no longer the current epoch of
    /// `member`. Tells whether it was.
    pub fn rotate(&self, member: MemberIndex, from: Epoch, rotated: RotatedKey) -> bool {
        let Some(keys) = self.keys.get(member.place()) else { return false };
        let mut keys = keys.write();
        if keys.current.epoch != from {
            return false;
        }
        let record = std::mem::replace(&mut keys.current, Arc::new(rotated.to));
        let (closing, until) = (rotated.closing, rotated.grace_until);
        let before = keys.previous.replace(Previous { record, closing, until });
        keys.past.extend(before.map(|before| before.record));
        if keys.past.len() > self.past_keys {
            keys.past.pop_front();
        }
        true
    }

    /// Checks a signature under `record`. Keys that hold are kept ready for the next check.
    ///
    /// # Errors
    /// [`VerifyError`]: the signature does not hold, or the scheme is not compiled in.
    pub fn verify(
        &self,
        record: &KeyRecord,
        purpose: Purpose,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        self.prepared.verify(&record.key, purpose, message, signature)
    }

    /// How many signatures were checked since the start.
    pub fn signature_checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }
}
