//! What can go wrong with keys and signatures.

use thiserror::Error;

use super::entropy::EntropyError;
use super::suite_id::Suite;

/// A name or code that stands for no suite.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnknownSuite {
    /// No suite has this code.
    #[error("no signature suite has the code {0}")]
    Code(u8),
    /// No suite has this name.
    #[error("no signature suite is named {0:?}; there are \"dilithium3\" and \"ml-dsa-65\"")]
    Name(String),
}

/// Why a key could not be made, read or used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// The suite is not compiled in.
    #[error("signature suite {0} is not compiled in; build with the feature of that name")]
    SuiteUnavailable(Suite),
    /// An encoded public key has the wrong length.
    #[error("a public key of {suite} has {} bytes, this one has {found}", suite.public_key_len())]
    PublicKeyLength {
        /// The suite that the key was said to be of.
        suite: Suite,
        /// Its length in bytes.
        found: usize,
    },
    /// An encoded secret key has the wrong length.
    #[error("a secret key of {suite} has {expected} bytes, this one has {found}")]
    SecretKeyLength {
        /// The suite that the key was said to be of.
        suite: Suite,
        /// The length it should have, in bytes.
        expected: usize,
        /// The length it has, in bytes.
        found: usize,
    },
    /// The secret and the public half of an encoded secret key do not belong together.
    #[error("the secret and the public half of this {0} key do not belong together")]
    KeyMismatch(Suite),
    /// The entropy source failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The signature algorithm gave up. With an intact key that has negligible probability (FIPS
    /// 204, appendix C).
    #[error("signing with {0} found no valid signature")]
    SigningFailed(Suite),
}

/// The signature does not hold. It says nothing more, so that nobody learns from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the signature does not hold")]
pub struct BadSignature;

/// Why a signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature does not hold.
    #[error("the signature does not hold")]
    BadSignature,
    /// The suite is not compiled in, so nothing can be said about the signature.
    #[error("signature suite {0} is not compiled in; build with the feature of that name")]
    SuiteUnavailable(Suite),
}

impl From<BadSignature> for VerifyError {
    fn from(BadSignature: BadSignature) -> Self {
        Self::BadSignature
    }
}

impl From<SuiteError> for VerifyError {
    /// Under a key that cannot be used for any other reason than its suite, no signature holds.
    fn from(error: SuiteError) -> Self {
        match error {
            SuiteError::SuiteUnavailable(suite) => Self::SuiteUnavailable(suite),
            _ => Self::BadSignature,
        }
    }
}
