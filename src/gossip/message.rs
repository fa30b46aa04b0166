//! What is delivered.

use crate::id::{Mark, NodeId, SentAt};
use crate::wire::Kind;

/// A message that passed: its origin signed it under a key that speaks for it, and it is delivered
/// once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who signed it.
    pub origin: NodeId,
    /// What it is about.
    pub kind: Kind,
    /// Its place among its origin's messages: key epoch and nonce.
    pub mark: Mark,
    /// When it was signed, on its origin's clock.
    pub sent_at: SentAt,
    /// The payload.
    pub body: Vec<u8>,
}
