//! The scheme of large simulations: a keyed hash that anyone can compute.

use zeroize::Zeroizing;

use super::entropy::Entropy;
use super::error::{BadSignature, SuiteError};
use super::purpose::Purpose;
use super::scheme::{KeyPair, Scheme, Secret, Verifier};
use super::suite_id::Suite;

/// Length in bytes of a secret key, a public key and a signature.
const LEN: usize = 32;

/// It protects nothing: the key of the hash follows from the public key, so whoever has read that
/// can sign. It stands for a scheme where thousands of nodes share a processor and nobody tries to
/// forge: a signature holds for one key, one purpose and one message, and any other byte is refused.
pub(super) struct Simulated;

impl Scheme for Simulated {
    fn generate(&self, entropy: &dyn Entropy) -> Result<KeyPair, SuiteError> {
        let mut seed = Zeroizing::new([0; LEN]);
        entropy.fill(seed.as_mut_slice())?;
        self.restore(seed.as_slice())
    }

    /// Every seed is a key, and the public key follows from it.
    fn restore(&self, stored: &[u8]) -> Result<KeyPair, SuiteError> {
        if stored.len() != LEN {
            let found = stored.len();
            let (suite, expected) = (Suite::Simulated, LEN);
            return Err(SuiteError::SecretKeyLength { suite, expected, found });
        }
        let public = blake3::derive_key("meshward 2026 simulated public key", stored);
        let secret = Pair { seed: Zeroizing::new(stored.to_vec()), hash: KeyedHash::of(&public) };
        Ok(KeyPair { secret: Box::new(secret), public: public.to_vec() })
    }

    fn prepare(&self, public: &[u8]) -> Result<Box<dyn Verifier>, SuiteError> {
        if public.len() != LEN {
            let found = public.len();
            return Err(SuiteError::PublicKeyLength { suite: Suite::Simulated, found });
        }
        Ok(Box::new(KeyedHash::of(public)))
    }
}

struct Pair {
    seed: Zeroizing<Vec<u8>>,
    hash: KeyedHash,
}

impl Secret for Pair {
    fn stored(&self) -> &[u8] {
        &self.seed
    }

    /// Deterministic; takes nothing from `entropy`.
    fn sign(
        &self,
        purpose: Purpose,
        message: &[u8],
        _entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SuiteError> {
        Ok(self.hash.tagged(purpose, message).as_bytes().to_vec())
    }
}

/// The key of the hash, derived from the public key.
struct KeyedHash([u8; LEN]);

impl KeyedHash {
    fn of(public: &[u8]) -> Self {
        Self(blake3::derive_key("meshward 2026 simulated signature", public))
    }

    /// Of the tag's length in eight bytes, the tag, and the message.
    fn tagged(&self, purpose: Purpose, message: &[u8]) -> blake3::Hash {
        let tag = purpose.tag();
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&tag.len().to_le_bytes()).update(tag).update(message);
        hasher.finalize()
    }
}

impl Verifier for KeyedHash {
    fn verify(
        &self,
        purpose: Purpose,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let holds = self.tagged(purpose, message).as_bytes().as_slice() == signature;
        if holds { Ok(()) } else { Err(BadSignature) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entropy::OsEntropy;
    use super::*;

    /// What the docs say of it: the public key is enough to sign.
    #[test]
    fn anyone_can_sign() {
        let pair = Simulated.generate(&OsEntropy).unwrap();
        let forged = KeyedHash::of(&pair.public).tagged(Purpose::Frame, b"x");
        let signed = pair.secret.sign(Purpose::Frame, b"x", &OsEntropy).unwrap();
        assert_eq!(forged.as_bytes().as_slice(), signed);
        assert_ne!(pair.secret.stored(), pair.public);
    }
}
