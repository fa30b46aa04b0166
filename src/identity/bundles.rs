//! The authorities that are trusted, by trust domain.

use std::collections::BTreeMap;

use rustls_pki_types::CertificateDer;
use webpki::anchor_from_trusted_cert;

use super::{BundleError, SvidError, leaf};
use crate::id::SpiffeId;

/// The X.509 authorities of each trust domain that is trusted here: of this node's own, and of those that
/// it is federated with. A SPIFFE id is checked against those of its own trust domain and no others.
///
/// What is in it is the host's to say, and so is how much. An authority is taken at its word, whatever its own
/// certificate names; one between it and a workload is not, and may be named for no other trust domain.
#[derive(Debug, Clone, Default)]
pub struct TrustBundles(BTreeMap<String, Vec<CertificateDer<'static>>>);

impl TrustBundles {
    /// Takes `authorities`, each a certificate in DER, for those of `trust_domain`, in the place of those
    /// before. None at all: nobody of that trust domain is trusted any more.
    ///
    /// # Errors
    /// [`BundleError`]; what was there stays then.
    pub fn set(
        &mut self,
        trust_domain: &str,
        authorities: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<(), BundleError> {
        let named = format!("spiffe://{trust_domain}/workload").parse::<SpiffeId>();
        let named = named.and_then(|id| match id.trust_domain() == trust_domain {
            true => Ok(()),
            false => Err(crate::id::SpiffeIdError::TrustDomain),
        });
        named.map_err(|error| BundleError::TrustDomain(trust_domain.to_owned(), error))?;
        let mut taken = Vec::new();
        for (der, place) in authorities.into_iter().zip(1..) {
            let der = CertificateDer::from(der.as_ref().to_vec());
            let is_read =
                leaf::in_force(&der, 0).is_some() && anchor_from_trusted_cert(&der).is_ok();
            if !is_read {
                let trust_domain = trust_domain.to_owned();
                return Err(BundleError::Authority { trust_domain, place });
            }
            taken.push(der);
        }
        self.0.insert(trust_domain.to_owned(), taken);
        Ok(())
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
