//! What a node remembers across a restart: a small transactional key-value store.
//!
//! [`Store`] is the contract, [`Batch`] the unit of change. [`MemoryStore`] forgets at the end of
//! the process and says which promises that weakens; `DurableStore` (feature `durable-store`)
//! keeps everything in one file. [`Files`] is what it asks of a disk, so that a test can stand a
//! faulty one under it.

#[cfg(any(feature = "durable-store", feature = "backup"))]
pub(crate) mod ancestors;
mod batch;
mod contract;
#[cfg(feature = "durable-store")]
mod durable;
mod error;
mod files;
mod memory;
mod os_files;
mod table;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Change};
pub use contract::{Entry, Store};
#[cfg(feature = "durable-store")]
pub use durable::DurableStore;
pub use error::StoreError;
pub use files::{Access, EntryKind, Files, OpenFile};
pub use memory::MemoryStore;
pub use os_files::OsFiles;
pub use table::Table;
