//! By what a duplicate is told from an equivocation.

use crate::wire::SignedHeader;

/// Bytes at the end of a header: its nonce, and all that stands behind it.
const NONCE_AND_AFTER: usize = 8 + 8 + 2 + 4 + 32;

/// Tells the frames of one member under one key and nonce apart. It covers all that is signed but what
/// is the same in all of them, and was compared by then: mesh, origin, suite, epoch and key. That fits
/// in one block of BLAKE3, where the whole header takes three, each about 70 ns.
pub(super) fn fingerprint(key: &[u8; 32], header: &SignedHeader<'_>) -> u32 {
    let mut open = [0; 8 + NONCE_AND_AFTER];
    let (view, rest) = open.split_at_mut(8);
    view.copy_from_slice(&header.header().view.0.to_le_bytes());
    if let Some(told) = header.signed().last_chunk::<NONCE_AND_AFTER>() {
        rest.copy_from_slice(told);
    }
    let hash = blake3::keyed_hash(key, &open);
    hash.as_bytes().first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
