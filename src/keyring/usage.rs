//! For how long, and for how many messages, the key that signs has been in use: what a
//! [`RotationPolicy`] goes by.
//!
//! A message costs no write. What was counted is written down when a while has passed since the last
//! time, as long as the start lasts so far, or when one part in 64 of the messages that a key may sign
//! have been signed since. A crash forgets what came after: the node rotates that much later.

use serde::{Deserialize, Serialize};

use super::{ActiveKey, Error, Keyring, RotationCause, RotationPolicy};
use crate::id::{Epoch, Millis};
use crate::store::{Batch, Store, Table};
use crate::wire;

const USE: &[u8] = b"use";
/// The epoch of the last key that was begun because somebody else signed with the one before.
const ANSWER: &[u8] = b"answer";

/// What one step of the host's clock counts for at most, in milliseconds: it ticks some times a second,
/// and whatever is longer is a pause or a clock that jumped.
const LONGEST_STEP_MS: u64 = 60_000;
/// When it is first written down after a start, and the longest pause after that.
const FIRST_SAVE_MS: u64 = 60_000;
const LONGEST_SAVE_MS: u64 = 3_600_000;
/// It is written down this many times, at least, within the messages that a key may sign.
const SAVES: u64 = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    epoch: Epoch,
    age_ms: u64,
    messages: u64,
}

/// The use of the active key so far.
#[derive(Debug)]
pub(super) struct Usage {
    counted: Counted,
    saved: Counted,
    /// The age at which it is written down next, and how long after that again.
    next_save_ms: u64,
    pause_ms: u64,
    /// How much of the age is of this start.
    run_ms: u64,
    last: Option<Millis>,
    /// This key's part of the jitter, of 65 536.
    share: u16,
    /// It was begun because somebody else signed with the one before.
    pub(super) is_answer: bool,
    /// Somebody else signs with it, too.
    pub(super) met_other_self: bool,
}

impl Usage {
    /// Of a key that has not been used.
    pub(super) fn begin(active: &ActiveKey, is_answer: bool) -> Self {
        let counted = Counted { epoch: active.epoch, age_ms: 0, messages: 0 };
        Self::go_on(active, counted, is_answer)
    }

    /// What `store` says of the key.
    pub(super) fn load(store: &dyn Store, active: &ActiveKey) -> Result<Self, Error> {
        let row = |key| store.get(Table::Identity, key);
        let answer = match row(ANSWER)? {
            Some(bytes) => Some(wire::decode::<Epoch>("the answer to another self", &bytes)?),
            None => None,
        };
        let is_answer = answer == Some(active.epoch);
        let Some(bytes) = row(USE)? else { return Ok(Self::begin(active, is_answer)) };
        let counted: Counted = wire::decode("the use of the key", &bytes)?;
        Ok(match counted.epoch == active.epoch {
            true => Self::go_on(active, counted, is_answer),
            // Of a key before it.
            false => Self::begin(active, is_answer),
        })
    }

    fn go_on(active: &ActiveKey, counted: Counted, is_answer: bool) -> Self {
        let secret = active.key.to_secret_bytes();
        let drawn = blake3::derive_key("meshward 2026-11 when a key rotates", &secret);
        let share = drawn.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
        Self {
            counted,
            saved: counted,
            next_save_ms: counted.age_ms.saturating_add(FIRST_SAVE_MS),
            pause_ms: FIRST_SAVE_MS,
            run_ms: 0,
            last: None,
            share,
            is_answer,
            met_other_self: false,
        }
    }

    /// A message is signed.
    pub(super) const fn count(&mut self) {
        self.counted.messages = self.counted.messages.saturating_add(1);
    }

    fn advance(&mut self, now: Millis) {
        let step = now.since(self.last.unwrap_or(now)).min(LONGEST_STEP_MS);
        self.last = Some(now);
        self.run_ms = self.run_ms.saturating_add(step);
        self.counted.age_ms = self.counted.age_ms.saturating_add(step);
    }

    fn is_to_save(&mut self, policy: &RotationPolicy) -> bool {
        let signed = self.counted.messages.saturating_sub(self.saved.messages);
        let is_time = self.counted.age_ms >= self.next_save_ms;
        if is_time {
            self.pause_ms = self.pause_ms.saturating_mul(2).min(LONGEST_SAVE_MS);
            self.next_save_ms = self.counted.age_ms.saturating_add(self.pause_ms);
        }
        is_time || signed >= policy.max_messages / SAVES
    }
}

/// Notes with a rotation to `epoch` that it answers somebody else's use of the key before.
pub(super) fn put_answer(batch: &mut Batch, epoch: Epoch) -> Result<(), Error> {
    batch.put(Table::Identity, ANSWER, &wire::encode("the answer to another self", &epoch)?);
    Ok(())
}

impl Keyring {
    /// Time passes for the key that signs.
    pub(crate) fn grow_older(&self, now: Millis) {
        self.state.lock().used.advance(now);
    }

    /// Why that key has to be replaced, if it has to be.
    pub(crate) fn rotation_due(&self, policy: &RotationPolicy) -> Option<RotationCause> {
        let state = self.state.lock();
        let Counted { age_ms, messages, .. } = state.used.counted;
        policy.cause((age_ms, messages, state.used.run_ms), state.used.share)
    }

    /// What is to be written down of its use, if something is. Should the write fail, the next one says
    /// the same.
    ///
    /// # Errors
    /// None that can be caused.
    pub(crate) fn usage_to_save(&self, policy: &RotationPolicy) -> Result<Option<Batch>, Error> {
        let mut state = self.state.lock();
        if !state.used.is_to_save(policy) {
            return Ok(None);
        }
        state.used.saved = state.used.counted;
        let mut batch = Batch::new();
        batch.put(Table::Identity, USE, &wire::encode("the use of the key", &state.used.counted)?);
        Ok(Some(batch))
    }
}

#[cfg(test)]
mod tests;
