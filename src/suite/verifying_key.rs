//! Public keys that are ready for checks.

use std::fmt;

use super::error::BadSignature;
use super::purpose::Purpose;
use super::scheme::Verifier;

/// A public key made ready for checks by [`PublicKey::prepare`](super::PublicKey::prepare): about
/// 36 KiB (ML-DSA-65 without the feature `prepared`: 43 KiB).
pub struct VerifyingKey(Box<dyn Verifier>);

impl VerifyingKey {
    pub(super) fn new(verifier: Box<dyn Verifier>) -> Self {
        Self(verifier)
    }

    /// Checks a signature on `message` for one purpose. Nothing about `signature` is taken for
    /// granted, its length included.
    ///
    /// # Errors
    ///
    /// [`BadSignature`], whatever is wrong.
    pub fn verify(
        &self,
        purpose: Purpose,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        self.0.verify(purpose, message, signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").finish_non_exhaustive()
    }
}
