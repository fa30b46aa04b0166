//! One task for each server that asks how it is.

use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::TrustAnchor;
use spiffe::X509Context;
use tokio::time::timeout;
use tonic::transport::Channel;

use super::server::Server;
use super::{Fault, PoolEvent, Shared, api, ready, tls};
use crate::spire::backoff::Backoff;
use crate::spire::channel::over;

/// An open connection, and what was known when it was opened.
struct Link {
    channel: Channel,
    context: Arc<X509Context>,
    authorities: Vec<TrustAnchor<'static>>,
}

/// Probes `server` until the pool is dropped. A probe that went well brings the bundle, too.
pub(super) async fn run(shared: Arc<Shared>, at: usize) {
    let Some(server) = shared.servers.get(at) else { return };
    let mut link = None;
    let interval = shared.config.probe_interval;
    let mut pause = Backoff::new(interval, interval);
    loop {
        let probe = timeout(shared.config.probe_timeout, probe(&shared, at, server, &mut link));
        match probe.await.unwrap_or(Err(Fault::TimedOut)) {
            Ok(channel) => {
                if server.up(channel) {
                    shared.tell(PoolEvent::Up(server.address.api));
                }
            }
            Err(fault) => {
                link = None;
                shared.is_down(server, fault);
            }
        }
        // A call that failed has it looked at now.
        let _ = timeout(pause.wait(), server.look.notified()).await;
    }
}

async fn probe(
    shared: &Shared,
    at: usize,
    server: &Server,
    link: &mut Option<Link>,
) -> Result<Channel, Fault> {
    if let Some(address) = server.address.ready {
        ready::ask(address).await?;
    }
    let context = shared.trust.context()?;
    let authorities = shared.trust.authorities(&context);
    // A connection rests on what was believed when it was opened: whoever is believed no longer is let go.
    let same =
        |link: &Link| Arc::ptr_eq(&link.context, &context) && link.authorities == authorities;
    if !link.as_ref().is_some_and(same) {
        let channel = connect(shared, server, &context, authorities.clone()).await?;
        *link = Some(Link { channel, context, authorities });
    }
    let Some(Link { channel, context, .. }) = link else { return Err(Fault::Unknown) };
    let started = Instant::now();
    let bundle = api::bundle(channel.clone()).await.map_err(|status| Fault::of(&status))?;
    shared.trust.learn(at, context, &bundle)?;
    server.answered(started.elapsed());
    Ok(channel.clone())
}

async fn connect(
    shared: &Shared,
    server: &Server,
    context: &X509Context,
    authorities: Vec<TrustAnchor<'static>>,
) -> Result<Channel, Fault> {
    let Some(svid) = context.default_svid() else {
        return Err(Fault::Identity("no SVID in it".to_owned()));
    };
    let trust_domain = &shared.config.trust_domain;
    let stream = tls::connect(server.address.api, svid, trust_domain, authorities).await?;
    let channel = over(stream).await;
    channel.map_err(|error| Fault::Unreachable(error.to_string()))
}
