//! Who the servers are held to be, and who one is to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use spiffe::{TrustDomain, X509Context};
use tokio::sync::watch;
use webpki::anchor_from_trusted_cert;

use super::Fault;
use super::api::{Authority, Bundle};
use crate::id::{SpiffeId, SpiffeIdError};
use crate::spire::NoIdentity;
use crate::spire::validity::Validity;
use crate::spire::workload::Known;

/// The most authorities in a bundle. Each server has few; this many take ten milliseconds to read.
const MAX_AUTHORITIES: usize = 1000;

/// The authorities that servers are believed by: those that the agents tell of, but for those that most servers
/// call tainted.
///
/// No server adds to them. Agents learn of a new CA within seconds, and a CA that has only a server's word would
/// outlive that server's own: one that is found out, and whose CA is revoked, would have left another behind.
///
/// Agents go on to tell of a tainted authority until it is revoked, and whoever knows its key can be any server.
/// So it is given up as soon as it is called so; but not on the word of a single server. Servers share their
/// database, so that honest ones say the same, and one that lies, or a thief of one key in a server's place, says
/// it alone: it would have the honest ones refused, and be the only one that is heard. Where that one has the
/// database, too, all others say the same, and nothing here helps: whoever has that has the trust domain.
///
/// Most are more than half of the servers of the pool, away or not, or who cuts the others off would leave the liar
/// the majority. While half of them are away, a taint that is new waits for them, or until the agents no longer
/// tell of the authority: what is revoked is believed no longer, whatever servers say.
#[derive(Debug)]
pub(super) struct Trust {
    trust_domain: TrustDomain,
    known: watch::Receiver<Known>,
    /// How many servers there are.
    servers: usize,
    /// What each server, by its place, called tainted of what the agents tell of, in DER. It holds until the server
    /// calls it sound: cutting the server off takes no taint away, and neither does revoking the authority, of
    /// which agents learn later than servers.
    tainted: Mutex<BTreeMap<usize, BTreeSet<Vec<u8>>>>,
}

impl Trust {
    pub(super) fn new(
        trust_domain: TrustDomain,
        servers: usize,
        known: watch::Receiver<Known>,
    ) -> Self {
        Self { trust_domain, known, servers, tainted: Mutex::default() }
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

    /// Those by which servers are believed, in order. They hold now: to the library that checks a chain, the dates
    /// of its end are nothing. If all are tainted, all are believed: with none, no server could be asked for
    /// better ones.
    pub(super) fn authorities(&self, context: &X509Context) -> Vec<TrustAnchor<'static>> {
        let now = SystemTime::now();
        let anchors = self.told(context).into_iter().filter_map(|der| {
            let (anchor, validity) = read(der)?;
            validity.contains(now).then_some((der, anchor))
        });
        let tainted = self.tainted.lock();
        let (tainted, sound): (Vec<_>, Vec<_>) = anchors.partition(|(der, _)| {
            let by = tainted.values().filter(|tainted| tainted.contains(*der)).count();
            by > self.servers / 2
        });
        let believed = if sound.is_empty() { tainted } else { sound };
        believed.into_iter().map(|(_, anchor)| anchor).collect()
    }

    /// What the agents tell of, in DER.
    fn told<'a>(&self, context: &'a X509Context) -> BTreeSet<&'a [u8]> {
        let bundle = context.bundle_set().get_ref(&self.trust_domain);
        let told = bundle.into_iter().flat_map(|bundle| bundle.authorities());
        told.map(|authority| authority.as_bytes()).collect()
    }

    /// What the verified server at place `at` says is the bundle.
    pub(super) fn learn(
        &self,
        at: usize,
        context: &X509Context,
        bundle: &Bundle,
    ) -> Result<(), Fault> {
        self.sound(bundle).map_err(Fault::Refused)?;
        let said = bundle.x509_authorities.iter();
        let said: BTreeMap<_, _> = said.map(|one| (one.asn1.as_slice(), one.tainted)).collect();
        let mut tainted = self.tainted.lock();
        let before = tainted.remove(&at).unwrap_or_default();
        let is_tainted = |der: &&[u8]| *said.get(der).unwrap_or(&before.contains(*der));
        let now = self.told(context).into_iter().filter(is_tainted);
        tainted.insert(at, now.map(<[u8]>::to_vec).collect());
        Ok(())
    }

    /// The authorities in `bundle` that can be read and are not tainted. A bundle that has none is none, and
    /// neither is one that has more than there can be.
    pub(super) fn sound(&self, bundle: &Bundle) -> Result<Vec<Vec<u8>>, String> {
        if bundle.trust_domain != self.trust_domain.as_str() {
            return Err(format!("its bundle is that of {:?}", bundle.trust_domain));
        }
        let count = bundle.x509_authorities.len();
        if count > MAX_AUTHORITIES {
            return Err(format!("its bundle has {count} authorities, more than {MAX_AUTHORITIES}"));
        }
        let is_sound =
            |authority: &&Authority| !authority.tainted && read(&authority.asn1).is_some();
        let sound = bundle.x509_authorities.iter().filter(is_sound);
        let sound: Vec<_> = sound.map(|authority| authority.asn1.clone()).collect();
        if sound.is_empty() { Err("its bundle has no authority".to_owned()) } else { Ok(sound) }
    }
}

/// An authority as the end of a chain, and when it holds; `None` if it cannot be read for both.
fn read(authority: &[u8]) -> Option<(TrustAnchor<'static>, Validity)> {
    let der = CertificateDer::from(authority);
    let anchor = anchor_from_trusted_cert(&der).ok()?.to_owned();
    Some((anchor, Validity::of(authority)?))
}
