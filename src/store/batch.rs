//! Changes that take effect together or not at all.

use std::fmt;

use zeroize::Zeroizing;

use crate::store::Table;

/// One change of a [`Batch`].
///
/// Values may be secrets: they are wiped from memory on drop and `Debug` prints only their length.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// Binds the value to the key, whatever was there before.
    Put {
        /// The table.
        table: Table,
        /// The key within the table.
        key: Vec<u8>,
        /// The new value.
        value: Zeroizing<Vec<u8>>,
    },
    /// Removes the key; nothing happens when it is not there.
    Delete {
        /// The table.
        table: Table,
        /// The key within the table.
        key: Vec<u8>,
    },
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { table, key, value } => {
                write!(f, "Put({}/{}, {} bytes)", table.name(), key.escape_ascii(), value.len())
            }
            Self::Delete { table, key } => {
                write!(f, "Delete({}/{})", table.name(), key.escape_ascii())
            }
        }
    }
}

/// Changes for [`Store::apply`](crate::store::Store::apply): all of them take effect or none does.
/// They apply in the order they were added, so of several changes to one key the last one wins.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    changes: Vec<Change>,
}

impl Batch {
    /// A batch without changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds: bind `value` to `key`.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> &mut Self {
        let value = Zeroizing::new(value.to_vec());
        self.changes.push(Change::Put { table, key: key.to_vec(), value });
        self
    }

    /// Adds: remove `key`.
    pub fn delete(&mut self, table: Table, key: &[u8]) -> &mut Self {
        self.changes.push(Change::Delete { table, key: key.to_vec() });
        self
    }

    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes in the order in which they apply; for implementers of
    /// [`Store`](crate::store::Store).
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let mut batch = Batch::new();
        batch.put(Table::Identity, b"key\xff", b"hunter2").delete(Table::Boot, b"old");
        let text = format!("{batch:?}");
        assert_eq!(text, r"Batch { changes: [Put(identity/key\xff, 7 bytes), Delete(boot/old)] }");
    }

    #[test]
    fn changes_keep_their_order() {
        let mut batch = Batch::new();
        assert!(batch.is_empty());
        batch.delete(Table::Boot, b"a").put(Table::Boot, b"a", b"1");
        assert!(!batch.is_empty());
        let kinds: Vec<_> =
            batch.changes().map(|change| matches!(change, Change::Put { .. })).collect();
        assert_eq!(kinds, [false, true]);
    }
}
