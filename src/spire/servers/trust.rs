//! Who the servers are held to be, and who one is to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use spiffe::{TrustDomain, X509Context};
use tokio::sync::watch;
use webpki::anchor_from_trusted_cert;

use super::Fault;
use super::api::Bundle;
use crate::id::{SpiffeId, SpiffeIdError};
use crate::spire::NoIdentity;
use crate::spire::validity::Validity;
use crate::spire::workload::Known;

/// The authorities of a trust domain, from two sides: what the agents tell, and what each server told last that
/// was itself verified by what was known before. So a server whose CA is new is trusted when an agent, or
/// another server that is trusted, has told of that CA, and never on its own word.
///
/// An authority that a server calls tainted is not believed, whoever else tells of it: agents go on to tell of it
/// until it is gone, and whoever knows its key can be any server.
#[derive(Debug)]
pub(super) struct Trust {
    trust_domain: TrustDomain,
    known: watch::Receiver<Known>,
    /// By the places of the servers. What one told holds while it is away, so that cutting it off takes no
    /// taint away.
    learned: Mutex<BTreeMap<usize, Learned>>,
}

/// Authorities of which one server told, in DER.
#[derive(Debug)]
struct Learned {
    sound: Vec<Vec<u8>>,
    tainted: Vec<Vec<u8>>,
}

impl Trust {
    pub(super) fn new(trust_domain: TrustDomain, known: watch::Receiver<Known>) -> Self {
        Self { trust_domain, known, learned: Mutex::default() }
    }

    pub(super) fn context(&self) -> Result<Arc<X509Context>, NoIdentity> {
        self.known.borrow().current(SystemTime::now())
    }

    /// Who one is to the servers.
    pub(super) fn own(&self) -> Result<SpiffeId, Fault> {
        let context = self.context()?;
        let svid = context.default_svid().ok_or(Fault::Identity("no SVID in it".to_owned()))?;
        let own = svid.spiffe_id().to_string().parse();
        own.map_err(|error: SpiffeIdError| Fault::Identity(error.to_string()))
    }

    /// Those by which the server at place `at` is believed, in order. They hold now: to the library that checks a
    /// chain, the dates of its end are nothing. If all are tainted, all are believed: with none, no server could
    /// be asked for better ones.
    pub(super) fn authorities(
        &self,
        at: usize,
        context: &X509Context,
    ) -> Vec<CertificateDer<'static>> {
        let learned = self.learned.lock();
        let agents = context.bundle_set().get(&self.trust_domain);
        let agents = agents.iter().flat_map(|bundle| bundle.authorities());
        let others = learned.iter().filter(|(by, _)| **by != at);
        let others = others.flat_map(|(_, learned)| &learned.sound).map(Vec::as_slice);
        let mut all: BTreeSet<_> = agents.map(|told| told.as_bytes()).chain(others).collect();
        let now = SystemTime::now();
        let holds = |der| Validity::of(der).is_some_and(|validity| validity.contains(now));
        all.retain(|der| is_readable(der) && holds(der));
        let tainted = learned.values().flat_map(|learned| &learned.tainted).map(Vec::as_slice);
        let tainted: BTreeSet<_> = tainted.collect();
        let sound: BTreeSet<_> = all.difference(&tainted).copied().collect();
        let believed = if sound.is_empty() { all } else { sound };
        believed.into_iter().map(|der| CertificateDer::from(der.to_vec())).collect()
    }

    /// What the verified server at place `at` says is the bundle.
    pub(super) fn learn(&self, at: usize, bundle: &Bundle) -> Result<(), Fault> {
        let sound = self.sound(bundle).map_err(Fault::Refused)?;
        let tainted = bundle.x509_authorities.iter().filter(|authority| authority.tainted);
        let tainted = tainted.map(|authority| authority.asn1.clone()).collect();
        self.learned.lock().insert(at, Learned { sound, tainted });
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
