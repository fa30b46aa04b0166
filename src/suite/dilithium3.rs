//! Dilithium3: PQClean's C code through `pqcrypto-dilithium`, the only file that knows it. It makes keys
//! and signs; the check is our own ([`prepared`](super::prepared)), since PQClean's is not the same on
//! every processor.
//!
//! It has challenges of 48 bytes, of which it samples from the first 32 only, and no context string,
//! both unlike FIPS 204; so its keys and signatures agree with nothing else.

use std::hint::black_box;
use std::io::Write;

use pqcrypto_dilithium::dilithium3 as pqclean;
use pqcrypto_traits::sign::{DetachedSignature, PublicKey, SecretKey};
use zeroize::Zeroizing;

use super::entropy::{Entropy, OsEntropy};
use super::error::SuiteError;
use super::expanded::expand;
use super::prepared::{ExpandedKey, Variant};
use super::purpose::Purpose;
use super::scheme::{KeyPair, Scheme, Secret, Verifier};
use super::suite_id::Suite;

const SECRET_LEN: usize = pqclean::secret_key_bytes();
const STORED_LEN: usize = SECRET_LEN + Suite::Dilithium3.public_key_len();

/// Marks the signature that shows that two halves belong together; it never leaves this file.
const SELF_CHECK: &[u8] = b"meshward/1/self-check";

/// Messages of up to about this many bytes are tagged without an allocation.
const ON_STACK: usize = 1024;

pub(super) struct Dilithium3;

impl Scheme for Dilithium3 {
    /// Takes nothing from `entropy`: the C code draws from the operating system itself, and ends
    /// the process if it gets nothing. So that is tried first.
    fn generate(&self, _entropy: &dyn Entropy) -> Result<KeyPair, SuiteError> {
        OsEntropy.fill(&mut [0; 32])?;
        let (public, mut secret) = pqclean::keypair();
        let mut stored = Zeroizing::new(Vec::with_capacity(STORED_LEN));
        stored.extend_from_slice(secret.as_bytes());
        stored.extend_from_slice(public.as_bytes());
        erase(&mut secret);
        Ok(KeyPair { secret: Box::new(StoredPair(stored)), public: public.as_bytes().to_vec() })
    }

    fn restore(&self, stored: &[u8]) -> Result<KeyPair, SuiteError> {
        let wrong_length = SuiteError::SecretKeyLength {
            suite: Suite::Dilithium3,
            expected: STORED_LEN,
            found: stored.len(),
        };
        if stored.len() != STORED_LEN {
            return Err(wrong_length);
        }
        let (_, public) = stored.split_at_checked(SECRET_LEN).ok_or(wrong_length)?;
        let secret = StoredPair(Zeroizing::new(stored.to_vec()));
        let signature = secret.sign_tagged(SELF_CHECK, public)?;
        if !prepared(public)?.verify(SELF_CHECK, public, &signature) {
            return Err(SuiteError::KeyMismatch(Suite::Dilithium3));
        }
        Ok(KeyPair { secret: Box::new(secret), public: public.to_vec() })
    }

    fn prepare(&self, public: &[u8]) -> Result<Box<dyn Verifier>, SuiteError> {
        Ok(Box::new(prepared(public)?))
    }
}

/// The encoded secret key followed by the encoded public key.
///
/// The bytes are kept, not the crate's `SecretKey`, because that one cannot be zeroized.
struct StoredPair(Zeroizing<Vec<u8>>);

impl StoredPair {
    fn sign_tagged(&self, tag: &[u8], message: &[u8]) -> Result<Vec<u8>, SuiteError> {
        let failed = SuiteError::SigningFailed(Suite::Dilithium3);
        let secret = self.0.get(..SECRET_LEN).ok_or_else(|| failed.clone())?;
        let mut secret = pqclean::SecretKey::from_bytes(secret).map_err(|_| failed.clone())?;
        let signature = with_tagged(tag, message, |tagged| pqclean::detached_sign(tagged, &secret));
        erase(&mut secret);
        Ok(signature.ok_or(failed)?.as_bytes().to_vec())
    }
}

impl Secret for StoredPair {
    fn stored(&self) -> &[u8] {
        &self.0
    }

    fn sign(
        &self,
        purpose: Purpose,
        message: &[u8],
        _entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SuiteError> {
        self.sign_tagged(purpose.tag(), message)
    }
}

/// Overwrites a secret key. `black_box` keeps the compiler from dropping a write that nobody reads;
/// it promises no more than to try.
fn erase(secret: &mut pqclean::SecretKey) {
    if let Ok(zeros) = pqclean::SecretKey::from_bytes(&[0; SECRET_LEN]) {
        *secret = zeros;
    }
    black_box(secret);
}

fn prepared(public: &[u8]) -> Result<ExpandedKey, SuiteError> {
    expand((Suite::Dilithium3, Variant::Dilithium3), public)
}

/// Runs `work` on the tag's length in one byte, the tag, and the message. The length keeps apart
/// what would otherwise read the same under a shorter tag. `None` only if the tag is longer than
/// 255 bytes.
fn with_tagged<R>(tag: &[u8], message: &[u8], work: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let tag_len = [u8::try_from(tag.len()).ok()?];
    let parts = [&tag_len, tag, message];
    let total = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let mut buffer = [0; ON_STACK];
    if let Some(mut free) = buffer.get_mut(..total) {
        parts.iter().try_for_each(|part| free.write_all(part)).ok()?;
        Some(work(buffer.get(..total)?))
    } else {
        Some(work(&parts.concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is signed is exactly length, tag, message: checked against the crate itself, on both
    /// sides of the size from which it is put together on the heap.
    #[test]
    fn signed_bytes_are_length_tag_message() {
        let pair = Dilithium3.generate(&OsEntropy).unwrap();
        let key = pqclean::PublicKey::from_bytes(&pair.public).unwrap();
        let tag = Purpose::Hello.tag();
        let edge = ON_STACK - 1 - tag.len();
        for len in [0, 1, edge - 1, edge, edge + 1, 5000] {
            let message = vec![7; len];
            let signature = pair.secret.sign(Purpose::Hello, &message, &OsEntropy).unwrap();
            let signature = pqclean::DetachedSignature::from_bytes(&signature).unwrap();
            let tagged = [&[16], b"meshward/1/hello".as_slice(), &message].concat();
            assert!(pqclean::verify_detached_signature(&signature, &tagged, &key).is_ok(), "{len}");
            assert!(pqclean::verify_detached_signature(&signature, &message, &key).is_err());
        }
    }

    #[test]
    fn signing_is_deterministic() {
        let pair = Dilithium3.generate(&OsEntropy).unwrap();
        let sign = || pair.secret.sign(Purpose::Frame, b"x", &OsEntropy).unwrap();
        assert_eq!(sign(), sign());
    }

    #[test]
    fn halves_of_different_keys_are_refused() {
        let [one, two] = [(); 2].map(|()| Dilithium3.generate(&OsEntropy).unwrap());
        let mixed = [&one.secret.stored()[..SECRET_LEN], two.public.as_slice()].concat();
        let refused = Dilithium3.restore(&mixed).err();
        assert_eq!(refused, Some(SuiteError::KeyMismatch(Suite::Dilithium3)));
        assert!(Dilithium3.restore(one.secret.stored()).is_ok());
    }

    /// One flipped bit in what the public key pins down: the matrix seed, the key hash, the first
    /// secret vector (FIPS 204, algorithm 24, gives the layout), and all of the public half.
    #[test]
    fn a_corrupted_pair_is_refused() {
        let pair = Dilithium3.generate(&OsEntropy).unwrap();
        for at in [0, 31, 64, 127, 128, 767, SECRET_LEN, SECRET_LEN + 32, STORED_LEN - 1] {
            let mut stored = pair.secret.stored().to_vec();
            stored[at] ^= 1;
            let refused = Dilithium3.restore(&stored).err();
            assert_eq!(refused, Some(SuiteError::KeyMismatch(Suite::Dilithium3)), "byte {at}");
        }
        for byte in [0x00, 0xff] {
            assert!(Dilithium3.restore(&[byte; STORED_LEN]).is_err());
        }
    }
}
