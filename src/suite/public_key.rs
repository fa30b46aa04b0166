//! Public keys in their encoded form.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use crate::id::Digest;

use super::error::{SuiteError, VerifyError};
use super::purpose::Purpose;
use super::scheme::scheme;
use super::suite_id::Suite;
use super::verifying_key::VerifyingKey;

/// An encoded public key with its suite and digest. A clone shares the bytes.
///
/// It need not be of a suite that is compiled in: keys can be carried, stored and compared anyway.
///
/// Serialized as a pair: the suite, then exactly as many bytes as a key of that suite has, as a
/// tuple. So no length is written and none can lie.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    suite: Suite,
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl PublicKey {
    /// Takes an encoded key. Any bytes of the right length are one; whether somebody has the secret
    /// to it is another matter (see [`Purpose::Possession`](super::Purpose::Possession)).
    ///
    /// # Errors
    ///
    /// [`SuiteError::PublicKeyLength`].
    pub fn from_bytes(suite: Suite, bytes: &[u8]) -> Result<Self, SuiteError> {
        if bytes.len() != suite.public_key_len() {
            return Err(SuiteError::PublicKeyLength { suite, found: bytes.len() });
        }
        let digest = Digest::of("meshward/1/public-key", &[&[suite.code()], bytes].concat());
        Ok(Self { suite, bytes: bytes.into(), digest })
    }

    /// The encoded key, [`Suite::public_key_len`] bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The suite of the key.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The digest of the suite's code and the encoded key: the key's name. Computed once.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Makes the key ready for many checks by the library's own code: 36 KiB, and each check leaves out
    /// what is the same every time. That takes about as long as eight checks after it;
    /// [`PreparedKeys`](super::PreparedKeys) keeps a bounded number of them. (ML-DSA-65 without the
    /// feature `prepared`: 43 KiB, by `ml-dsa`.)
    ///
    /// # Errors
    ///
    /// [`SuiteError::SuiteUnavailable`].
    pub fn prepare(&self) -> Result<VerifyingKey, SuiteError> {
        scheme(self.suite)?.prepare(&self.bytes).map(VerifyingKey::new)
    }

    /// Checks one signature and keeps nothing; ML-DSA-65 by the code of `ml-dsa`. It accepts what
    /// [`prepare`](Self::prepare) accepts.
    ///
    /// # Errors
    ///
    /// [`VerifyError::BadSignature`], whatever is wrong with it; [`VerifyError::SuiteUnavailable`] if
    /// nothing can be said about it.
    pub fn verify(
        &self,
        purpose: Purpose,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let key = scheme(self.suite)?.prepare_once(&self.bytes)?;
        Ok(key.verify(purpose, message, signature)?)
    }
}

/// The suite and the first digits of the digest.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {:?})", self.suite, self.digest)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element(&self.suite)?;
        pair.serialize_element(&ExactBytes(&self.bytes))?;
        pair.end()
    }
}

struct ExactBytes<'a>(&'a [u8]);

impl Serialize for ExactBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(2, PairVisitor)
    }
}

struct PairVisitor;

impl<'de> Visitor<'de> for PairVisitor {
    type Value = PublicKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signature suite and a public key of it")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<PublicKey, A::Error> {
        let suite = pair.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let bytes = pair
            .next_element_seed(BytesOf(suite))?
            .ok_or_else(|| A::Error::invalid_length(1, &self))?;
        PublicKey::from_bytes(suite, &bytes).map_err(A::Error::custom)
    }
}

/// Reads the bytes of a key; allocates what a key of the suite needs and never more.
struct BytesOf(Suite);

impl<'de> DeserializeSeed<'de> for BytesOf {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_tuple(self.0.public_key_len(), self)
    }
}

impl<'de> Visitor<'de> for BytesOf {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} bytes of a public key of {}", self.0.public_key_len(), self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Vec<u8>, A::Error> {
        let expected = self.0.public_key_len();
        let mut key = Vec::with_capacity(expected);
        while key.len() < expected {
            let byte = bytes.next_element()?;
            key.push(byte.ok_or_else(|| A::Error::invalid_length(key.len(), &self))?);
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(suite: Suite) -> PublicKey {
        PublicKey::from_bytes(suite, &vec![9; suite.public_key_len()]).unwrap()
    }

    #[test]
    fn the_length_is_checked() {
        for suite in Suite::ALL {
            let right = suite.public_key_len();
            for found in [0, right - 1, right + 1] {
                let refused = PublicKey::from_bytes(suite, &vec![9; found]).err();
                assert_eq!(refused, Some(SuiteError::PublicKeyLength { suite, found }));
            }
        }
    }

    #[test]
    fn the_suite_is_part_of_the_name() {
        let [one, two] = [Suite::Dilithium3, Suite::MlDsa65].map(key);
        assert_ne!(one, two);
        assert_ne!(one.digest(), two.digest());
        let debug = format!("{two:?}");
        assert!(debug.starts_with("PublicKey(ml-dsa-65, Digest("), "{debug}");
        assert!(debug.len() < 60, "{debug}");
    }

    #[test]
    fn serialized_form_is_the_code_and_the_bytes() {
        let config = bincode::config::standard();
        for suite in Suite::ALL {
            let bytes = bincode::serde::encode_to_vec(key(suite), config).unwrap();
            let len = suite.public_key_len();
            assert_eq!(bytes, [&[suite.code()], vec![9; len].as_slice()].concat());
            let (read, used) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
            assert_eq!((read, used), (key(suite), len + 1));
            for short in [0, 1, len] {
                let cut = &bytes[..short];
                assert!(bincode::serde::decode_from_slice::<PublicKey, _>(cut, config).is_err());
            }
        }
    }

    #[test]
    fn self_describing_formats_cannot_change_the_length() {
        let json = serde_json::to_string(&key(Suite::MlDsa65)).unwrap();
        assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key(Suite::MlDsa65));
        let unknown = json.replacen("[2,", "[3,", 1);
        let longer = json.replacen("]]", ",9]]", 1);
        let shorter = json.replacen(",9]]", "]]", 1);
        for text in [unknown, longer, shorter] {
            assert_ne!(text, json);
            assert!(serde_json::from_str::<PublicKey>(&text).is_err());
        }
    }
}
