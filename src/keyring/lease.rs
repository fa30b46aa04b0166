//! A start whose number others have to witness first: until they have, nothing is drawn.

use super::{Error, Keyring, Misuse, boot};
use crate::id::Nonce;
use crate::store::{Batch, Store, Table};
use crate::wire;

/// Stands where an identity was made, and nowhere that it was only brought to.
const CREATED: &[u8] = b"created";

/// Marks the store in which an identity is made.
pub(super) fn put_created(batch: &mut Batch) {
    batch.put(Table::Boot, CREATED, b"");
}

/// Whether the identity in `store` was made there, so that its boot counter is all that ever counted. A
/// store that does not survive a restart has not been through one then.
///
/// # Errors
/// A fault of the store.
pub(crate) fn was_created_in(store: &dyn Store) -> Result<bool, Error> {
    Ok(store.get(Table::Boot, CREATED)?.is_some())
}

impl Keyring {
    /// Draws nothing until [`confirm`](Self::confirm).
    pub(crate) fn await_witnesses(&self) {
        self.state.lock().is_confirmed = false;
    }

    /// Whether anything may be drawn.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.state.lock().is_confirmed
    }

    /// A quorum has stored the number of this boot.
    pub(crate) fn confirm(&self) {
        self.state.lock().is_confirmed = true;
    }

    /// The boot after `last`, and the write that counts it.
    ///
    /// # Errors
    /// [`Misuse::CounterExhausted`].
    pub(crate) fn boot_after(last: u32) -> Result<(u32, Batch), Error> {
        let boot = last.checked_add(1).ok_or(Misuse::CounterExhausted("boot counter"))?;
        let mut batch = Batch::new();
        batch.put(Table::Boot, boot::KEY, &wire::encode("the boot counter", &boot)?);
        Ok((boot, batch))
    }

    /// This start is boot number `boot`, which is durable. Does nothing if anything may have been drawn
    /// in this start.
    pub(crate) fn begin_boot(&self, boot: u32) {
        let mut state = self.state.lock();
        if !state.is_confirmed {
            state.boot = boot.max(state.boot);
        }
    }

    /// Whether this node may have given a message that number, in this start or one before.
    pub(crate) fn may_have_drawn(&self, nonce: Nonce) -> bool {
        let state = self.state.lock();
        match nonce.boot.cmp(&state.boot) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => {
                state.is_confirmed && state.next.is_none_or(|next| nonce.sequence < next)
            }
            std::cmp::Ordering::Greater => false,
        }
    }
}
