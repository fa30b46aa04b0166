//! The form of an X.509-SVID, whoever issued it. Sections are those of the X.509-SVID specification.
//!
//! `rustls-webpki` reads the same certificates again when it checks the [path](super::path); what is checked here
//! it does not look at: it knows neither key usage nor names that are URIs.

use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::SvidError;
use super::svid::MAX_CHAIN_LEN;
use crate::id::SpiffeId;

/// The tag of a URI among the alternative names of a subject (RFC 5280, section 4.2.1.6).
const URI: Tag = Tag(6);

/// What the certificate of a workload says.
pub(super) struct Leaf {
    pub(super) spiffe_id: SpiffeId,
    /// When it begins and when it ends, in seconds since 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

/// Reads a chain, that of the workload first, and checks the form of each certificate.
///
/// No two issuers may have one name. `rustls-webpki` looks for a path by names alone, in whatever order the
/// certificates stand: seven of one name, which anybody can make, are some thousand paths to it. So there is one.
/// An issuer with more than one certificate shows one of them. SPIRE gives each authority of a chain a name of its own.
pub(super) fn read(chain: &[impl AsRef<[u8]>]) -> Result<Leaf, SvidError> {
    if chain.len() > MAX_CHAIN_LEN {
        return Err(SvidError::TooMany(chain.len()));
    }
    let mut certificates = chain.iter().zip(1..);
    let (first, place) = certificates.next().ok_or(SvidError::Empty)?;
    let leaf = read_leaf(&parse(first.as_ref(), place)?)?;
    let mut issuers: Vec<(X509Certificate<'_>, usize)> = Vec::new();
    for (issuer, place) in certificates {
        let issuer = parse(issuer.as_ref(), place)?;
        check_issuer(&issuer, place)?;
        let is_named =
            |known: &X509Certificate<'_>| known.subject().as_raw() == issuer.subject().as_raw();
        if let Some((_, first)) = issuers.iter().find(|(known, _)| is_named(known)) {
            return Err(SvidError::SameName(*first, place));
        }
        issuers.push((issuer, place));
    }
    Ok(leaf)
}

/// Whether `der` is a certificate, and in force at `at`, in seconds since 1970.
pub(super) fn in_force(der: &[u8], at: i64) -> Option<bool> {
    let certificate = parse(der, 0).ok()?;
    let validity = certificate.validity();
    let (from, to) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    Some((from..=to).contains(&at))
}

fn parse(der: &[u8], place: usize) -> Result<X509Certificate<'_>, SvidError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(SvidError::Unreadable(place)),
    }
}

fn read_leaf(certificate: &X509Certificate<'_>) -> Result<Leaf, SvidError> {
    let unreadable = |_| SvidError::Unreadable(1);
    let spiffe_id = match uris(certificate).map_err(unreadable)?.as_slice() {
        [uri] => uri.parse().map_err(|error| SvidError::SpiffeId((*uri).to_owned(), error))?,
        uris => return Err(SvidError::Uris(uris.len())),
    };
    let constraints = certificate.basic_constraints().map_err(unreadable)?;
    if constraints.is_some_and(|constraints| constraints.value.ca) {
        return Err(SvidError::Authority(spiffe_id));
    }
    match certificate.key_usage().map_err(unreadable)?.map(|usage| usage.value) {
        Some(usage) if usage.key_cert_sign() || usage.crl_sign() => {
            return Err(SvidError::SignsCertificates(spiffe_id));
        }
        Some(usage) if usage.digital_signature() => {}
        _ => return Err(SvidError::NoDigitalSignature(spiffe_id)),
    }
    let extended = certificate.extended_key_usage().map_err(unreadable)?;
    if extended.is_some_and(|usage| !(usage.value.client_auth && usage.value.server_auth)) {
        return Err(SvidError::ExtendedKeyUsage(spiffe_id));
    }
    let validity = certificate.validity();
    let (not_before, not_after) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    Ok(Leaf { spiffe_id, not_before, not_after })
}

/// The URIs that a certificate names; an empty text in the place of one that is no text.
fn uris<'a>(
    certificate: &'a X509Certificate<'_>,
) -> Result<Vec<&'a str>, x509_parser::error::X509Error> {
    let names = certificate.subject_alternative_name()?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let uris = names.filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        GeneralName::Invalid(URI, _) => Some(""),
        _ => None,
    });
    Ok(uris.collect())
}

/// `rustls-webpki` sees to it that it is an authority's, and looks at no key usage (section 4.3); a path
/// names a workload (section 3.2).
fn check_issuer(certificate: &X509Certificate<'_>, place: usize) -> Result<(), SvidError> {
    let unreadable = |_| SvidError::Unreadable(place);
    let usage = certificate.key_usage().map_err(unreadable)?;
    let signs = usage.is_some_and(|usage| usage.value.key_cert_sign());
    let uris = uris(certificate).map_err(unreadable)?;
    let is_workload = uris.iter().any(|uri| uri.parse::<SpiffeId>().is_ok());
    match certificate.is_ca() && signs && !is_workload {
        true => Ok(()),
        false => Err(SvidError::NotAnIssuer(place)),
    }
}
