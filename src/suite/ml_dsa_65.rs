//! ML-DSA-65 (FIPS 204) through `ml-dsa`, the only file that knows it. With the feature `prepared` the
//! signatures under keys that are kept are checked by our own code.

use ml_dsa::{KeyInit, MlDsa65 as Parameters, SigningKey, VerifyingKey};
use rand::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::entropy::{Entropy, EntropyError};
use super::error::{BadSignature, SuiteError};
use super::purpose::Purpose;
use super::scheme::{KeyPair, Scheme, Secret, Verifier};
use super::suite_id::Suite;

/// Length in bytes of the seed that a key is made from and stored as (ξ in FIPS 204).
const SEED_LEN: usize = 32;

pub(super) struct MlDsa65;

impl Scheme for MlDsa65 {
    /// FIPS 204, algorithm 1.
    fn generate(&self, entropy: &dyn Entropy) -> Result<KeyPair, SuiteError> {
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        entropy.fill(seed.as_mut_slice())?;
        self.restore(seed.as_slice())
    }

    /// FIPS 204, algorithm 6. Every seed is a key, and the public key follows from it.
    fn restore(&self, stored: &[u8]) -> Result<KeyPair, SuiteError> {
        let key = SigningKey::<Parameters>::new_from_slice(stored).map_err(|_| {
            SuiteError::SecretKeyLength {
                suite: Suite::MlDsa65,
                expected: SEED_LEN,
                found: stored.len(),
            }
        })?;
        let public: &VerifyingKey<Parameters> = key.as_ref();
        let public = public.encode().to_vec();
        Ok(KeyPair { secret: Box::new(Expanded(key)), public })
    }

    #[cfg(feature = "prepared")]
    fn prepare(&self, public: &[u8]) -> Result<Box<dyn Verifier>, SuiteError> {
        let own = (Suite::MlDsa65, super::prepared::Variant::MlDsa65);
        Ok(Box::new(super::expanded::expand(own, public)?))
    }

    #[cfg(not(feature = "prepared"))]
    fn prepare(&self, public: &[u8]) -> Result<Box<dyn Verifier>, SuiteError> {
        self.prepare_once(public)
    }

    fn prepare_once(&self, public: &[u8]) -> Result<Box<dyn Verifier>, SuiteError> {
        let key = VerifyingKey::<Parameters>::new_from_slice(public).map_err(|_| {
            SuiteError::PublicKeyLength { suite: Suite::MlDsa65, found: public.len() }
        })?;
        Ok(Box::new(Prepared(key)))
    }
}

/// The seed and the key expanded from it; `ml-dsa` zeroizes both.
struct Expanded(SigningKey<Parameters>);

impl Secret for Expanded {
    fn stored(&self) -> &[u8] {
        self.0.as_seed()
    }

    /// FIPS 204, algorithm 2, hedged: a fault or a repeated state in one signature does not expose
    /// the key as it can when signing is deterministic (section 3.4).
    fn sign(
        &self,
        purpose: Purpose,
        message: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SuiteError> {
        let mut source = Source { entropy, failure: None };
        let signed = self.0.expanded_key().sign_randomized(message, purpose.tag(), &mut source);
        match (signed, source.failure) {
            (Ok(signature), _) => Ok(signature.encode().to_vec()),
            (Err(_), Some(failure)) => Err(failure.into()),
            (Err(_), None) => Err(SuiteError::SigningFailed(Suite::MlDsa65)),
        }
    }
}

/// Hands entropy to `ml-dsa`, and keeps the reason of a failure, which `ml-dsa` drops.
struct Source<'a> {
    entropy: &'a dyn Entropy,
    failure: Option<EntropyError>,
}

impl TryRng for Source<'_> {
    type Error = EntropyError;

    fn try_next_u32(&mut self) -> Result<u32, EntropyError> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, EntropyError> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.entropy.fill(bytes).inspect_err(|failure| self.failure = Some(failure.clone()))
    }
}

impl TryCryptoRng for Source<'_> {}

/// The expanded public key: about 43 KiB on the heap.
struct Prepared(VerifyingKey<Parameters>);

impl Verifier for Prepared {
    /// FIPS 204, algorithm 3.
    fn verify(
        &self,
        purpose: Purpose,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let signature = ml_dsa::Signature::try_from(signature).map_err(|_| BadSignature)?;
        let holds = self.0.verify_with_context(message, purpose.tag(), &signature);
        if holds { Ok(()) } else { Err(BadSignature) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entropy::OsEntropy;
    use super::*;

    #[derive(Debug)]
    struct Same(u8);

    impl Entropy for Same {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Broken;

    impl Entropy for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
            Err(EntropyError::new("broken"))
        }
    }

    /// Against the crate itself: the context string is the purpose's tag and nothing is added to
    /// the message, in both directions.
    #[test]
    fn the_context_string_is_the_tag() {
        let pair = MlDsa65.generate(&OsEntropy).unwrap();
        let signer = SigningKey::<Parameters>::new_from_slice(pair.secret.stored()).unwrap();
        let verifier = VerifyingKey::<Parameters>::new_from_slice(&pair.public).unwrap();
        for purpose in Purpose::ALL {
            let ours = pair.secret.sign(purpose, b"message", &OsEntropy).unwrap();
            let ours = ml_dsa::Signature::try_from(ours.as_slice()).unwrap();
            assert!(verifier.verify_with_context(b"message", purpose.tag(), &ours));
            assert!(!verifier.verify_with_context(b"message", b"", &ours));

            let theirs = signer.expanded_key().sign_deterministic(b"message", purpose.tag());
            let theirs = theirs.unwrap().encode();
            for prepare in [MlDsa65::prepare, MlDsa65::prepare_once] {
                let key = prepare(&MlDsa65, &pair.public).unwrap();
                assert_eq!(key.verify(purpose, b"message", &theirs), Ok(()));
            }
        }
    }

    #[test]
    fn the_key_follows_from_entropy_and_signing_is_hedged() {
        let pair = MlDsa65.generate(&Same(3)).unwrap();
        assert_eq!(pair.secret.stored(), [3; SEED_LEN]);
        assert_eq!(pair.public, MlDsa65.restore(&[3; SEED_LEN]).unwrap().public);
        let sign = |coins| pair.secret.sign(Purpose::Frame, b"x", &Same(coins)).unwrap();
        assert_eq!(sign(1), sign(1));
        assert_ne!(sign(1), sign(2));
        // All-zero coins are the deterministic variant, so the coins are really the 32 bytes rnd.
        let reference = SigningKey::<Parameters>::new_from_slice(&[3; SEED_LEN]).unwrap();
        let tag = Purpose::Frame.tag();
        let reference = reference.expanded_key().sign_deterministic(b"x", tag).unwrap();
        assert_eq!(sign(0), reference.encode().to_vec());
    }

    #[test]
    fn a_failing_source_is_named() {
        let failure = Some(SuiteError::Entropy(EntropyError::new("broken")));
        assert_eq!(MlDsa65.generate(&Broken).err(), failure);
        let pair = MlDsa65.generate(&OsEntropy).unwrap();
        assert_eq!(pair.secret.sign(Purpose::Frame, b"x", &Broken).err(), failure);
    }
}
