//! What a workload learns from its agents.

mod api;
mod config;
mod event;
mod expiry;
mod follow;
mod life;

use std::sync::Arc;
use std::time::SystemTime;

use spiffe::X509Context;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub use config::{Keepalive, SourceConfig, SourceConfigError};
pub use event::{NoIdentity, SourceEvent, Trouble};

use event::Reports;
use follow::Follower;

use super::validity::Validity;

/// What is known at one moment.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// What an agent said last, until one denies it.
    pub(super) context: Option<Arc<X509Context>>,
    /// How long the first SVID in it holds.
    pub(super) holds: Option<Validity>,
    /// Why there is none, where there is none.
    pub(super) absent: NoIdentity,
}

impl Known {
    pub(super) fn current(&self, now: SystemTime) -> Result<Arc<X509Context>, NoIdentity> {
        match (&self.context, self.holds) {
            (Some(context), Some(holds)) if now < holds.until => Ok(context.clone()),
            (Some(_), _) => Err(NoIdentity::Expired),
            (None, _) => Err(self.absent),
        }
    }
}

/// The X.509-SVIDs and bundles of this workload, from whichever of several Workload APIs answers.
///
/// It stays with one API for as long as that one serves, and goes on to the next in the list when it ends the
/// connection (a killed agent: at once) or gives no sign of life ([`Keepalive`]: a stopped one), or when it
/// does not renew the SVID and another API has a newer one. While all are away, what the last one said is
/// served until the SVID in it expires. An API that is there and says that the workload has no entry is not
/// away: unless another one serves, what was known is given up at once. So every agent in the list needs the
/// workload's entry, with the same SPIFFE id ([`SourceConfig::expect`]). An agent of another trust domain has
/// no say in that.
///
/// Its tasks run on the tokio runtime that it was started in and end when it is dropped.
#[derive(Debug)]
pub struct WorkloadSource {
    known: watch::Receiver<Known>,
    tasks: [JoinHandle<()>; 2],
}

impl WorkloadSource {
    /// Starts to follow the first of the APIs, and returns before it has answered.
    ///
    /// Events come through a channel of [`SourceConfig::events`] places; one that finds it full is lost, and
    /// [`current`](Self::current) tells the state all the same.
    ///
    /// # Errors
    ///
    /// A configuration out of its ranges, or no tokio runtime to run in.
    pub fn start(
        config: SourceConfig,
    ) -> Result<(Self, mpsc::Receiver<SourceEvent>), SourceConfigError> {
        config.check()?;
        let runtime = Handle::try_current().map_err(|_| SourceConfigError::NoRuntime)?;
        let (events, heard) = mpsc::channel(config.events);
        let reports = Reports::new(events);
        let absent = NoIdentity::Waiting;
        let (learn, known) = watch::channel(Known { context: None, holds: None, absent });
        let tasks = [
            runtime.spawn(expiry::watch(known.clone(), reports.clone())),
            runtime.spawn(Follower::new(config, learn, reports).run()),
        ];
        Ok((Self { known, tasks }, heard))
    }

    /// The SVIDs and bundles that hold now. Not for keeping: they are renewed.
    ///
    /// # Errors
    ///
    /// [`NoIdentity`] says why there are none.
    pub fn current(&self) -> Result<Arc<X509Context>, NoIdentity> {
        self.known.borrow().current(SystemTime::now())
    }

    /// Waits until something else is known: SVIDs renewed, a bundle changed, an entry removed. The passing of
    /// time is no such thing.
    ///
    /// # Errors
    ///
    /// [`NoIdentity::Stopped`] if the runtime has ended the tasks of the source.
    pub async fn changed(&mut self) -> Result<(), NoIdentity> {
        self.known.changed().await.map_err(|_| NoIdentity::Stopped)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Known> {
        self.known.clone()
    }
}

impl Drop for WorkloadSource {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
