//! The statement that replaces a member's key: signed by the old one, with proof that its author
//! holds the new one, to which the old one committed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::key_change::ScreenedChange;
use super::{ActiveKey, Error, KeyChange};
use crate::id::{MeshId, Millis, NodeId, Nonce};
use crate::membership::{Directory, KeyRecord, MemberIndex, NextKeys};
use crate::suite::{Entropy, Purpose, SigningKey};
use crate::wire::{self, Refusal, Statement, StatementHead, Tag, seal_statement};

/// What a rotation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationClaim {
    /// The key that speaks for the member from now on, with its epoch and what it commits to.
    pub to: KeyRecord,
    /// The last nonce under the key before; higher ones are refused.
    pub closing: Nonce,
    /// What the key before committed to; the new key is among them.
    pub opens: NextKeys,
    /// The key before may be in other hands: it is not taken any more from now on, without any grace.
    pub compromised: bool,
}

#[derive(Serialize, Deserialize)]
struct Content {
    claim: RotationClaim,
    possession: Vec<u8>,
}

impl RotationClaim {
    /// What the new key signs to show that its secret half is at hand: the claim, under the head of
    /// the statement that carries it, so that it cannot be lent to another member or mesh.
    fn possession_bytes(&self, head: &StatementHead) -> Result<Vec<u8>, wire::WireError> {
        head.signed_bytes(Tag::Rotation, &wire::encode("a rotation", self)?)
    }

    pub(super) fn read(statement: &Statement<'_>) -> Result<Self, Refusal> {
        Ok(wire::decode::<Content>("a rotation", statement.content())?.claim)
    }
}

/// Makes the statement by which `node` goes from one key to the next, as it goes on the wire. `to` is
/// the secret half of the key that the claim names.
///
/// # Errors
/// [`Error::Fault`] when a signature cannot be made.
pub fn seal_rotation(
    (mesh, node): (MeshId, NodeId),
    from: &ActiveKey,
    to: &SigningKey,
    claim: RotationClaim,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Error> {
    let head = StatementHead::new(mesh, node, from.epoch, from.key.public_key());
    let message = claim.possession_bytes(&head)?;
    let possession = to.sign(Purpose::Possession, &message, entropy)?;
    let content = Content { claim, possession: possession.as_bytes().to_vec() };
    let content = wire::encode("a rotation", &content)?;
    Ok(seal_statement(Tag::Rotation, &head, &content, &from.key, entropy)?)
}

/// Checks a rotation of `member` against the key in force: two signature checks.
///
/// # Errors
/// [`Refusal::RotationOrder`] unless it leads from the current key to the next operational epoch;
/// [`Refusal::Downgrade`] to a weaker suite, unless the directory [takes
/// that](Directory::taking_downgrades); [`Refusal::RecoveryReplaced`] unless it carries the commitment to
/// the recovery key on (attack K13); [`Refusal::Commitment`] unless the current key committed to the new
/// one (attack K2); [`Refusal::BadSignature`] unless both keys signed it.
pub fn verify_rotation(
    statement: &Statement<'_>,
    directory: &Directory,
    member: MemberIndex,
    now: Millis,
) -> Result<RotationClaim, Refusal> {
    match screen_next(statement, directory, member, now)?.verify(directory)? {
        KeyChange::Rotation(claim) => Ok(claim),
        KeyChange::Recovery(_) => Err(Refusal::Nonsense("it is no rotation")),
    }
}

/// What can be told without a signature check of a rotation that leads on from the key in force.
pub(super) fn screen_next<'a>(
    statement: &Statement<'a>,
    directory: &Directory,
    member: MemberIndex,
    now: Millis,
) -> Result<ScreenedChange<'a>, Refusal> {
    let head = statement.head();
    let claim = RotationClaim::read(statement)?;
    let current = directory.current(member).ok_or(Refusal::UnknownOrigin(head.origin))?;
    if claim.to == *current {
        return Err(Refusal::Duplicate);
    }
    let from = directory
        .key(member, (head.epoch, head.key, head.suite), now)
        .ok_or(Refusal::UnknownKey { origin: head.origin, epoch: head.epoch })?;
    if from.record != current {
        return Err(Refusal::RotationOrder);
    }
    screen(statement, directory, current)
}

/// What can be told without a signature check of a rotation that leads on from `from`, which is or was a
/// key of the member.
pub(super) fn screen<'a>(
    statement: &Statement<'a>,
    directory: &Directory,
    from: Arc<KeyRecord>,
) -> Result<ScreenedChange<'a>, Refusal> {
    let head = statement.head();
    let Content { claim, possession } = wire::decode("a rotation", statement.content())?;
    if (head.epoch, head.key, head.suite) != (from.epoch, from.key.digest(), from.key.suite())
        || from.epoch.next_operational() != Some(claim.to.epoch)
    {
        return Err(Refusal::RotationOrder);
    }
    if claim.to.key.suite() < from.key.suite() && !directory.takes_downgrades() {
        return Err(Refusal::Downgrade);
    }
    if claim.to.recovery != from.recovery {
        return Err(Refusal::RecoveryReplaced);
    }
    if !claim.opens.opens(&from.next, &claim.to.key) {
        return Err(Refusal::Commitment);
    }
    if !statement.attachment().is_empty() {
        let extra = statement.attachment().len();
        return Err(wire::WireError::Trailing { extra }.into());
    }
    let message = claim.possession_bytes(head)?;
    Ok(ScreenedChange {
        change: KeyChange::Rotation(claim),
        signer: from,
        purpose: Purpose::Rotation,
        statement: statement.clone(),
        possession: (message, possession),
    })
}
