//! One Workload API after the other.

use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt;
use spiffe::transport::Endpoint;
use spiffe::{WorkloadApiClient, WorkloadApiError, X509Context};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;

use super::event::Reports;
use super::life;
use super::{Known, NoIdentity, SourceConfig, SourceEvent, Trouble};
use crate::id::SpiffeId;
use crate::spire::backoff::{Backoff, up_to};
use crate::spire::channel::over;
use crate::spire::validity::Validity;

/// An API that served for less is not asked again without a pause: it may answer and hang up each time.
const SETTLED: Duration = Duration::from_secs(1);

pub(super) struct Follower {
    config: SourceConfig,
    learn: watch::Sender<Known>,
    reports: Reports,
    /// The API that served last.
    last: Option<usize>,
    /// Whether it was told that no API serves, and none has since.
    degraded: bool,
    /// When it was lost.
    lost: Instant,
}

/// How it went with one API.
struct Ended {
    /// For how long it served, if it did.
    served: Option<Duration>,
    trouble: Trouble,
}

impl Follower {
    pub(super) fn new(config: SourceConfig, learn: watch::Sender<Known>, reports: Reports) -> Self {
        Self { config, learn, reports, last: None, degraded: false, lost: Instant::now() }
    }

    /// Follows the APIs in turn until the source is dropped. What is said of nobody serving is said after a
    /// whole round in which none did.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.backoff.0, self.config.backoff.1);
        // APIs in a row that did not serve, and what the last of them said that denies the workload.
        let (mut missing, mut denied) = (0_usize, None);
        for at in (0..self.config.endpoints.len()).cycle() {
            let Ended { served, trouble } = self.follow(at).await;
            if served.is_some() {
                (missing, denied) = (0, None);
            }
            missing = missing.saturating_add(1);
            if trouble.denies() {
                denied = Some(trouble.clone());
            }
            let settled = served.is_some_and(|served| served >= SETTLED);
            if settled {
                backoff.reset();
            }
            let all = missing >= self.config.endpoints.len();
            if all {
                match denied.take() {
                    Some(trouble) => self.give_up(trouble),
                    None => self.degrade(trouble),
                }
                missing = 0;
            }
            let hurried = !all && (settled || served.is_none());
            sleep(if hurried { up_to(self.config.spread) } else { backoff.wait() }).await;
        }
    }

    /// Follows one API for as long as it serves.
    async fn follow(&mut self, at: usize) -> Ended {
        let mut since = None;
        let trouble = self.serve(at, &mut since).await;
        if since.is_some() {
            self.lost = Instant::now();
        }
        Ended { served: since.map(|since: Instant| since.elapsed()), trouble }
    }

    async fn serve(&mut self, at: usize, since: &mut Option<Instant>) -> Trouble {
        let Some(endpoint) = self.config.endpoints.get(at).cloned() else {
            return Trouble::TimedOut;
        };
        let channel = match timeout(self.config.connect_timeout, self.open(&endpoint)).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(trouble)) => return trouble,
            Err(_) => return Trouble::TimedOut,
        };
        let lost = life::lost(channel.clone(), self.config.keepalive);
        let client = WorkloadApiClient::new_with_channel(endpoint, channel);
        tokio::select! {
            trouble = self.listen(at, &client, since) => trouble,
            trouble = lost => trouble,
        }
    }

    async fn listen(
        &mut self,
        at: usize,
        client: &WorkloadApiClient,
        since: &mut Option<Instant>,
    ) -> Trouble {
        let first = timeout(self.config.answer_timeout, async {
            let mut contexts = Box::pin(client.stream_x509_contexts().await?);
            let first = contexts.next().await.unwrap_or(Err(WorkloadApiError::EmptyResponse))?;
            Ok((first, contexts))
        });
        let (mut context, mut contexts) = match first.await {
            Ok(Ok(first)) => first,
            Ok(Err(error)) => return trouble(&error),
            Err(_) => return Trouble::TimedOut,
        };
        loop {
            if let Err(trouble) = self.learned(context, at) {
                return trouble;
            }
            since.get_or_insert_with(Instant::now);
            context = match contexts.next().await {
                Some(Ok(context)) => context,
                Some(Err(error)) => return trouble(&error),
                None => return Trouble::Ended("without an error".to_owned()),
            };
        }
    }

    async fn open(&self, endpoint: &Endpoint) -> Result<Channel, Trouble> {
        let unreachable = |error: std::io::Error| Trouble::Unreachable(error.to_string());
        let channel = match endpoint {
            Endpoint::Unix(path) => {
                over(UnixStream::connect(path).await.map_err(unreachable)?).await
            }
            Endpoint::Tcp { host, port } => {
                let stream = TcpStream::connect((*host, *port)).await.map_err(unreachable)?;
                over(stream).await
            }
            _ => return Err(Trouble::Unreachable("of a kind that is not known".to_owned())),
        };
        channel.map_err(|error| Trouble::Unreachable(error.to_string()))
    }

    /// Takes what the API said, if it holds and is said of this workload.
    fn learned(&mut self, context: X509Context, at: usize) -> Result<(), Trouble> {
        let now = SystemTime::now();
        let svid = context.default_svid().ok_or(Trouble::Stale)?;
        let holds = Validity::of(svid.leaf().as_bytes()).filter(|holds| holds.contains(now));
        if holds.is_none() {
            return Err(Trouble::Stale);
        }
        self.is_expected(&svid.spiffe_id().to_string())?;
        let gap = self.learn.borrow().current(now).is_err();
        let context = Some(context.into());
        // Before the event: whoever reads it finds the identity.
        self.learn.send_replace(Known { context, holds, absent: NoIdentity::Waiting });
        let from = self.last.replace(at);
        if std::mem::take(&mut self.degraded) || gap {
            self.reports.tell(SourceEvent::Recovered { by: at });
        } else if let Some(from) = from.filter(|from| *from != at) {
            let after = self.lost.elapsed();
            self.reports.tell(SourceEvent::FailedOver { from, to: at, after });
        }
        Ok(())
    }

    /// Whether this workload is `found`. If nobody has said who it is, it is so from now on.
    fn is_expected(&mut self, found: &str) -> Result<(), Trouble> {
        let found = found.parse::<SpiffeId>();
        let found = found.map_err(|error| Trouble::Malformed(error.to_string()))?;
        let expected = self.config.expect.get_or_insert_with(|| found.clone()).clone();
        if expected == found { Ok(()) } else { Err(Trouble::Stranger { expected, found }) }
    }

    /// No API serves. It is told once, until one does.
    fn degrade(&mut self, trouble: Trouble) {
        if !std::mem::replace(&mut self.degraded, true) {
            self.reports.tell(SourceEvent::Degraded { trouble });
        }
    }

    /// No API serves, and one denies this workload.
    fn give_up(&mut self, trouble: Trouble) {
        self.degraded = true;
        let absent = NoIdentity::Denied;
        let before = self.learn.send_replace(Known { context: None, holds: None, absent });
        if before.absent != NoIdentity::Denied {
            self.reports.tell(SourceEvent::Denied { trouble });
        }
    }
}

/// What `error` says of the API.
fn trouble(error: &WorkloadApiError) -> Trouble {
    match error {
        WorkloadApiError::NoIdentityIssued | WorkloadApiError::PermissionDenied(_) => {
            Trouble::Denied
        }
        WorkloadApiError::Transport(error) => Trouble::Ended(error.to_string()),
        WorkloadApiError::EmptyResponse => Trouble::Ended("without an answer".to_owned()),
        error => Trouble::Malformed(error.to_string()),
    }
}
