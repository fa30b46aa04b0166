//! One Workload API after the other.

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use spiffe::X509Context;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::api::{Api, next, own};
use super::event::Reports;
use super::life;
use super::{Known, NoIdentity, SourceConfig, SourceEvent, Trouble};
use crate::spire::backoff::{Backoff, up_to};
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
        let api = match Api::open(&self.config, at).await {
            Ok(api) => api,
            Err(trouble) => return trouble,
        };
        let lost = life::lost(api.channel.clone(), self.config.keepalive);
        tokio::select! {
            ended = self.listen(at, &api, since) => match ended { Err(trouble) => trouble },
            trouble = lost => trouble,
        }
    }

    async fn listen(
        &mut self,
        at: usize,
        api: &Api,
        since: &mut Option<Instant>,
    ) -> Result<Infallible, Trouble> {
        let (mut context, mut said) = api.ask(&self.config).await?;
        loop {
            let holds = self.learned(context, at)?;
            since.get_or_insert_with(Instant::now);
            context = loop {
                match timeout(self.patience(holds), next(&mut said)).await {
                    Ok(context) => break context?,
                    Err(_) if self.another_renews(at).await => return Err(Trouble::Stale),
                    Err(_) => {}
                }
            };
        }
    }

    /// How long an API may go on without renewing this: until half of what is left from when it is late, or from
    /// now, is over. An agent that has lost its servers gives every sign of life.
    fn patience(&self, holds: Validity) -> Duration {
        let now = SystemTime::now();
        let late = holds.late().max(now);
        let until_late = late.duration_since(now).unwrap_or_default();
        let left = holds.until.duration_since(late).unwrap_or_default();
        until_late.saturating_add(left.mul_f64(0.5)).max(self.config.backoff.1).max(SETTLED)
    }

    /// Whether another API than that at `at` has an SVID of this workload that is not late. Where none has, the one
    /// that serves is as good as any.
    async fn another_renews(&self, at: usize) -> bool {
        for other in (0..self.config.endpoints.len()).filter(|other| *other != at) {
            let Ok(api) = Api::open(&self.config, other).await else { continue };
            let Ok((context, _)) = api.ask(&self.config).await else { continue };
            let Ok((found, holds)) = own(&context) else { continue };
            if self.config.expect.as_ref() == Some(&found) && SystemTime::now() < holds.late() {
                return true;
            }
        }
        false
    }

    /// Takes what the API said, if it holds and is said of this workload; how long it holds.
    fn learned(&mut self, context: X509Context, at: usize) -> Result<Validity, Trouble> {
        let (found, holds) = own(&context)?;
        // If nobody has said who this is, it is so from now on.
        let expected = self.config.expect.get_or_insert_with(|| found.clone()).clone();
        if expected != found {
            return Err(Trouble::Stranger { expected, found });
        }
        let gap = self.learn.borrow().current(SystemTime::now()).is_err();
        let (context, absent) = (Some(context.into()), NoIdentity::Waiting);
        // Before the event: whoever reads it finds the identity.
        self.learn.send_replace(Known { context, holds: Some(holds), absent });
        let from = self.last.replace(at);
        if std::mem::take(&mut self.degraded) || gap {
            self.reports.tell(SourceEvent::Recovered { by: at });
        } else if let Some(from) = from.filter(|from| *from != at) {
            let after = self.lost.elapsed();
            self.reports.tell(SourceEvent::FailedOver { from, to: at, after });
        }
        Ok(holds)
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
