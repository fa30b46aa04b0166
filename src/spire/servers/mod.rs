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
use std::error::Error;
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
use server::{Pending, Server};
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
///   for which the agents tell of, and which no majority of the servers (of those of the pool, away or not) calls
///   tainted: one server that lies has no other refused. The pool shows the workload's SVID.
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
        let trust =
            Trust::new(config.trust_domain.clone(), config.servers.len(), source.subscribe());
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
        let trust_domain = &self.shared.config.trust_domain;
        self.call(api::bundle, |bundle| {
            let sound = self.shared.trust.sound(&bundle)?;
            let sound: Vec<_> = sound.iter().map(Vec::as_slice).collect();
            let bundle = X509Bundle::from_x509_authorities(trust_domain.clone(), &sound);
            bundle.map_err(|error| error.to_string())
        })
        .await
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
        let own = self.shared.trust.own();
        let own = own.map_err(|fault| self.shared.no_server(Some(fault)))?;
        let most = self.shared.config.max_entries;
        let is_listed = |ids: BTreeSet<SpiffeId>| match ids.contains(&own) {
            true => Ok(ids),
            false => Err(format!("{own} asks and is not in the list of entries")),
        };
        self.call(|channel| api::entries(channel, most), is_listed).await
    }

    /// Makes `call`, which only reads, with one server after the other until one gives an answer that `read` can
    /// read. One that refuses, or whose answer cannot be read, is in no trouble: it is used for other calls, and
    /// asking another costs no part of the budget, or it would use it up; unless it refuses for want of something.
    async fn call<A, B, F>(
        &self,
        call: impl Fn(Channel) -> F,
        read: impl Fn(A) -> Result<B, String>,
    ) -> Result<B, PoolError>
    where
        F: Future<Output = Result<A, Status>>,
    {
        let shared = &self.shared;
        let started = Instant::now();
        let mut tried = Vec::new();
        let (mut failed, mut malformed, mut refused) = (None, None, None);
        let mut costs = false;
        loop {
            let left = shared.config.deadline.saturating_sub(started.elapsed());
            let in_time = tried.is_empty() || !left.is_zero();
            let taken = if in_time { shared.take(&mut tried) } else { None };
            // Last, for a try that nobody is left for costs nothing.
            let taken = taken.filter(|_| !costs || shared.budget.spend());
            let Some((server, channel, _pending)) = taken else {
                let told = failed.or(malformed).or(refused);
                return Err(told.unwrap_or_else(|| shared.no_server(None)));
            };
            let address = server.address.api;
            let began = Instant::now();
            let fault = match timeout(left.min(shared.config.call_timeout), call(channel)).await {
                Ok(Ok(answer)) => {
                    server.answered(began.elapsed());
                    let reason = match read(answer) {
                        Ok(answer) => {
                            shared.budget.earn();
                            return Ok(answer);
                        }
                        Err(reason) => reason,
                    };
                    costs = false;
                    malformed = Some(PoolError::Malformed { server: address, reason });
                    continue;
                }
                Ok(Err(status)) if is_refusal(&status) => {
                    costs = status.code() == Code::ResourceExhausted;
                    let reason = status.to_string();
                    refused = Some(PoolError::Refused { server: address, reason });
                    continue;
                }
                Ok(Err(status)) => Fault::of(&status),
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
    /// One of the servers that work and were not `tried`, for one call. It is tried from now on.
    fn take(&self, tried: &mut Vec<usize>) -> Option<(&Server, Channel, Pending)> {
        loop {
            let (at, server) = self.pick(tried)?;
            tried.push(at);
            // It may have gone down since it was picked.
            if let Some((channel, pending)) = server.take() {
                return Some((server, channel, pending));
            }
        }
    }

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

    /// No server is used: what is wrong with us, or with the first.
    fn no_server(&self, ours: Option<Fault>) -> PoolError {
        let faults = self.servers.iter().map(|server| (server.address.api, server.fault()));
        let (server, fault) = faults.min_by_key(|(_, fault)| fault.is_none()).unzip();
        let unspecified = (std::net::Ipv4Addr::UNSPECIFIED, 0).into();
        let fault = ours.or(fault.flatten()).unwrap_or(Fault::Unknown);
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

/// Whether the server said this, and so works, and will not.
fn is_refusal(status: &Status) -> bool {
    let codes = [
        Code::InvalidArgument,
        Code::NotFound,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::Unauthenticated,
        Code::Unimplemented,
    ];
    status.source().is_none() && codes.contains(&status.code())
}
