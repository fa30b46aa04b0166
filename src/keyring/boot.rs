//! The boot counter: one durable write per start makes every nonce new.

use super::{Error, Misuse};
use crate::store::{Batch, Store, Table};
use crate::wire;

pub(super) const KEY: &[u8] = b"boot";

/// Counts this start and returns its number once that is durable. The first start is 1.
pub(super) fn claim(store: &dyn Store) -> Result<u32, Error> {
    let last: u32 = match store.get(Table::Boot, KEY)? {
        Some(bytes) => wire::decode("the boot counter", &bytes)?,
        None => 0,
    };
    let boot = last.checked_add(1).ok_or(Misuse::CounterExhausted("boot counter"))?;
    let mut batch = Batch::new();
    batch.put(Table::Boot, KEY, &wire::encode("the boot counter", &boot)?);
    store.apply(&batch)?;
    Ok(boot)
}
