//! The statement that replaces a member's key: signed by the old one, with proof that its author
//! holds the new one.

use serde::{Deserialize, Serialize};

use super::{ActiveKey, Error};
use crate::id::{MeshId, Millis, NodeId, Nonce};
use crate::membership::{Directory, KeyRecord, MemberIndex};
use crate::suite::{Entropy, Purpose};
use crate::wire::{self, Refusal, Statement, StatementHead, Tag, seal_statement};

/// What a rotation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationClaim {
    /// The key that speaks for the member from now on, with its epoch.
    pub to: KeyRecord,
    /// The last nonce under the key before; higher ones are refused.
    pub closing: Nonce,
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
}

/// Makes the statement by which `node` goes from one key to the next, as it goes on the wire.
///
/// # Errors
/// [`Error::Fault`] when a signature cannot be made.
pub fn seal_rotation(
    (mesh, node): (MeshId, NodeId),
    from: &ActiveKey,
    to: &ActiveKey,
    closing: Nonce,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Error> {
    let head = StatementHead::new(mesh, node, from.epoch, from.key.public_key());
    let to_record = KeyRecord { epoch: to.epoch, key: to.key.public_key().clone() };
    let claim = RotationClaim { to: to_record, closing };
    let message = claim.possession_bytes(&head)?;
    let possession = to.key.sign(Purpose::Possession, &message, entropy)?;
    let content = Content { claim, possession: possession.as_bytes().to_vec() };
    let content = wire::encode("a rotation", &content)?;
    Ok(seal_statement(Tag::Rotation, &head, &content, &from.key, entropy)?)
}

/// Checks a rotation of `member` against the key in force: two signature checks.
///
/// # Errors
/// [`Refusal::RotationOrder`] unless it leads from the current key to the next operational epoch,
/// and not to a weaker suite; [`Refusal::BadSignature`] unless both keys signed it.
pub fn verify_rotation(
    statement: &Statement<'_>,
    directory: &Directory,
    member: MemberIndex,
    now: Millis,
) -> Result<RotationClaim, Refusal> {
    let head = statement.head();
    let Content { claim, possession } = wire::decode("a rotation", statement.content())?;
    let current = directory.current(member).ok_or(Refusal::UnknownOrigin(head.origin))?;
    if claim.to == *current {
        return Err(Refusal::Duplicate);
    }
    let from = directory
        .key(member, (head.epoch, head.key, head.suite), now)
        .ok_or(Refusal::UnknownKey { origin: head.origin, epoch: head.epoch })?;
    let in_order = from.record == current
        && head.epoch.next_operational() == Some(claim.to.epoch)
        && claim.to.key.suite() >= current.key.suite();
    if !in_order {
        return Err(Refusal::RotationOrder);
    }
    if !statement.attachment().is_empty() {
        let extra = statement.attachment().len();
        return Err(wire::WireError::Trailing { extra }.into());
    }
    directory.verify(&current, Purpose::Rotation, statement.signed(), statement.signature())?;
    let message = claim.possession_bytes(head)?;
    directory.verify(&claim.to, Purpose::Possession, &message, &possession)?;
    Ok(claim)
}
