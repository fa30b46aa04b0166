//! The boot counter: one durable write per start makes every nonce new.

use super::{Error, Misuse};
use crate::store::{Batch, Store, Table};
use crate::wire;

pub(super) const KEY: &[u8] = b"boot";

/// A start that was counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boot {
    pub(super) number: u32,
    /// The identity was created on this store and has not started before, so this node cannot have
    /// taken anything of anybody. A store that does not say so may have lost what it knew.
    pub(super) is_first: bool,
}

/// Notes with a new identity that it has never started, unless `store` has counted starts before.
pub(super) fn put_never(store: &dyn Store, batch: &mut Batch) -> Result<(), Error> {
    if store.get(Table::Boot, KEY)?.is_none() {
        batch.put(Table::Boot, KEY, &wire::encode("the boot counter", &0_u32)?);
    }
    Ok(())
}

/// Counts this start and returns its number once that is durable. The first start is 1.
pub(super) fn claim(store: &dyn Store) -> Result<Boot, Error> {
    let last: Option<u32> = match store.get(Table::Boot, KEY)? {
        Some(bytes) => Some(wire::decode("the boot counter", &bytes)?),
        None => None,
    };
    let next = last.unwrap_or(0).checked_add(1);
    let number = next.ok_or(Misuse::CounterExhausted("boot counter"))?;
    let mut batch = Batch::new();
    batch.put(Table::Boot, KEY, &wire::encode("the boot counter", &number)?);
    store.apply(&batch)?;
    Ok(Boot { number, is_first: last == Some(0) })
}
