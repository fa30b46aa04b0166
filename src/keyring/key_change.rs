//! A rotation or a recovery: whatever gives a member another key.

use super::{RecoveryClaim, RotationClaim, recovery, rotation, verify_recovery, verify_rotation};
use crate::id::{Epoch, Millis};
use crate::membership::{Directory, KeyRecord, MemberIndex, RotatedKey};
use crate::wire::{Refusal, Statement, Tag};

/// What a statement says that gives a member another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// The key before says so.
    Rotation(RotationClaim),
    /// The recovery key says so.
    Recovery(RecoveryClaim),
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

    /// Checks one that leads on from what is known: two signature checks.
    ///
    /// # Errors
    /// As for [`verify_rotation`] and [`verify_recovery`].
    pub fn verify(
        statement: &Statement<'_>,
        directory: &Directory,
        member: MemberIndex,
        now: Millis,
    ) -> Result<Self, Refusal> {
        match statement.tag() {
            Tag::Rotation => verify_rotation(statement, directory, member, now).map(Self::Rotation),
            Tag::Recovery => verify_recovery(statement, directory, member).map(Self::Recovery),
            _ => Err(Refusal::Nonsense("it changes no key")),
        }
    }

    /// Checks one that leads on from a key that was left by another way since: two signature checks.
    ///
    /// # Errors
    /// As for [`verify_rotation`] and [`verify_recovery`]; [`Refusal::Duplicate`] when the key that it
    /// leads on from is not remembered.
    pub fn verify_other(
        statement: &Statement<'_>,
        directory: &Directory,
        member: MemberIndex,
    ) -> Result<Self, Refusal> {
        let head = statement.head();
        if statement.tag() == Tag::Recovery {
            return recovery::check(statement, directory, member).map(Self::Recovery);
        }
        let from = directory
            .key_ever(member, (head.epoch, head.key, head.suite))
            .ok_or(Refusal::Duplicate)?;
        rotation::check(statement, directory, &from).map(Self::Rotation)
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
