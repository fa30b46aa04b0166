//! XChaCha20-Poly1305: the one seal of a backup.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::suite::{Entropy, EntropyError};

/// Bytes that a seal adds.
pub(super) const TAG_LEN: usize = 16;
/// Bytes of a nonce.
pub(super) const NONCE_LEN: usize = 24;

/// A key of 32 bytes. Wiped when dropped; there is no `Debug`.
pub(super) struct Key(pub(super) Zeroizing<[u8; 32]>);

impl Key {
    pub(super) const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// A new one.
    pub(super) fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals `bytes` where they stand and gives the tag; `None` when they are too many (256 GiB).
    pub(super) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        associated: &[u8],
        bytes: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let nonce = XNonce::from(*nonce);
        let tag = cipher.encrypt_inout_detached(&nonce, associated, InOutBuf::from(bytes)).ok()?;
        Some(tag.into())
    }

    /// Opens `bytes` where they stand. `None` when they were not sealed so: they are then what they were.
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        associated: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Option<()> {
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
        cipher.decrypt_inout_detached(&nonce, associated, InOutBuf::from(bytes), &tag).ok()
    }
}
