//! SPIRE servers that are lost, or are not what they should be.

use std::time::Duration;

use meshward::spire::{
    Fault, PoolConfig, PoolError, PoolEvent, ServerAddress, ServerPool, SourceConfig, SourceEvent,
    TrustDomain, WorkloadSource,
};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use super::agent::Agent;
use super::certs::{Authority, DOMAIN, bundle};
use super::server::Server;
use super::{HOUR, hear, until};

pub(crate) struct Place {
    _directory: TempDir,
    pub(crate) authority: Authority,
    pub(crate) agent: Agent,
    pub(crate) servers: Vec<Server>,
    _source: WorkloadSource,
    pub(crate) pool: ServerPool,
    events: Receiver<PoolEvent>,
}

pub(crate) fn spire_server(authority: &Authority) -> Server {
    Server::new(authority.svid("spire/server", HOUR), authority, bundle(&[authority]))
}

impl Place {
    /// Three servers, all of which are used.
    pub(crate) async fn new() -> Self {
        let authority = Authority::of(DOMAIN);
        let servers = (0..3).map(|_| spire_server(&authority)).collect();
        let place = Self::with(authority, servers).await;
        for server in 0..3 {
            place.up(server).await;
        }
        place
    }

    /// These servers, whether they are used or not.
    pub(crate) async fn with(authority: Authority, servers: Vec<Server>) -> Self {
        Self::set(authority, servers, |_| ()).await
    }

    /// The same, with some values set.
    pub(crate) async fn set(
        authority: Authority,
        servers: Vec<Server>,
        set: impl FnOnce(&mut PoolConfig),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let svid = authority.entitled(authority.svid("node", HOUR));
        let agent = Agent::new(directory.path(), "a", Some(svid));
        let (source, mut told) =
            WorkloadSource::start(SourceConfig::new([agent.endpoint()])).unwrap();
        hear(&mut told, |event| matches!(event, SourceEvent::Recovered { .. })).await;
        let address =
            |server: &Server| ServerAddress { api: server.api, ready: Some(server.ready) };
        let addresses = servers.iter().map(address).collect();
        let mut config = PoolConfig::new(TrustDomain::new(DOMAIN).unwrap(), addresses);
        config.probe_interval = Duration::from_millis(100);
        set(&mut config);
        let (pool, events) = ServerPool::start(config, &source).unwrap();
        Self { _directory: directory, authority, agent, servers, _source: source, pool, events }
    }

    pub(crate) fn fault(&self, server: usize) -> Option<Fault> {
        self.pool.health()[server].1.clone()
    }

    /// Waits until the server is not used, for a reason that is `wanted`.
    pub(crate) async fn down(&self, server: usize, wanted: impl Fn(&Fault) -> bool) {
        until("it is down", || self.fault(server).is_some_and(|fault| wanted(&fault))).await;
    }

    /// Waits until the server is used.
    pub(crate) async fn up(&self, server: usize) {
        until("it is up", || self.fault(server).is_none()).await;
    }

    /// Waits until each of these servers was asked so often that the pool has read an answer of now.
    pub(crate) async fn probed(&self, servers: &[usize]) {
        let asked = |server: usize| self.servers[server].says.lock().unwrap().asked;
        let before: Vec<_> = servers.iter().map(|server| asked(*server)).collect();
        until("they are probed", || {
            servers.iter().zip(&before).all(|(server, before)| asked(*server) > before + 3)
        })
        .await;
    }

    /// Each of many calls is answered.
    pub(crate) async fn answers(&self) {
        for _ in 0..30 {
            assert_eq!(self.pool.bundle().await.unwrap().authorities().len(), 1);
        }
    }
}

#[tokio::test]
async fn k06_all_servers_but_one_die() {
    let mut place = Place::new().await;
    place.answers().await;
    place.servers[0].kill();
    place.answers().await;
    place.servers[1].kill();
    place.answers().await;
    place.servers[0].start();
    place.up(0).await;
    place.servers[2].kill();
    place.answers().await;
}

#[tokio::test]
async fn k06_all_servers_die_and_come_back() {
    let mut place = Place::new().await;
    place.servers.iter_mut().for_each(Server::kill);
    for server in 0..3 {
        place.down(server, |_| true).await;
    }
    for _ in 0..3 {
        hear(&mut place.events, |event| matches!(event, PoolEvent::Down(..))).await;
    }
    let error = place.pool.bundle().await.unwrap_err();
    assert!(matches!(error, PoolError::NoServer { .. }), "{error}");
    place.servers.iter_mut().for_each(Server::start);
    for _ in 0..3 {
        hear(&mut place.events, |event| matches!(event, PoolEvent::Up(_))).await;
    }
    place.answers().await;
}

#[tokio::test]
async fn k06_a_slow_server_is_asked_less() {
    let place = Place::new().await;
    place.servers[0].set(|says| says.slow = Duration::from_millis(150));
    let probed = || place.servers[0].says.lock().unwrap().asked;
    let before = probed();
    until("probes have told", || probed() > before + 3).await;
    for _ in 0..100 {
        place.pool.entries().await.unwrap();
    }
    let listed = |server: &Server| server.says.lock().unwrap().listed;
    let listed: Vec<_> = place.servers.iter().map(listed).collect();
    assert!(listed[0] < 10 && listed.iter().sum::<usize>() == 100, "{listed:?}");
}

#[tokio::test]
async fn k06_a_server_of_another_trust_domain_is_refused() {
    let (authority, other) = (Authority::of(DOMAIN), Authority::of("other.test"));
    // The last one has a certificate for the right id, from an authority of its own.
    let impostor = Authority::of(DOMAIN);
    let mut servers = vec![spire_server(&authority)];
    for svid in [
        other.svid("spire/server", HOUR),
        authority.svid("node", HOUR),
        impostor.svid("spire/server", HOUR),
    ] {
        servers.push(Server::new(svid, &authority, bundle(&[&other])));
    }
    let place = Place::with(authority, servers).await;
    let stranger = |who: &'static str| {
        move |fault: &Fault| {
            let expected = "spiffe://mesh.test/spire/server";
            *fault == Fault::Stranger { expected: expected.to_owned(), found: who.to_owned() }
        }
    };
    place.up(0).await;
    place.down(1, stranger("spiffe://other.test/spire/server")).await;
    place.down(2, stranger("spiffe://mesh.test/node")).await;
    place.down(3, |fault| matches!(fault, Fault::Untrusted(_))).await;
    place.answers().await;
    // Nobody was told anything over a connection that was refused.
    assert!(place.servers[1..].iter().all(|server| server.says.lock().unwrap().asked == 0));
}

#[tokio::test]
async fn a_bundle_of_another_trust_domain_is_not_believed() {
    let place = Place::new().await;
    let other = Authority::of("other.test");
    place.servers[0].set(|says| says.bundle = bundle(&[&other]));
    place.down(0, |fault| matches!(fault, Fault::Refused(_))).await;
    place.servers[1].set(|says| says.bundle.x509_authorities.clear());
    place.down(1, |fault| matches!(fault, Fault::Refused(_))).await;
    place.answers().await;
}

#[tokio::test]
async fn a_stopped_server_is_not_used() {
    let mut place = Place::new().await;
    place.servers[1].machine().stop();
    place.answers().await;
    place.down(1, |_| true).await;
    place.answers().await;
    place.servers[1].machine().go_on();
    place.up(1).await;
}

#[tokio::test]
async fn a_server_without_database_or_not_ready_is_not_used() {
    let place = Place::new().await;
    place.servers[0].set(|says| says.broken = true);
    place.servers[1].set(|says| says.ready = false);
    place.down(0, |fault| matches!(fault, Fault::Refused(_))).await;
    place.down(1, |fault| matches!(fault, Fault::NotReady(_))).await;
    place.answers().await;
    place.servers[1].set(|says| says.ready = true);
    place.up(1).await;
}

#[tokio::test]
async fn a_new_authority_is_trusted_once_an_agent_tells_of_it() {
    let (old, new) = (Authority::of(DOMAIN), Authority::of(DOMAIN));
    let server = Server::new(new.svid("spire/server", HOUR), &old, bundle(&[&new]));
    let place = Place::with(old, vec![server]).await;
    place.down(0, |fault| matches!(fault, Fault::Untrusted(_))).await;
    let mut told = place.authority.entitled(place.authority.svid("node", HOUR));
    told.bundle.extend(new.der());
    place.agent.tell(Some(told));
    place.up(0).await;
}

#[tokio::test]
async fn without_an_identity_no_server_is_asked() {
    let place = Place::new().await;
    place.agent.tell(None);
    place.down(0, |fault| matches!(fault, Fault::NoIdentity(_))).await;
}
