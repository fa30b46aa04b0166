//! The keys in force: one directory shared by everything that checks signatures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::{KeyRecord, Member, MemberIndex, View};
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
///
/// When another view follows, [`succeed`](Self::succeed) makes its directory. The keys of those who stay
/// are the same in both: a rotation that one of the two takes has happened in the other.
#[derive(Debug)]
pub struct Directory {
    view: Arc<View>,
    keys: Vec<Arc<RwLock<Keys>>>,
    /// The keys before the previous one that are kept of a member.
    past_keys: usize,
    prepared: Arc<PreparedKeys>,
    checks: Arc<AtomicU64>,
    message_checks: Arc<AtomicU64>,
    takes_downgrades: bool,
}

#[derive(Debug, Clone)]
struct Keys {
    current: Arc<KeyRecord>,
    previous: Option<Previous>,
    /// The keys before those, newest last; and the other one, while the member is frozen.
    past: Vec<Arc<KeyRecord>>,
    /// The epoch from which two different changes of the key lead, when such were seen.
    frozen: Option<Epoch>,
}

#[derive(Debug, Clone)]
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

impl Keys {
    /// Those of a member that joins.
    fn of(member: &Member) -> Arc<RwLock<Self>> {
        let current = Arc::clone(&member.key);
        let (previous, past, frozen) = (None, Vec::new(), None);
        Arc::new(RwLock::new(Self { current, previous, past, frozen }))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<KeyRecord>> {
        let previous = self.previous.as_ref().map(|previous| &previous.record);
        [Some(&self.current), previous].into_iter().flatten().chain(&self.past)
    }

    fn replace(&mut self, rotated: RotatedKey, past_keys: usize) {
        let record = std::mem::replace(&mut self.current, Arc::new(rotated.to));
        let (closing, until) = (rotated.closing, rotated.grace_until);
        let before = self.previous.replace(Previous { record, closing, until });
        self.remember(before.map(|before| before.record), past_keys);
    }

    fn remember(&mut self, record: Option<Arc<KeyRecord>>, past_keys: usize) {
        self.past.extend(record);
        if self.past.len() > past_keys {
            self.past.remove(0);
        }
    }

    /// Takes over `record`, which a later view gives, unless it is known or of an earlier epoch.
    fn anchor(&mut self, record: &KeyRecord, grace_until: Millis, past_keys: usize) {
        let epoch = self.current.epoch;
        // A view that names a key after the two ways parted says which of them was taken.
        if self.frozen.is_some_and(|from| record.epoch > from) {
            self.frozen = None;
        }
        let is_here = *self.current == *record;
        let other_way = record.epoch == epoch && !is_here;
        if record.epoch < epoch || is_here || !other_way && self.all().any(|it| **it == *record) {
            return;
        }
        let closing = Nonce { boot: u32::MAX, sequence: u32::MAX };
        // Who lost its key, or had it stolen, says nothing under it any more.
        let goes_on = record.epoch.line() == epoch.line() && record.epoch != epoch;
        let grace_until = if goes_on { grace_until } else { Millis(0) };
        self.replace(RotatedKey { to: record.clone(), closing, grace_until }, past_keys);
    }
}

impl Directory {
    /// Starts with the keys of `view`. At most `prepared_keys` keys are kept ready for checks, see
    /// [`PreparedKeys`].
    pub fn new(view: Arc<View>, prepared_keys: usize) -> Self {
        Self::keeping(PAST_KEYS, view, prepared_keys)
    }

    /// The same with `past_keys` keys of each member that are kept beside the last two.
    pub(crate) fn keeping(past_keys: usize, view: Arc<View>, prepared_keys: usize) -> Self {
        let keys = view.members().iter().map(Keys::of).collect();
        let prepared = Arc::new(PreparedKeys::new(prepared_keys));
        let [checks, message_checks] = [(); 2].map(|()| Arc::default());
        let takes_downgrades = false;
        Self { keys, past_keys, prepared, view, checks, message_checks, takes_downgrades }
    }

    /// Whether a key of a weaker suite may follow one of a stronger. Not unless this is called: a
    /// downgrade is what somebody wants who can break the weaker suite (DESIGN, section 8).
    #[must_use]
    pub fn taking_downgrades(self, takes_downgrades: bool) -> Self {
        Self { takes_downgrades, ..self }
    }

    /// Whether a rotation to a weaker suite is taken.
    pub const fn takes_downgrades(&self) -> bool {
        self.takes_downgrades
    }

    /// The directory of `view`, a later one. Who stays has the keys that it has here; who joins, also
    /// again, has the one that the view gives it.
    ///
    /// Where this node missed a rotation of who stays, the view may give a key that is not known here: the
    /// quorum has seen where it came from. From now on it speaks for the member, in both directories, and
    /// the one before until `grace_until`; with which nonce that one was closed is not known. It speaks
    /// for nobody any more if it is another key of the same epoch, as the quorum has decided between the
    /// two. A key of an epoch before the one known here changes nothing: the view was made before the
    /// rotations that led here.
    #[must_use]
    pub fn succeed(&self, view: Arc<View>, grace_until: Millis) -> Self {
        let keys = |(member, before): (&Member, Option<MemberIndex>)| {
            let Some(keys) = before.and_then(|before| self.keys.get(before.place())) else {
                return Keys::of(member);
            };
            keys.write().anchor(&member.key, grace_until, self.past_keys);
            Arc::clone(keys)
        };
        let places = view.places_in(&self.view);
        Self {
            keys: view.members().iter().zip(places).map(keys).collect(),
            past_keys: self.past_keys,
            prepared: Arc::clone(&self.prepared),
            checks: Arc::clone(&self.checks),
            message_checks: Arc::clone(&self.message_checks),
            takes_downgrades: self.takes_downgrades,
            view,
        }
    }

    /// The same keys as they are now, for somebody to look at what would become of them: nothing that is
    /// done to the copy is done to this one, and nothing that is checked by it is counted or kept here.
    pub(crate) fn copied(&self) -> Self {
        let keys = |keys: &Arc<RwLock<Keys>>| Arc::new(RwLock::new(keys.read().clone()));
        let [checks, message_checks] = [(); 2].map(|()| Arc::default());
        Self {
            view: Arc::clone(&self.view),
            keys: self.keys.iter().map(keys).collect(),
            past_keys: self.past_keys,
            // Room for one, so that it is checked by the same code.
            prepared: Arc::new(PreparedKeys::new(1)),
            checks,
            message_checks,
            takes_downgrades: self.takes_downgrades,
        }
    }

    /// Takes over a key of `member` that this node has checked before, and kept: there is nothing left that
    /// it leads on from. What was said under the key before is not taken any more.
    pub(crate) fn take_over(&self, member: MemberIndex, record: &KeyRecord) {
        if let Some(keys) = self.keys.get(member.place()) {
            keys.write().anchor(record, Millis(0), self.past_keys);
        }
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
        let record = keys.all().find(|record| {
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

    /// Every record of `member` that is known, the current one first.
    pub(crate) fn records(&self, member: MemberIndex) -> Vec<Arc<KeyRecord>> {
        let Some(keys) = self.keys.get(member.place()) else { return Vec::new() };
        keys.read().all().map(Arc::clone).collect()
    }

    /// Makes a verified rotation effective, unless `from` is no longer the current epoch of
    /// `member`, or it is frozen. Tells whether it was made so.
    pub fn rotate(&self, member: MemberIndex, from: Epoch, rotated: RotatedKey) -> bool {
        let Some(keys) = self.keys.get(member.place()) else { return false };
        let mut keys = keys.write();
        if keys.current.epoch != from || keys.frozen.is_some() {
            return false;
        }
        keys.replace(rotated, self.past_keys);
        true
    }

    /// Makes a verified recovery effective, unless the keys of `member` were recovered as often before:
    /// no key from before speaks for it any more, and it is no longer frozen. Tells whether it was made
    /// so.
    pub fn recover(&self, member: MemberIndex, to: KeyRecord) -> bool {
        let Some(keys) = self.keys.get(member.place()) else { return false };
        let mut keys = keys.write();
        if keys.current.epoch.recovery >= to.epoch.recovery {
            return false;
        }
        let (closing, grace_until) = (Nonce::default(), Millis(0));
        keys.replace(RotatedKey { to, closing, grace_until }, self.past_keys);
        keys.frozen = None;
        true
    }

    /// Notes that two verified changes of the key of `member` lead on from `from`: the one that was taken
    /// here, and one to `other`. Tells whether it was not frozen before, and is: what a recovery outranks
    /// freezes nobody. Its key stays the one that it is
    /// here; what was signed with the other can be checked all the same.
    pub fn freeze(&self, member: MemberIndex, from: Epoch, other: KeyRecord) -> bool {
        let Some(keys) = self.keys.get(member.place()) else { return false };
        let mut keys = keys.write();
        let is_outranked = other.epoch.recovery < keys.current.epoch.recovery;
        if keys.frozen.is_some() || keys.current.epoch <= from || is_outranked {
            return false;
        }
        keys.frozen = Some(from);
        keys.remember(Some(Arc::new(other)), self.past_keys);
        true
    }

    /// Whether two different changes of one key of `member` were seen, so that nobody can say which of
    /// the two speaks for it.
    pub fn is_frozen(&self, member: MemberIndex) -> bool {
        self.keys.get(member.place()).is_some_and(|keys| keys.read().frozen.is_some())
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

    /// Checks the signature of a frame that is about to be admitted, and counts it as such.
    pub(crate) fn verify_message(
        &self,
        record: &KeyRecord,
        header: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        self.message_checks.fetch_add(1, Ordering::Relaxed);
        self.verify(record, Purpose::Frame, header, signature)
    }

    /// How many signatures were checked since the start.
    pub fn signature_checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// How many of them were those of frames that arrived as messages, whether they held or not. A header
    /// that is checked as part of something else (a proof, a certificate, a mark) is none of these.
    pub fn message_checks(&self) -> u64 {
        self.message_checks.load(Ordering::Relaxed)
    }
}
