//! What a node does that meets its own key in other hands.

use super::usage;
use super::{Error, Keyring, Misuse, PreparedRotation};
use crate::id::{Digest, Epoch};
use crate::suite::Suite;

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtherSelf {
    /// To leave the key: nobody has the next one, as far as is known.
    Rotate,
    /// To say nothing more: the key was left for this reason before, and whoever signs with it has
    /// followed.
    Stop,
}

impl Keyring {
    /// Nothing is signed here any more, in this start: this node's keys were recovered or rotated
    /// elsewhere.
    pub fn supersede(&self) {
        self.fall_silent(Misuse::Superseded);
    }

    /// The same because somebody else signs with the key, and no other can take its place.
    pub(crate) fn stop(&self) {
        self.fall_silent(Misuse::OtherSelf);
    }

    fn fall_silent(&self, why: Misuse) {
        self.state.lock().silence.get_or_insert(why);
    }

    /// Whether nothing is signed here any more.
    pub(crate) fn is_silent(&self) -> bool {
        self.state.lock().silence.is_some()
    }

    /// Whether that is the key which signs now, and nobody else was met under it yet.
    pub(crate) fn would_meet(&self, epoch: Epoch, key: &Digest) -> bool {
        let state = self.state.lock();
        let is_current =
            state.active.epoch == epoch && state.active.key.public_key().digest() == *key;
        is_current && !state.used.met_other_self && state.silence.is_none()
    }

    /// Somebody else signs with that key. Tells what to do, once for each key.
    pub(crate) fn meet_other_self(&self, epoch: Epoch, key: &Digest) -> Option<OtherSelf> {
        if !self.would_meet(epoch, key) {
            return None;
        }
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.used.met_other_self, true) {
            return None;
        }
        Some(if state.used.is_answer { OtherSelf::Stop } else { OtherSelf::Rotate })
    }

    /// Whether the key that signs commits to one of `suite`, and this node has it.
    pub(crate) fn commits_to(&self, suite: Suite) -> bool {
        self.state.lock().next_keys.has(suite)
    }
}

impl PreparedRotation {
    /// Notes, durably with it, that it leaves a key that somebody else has.
    ///
    /// # Errors
    /// None that can be caused.
    pub(crate) fn into_answer(mut self) -> Result<Self, Error> {
        let epoch = self.epoch();
        usage::put_answer(&mut self.batch, epoch)?;
        self.is_answer = true;
        Ok(self)
    }
}
