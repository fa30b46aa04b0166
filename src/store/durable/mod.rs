//! The durable store: one redb file in one locked directory.

mod backend;
mod directory;
mod durable_store;
mod engine;
#[cfg(test)]
mod tests;

pub use durable_store::DurableStore;
