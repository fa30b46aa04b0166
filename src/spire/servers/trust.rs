//! Who the servers are held to be, and who one is to them.

use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use spiffe::{TrustDomain, X509Context};
use tokio::sync::watch;
use webpki::anchor_from_trusted_cert;

use super::Fault;
use super::api::Bundle;
use crate::spire::NoIdentity;
use crate::spire::validity::Validity;
use crate::spire::workload::Known;

/// The authorities of a trust domain, from two sides: what the agents tell, and what a server told last that was
/// itself verified by what was known before. So a server whose CA is new is trusted when somebody trusted has
/// told of that CA, and never on its own word.
#[derive(Debug)]
pub(super) struct Trust {
    trust_domain: TrustDomain,
    known: watch::Receiver<Known>,
    /// In DER.
    learned: Mutex<Vec<Vec<u8>>>,
}

impl Trust {
    pub(super) fn new(trust_domain: TrustDomain, known: watch::Receiver<Known>) -> Self {
        Self { trust_domain, known, learned: Mutex::default() }
    }

    pub(super) fn context(&self) -> Result<Arc<X509Context>, NoIdentity> {
        self.known.borrow().current(SystemTime::now())
    }

    /// Those that hold now: to the library that checks a chain, the dates of its end are nothing.
    pub(super) fn authorities(&self, context: &X509Context) -> Vec<CertificateDer<'static>> {
        let told = context.bundle_set().get(&self.trust_domain);
        let told = told.iter().flat_map(|bundle| bundle.authorities());
        let mut all: Vec<_> = told.map(|authority| authority.as_bytes().to_vec()).collect();
        all.extend(self.learned.lock().iter().cloned());
        all.sort_unstable();
        all.dedup();
        let now = SystemTime::now();
        all.retain(|der| Validity::of(der).is_some_and(|validity| validity.contains(now)));
        all.into_iter().map(CertificateDer::from).collect()
    }

    /// What a verified server says is the bundle.
    pub(super) fn learn(&self, bundle: &Bundle) -> Result<(), Fault> {
        *self.learned.lock() = self.sound(bundle).map_err(Fault::Refused)?;
        Ok(())
    }

    /// The authorities in `bundle` that can be read and are not tainted. A bundle that has none is none: whoever
    /// believed it could never learn of another.
    pub(super) fn sound(&self, bundle: &Bundle) -> Result<Vec<Vec<u8>>, String> {
        if bundle.trust_domain != self.trust_domain.as_str() {
            return Err(format!("its bundle is that of {:?}", bundle.trust_domain));
        }
        let sound = bundle.x509_authorities.iter().filter(|authority| !authority.tainted);
        let sound = sound.filter(|authority| is_readable(&authority.asn1));
        let sound: Vec<_> = sound.map(|authority| authority.asn1.clone()).collect();
        if sound.is_empty() { Err("its bundle has no authority".to_owned()) } else { Ok(sound) }
    }
}

/// Whether both who look at authorities here can read it: for its dates, and as the end of a chain.
fn is_readable(authority: &[u8]) -> bool {
    let readable = anchor_from_trusted_cert(&CertificateDer::from(authority)).is_ok();
    readable && Validity::of(authority).is_some()
}
