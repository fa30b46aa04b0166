//! A store that outlives the node on it, and that can be made to fail.

use std::sync::Arc;

use meshward::store::{Batch, Entry, Table};
use meshward::{MemoryStore, Store, StoreError};
use parking_lot::Mutex;

/// What a disk does with the next writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Nothing is written, and it says so.
    Refuses,
    /// Everything is written, and it says that it was not.
    WritesAndDenies,
}

/// A disk: clones are the same disk.
#[derive(Clone)]
pub(crate) struct Disk {
    inner: Arc<dyn Store>,
    fault: Arc<Mutex<Fault>>,
}

impl Disk {
    pub(crate) fn new(inner: impl Store + 'static) -> Self {
        Self { inner: Arc::new(inner), fault: Arc::new(Mutex::new(Fault::None)) }
    }

    pub(crate) fn fault(&self, fault: Fault) {
        *self.fault.lock() = fault;
    }

    /// The disk as it is now, on another disk.
    pub(crate) fn copied(&self) -> Self {
        self.only(Table::ALL)
    }

    /// Some tables of the disk as they are now, on another disk.
    pub(crate) fn only(&self, tables: &[Table]) -> Self {
        let (copy, mut batch) = (Self::default(), Batch::new());
        for table in tables {
            let rows = self.scan(*table).unwrap();
            rows.iter().for_each(|(key, value)| drop(batch.put(*table, key, value).changes()));
        }
        copy.apply(&batch).unwrap();
        copy
    }

    /// Every table as it stands.
    pub(crate) fn contents(&self) -> Vec<Vec<Entry>> {
        Table::ALL.iter().map(|table| self.scan(*table).unwrap()).collect()
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new(MemoryStore::new())
    }
}

impl Store for Disk {
    fn get(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, StoreError> {
        self.inner.get(table, key)
    }

    fn scan(&self, table: Table) -> Result<Vec<Entry>, StoreError> {
        self.inner.scan(table)
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let fault = *self.fault.lock();
        if fault != Fault::Refuses {
            self.inner.apply(batch)?;
        }
        match fault {
            Fault::None => Ok(()),
            _ => Err(StoreError::Failed { reason: "the test wants it so".to_owned() }),
        }
    }

    fn survives_restart(&self) -> bool {
        true
    }
}
