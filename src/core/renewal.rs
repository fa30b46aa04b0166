//! Keys that are replaced when their time has come.

use super::engine::Waiting;
use super::tick::is_due;
use super::{Core, Event, Output};
use crate::id::Millis;
use crate::keyring::{RotationCause, RotationPolicy};
use crate::suite::Suite;

/// How long after an attempt that failed the next follows, in milliseconds.
const RETRY_MS: u64 = 60_000;

impl Core {
    /// Writes down how much the key was used, and begins a rotation that is due: one durable write, and
    /// until that is done the key before signs. A write that failed is tried again
    /// ([`write_failed`](Self::write_failed)); none begins while one is under way, or once two of them
    /// contradict each other, or before this start is confirmed.
    pub(super) fn renew_key(&self, now: Millis, outputs: &mut Vec<Output>) {
        if self.is_settling_its_key() {
            return;
        }
        let policy = &self.rotation_policy();
        match self.keyring.usage_to_save(policy) {
            Ok(batch) => outputs.extend(batch.map(|it| self.persist(it, Waiting::Usage))),
            Err(error) => tracing::error!(%error, "the use of the key cannot be written down"),
        }
        if self.config.rotation.is_none() {
            return;
        }
        let Some(cause) = self.keyring.rotation_due(policy) else { return };
        let may_try = is_due(&mut self.timers.lock().last_renewal, RETRY_MS, now);
        if may_try {
            self.rotate_by_itself(cause, outputs);
        }
    }

    /// Why the key of this node should be replaced, if it should and this node does not do so by itself:
    /// where [`Config::rotation`](crate::Config::rotation) leaves that to the host, when a key would be due
    /// by [`RotationPolicy::default`].
    pub fn rotation_due(&self) -> Option<RotationCause> {
        if self.config.rotation.is_some() || self.is_settling_its_key() {
            return None;
        }
        self.keyring.rotation_due(&self.rotation_policy())
    }

    /// The suite of the key in use.
    pub fn suite(&self) -> Suite {
        self.keyring.active().key.suite()
    }

    fn rotation_policy(&self) -> RotationPolicy {
        self.config.rotation.clone().unwrap_or_default()
    }

    /// A rotation is under way, or two of them contradict each other.
    fn is_settling_its_key(&self) -> bool {
        self.keyring.is_rotating() || self.directory.is_frozen(self.me)
    }

    /// Begins a rotation because of `cause`. Tells whether one has begun.
    pub(super) fn rotate_by_itself(&self, cause: RotationCause, outputs: &mut Vec<Output>) -> bool {
        let (suite, is_answer) = (self.next_suite(), cause == RotationCause::OtherSelf);
        match self.rotate(suite, is_answer, is_answer) {
            Ok(step) => {
                tracing::info!(?cause, %suite, "this node replaces its key");
                outputs.push(Output::Event(Event::RotatesByItself { cause }));
                outputs.extend(step.outputs);
                true
            }
            Err(error) => {
                tracing::error!(%error, ?cause, "the key cannot be replaced");
                false
            }
        }
    }

    /// The suite of the next key: the one that the policy wants, if it may and can follow the one in use.
    fn next_suite(&self) -> Suite {
        let current = self.keyring.active().key.suite();
        let wanted = self.config.rotation.as_ref().and_then(|policy| policy.suite);
        let wanted = wanted.filter(|suite| {
            let may_follow = *suite >= current || self.config.allow_downgrades;
            may_follow && self.keyring.commits_to(*suite)
        });
        wanted.unwrap_or(current)
    }
}
