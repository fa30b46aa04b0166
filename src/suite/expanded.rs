//! The library's own check, as a scheme uses it.

use super::error::{BadSignature, SuiteError};
use super::prepared::{ExpandedKey, Variant};
use super::purpose::Purpose;
use super::scheme::Verifier;
use super::suite_id::Suite;

impl Verifier for ExpandedKey {
    fn verify(
        &self,
        purpose: Purpose,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let holds = Self::verify(self, purpose.tag(), message, signature);
        if holds { Ok(()) } else { Err(BadSignature) }
    }
}

/// A key of a suite that is ready for the library's own check.
pub(super) fn expand(
    (suite, variant): (Suite, Variant),
    public: &[u8],
) -> Result<ExpandedKey, SuiteError> {
    let wrong_length = SuiteError::PublicKeyLength { suite, found: public.len() };
    ExpandedKey::new(variant, public).ok_or(wrong_length)
}
