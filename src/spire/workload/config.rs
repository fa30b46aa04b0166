//! Where the Workload APIs are and how patient one is with them.

use std::time::Duration;

use spiffe::transport::Endpoint;
use thiserror::Error;

use crate::id::SpiffeId;

/// The most APIs in one list: more agents than this serve no workload.
const MAX_ENDPOINTS: usize = 16;

/// How a [`WorkloadSource`](super::WorkloadSource) follows its Workload APIs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SourceConfig {
    /// The Workload APIs, 1 to 16, the one to begin with first: `unix:/path` or `tcp://ip:port`. Over TCP
    /// nothing is encrypted: the SVID's private key comes that way, so it is for the loopback alone.
    pub endpoints: Vec<Endpoint>,
    /// The SPIFFE id of this workload, that of the first SVID that an API gives. An API that gives it another does
    /// not serve, and does not change who this process is: one of the same trust domain has other entries, and
    /// denies this workload; one of another trust domain, next in the list by mistake, is as good as away. `None`
    /// stands for the id that is served first, as long as the source lives. Default: `None`.
    pub expect: Option<SpiffeId>,
    /// Default: one second and one second, so a stopped agent is noticed after two.
    pub keepalive: Keepalive,
    /// How long a connection may take to open, 10 ms to 1 min. Default: 500 ms.
    pub connect_timeout: Duration,
    /// How long an API that shows signs of life may take to say what it knows, 10 ms to 5 min. An agent may
    /// have to have the SVID signed first. Default: 5 s.
    pub answer_timeout: Duration,
    /// A random part of this is waited before the next API of the list is tried, so that workloads of one
    /// agent do not fall upon another in one moment; at most 10 s. Default: 100 ms.
    pub spread: Duration,
    /// After a round in which no API served: the first wait, 1 ms to 1 min, and the longest, at least the first
    /// and at most 10 min. Default: 100 ms and 5 s.
    pub backoff: (Duration, Duration),
    /// Places in the channel for events, 1 to 65,536. Default: 64.
    pub events: usize,
}

/// How often the API that serves is asked for a sign of life, and how long that may take.
///
/// A process that is stopped (SIGSTOP, a frozen container, a host without power) leaves its connections
/// open: without this they look well until the kernel gives up, minutes later or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// The time between an answer and the next question, 10 ms to 1 min.
    pub interval: Duration,
    /// How long the answer may take, 10 ms to 1 min.
    pub timeout: Duration,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), timeout: Duration::from_secs(1) }
    }
}

/// Why a source cannot be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SourceConfigError {
    /// A value out of the range that its documentation gives.
    #[error("{0} is out of its range")]
    OutOfRange(&'static str),
    /// Called outside a tokio runtime.
    #[error("a source runs its tasks on a tokio runtime; start it inside one")]
    NoRuntime,
}

impl SourceConfig {
    /// Follows `endpoints`, with the defaults for everything else.
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            endpoints: endpoints.into_iter().collect(),
            expect: None,
            keepalive: Keepalive::default(),
            connect_timeout: Duration::from_millis(500),
            answer_timeout: Duration::from_secs(5),
            spread: Duration::from_millis(100),
            backoff: (Duration::from_millis(100), Duration::from_secs(5)),
            events: 64,
        }
    }

    pub(super) fn check(&self) -> Result<(), SourceConfigError> {
        let [ms, least, minute] = [1, 10, 60_000].map(Duration::from_millis);
        let [five, ten] = [300, 600].map(Duration::from_secs);
        let (first, longest) = self.backoff;
        let checks = [
            ("endpoints", (1..=MAX_ENDPOINTS).contains(&self.endpoints.len())),
            ("keepalive.interval", (least..=minute).contains(&self.keepalive.interval)),
            ("keepalive.timeout", (least..=minute).contains(&self.keepalive.timeout)),
            ("connect_timeout", (least..=minute).contains(&self.connect_timeout)),
            ("answer_timeout", (least..=five).contains(&self.answer_timeout)),
            ("spread", self.spread <= Duration::from_secs(10)),
            ("backoff", (ms..=minute).contains(&first) && (first..=ten).contains(&longest)),
            ("events", (1..=65_536).contains(&self.events)),
        ];
        match checks.iter().find(|(_, sound)| !sound) {
            Some((name, _)) => Err(SourceConfigError::OutOfRange(name)),
            None => Ok(()),
        }
    }
}
