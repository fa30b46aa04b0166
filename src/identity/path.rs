//! Whether a chain leads to an authority that is trusted, and what its key has signed.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::ring::{
    ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use super::leaf::Leaf;
use super::{SvidError, TrustBundles};
use crate::id::SpiffeId;

/// What authorities sign certificates with.
static ISSUED_WITH: [&dyn SignatureVerificationAlgorithm; 8] = [
    ECDSA_P256_SHA256,
    ECDSA_P256_SHA384,
    ECDSA_P384_SHA256,
    ECDSA_P384_SHA384,
    ED25519,
    RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512,
];

/// What workloads sign enrolments with: one scheme for each kind of key.
static SIGNED_WITH: [&dyn SignatureVerificationAlgorithm; 4] =
    [ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519, RSA_PSS_2048_8192_SHA256_LEGACY_KEY];

/// Checks that the chain whose form was [read](super::leaf::read) leads to an authority of its own trust domain at
/// `at`, in seconds since 1970.
///
/// Its issuers have names of their own, so from the workload's certificate on there is one way up. On it an
/// authority is tried where a certificate names it as its issuer: once, and in a chain that comes back to where it
/// was, twice. A key that did not sign the uppermost certificate ends the try with that one check.
pub(super) fn check(
    leaf: &Leaf,
    chain: &[impl AsRef<[u8]>],
    bundles: &TrustBundles,
    at: u64,
) -> Result<(), SvidError> {
    let domain = leaf.spiffe_id.trust_domain();
    let authorities = bundles.in_force(domain, at)?;
    let anchors = authorities.iter().filter_map(|der| anchor_from_trusted_cert(der).ok());
    let anchors: Vec<_> = anchors.collect();
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.as_ref())).collect();
    let (first, between) = chain.split_first().ok_or(SvidError::Empty)?;
    let certificate = EndEntityCert::try_from(first).map_err(|_| SvidError::Unreadable(1))?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(at));
    let usage = KeyUsage::client_auth();
    let within = |path: &VerifiedPath<'_>| stays_within(path, domain);
    certificate
        .verify_for_usage(&ISSUED_WITH, &anchors, between, time, usage, None, Some(&within))
        .map(drop)
        .map_err(|error| refused(&error, domain))
}

/// Whether no certificate between that of the workload and the authority is that of another trust domain than
/// `domain` (X.509-SVID, sections 3.2 and 5.2). Where two trust domains share a root, each would issue for
/// the other otherwise (attack K6). All of them are looked at, or one of another trust domain would put an
/// issuer without a name beneath itself. To be given to `rustls-webpki`, which goes on to the next path.
///
/// An authority in the bundle itself is taken at its word, whatever it is named: it is there by the host's.
pub(crate) fn stays_within(path: &VerifiedPath<'_>, domain: &str) -> Result<(), Error> {
    let is_other = |uri: &str| {
        let scheme = uri.get(..SpiffeId::SCHEME.len()).unwrap_or_default();
        scheme.eq_ignore_ascii_case(SpiffeId::SCHEME)
            && uri.strip_prefix(SpiffeId::SCHEME) != Some(domain)
    };
    let mut uris = path.intermediate_certificates().flat_map(|issuer| issuer.valid_uri_names());
    match uris.any(is_other) {
        // Nothing else distrusts a certificate here.
        true => Err(Error::CertDistrusted),
        false => Ok(()),
    }
}

fn refused(error: &Error, domain: &str) -> SvidError {
    match error {
        Error::CertExpired { time, not_after } => {
            SvidError::Expired { not_after: not_after.as_secs(), at: time.as_secs() }
        }
        Error::CertNotValidYet { time, not_before } => {
            SvidError::NotYetValid { not_before: not_before.as_secs(), at: time.as_secs() }
        }
        Error::CertDistrusted => SvidError::OtherIssuer(domain.to_owned()),
        // An issuer of the right name and another key is another issuer.
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => {
            SvidError::UnknownIssuer(domain.to_owned())
        }
        error => SvidError::Chain(error.to_string()),
    }
}

/// Whether the key of the certificate has signed `message`, by the scheme for keys of its kind.
pub(super) fn signed_by(certificate: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let der = CertificateDer::from(certificate);
    let Ok(certificate) = EndEntityCert::try_from(&der) else { return false };
    let holds = |scheme| certificate.verify_signature(scheme, message, signature).is_ok();
    SIGNED_WITH.into_iter().any(holds)
}
