//! Signatures as bytes.

use std::fmt;

/// A signature in its encoded form.
///
/// Two signatures on one statement may differ (ML-DSA is hedged), so a statement must never be
/// identified by its signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The encoded signature, [`Suite::signature_len`](super::Suite::signature_len) bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The encoded signature, without a copy.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl From<Signature> for Vec<u8> {
    fn from(signature: Signature) -> Self {
        signature.into_vec()
    }
}

/// Only the length: the bytes tell a reader nothing.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}
