//! Digests: BLAKE3 in its key-derivation mode, so that a digest made for one use never equals one
//! made for another.

use std::fmt;
use std::str::FromStr;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

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

    /// What a purpose comes to, to be made once where many short digests are made for it.
    pub(crate) fn context(purpose: &'static str) -> ContextKey {
        hash_derive_key_context(purpose)
    }

    /// The same as [`of`](Self::of), for the purpose of which this is the context.
    pub(crate) fn in_context(context: &ContextKey, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_from_context_key(context);
        hasher.update(bytes);
        Self::from_bytes(*hasher.finalize().as_bytes())
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
        for length in [0, 1, 64, 65, 5_000] {
            let bytes = vec![7; length];
            assert_eq!(Digest::in_context(&Digest::context("a"), &bytes), Digest::of("a", &bytes));
        }
    }
}
