//! Authorities and the certificates that they issue, with keys of ring.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meshward::Zeroizing;
use meshward::identity::{Svid, SvidError};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm, SigningKey,
    date_time_ymd,
};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};

/// On 2027-01-15, in the middle of what is issued here.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

pub(crate) enum Pair {
    Ecdsa(EcdsaKeyPair, &'static SignatureAlgorithm),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// A key pair of a workload or of an authority.
pub(crate) struct Key {
    pub(crate) pkcs8: Vec<u8>,
    pub(crate) pair: Pair,
}

impl Key {
    pub(crate) fn p256() -> Self {
        let random = SystemRandom::new();
        let scheme = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(scheme, &random).unwrap().as_ref().to_vec();
        let pair = EcdsaKeyPair::from_pkcs8(scheme, &pkcs8, &random).unwrap();
        Self { pkcs8, pair: Pair::Ecdsa(pair, &rcgen::PKCS_ECDSA_P256_SHA256) }
    }

    pub(crate) fn p384() -> Self {
        let random = SystemRandom::new();
        let scheme = &ECDSA_P384_SHA384_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(scheme, &random).unwrap().as_ref().to_vec();
        let pair = EcdsaKeyPair::from_pkcs8(scheme, &pkcs8, &random).unwrap();
        Self { pkcs8, pair: Pair::Ecdsa(pair, &rcgen::PKCS_ECDSA_P384_SHA384) }
    }

    pub(crate) fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pkcs8 = pkcs8.as_ref().to_vec();
        let pair = Pair::Ed25519(Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap());
        Self { pkcs8, pair }
    }

    /// One that was made with OpenSSL for this test: ring makes none.
    pub(crate) fn rsa() -> Self {
        let pkcs8 = include_bytes!("rsa-2048.pk8").to_vec();
        let pair = Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pkcs8).unwrap()));
        Self { pkcs8, pair }
    }

    /// What a workload signs an enrolment with.
    pub(crate) fn sign_enrolment(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PSS_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            _ => self.sign(message).unwrap(),
        }
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        match &self.pair {
            Pair::Ecdsa(key, _) => key.public_key().as_ref(),
            Pair::Ed25519(key) => key.public_key().as_ref(),
            Pair::Rsa(key) => key.public_key().as_ref(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match &self.pair {
            Pair::Ecdsa(_, algorithm) => algorithm,
            Pair::Ed25519(_) => &rcgen::PKCS_ED25519,
            Pair::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let random = SystemRandom::new();
        Ok(match &self.pair {
            Pair::Ecdsa(key, _) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Pair::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        })
    }
}

/// What a certificate says when nothing is wrong with it: three days around [`NOW`].
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2027, 1, 14);
    params.not_after = date_time_ymd(2027, 1, 17);
    params.serial_number = Some(SerialNumber::from(7));
    params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(name.as_bytes().to_vec());
    params
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// What the certificate of a workload says.
pub(crate) fn workload(id: &str) -> CertificateParams {
    let mut params = params("workload");
    params.is_ca = IsCa::ExplicitNoCa;
    params.subject_alt_names = vec![uri(id)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// What the certificate of an authority says.
pub(crate) fn authority(name: &str, trust_domain: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.subject_alt_names = vec![uri(&format!("spiffe://{trust_domain}"))];
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(crate) fn extension(oid: &[u64], content: &[u8]) -> CustomExtension {
    CustomExtension::from_oid_content(oid, content.to_vec())
}

pub(crate) struct Authority {
    pub(crate) der: Vec<u8>,
    pub(crate) issuer: Issuer<'static, Key>,
}

impl Authority {
    pub(crate) fn new(name: &str, trust_domain: &str) -> Self {
        Self::of(authority(name, trust_domain), Key::p256())
    }

    pub(crate) fn of(params: CertificateParams, key: Key) -> Self {
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key) }
    }

    /// An authority beneath this one.
    pub(crate) fn beneath(&self, params: CertificateParams, key: Key) -> Self {
        let der = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn issue(&self, params: &CertificateParams, key: &Key) -> Vec<u8> {
        params.signed_by(key, &self.issuer).unwrap().der().to_vec()
    }

    /// What the workload has.
    pub(crate) fn svid(&self, id: &str) -> Svid {
        let key = Key::p256();
        svid([self.issue(&workload(id), &key)], &key).unwrap()
    }
}

pub(crate) fn svid(chain: impl IntoIterator<Item = Vec<u8>>, key: &Key) -> Result<Svid, SvidError> {
    Svid::new(chain, Zeroizing::new(key.pkcs8.clone()))
}
