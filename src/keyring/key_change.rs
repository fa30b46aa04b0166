//! A rotation or a recovery: whatever gives a member another key.

use std::sync::Arc;

use super::{RecoveryClaim, RotationClaim, recovery, rotation};
use crate::id::{Epoch, Millis};
use crate::membership::{Directory, KeyRecord, MemberIndex, RotatedKey};
use crate::suite::Purpose;
use crate::wire::{Refusal, Statement, Tag};

/// What a statement says that gives a member another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// The key before says so.
    Rotation(RotationClaim),
    /// The recovery key says so.
    Recovery(RecoveryClaim),
}

/// A change of a key that passed everything except its two signatures.
#[derive(Debug)]
#[must_use = "nothing about it is proven yet"]
pub struct ScreenedChange<'a> {
    pub(super) change: KeyChange,
    /// The key that it has to be signed with.
    pub(super) signer: Arc<KeyRecord>,
    pub(super) purpose: Purpose,
    pub(super) statement: Statement<'a>,
    /// What the new key has to have signed, and its signature.
    pub(super) possession: (Vec<u8>, Vec<u8>),
}

impl ScreenedChange<'_> {
    /// Checks both signatures.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`], or [`Refusal::SuiteUnavailable`] for a scheme that is not compiled in.
    pub fn verify(self, directory: &Directory) -> Result<KeyChange, Refusal> {
        let (signed, signature) = (self.statement.signed(), self.statement.signature());
        directory.verify(&self.signer, self.purpose, signed, signature)?;
        let (message, possession) = &self.possession;
        directory.verify(self.change.to(), Purpose::Possession, message, possession)?;
        Ok(self.change)
    }
}

impl KeyChange {
    /// Reads one and checks nothing.
    ///
    /// # Errors
    /// [`Refusal`] for bytes that are none, or another statement.
    pub fn read(statement: &Statement<'_>) -> Result<Self, Refusal> {
        match statement.tag() {
            Tag::Rotation => RotationClaim::read(statement).map(Self::Rotation),
            Tag::Recovery => RecoveryClaim::read(statement).map(Self::Recovery),
            _ => Err(Refusal::Nonsense("it changes no key")),
        }
    }

    /// What can be told without a signature check of one that leads on from what is known.
    ///
    /// # Errors
    /// As for [`verify_rotation`](super::verify_rotation) and
    /// [`verify_recovery`](super::verify_recovery), but for signatures.
    pub fn screen<'a>(
        statement: &Statement<'a>,
        directory: &Directory,
        member: MemberIndex,
        now: Millis,
    ) -> Result<ScreenedChange<'a>, Refusal> {
        match statement.tag() {
            Tag::Rotation => rotation::screen_next(statement, directory, member, now),
            Tag::Recovery => recovery::screen_next(statement, directory, member),
            _ => Err(Refusal::Nonsense("it changes no key")),
        }
    }

    /// The same of one that leads on from a key that was left by another way since.
    ///
    /// # Errors
    /// As for [`screen`](Self::screen); [`Refusal::Duplicate`] when the key that it leads on from is not
    /// remembered.
    pub fn screen_other<'a>(
        statement: &Statement<'a>,
        directory: &Directory,
        member: MemberIndex,
    ) -> Result<ScreenedChange<'a>, Refusal> {
        let head = statement.head();
        if statement.tag() == Tag::Recovery {
            return recovery::screen(statement, directory, member);
        }
        let from = directory
            .key_ever(member, (head.epoch, head.key, head.suite))
            .ok_or(Refusal::Duplicate)?;
        rotation::screen(statement, directory, from)
    }

    /// The key that it leads to.
    pub const fn to(&self) -> &KeyRecord {
        match self {
            Self::Rotation(claim) => &claim.to,
            Self::Recovery(claim) => &claim.to,
        }
    }

    /// Makes a checked one from `from` effective; `grace_until` is when the key before stops to be taken
    /// if nothing worse is said of it. Tells whether it led on from what holds.
    pub fn apply(
        self,
        directory: &Directory,
        (member, from): (MemberIndex, Epoch),
        grace_until: Millis,
    ) -> bool {
        match self {
            Self::Rotation(RotationClaim { to, closing, compromised, .. }) => {
                let grace_until = if compromised { Millis(0) } else { grace_until };
                directory.rotate(member, from, RotatedKey { to, closing, grace_until })
            }
            Self::Recovery(RecoveryClaim { to, .. }) => directory.recover(member, to),
        }
    }
}
