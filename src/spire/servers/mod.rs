//! SPIRE servers, none of which may be missed.

mod api;
mod budget;
mod config;
mod event;
mod probe;
mod ready;
mod server;
mod tls;
mod trust;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use spiffe::X509Bundle;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status};

pub use config::{PoolConfig, ServerAddress};
pub use event::{Fault, PoolError, PoolEvent};

use budget::Budget;
use server::Server;
use trust::Trust;

use super::WorkloadSource;
use crate::id::SpiffeId;

/// Several SPIRE servers of one trust domain, of which the ones that work are asked.
///
/// * **Health.** Each server has a prober of its own, which asks it for the bundle, and for `/ready` where that is
///   turned on. Between two probes, connections that end and calls that fail are noticed, too.
/// * **Load.** A call goes to the cheaper of two servers drawn by lot among those that work: the one that
///   takes less time to answer, for each call that it has (Mitzenmacher, "The power of two choices in
///   randomized load balancing", 2001).
/// * **Failover.** All calls here only read, so one that fails is tried with another server, within a deadline,
///   and within a budget of a tenth of all calls: servers in trouble get no multiple of the load.
/// * **Trust.** A server shows a certificate for `spiffe://<trust domain>/spire/server` that an authority vouches
///   for which an agent, or another server that was itself trusted, has told of, and which no server calls
///   tainted. The pool shows the workload's SVID.
#[derive(Debug)]
pub struct ServerPool {
    shared: Arc<Shared>,
    probers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    config: PoolConfig,
    servers: Vec<Server>,
    trust: Trust,
    budget: Budget,
    events: mpsc::Sender<PoolEvent>,
}

impl ServerPool {
    /// Starts to probe the servers as the workload that `source` knows, and returns before one has answered.
    ///
    /// An event that finds the channel full is lost; [`health`](Self::health) tells the state all the same.
    ///
    /// # Errors
    ///
    /// [`PoolError::OutOfRange`], [`PoolError::NoRuntime`].
    pub fn start(
        config: PoolConfig,
        source: &WorkloadSource,
    ) -> Result<(Self, mpsc::Receiver<PoolEvent>), PoolError> {
        config.check()?;
        let runtime = Handle::try_current().map_err(|_| PoolError::NoRuntime)?;
        let (events, heard) = mpsc::channel(config.events);
        let servers = config.servers.iter().copied().map(Server::new).collect();
        let trust = Trust::new(config.trust_domain.clone(), source.subscribe());
        let shared = Arc::new(Shared { config, servers, trust, budget: Budget::new(), events });
        let probers = 0..shared.servers.len();
        let probers = probers.map(|at| runtime.spawn(probe::run(shared.clone(), at))).collect();
        Ok((Self { shared, probers }, heard))
    }

    /// Each server, and why it is not used, if it is not.
    pub fn health(&self) -> Vec<(SocketAddr, Option<Fault>)> {
        let servers = self.shared.servers.iter();
        servers.map(|server| (server.address.api, server.fault())).collect()
    }

    /// The bundle of the trust domain, without authorities that are tainted.
    ///
    /// # Errors
    ///
    /// [`PoolError`], if no server could be asked or the answer was not understood.
    pub async fn bundle(&self) -> Result<X509Bundle, PoolError> {
        let (server, bundle) = self.call(api::bundle).await?;
        let malformed = |reason: String| PoolError::Malformed { server, reason };
        let sound = self.shared.trust.sound(&bundle).map_err(malformed)?;
        let sound: Vec<_> = sound.iter().map(Vec::as_slice).collect();
        let trust_domain = self.shared.config.trust_domain.clone();
        X509Bundle::from_x509_authorities(trust_domain, &sound)
            .map_err(|error| malformed(error.to_string()))
    }

    /// The SPIFFE ids that have a registration entry. A member whose id is missing has lost its entry:
    /// [`removed`](crate::identity::removed) names it. SPIRE answers this only to a workload whose own entry has
    /// `admin` set.
    ///
    /// So the caller, a workload of this trust domain, has an entry, or it would have no SVID: a list without it,
    /// above all an empty one, is not what the server knows, and is refused rather than taken for the removal of
    /// everyone.
    ///
    /// One list is one server's word, and that of its database: a database put back from yesterday lacks what was
    /// made today. So it is ground for a proposal on which others, who ask for themselves, vote.
    ///
    /// # Errors
    ///
    /// [`PoolError::Refused`] without `admin`, or if there are more than [`PoolConfig::max_entries`];
    /// [`PoolError::Malformed`] if the caller is not listed; others if no server could be asked.
    pub async fn entries(&self) -> Result<BTreeSet<SpiffeId>, PoolError> {
        let most = self.shared.config.max_entries;
        let (server, ids) = self.call(|channel| api::entries(channel, most)).await?;
        let own = self.shared.trust.own().map_err(|fault| PoolError::NoServer { server, fault })?;
        if !ids.contains(&own) {
            let reason = format!("{own} asks and is not in the list of entries");
            return Err(PoolError::Malformed { server, reason });
        }
        Ok(ids)
    }

    /// Makes `call`, which only reads, with one server after the other until one answers. One that refuses it is
    /// in no trouble: it is used for other calls, and asking another costs no part of the budget, unless it
    /// refuses for want of something.
    async fn call<A, F>(&self, call: impl Fn(Channel) -> F) -> Result<(SocketAddr, A), PoolError>
    where
        F: Future<Output = Result<A, Status>>,
    {
        let shared = &self.shared;
        let started = Instant::now();
        let mut tried = Vec::new();
        let (mut failed, mut refused, mut costs) = (None, None, false);
        loop {
            let left = shared.config.deadline.saturating_sub(started.elapsed());
            let more = tried.is_empty() || (!left.is_zero() && (!costs || shared.budget.spend()));
            let picked = if more { shared.pick(&tried) } else { None };
            let Some((at, server)) = picked else {
                return Err(failed.or(refused).unwrap_or_else(|| shared.no_server()));
            };
            tried.push(at);
            // It may have gone down since it was picked.
            let Some((channel, _pending)) = server.take() else { continue };
            let address = server.address.api;
            let began = Instant::now();
            let fault = match timeout(left.min(shared.config.call_timeout), call(channel)).await {
                Ok(Ok(answer)) => {
                    shared.budget.earn();
                    server.answered(began.elapsed());
                    return Ok((address, answer));
                }
                Ok(Err(status)) if is_refusal(status.code()) => {
                    costs = status.code() == Code::ResourceExhausted;
                    let reason = status.to_string();
                    refused = Some(PoolError::Refused { server: address, reason });
                    continue;
                }
                Ok(Err(status)) => Fault::Refused(status.to_string()),
                Err(_) => Fault::TimedOut,
            };
            costs = true;
            shared.is_down(server, fault.clone());
            server.look.notify_one();
            failed = Some(PoolError::Failed { server: address, fault });
        }
    }
}

impl Drop for ServerPool {
    fn drop(&mut self) {
        self.probers.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    /// The cheaper of two servers drawn by lot among those that work and were not `tried`.
    fn pick(&self, tried: &[usize]) -> Option<(usize, &Server)> {
        let servers = self.servers.iter().enumerate().filter(|(at, _)| !tried.contains(at));
        let mut usable: Vec<(Duration, (usize, &Server))> =
            servers.filter_map(|(at, server)| Some((server.cost()?, (at, server)))).collect();
        while usable.len() > 2 {
            usable.swap_remove(rand::random_range(0..usable.len()));
        }
        usable.into_iter().min_by_key(|(cost, _)| *cost).map(|(_, picked)| picked)
    }

    /// No server is used: what is wrong with the first.
    fn no_server(&self) -> PoolError {
        let faults = self.servers.iter().map(|server| (server.address.api, server.fault()));
        let (server, fault) = faults.min_by_key(|(_, fault)| fault.is_none()).unzip();
        let unspecified = (std::net::Ipv4Addr::UNSPECIFIED, 0).into();
        let fault = fault.flatten().unwrap_or(Fault::Unknown);
        PoolError::NoServer { server: server.unwrap_or(unspecified), fault }
    }

    fn is_down(&self, server: &Server, fault: Fault) {
        if server.down(fault.clone()) {
            self.tell(PoolEvent::Down(server.address.api, fault));
        }
    }

    fn tell(&self, event: PoolEvent) {
        tracing::info!(?event, "SPIRE server");
        let _ = self.events.try_send(event);
    }
}

/// Whether a server that says so works, and will not.
fn is_refusal(code: Code) -> bool {
    let codes = [
        Code::InvalidArgument,
        Code::NotFound,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::Unauthenticated,
        Code::Unimplemented,
    ];
    codes.contains(&code)
}
