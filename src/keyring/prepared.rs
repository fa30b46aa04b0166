//! An identity that is made and not durable yet.

use super::identity::stored_rotations;
use super::{Error, Identity, Misuse, RecoveryKey, boot, lease};
use crate::id::NodeId;
use crate::store::{Batch, Store};

/// An identity that was made or recovered and is in no store yet. So its recovery key can be sealed into a
/// backup before anything depends on it: whatever stops in between, there is no node whose recovery key
/// nobody has (attack K1).
#[derive(Debug)]
#[must_use = "it is in no store yet"]
pub struct PreparedIdentity {
    pub(super) made: Identity,
    pub(super) batch: Batch,
    /// It was never anywhere before.
    pub(super) is_new: bool,
}

impl PreparedIdentity {
    /// What will be stored.
    pub const fn identity(&self) -> &Identity {
        &self.made
    }

    /// The recovery key, which will not be stored.
    pub const fn recovery_key(&self) -> Option<&RecoveryKey> {
        self.made.recovery.as_ref()
    }

    /// Stores it, in one write.
    ///
    /// # Errors
    /// [`Misuse::IdentityExists`] when the store holds an identity: any, if this one is new, and that of
    /// another node, if it was recovered. A fault of the store. The identity in the store is left as it was
    /// then.
    pub fn store_in(self, store: &dyn Store) -> Result<Identity, Error> {
        let Self { mut made, mut batch, is_new } = self;
        if is_new {
            if let Some(found) = Identity::find(store)? {
                return Err(Misuse::IdentityExists(found.node).into());
            }
            boot::put_never(store, &mut batch)?;
            lease::put_created(&mut batch);
        } else {
            require_none_of_another(store, made.node)?;
        }
        store.apply(&batch)?;
        made.rotations = stored_rotations(store)?;
        Ok(made)
    }
}

/// Whether `store` may be given an identity of `node` in place of what it holds.
pub(super) fn require_none_of_another(store: &dyn Store, node: NodeId) -> Result<(), Error> {
    match Identity::node_in(store)?.filter(|found| *found != node) {
        Some(found) => Err(Misuse::IdentityExists(found).into()),
        None => Ok(()),
    }
}
