//! The authorities that are trusted, by trust domain.

use std::collections::BTreeMap;

use rustls_pki_types::CertificateDer;
use webpki::anchor_from_trusted_cert;

use super::{BundleError, SvidError, leaf};
use crate::id::{SpiffeId, SpiffeIdError};

/// The X.509 authorities of each trust domain that is trusted here: of this node's own, and of those that
/// it is federated with. A SPIFFE id is checked against those of its own trust domain and no others.
///
/// What is in it is the host's to say, and so is how much. An authority is taken at its word, whatever its own
/// certificate names; one between it and a workload is not, and may be named for no other trust domain.
#[derive(Debug, Clone, Default)]
pub struct TrustBundles(BTreeMap<String, Vec<CertificateDer<'static>>>);

impl TrustBundles {
    /// Takes those of `authorities`, each a certificate in DER, that can be read for those of `trust_domain`, in
    /// the place of those before, and gives what is wrong with the others: one that cannot be read does not make
    /// those beside it worthless. None at all: there is no bundle of that trust domain any more. With a
    /// name that no trust domain has nothing is taken, and that alone is given.
    #[must_use = "what could not be taken"]
    pub fn set(
        &mut self,
        trust_domain: &str,
        authorities: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Vec<BundleError> {
        if let Err(error) = check_name(trust_domain) {
            return vec![BundleError::TrustDomain(trust_domain.to_owned(), error)];
        }
        let (mut taken, mut unread) = (Vec::new(), Vec::new());
        for (der, place) in authorities.into_iter().zip(1..) {
            let der = CertificateDer::from(der.as_ref().to_vec());
            if leaf::in_force(&der, 0).is_some() && anchor_from_trusted_cert(&der).is_ok() {
                taken.push(der);
            } else {
                let trust_domain = trust_domain.to_owned();
                unread.push(BundleError::Authority { trust_domain, place });
            }
        }
        match taken.is_empty() {
            true => self.0.remove(trust_domain),
            false => self.0.insert(trust_domain.to_owned(), taken),
        };
        unread
    }

    /// The authorities of `trust_domain` that are in force at `at`, in seconds since 1970: an anchor is
    /// taken at its word by `rustls-webpki`, whatever its dates.
    pub(super) fn in_force(
        &self,
        trust_domain: &str,
        at: u64,
    ) -> Result<Vec<&CertificateDer<'static>>, SvidError> {
        let bundle = self.0.get(trust_domain);
        let bundle = bundle.ok_or_else(|| SvidError::NoBundle(trust_domain.to_owned()))?;
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        let in_force = bundle.iter().filter(|der| leaf::in_force(der, at) == Some(true));
        match in_force.collect::<Vec<_>>() {
            none if none.is_empty() => Err(SvidError::NoAuthority(trust_domain.to_owned())),
            some => Ok(some),
        }
    }
}

/// Whether SPIFFE ids may have a trust domain of that name.
pub(super) fn check_name(trust_domain: &str) -> Result<(), SpiffeIdError> {
    let id: SpiffeId = format!("{}{trust_domain}/workload", SpiffeId::SCHEME).parse()?;
    match id.trust_domain() == trust_domain {
        true => Ok(()),
        false => Err(SpiffeIdError::TrustDomain),
    }
}
