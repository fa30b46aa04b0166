//! Certificates as SPIRE makes them.

use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use x509_parser::time::ASN1Time;

use super::messages::{Bundle, X509Certificate, X509Svid};

pub(crate) const DOMAIN: &str = "mesh.test";

/// An authority of a trust domain.
pub(crate) struct Authority {
    pub(crate) domain: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What leads from it to a root, itself first; empty for a root.
    chain: Vec<Vec<u8>>,
}

/// A certificate and its private key (PKCS #8), in DER.
#[derive(Clone)]
pub(crate) struct Svid {
    pub(crate) id: String,
    pub(crate) certificate: Vec<u8>,
    /// Those between it and the root.
    pub(crate) intermediates: Vec<Vec<u8>>,
    pub(crate) key: Vec<u8>,
}

impl Authority {
    pub(crate) fn of(domain: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(authority(Some(domain)), key).unwrap();
        Self { domain: domain.to_owned(), issuer, chain: Vec::new() }
    }

    /// One below this, which bears the name of the trust domain `named` or none, and signs for the same trust
    /// domain as this.
    pub(crate) fn under(&self, named: Option<&str>) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(authority(named), key, &self.issuer).unwrap();
        let mut below = Self { domain: self.domain.clone(), issuer, chain: self.chain.clone() };
        below.chain.insert(0, below.der());
        below
    }

    /// In DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        let certificate: &Certificate = self.issuer.as_ref();
        certificate.der().to_vec()
    }

    /// For `path`. It ends so many seconds from now.
    pub(crate) fn svid(&self, path: &str, ends_in: i64) -> Svid {
        let id = format!("spiffe://{}/{path}", self.domain);
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![uri(&id)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.is_ca = IsCa::ExplicitNoCa;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let time = |from_now: i64| {
            let seconds = now.checked_add_signed(from_now).unwrap().try_into().unwrap();
            ASN1Time::from_timestamp(seconds).unwrap().to_datetime()
        };
        params.not_before = time(-10);
        params.not_after = time(ends_in);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (certificate, intermediates) = (certificate.der().to_vec(), self.chain.clone());
        Svid { id, certificate, intermediates, key: key.serialize_der() }
    }

    /// An answer of the Workload API: `svid`, with this authority as the bundle.
    pub(crate) fn entitled(&self, svid: Svid) -> X509Svid {
        X509Svid {
            spiffe_id: svid.id,
            x509_svid: svid.certificate,
            x509_svid_key: svid.key,
            bundle: self.der(),
        }
    }
}

/// An answer of a server: these authorities.
pub(crate) fn bundle(authorities: &[&Authority]) -> Bundle {
    let asn1 = authorities.iter().map(|authority| authority.der());
    let x509_authorities = asn1.map(|asn1| X509Certificate { asn1, tainted: false }).collect();
    let trust_domain = authorities[0].domain.clone();
    Bundle { trust_domain, x509_authorities, sequence_number: 1 }
}

fn authority(named: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names =
        named.iter().map(|domain| uri(&format!("spiffe://{domain}"))).collect();
    params
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}
