//! Where the servers are and how patient one is with them.

use std::net::SocketAddr;
use std::time::Duration;

use spiffe::TrustDomain;

use super::PoolError;

/// The most servers in one pool.
const MAX_SERVERS: usize = 32;

/// One SPIRE server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerAddress {
    /// Its API (`bind_address`, `bind_port`).
    pub api: SocketAddr,
    /// Its health listener, if it has one and it is to be asked: plain HTTP, off unless the server's
    /// configuration turns it on (`health_checks`).
    pub ready: Option<SocketAddr>,
}

/// How a [`ServerPool`](super::ServerPool) uses its servers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PoolConfig {
    /// The trust domain whose servers these are.
    pub trust_domain: TrustDomain,
    /// The servers, 1 to 32.
    pub servers: Vec<ServerAddress>,
    /// The time between two probes of a server, 10 ms to 10 min, each time shortened by a random part of up to
    /// its half. A probe reads one row of the server's database. A server that is stopped is noticed after this
    /// and `probe_timeout`. Default: 1 s.
    pub probe_interval: Duration,
    /// How long a probe may take, 10 ms to 1 min, connecting included. Default: 1 s.
    pub probe_timeout: Duration,
    /// How long one try of a call may take, 10 ms to 5 min. Default: 2 s.
    pub call_timeout: Duration,
    /// How long a call may take with all its tries, at least `call_timeout`, at most 10 min. Default: 5 s.
    pub deadline: Duration,
    /// The most entries that are read of a server, 1 to 1,000,000. All are read within `call_timeout`, 500 at a
    /// time: make that longer for many. Default: 100,000.
    pub max_entries: usize,
    /// Places in the channel for events, 1 to 65,536. Default: 64.
    pub events: usize,
}

impl PoolConfig {
    /// These servers, with the defaults for everything else.
    pub fn new(trust_domain: TrustDomain, servers: Vec<ServerAddress>) -> Self {
        Self {
            trust_domain,
            servers,
            probe_interval: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(1),
            call_timeout: Duration::from_secs(2),
            deadline: Duration::from_secs(5),
            max_entries: 100_000,
            events: 64,
        }
    }

    pub(super) fn check(&self) -> Result<(), PoolError> {
        let (least, minute) = (Duration::from_millis(10), Duration::from_secs(60));
        let (five, ten) = (Duration::from_secs(300), Duration::from_secs(600));
        let checks = [
            ("servers", (1..=MAX_SERVERS).contains(&self.servers.len())),
            ("probe_interval", (least..=ten).contains(&self.probe_interval)),
            ("probe_timeout", (least..=minute).contains(&self.probe_timeout)),
            ("call_timeout", (least..=five).contains(&self.call_timeout)),
            ("deadline", (self.call_timeout..=ten).contains(&self.deadline)),
            ("max_entries", (1..=1_000_000).contains(&self.max_entries)),
            ("events", (1..=65_536).contains(&self.events)),
        ];
        match checks.iter().find(|(_, sound)| !sound) {
            Some((name, _)) => Err(PoolError::OutOfRange(name)),
            None => Ok(()),
        }
    }
}
