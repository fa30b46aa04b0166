//! A store that forgets.

use std::collections::BTreeMap;
use std::fmt;

use parking_lot::RwLock;
use zeroize::Zeroizing;

use crate::store::contract::Entry;
use crate::store::{Batch, Change, Store, StoreError, Table};

/// A store in memory, for tests, simulations and hosts without a disk. It never fails.
///
/// It ends with the process, which weakens four promises:
///
/// - *P1, authentic*, in a [rollout](crate::rollout): who was heard signed is forgotten, and the stages, too.
///   Until a member is heard signed again its name may be used unsigned.
/// - *P2, once*: the node cannot tell by itself, after a restart, what it has delivered before. It
///   relies on the challenge in its `Hello` alone, as it would with an outdated disk.
/// - *P9, key continuity*: after a restart the host is a newcomer to itself. It has no key, no boot
///   counter and no memory of its votes, unless the host gives it an identity that was made
///   elsewhere. It then asks the mesh for a boot above all that it used, and signs nothing until two
///   thirds have stored that: it runs as
///   [one whose disk can be rolled back](crate::DiskTrust::MayBeRolledBack), and what it does not know of
///   its votes counts it among the faulty.
/// - *P10, proportion*: how members stand is forgotten, so a restart pardons everybody.
///
/// So [`survives_restart`](Store::survives_restart) is `false`. An identity that was made in the store
/// has not been through a restart, and signs at once. As a witness to the starts of others such a node
/// forgets what it stored, and is one of the faulty after a restart, too.
#[derive(Default)]
pub struct MemoryStore {
    tables: RwLock<BTreeMap<Table, Entries>>,
}

type Entries = BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>;

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Prints no keys and no values: they may be secrets.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.tables.read().get(&table).and_then(|entries| entries.get(key)).cloned())
    }

    fn scan(&self, table: Table) -> Result<Vec<Entry>, StoreError> {
        let tables = self.tables.read();
        let entries = tables.get(&table).into_iter().flatten();
        Ok(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut tables = self.tables.write();
        for change in batch.changes() {
            match change {
                Change::Put { table, key, value } => {
                    tables.entry(*table).or_default().insert(key.clone(), value.clone());
                }
                Change::Delete { table, key } => {
                    tables.entry(*table).or_default().remove(key);
                }
            }
        }
        Ok(())
    }

    fn survives_restart(&self) -> bool {
        false
    }
}
