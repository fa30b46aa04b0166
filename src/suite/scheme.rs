//! What a signature scheme has to offer, and the one place that knows which are compiled in.

use super::entropy::Entropy;
use super::error::{BadSignature, SuiteError};
use super::purpose::Purpose;
use super::suite_id::Suite;

/// A signature scheme, with keys as bytes on the outside.
pub(super) trait Scheme {
    /// Makes a new key.
    fn generate(&self, entropy: &dyn Entropy) -> Result<KeyPair, SuiteError>;

    /// Reads a key from the form that [`Secret::stored`] gave.
    fn restore(&self, stored: &[u8]) -> Result<KeyPair, SuiteError>;

    /// Makes an encoded public key ready for many checks.
    fn prepare(&self, public: &[u8]) -> Result<Box<dyn Verifier>, SuiteError>;

    /// Makes an encoded public key ready for one check, by no code of our own where another will do.
    fn prepare_once(&self, public: &[u8]) -> Result<Box<dyn Verifier>, SuiteError> {
        self.prepare(public)
    }
}

/// A secret key and the encoded public key that belongs to it.
pub(super) struct KeyPair {
    pub(super) secret: Box<dyn Secret>,
    pub(super) public: Vec<u8>,
}

/// A secret key, zeroized when dropped.
pub(super) trait Secret: Send + Sync {
    /// The form that is kept on disk.
    fn stored(&self) -> &[u8];

    /// Signs `message` for one purpose.
    fn sign(
        &self,
        purpose: Purpose,
        message: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SuiteError>;
}

/// A public key that is ready for checks.
pub(super) trait Verifier: Send + Sync {
    /// Checks a signature of any length.
    fn verify(
        &self,
        purpose: Purpose,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature>;
}

/// The scheme behind a suite, if it is compiled in.
pub(super) fn scheme(suite: Suite) -> Result<&'static dyn Scheme, SuiteError> {
    match suite {
        #[cfg(meshward_sim)]
        Suite::Simulated => Ok(&super::simulated::Simulated),
        #[cfg(feature = "dilithium3")]
        Suite::Dilithium3 => Ok(&super::dilithium3::Dilithium3),
        #[cfg(feature = "ml-dsa-65")]
        Suite::MlDsa65 => Ok(&super::ml_dsa_65::MlDsa65),
        #[cfg(not(all(feature = "dilithium3", feature = "ml-dsa-65")))]
        absent => Err(SuiteError::SuiteUnavailable(absent)),
    }
}
