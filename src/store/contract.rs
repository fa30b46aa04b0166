//! The contract that every store keeps.

use zeroize::Zeroizing;

use crate::store::{Batch, StoreError, Table};

/// A key with its value, as [`Store::scan`] returns it.
pub type Entry = (Vec<u8>, Zeroizing<Vec<u8>>);

/// Where a node keeps what it must not forget: identity, boot counter, votes,
/// proofs against others.
///
/// A node writes rarely (once per start, per rotation, per vote, per proof, per quarantine
/// that ends and, in a rollout, per member that signs for the first time) and never per message, so an
/// implementation may take the time that durability costs. Every method may be called from any
/// thread; a read sees every batch whose `apply` returned before the read began.
///
/// One store belongs to one node. Two nodes that write to the same place would use one nonce
/// twice, so an implementation refuses the second one.
pub trait Store: Send + Sync {
    /// The value of `key`; `None` when there is none. The copy is wiped on drop.
    ///
    /// # Errors
    ///
    /// When the store cannot tell. That is not the same as an absent key: treat it as a fault.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;

    /// All keys of a table with their values, in the lexicographic order of the keys' bytes, as
    /// they stood at one moment.
    ///
    /// # Errors
    ///
    /// When the store cannot tell.
    fn scan(&self, table: Table) -> Result<Vec<Entry>, StoreError>;

    /// Makes all changes of the batch, or none. When it returns `Ok` they are as durable as
    /// [`survives_restart`](Self::survives_restart) says.
    ///
    /// # Errors
    ///
    /// When the batch could not be made durable. It may have reached the disk all the same, so
    /// do nothing that depends on either outcome before the store was opened and read again.
    fn apply(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Whether what was applied is there again after the process was killed or the power failed.
    fn survives_restart(&self) -> bool;
}
