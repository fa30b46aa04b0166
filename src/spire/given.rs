//! What an agent gives, as enrolment takes it.

use spiffe::{X509BundleSet, X509Context};
use zeroize::Zeroizing;

use crate::identity::{BundleError, Svid, SvidError, TrustBundles};

/// The first SVID of `context`, to enrol with.
///
/// # Errors
///
/// [`SvidError`], for one that enrolment does not take.
pub fn svid(context: &X509Context) -> Result<Svid, SvidError> {
    let svid = context.default_svid().ok_or(SvidError::Empty)?;
    let chain = svid.cert_chain().iter().map(|certificate| certificate.as_bytes());
    Svid::new(chain, Zeroizing::new(svid.private_key().as_bytes().to_vec()))
}

/// All bundles of `set`: that of the workload's own trust domain, and those of others that it is federated with;
/// and what is wrong with the authorities that cannot be read, which are left out
/// ([`TrustBundles::set`]).
pub fn trust_bundles(set: &X509BundleSet) -> (TrustBundles, Vec<BundleError>) {
    let (mut bundles, mut unread) = (TrustBundles::default(), Vec::new());
    for (trust_domain, bundle) in set.iter() {
        let authorities = bundle.authorities().iter().map(|authority| authority.as_bytes());
        unread.extend(bundles.set(trust_domain.as_str(), authorities));
    }
    (bundles, unread)
}
