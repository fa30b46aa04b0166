//! The statement that takes an identity back: signed by the recovery key, which the member committed to
//! and nobody has seen until then, with proof that its author holds the new key.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::key_change::ScreenedChange;
use super::{Error, KeyChange, RecoveryKey};
use crate::id::{Epoch, MeshId, NodeId};
use crate::membership::{Directory, KeyRecord, MemberIndex};
use crate::suite::{Entropy, PublicKey, Purpose, SigningKey};
use crate::wire::{self, Refusal, Statement, StatementHead, Tag, WireError, seal_statement};

/// What a recovery says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryClaim {
    /// The recovery key, which the member's records name by its digest.
    pub by: PublicKey,
    /// The key that speaks for the member from now on. No key of an earlier recovery count does.
    pub to: KeyRecord,
}

#[derive(Serialize, Deserialize)]
struct Content {
    claim: RecoveryClaim,
    possession: Vec<u8>,
}

impl RecoveryClaim {
    fn possession_bytes(&self, head: &StatementHead) -> Result<Vec<u8>, WireError> {
        head.signed_bytes(Tag::Recovery, &wire::encode("a recovery", self)?)
    }

    pub(super) fn read(statement: &Statement<'_>) -> Result<Self, Refusal> {
        Ok(wire::decode::<Content>("a recovery", statement.content())?.claim)
    }
}

/// The last operational epoch of this recovery count: a recovery leads on from all of them, whichever the
/// receiver knows, so its head names the end.
const fn end_of(recovery: u32) -> Epoch {
    Epoch { recovery, operational: u32::MAX }
}

/// Makes the statement by which `node` takes its identity back, as it goes on the wire.
///
/// # Errors
/// [`Error::Fault`] when a signature cannot be made.
pub fn seal_recovery(
    (mesh, node): (MeshId, NodeId),
    with: &RecoveryKey,
    (to, key): (&KeyRecord, &SigningKey),
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Error> {
    let head = StatementHead::new(mesh, node, end_of(with.count), with.public_key());
    let claim = RecoveryClaim { by: with.public_key().clone(), to: to.clone() };
    let message = claim.possession_bytes(&head)?;
    let possession = key.sign(Purpose::Possession, &message, entropy)?;
    let content = Content { claim, possession: possession.as_bytes().to_vec() };
    let content = wire::encode("a recovery", &content)?;
    Ok(seal_statement(Tag::Recovery, &head, &content, &with.key, entropy)?)
}

/// Checks a recovery of `member`: two signature checks.
///
/// All records of one recovery count name the same recovery key, for rotations carry it on unchanged. So it
/// does not matter which rotations of that count the receiver knows, nor which of two that contradict each
/// other it took: all receivers decide alike.
///
/// # Errors
/// [`Refusal::Duplicate`] of a recovery that has been, or is older; [`Refusal::UnknownKey`] when one before
/// it was missed; [`Refusal::RotationOrder`] unless it leads to the first epoch of the next recovery count;
/// [`Refusal::Downgrade`] to a weaker suite than that of the recovery key; [`Refusal::Commitment`] unless
/// the member committed to that recovery key; [`Refusal::BadSignature`] unless both keys signed it.
pub fn verify_recovery(
    statement: &Statement<'_>,
    directory: &Directory,
    member: MemberIndex,
) -> Result<RecoveryClaim, Refusal> {
    match screen_next(statement, directory, member)?.verify(directory)? {
        KeyChange::Recovery(claim) => Ok(claim),
        KeyChange::Rotation(_) => Err(Refusal::Nonsense("it is no recovery")),
    }
}

/// What can be told without a signature check of a recovery that leads on from the current keys.
pub(super) fn screen_next<'a>(
    statement: &Statement<'a>,
    directory: &Directory,
    member: MemberIndex,
) -> Result<ScreenedChange<'a>, Refusal> {
    let head = statement.head();
    let current = directory.current(member).ok_or(Refusal::UnknownOrigin(head.origin))?;
    match head.epoch.recovery.cmp(&current.epoch.recovery) {
        std::cmp::Ordering::Less => Err(Refusal::Duplicate),
        std::cmp::Ordering::Greater => {
            Err(Refusal::UnknownKey { origin: head.origin, epoch: head.epoch })
        }
        std::cmp::Ordering::Equal => screen(statement, directory, member),
    }
}

/// The same, whether or not the keys have been recovered since.
pub(super) fn screen<'a>(
    statement: &Statement<'a>,
    directory: &Directory,
    member: MemberIndex,
) -> Result<ScreenedChange<'a>, Refusal> {
    let head = statement.head();
    let Content { claim, possession } = wire::decode("a recovery", statement.content())?;
    let before = head.epoch.recovery;
    let leads_on = head.epoch == end_of(before)
        && Some(claim.to.epoch)
            == before.checked_add(1).map(|recovery| Epoch { recovery, operational: 0 })
        && (head.key, head.suite) == (claim.by.digest(), claim.by.suite());
    if !leads_on {
        return Err(Refusal::RotationOrder);
    }
    if claim.to.key.suite() < claim.by.suite() {
        return Err(Refusal::Downgrade);
    }
    let is_committed = |record: &KeyRecord| {
        record.epoch.recovery == before && record.recovery == claim.by.digest()
    };
    if !directory.records(member).iter().any(|record| is_committed(record)) {
        return Err(Refusal::Commitment);
    }
    if !statement.attachment().is_empty() {
        return Err(WireError::Trailing { extra: statement.attachment().len() }.into());
    }
    let message = claim.possession_bytes(head)?;
    Ok(ScreenedChange {
        signer: Arc::new(KeyRecord::first(claim.by.clone())),
        change: KeyChange::Recovery(claim),
        purpose: Purpose::Recovery,
        statement: statement.clone(),
        possession: (message, possession),
    })
}
