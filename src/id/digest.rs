//! Digests: BLAKE3 in its key-derivation mode, so that a digest made for one use never equals one
//! made for another.

use std::fmt;
use std::str::FromStr;

use super::bytes32::{ParseIdError, bytes32};

bytes32! {
    /// A 256-bit BLAKE3 digest.
    Digest
}

impl Digest {
    /// Digests `bytes` for one `purpose`.
    ///
    /// `purpose` must be a constant of the program (see BLAKE3, section 2.3, "derive_key"): it
    /// separates this use from all others.
    pub fn of(purpose: &'static str, bytes: &[u8]) -> Self {
        Self::from_bytes(blake3::derive_key(purpose, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_separated() {
        assert_eq!(Digest::of("a", b"x"), Digest::of("a", b"x"));
        assert_ne!(Digest::of("a", b"x"), Digest::of("b", b"x"));
        assert_ne!(Digest::of("a", b"x"), Digest::of("a", b"y"));
    }
}
