//! An identity that is made or taken back, and its backup, in an order in which a crash loses neither.

use super::{
    BackupContents, BackupDirectory, BackupError, BackupName, ContentsError, KdfCost, Passphrase,
};
use crate::id::NodeId;
use crate::keyring::{Error, Identity, Misuse, PreparedIdentity, RecoveryKey};
use crate::store::Store;
use crate::suite::{Entropy, Suite};

/// Where a backup goes, and under what it is sealed.
#[derive(Debug, Clone, Copy)]
pub struct Sealer<'a> {
    /// The directory, of the same owner as what is sealed.
    pub directory: &'a BackupDirectory,
    /// What opens it.
    pub passphrase: &'a Passphrase,
    /// What one guess at the passphrase costs.
    pub cost: KdfCost,
    /// What the caller's clock shows, as [`BackupDirectory::write`] takes it.
    pub now: u64,
    /// Random bytes.
    pub entropy: &'a dyn Entropy,
}

impl Sealer<'_> {
    /// Seals `contents` into a new backup of the directory.
    ///
    /// # Errors
    /// [`ContentsError::OtherNode`], [`ContentsError::OtherMesh`], and those of [`BackupDirectory::write`].
    pub fn seal(&self, contents: &BackupContents) -> Result<BackupName, BackupError> {
        contents.require(self.directory.owner())?;
        let bytes = contents.to_bytes()?;
        self.directory.write(&bytes, self.passphrase, self.cost, self.now, self.entropy)
    }

    /// The same; that an outdated backup could not be removed is no reason to stop.
    fn seal_first(&self, contents: &BackupContents) -> Result<BackupName, BackupError> {
        match self.seal(contents) {
            Err(BackupError::NotPruned { name, path, source }) => {
                tracing::warn!(path = %path.display(), %source, "an outdated backup remains");
                Ok(name)
            }
            sealed => sealed,
        }
    }
}

/// Makes an identity for `node` in a store that holds none, and its first backup, which is the one place
/// where its recovery key is. The backup is there before the identity is: a crash in between leaves a
/// backup of keys that nobody uses.
///
/// The sealer's directory is that of the node in the mesh [`NO_MESH`](super::NO_MESH).
///
/// # Errors
/// [`Misuse::IdentityExists`] before anything is written; those of [`Sealer::seal`]; a fault of the store.
pub fn generate(
    store: &dyn Store,
    node: NodeId,
    suite: Suite,
    into: Sealer<'_>,
) -> Result<(Identity, BackupName), BackupError> {
    require_none(store)?;
    let prepared = Identity::prepare(node, suite, into.entropy)?;
    let backup = into.seal_first(&copied(&prepared)?)?;
    Ok((stored(prepared, store)?, backup))
}

/// Takes the identity of a backup back into a store that holds none, with the recovery key, as
/// [`Identity::recover`] does, and makes a backup of what it is from then on.
///
/// The keys that the backup holds are not used: they may have signed more than anybody here knows. New ones
/// begin the next recovery count, and have signed nothing; a nonce belongs to a key, so every number is
/// above all that could have been used, and the boots of the new store begin with 1.
///
/// The new backup is there before the identity is, and the identity is one write. A crash leaves the old
/// backup and an empty store; or the new backup, too, from which the identity is taken back just as well:
/// it holds the statement that was never announced, which leads on to the one after; or all of it. Always
/// begin with the newest backup: one that was made before the last recovery was announced has a spent
/// recovery key, and two recoveries with one key contradict each other.
///
/// # Errors
/// [`Misuse::IdentityExists`] for any identity, and [`ContentsError::NoView`], before anything is written;
/// [`Misuse::Downgrade`]; those of [`Sealer::seal`]; a fault of the store.
pub fn restore(
    contents: &BackupContents,
    store: &dyn Store,
    suite: Suite,
    into: Sealer<'_>,
) -> Result<(Identity, BackupName), BackupError> {
    require_none(store)?;
    let history = contents.history().ok_or(ContentsError::NoView)?;
    let known = contents.identity().rotations().iter().map(AsRef::as_ref);
    let (with, mesh) = (contents.recovery_key(), history.view().mesh());
    let prepared = Identity::prepare_recovery(mesh, with, known, suite, into.entropy)?;
    let next = copied(&prepared)?.with_view(history.view().clone())?;
    let backup = into.seal_first(&next)?;
    Ok((stored(prepared, store)?, backup))
}

fn require_none(store: &dyn Store) -> Result<(), Error> {
    match Identity::node_in(store)? {
        Some(found) => Err(Misuse::IdentityExists(found).into()),
        None => Ok(()),
    }
}

/// What is prepared, as a backup has it.
fn copied(prepared: &PreparedIdentity) -> Result<BackupContents, BackupError> {
    let made = prepared.identity();
    let mut identity = Identity::from_secret_bytes(&made.to_secret_bytes()?)?;
    identity.rotations.extend_from_slice(made.rotations());
    let recovery = prepared.recovery_key().ok_or(ContentsError::SpentRecoveryKey(made.node()))?;
    let recovery = RecoveryKey::from_secret_bytes(&recovery.to_secret_bytes()?)?;
    Ok(BackupContents::new(identity, recovery, None)?)
}

/// Stores it. Its recovery key is in the backup, and stays there.
fn stored(prepared: PreparedIdentity, store: &dyn Store) -> Result<Identity, Error> {
    let mut identity = prepared.store_in(store)?;
    drop(identity.recovery_key());
    Ok(identity)
}
