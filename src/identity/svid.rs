//! What a workload has from SPIRE.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PSS_SHA256, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::{SvidError, leaf, path};
use crate::id::SpiffeId;

/// The most certificates of one chain: that of the workload, and those between it and an authority. SPIRE
/// gives one to three.
pub const MAX_CHAIN_LEN: usize = 8;

/// What a key is tried on.
const TRIAL: &[u8] = b"meshward/1/is this the key of this certificate\0";

/// This workload's X.509-SVID with its private key, as the Workload API hands it out.
///
/// The key is overwritten when this is dropped; the copies that `ring` makes while it signs are not.
#[derive(Clone)]
pub struct Svid {
    spiffe_id: SpiffeId,
    chain: Vec<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
}

impl Svid {
    /// Takes the certificates, each in DER, that of the workload first, and its private key as PKCS#8 in
    /// DER. Whether anybody trusts them is for others to say; that they belong together is checked.
    ///
    /// # Errors
    /// [`SvidError`]: it has not the form of an X.509-SVID, or the key is another's or none that can be used.
    pub fn new(
        chain: impl IntoIterator<Item = impl AsRef<[u8]>>,
        key: Zeroizing<Vec<u8>>,
    ) -> Result<Self, SvidError> {
        let chain: Vec<_> = chain.into_iter().map(|der| der.as_ref().to_vec()).collect();
        let spiffe_id = leaf::read(&chain)?.spiffe_id;
        let svid = Self { spiffe_id, chain, key };
        let proof = svid.sign(TRIAL)?;
        if !path::signed_by(svid.certificate(), TRIAL, &proof) {
            return Err(SvidError::OtherKey(svid.spiffe_id));
        }
        Ok(svid)
    }

    /// The workload that it is of.
    pub const fn spiffe_id(&self) -> &SpiffeId {
        &self.spiffe_id
    }

    pub(super) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    pub(super) fn certificate(&self) -> &[u8] {
        self.chain.first().map_or(&[], Vec::as_slice)
    }

    /// Signs as [`path::signed_by`] checks it. What is drawn for it comes from the operating system: `ring`
    /// takes it from nowhere else.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SvidError> {
        let random = SystemRandom::new();
        for algorithm in [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING] {
            if let Ok(key) = EcdsaKeyPair::from_pkcs8(algorithm, &self.key, &random) {
                let signature = key.sign(&random, message).map_err(|_| SvidError::PrivateKey)?;
                return Ok(signature.as_ref().to_vec());
            }
        }
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.key) {
            return Ok(key.sign(message).as_ref().to_vec());
        }
        let key = RsaKeyPair::from_pkcs8(&self.key).map_err(|_| SvidError::PrivateKey)?;
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PSS_SHA256, &random, message, &mut signature)
            .map_err(|_| SvidError::PrivateKey)?;
        Ok(signature)
    }
}

/// Nothing secret.
impl fmt::Debug for Svid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Svid").field("spiffe_id", &self.spiffe_id).finish_non_exhaustive()
    }
}
