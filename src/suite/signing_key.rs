//! Secret keys.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::entropy::Entropy;
use super::error::SuiteError;
use super::public_key::PublicKey;
use super::purpose::Purpose;
use super::scheme::{KeyPair, Secret, scheme};
use super::signature::Signature;
use super::suite_id::Suite;

/// A secret key with its public key beside it.
///
/// It is zeroized when dropped, shows nothing secret in `Debug`, has no `Clone`, and is compared by
/// [`is_same_as`](Self::is_same_as) only. The [module](super) says how far that reaches in each suite.
pub struct SigningKey {
    secret: Box<dyn Secret>,
    public: PublicKey,
}

impl SigningKey {
    /// Makes a new key.
    ///
    /// ML-DSA-65 takes a 32-byte seed from `entropy`. Dilithium3 takes nothing from it: the code
    /// beneath cannot be seeded and draws from the operating system, whatever `entropy` is.
    ///
    /// # Errors
    ///
    /// [`SuiteError::SuiteUnavailable`], or [`SuiteError::Entropy`] if the source that is drawn
    /// from fails.
    pub fn generate(suite: Suite, entropy: &dyn Entropy) -> Result<Self, SuiteError> {
        Self::new(suite, scheme(suite)?.generate(entropy)?)
    }

    /// Reads a key in the form that [`to_secret_bytes`](Self::to_secret_bytes) gives.
    ///
    /// ML-DSA-65 takes any 32 bytes, each a key of its own. Dilithium3 signs and checks once, and
    /// refuses halves that do not belong together. That finds a wrong pair, not every flipped bit:
    /// bytes from where they can rot or be changed need an integrity check of their own.
    ///
    /// # Errors
    ///
    /// [`SuiteError::SuiteUnavailable`], [`SuiteError::SecretKeyLength`],
    /// [`SuiteError::KeyMismatch`].
    pub fn from_secret_bytes(suite: Suite, bytes: &[u8]) -> Result<Self, SuiteError> {
        Self::new(suite, scheme(suite)?.restore(bytes)?)
    }

    fn new(suite: Suite, pair: KeyPair) -> Result<Self, SuiteError> {
        let public = PublicKey::from_bytes(suite, &pair.public)?;
        Ok(Self { secret: pair.secret, public })
    }

    /// The key as bytes to store, themselves zeroized when dropped: the 32-byte seed in ML-DSA-65;
    /// in Dilithium3 the 4032 bytes of the secret and then the 1952 of the public key, which cannot
    /// be computed from the former through the code beneath.
    pub fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.secret.stored().to_vec())
    }

    /// Whether suite and secret are the same. Takes the same time wherever two secrets of one suite
    /// differ.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let is_suite = self.suite().code().ct_eq(&other.suite().code());
        bool::from(is_suite & self.secret.stored().ct_eq(other.secret.stored()))
    }

    /// The suite of the key.
    pub const fn suite(&self) -> Suite {
        self.public.suite()
    }

    /// The public key that belongs to it.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`, of any length, for one purpose.
    ///
    /// ML-DSA-65 is hedged with 32 bytes from `entropy` (FIPS 204, algorithm 2), so signatures on
    /// one message differ. Dilithium3 is deterministic and does not use `entropy`.
    ///
    /// # Errors
    ///
    /// [`SuiteError::Entropy`] if the source fails, or [`SuiteError::SigningFailed`], whose
    /// probability is negligible.
    pub fn sign(
        &self,
        purpose: Purpose,
        message: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Signature, SuiteError> {
        self.secret.sign(purpose, message, entropy).map(Signature::new)
    }
}

/// Suite and digest of the public key, nothing secret.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("suite", &self.suite())
            .field("public_key", &self.public.digest())
            .finish_non_exhaustive()
    }
}
