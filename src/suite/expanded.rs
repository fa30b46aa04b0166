//! The suites whose keys the library's own check is for.

use super::error::{BadSignature, SuiteError};
use super::prepared::{ExpandedKey, Variant};
use super::purpose::Purpose;
use super::scheme::{Verifier, scheme};
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

/// A key of a suite that is compiled in, ready for the library's own check; for the suite of
/// simulations, whose checks cost next to nothing, for its own.
pub(super) fn expand(suite: Suite, public: &[u8]) -> Result<Box<dyn Verifier>, SuiteError> {
    let scheme = scheme(suite)?;
    let variant = match suite {
        #[cfg(meshward_sim)]
        Suite::Simulated => return scheme.prepare(public),
        Suite::Dilithium3 => Variant::Dilithium3,
        Suite::MlDsa65 => Variant::MlDsa65,
    };
    match ExpandedKey::new(variant, public) {
        Some(key) => Ok(Box::new(key)),
        None => scheme.prepare(public),
    }
}
