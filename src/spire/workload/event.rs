//! What a source has to say.

use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;

use crate::id::SpiffeId;

/// What became of a [`WorkloadSource`](super::WorkloadSource). APIs are named by their places in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceEvent {
    /// There is an identity: for the first time, or again after no API had served or the SVID had expired.
    Recovered {
        /// The API that serves.
        by: usize,
    },
    /// Another API serves, with no gap between.
    FailedOver {
        /// The one before.
        from: usize,
        /// The one that serves now.
        to: usize,
        /// The time since the loss of the one before was noticed.
        after: Duration,
    },
    /// No API serves. What was known is served until it expires.
    Degraded {
        /// What is wrong with the one that was tried last.
        trouble: Trouble,
    },
    /// The SVID should have been renewed: two thirds of its life are over, and agents renew at half of it. Either
    /// no API serves, which [`Degraded`](Self::Degraded) has told, or the one that does has no SPIRE server, or
    /// none that signs. When half of what is left is over, too, it is left for another that has a newer SVID.
    Overdue,
    /// No API serves, and one of this workload's trust domain denies it, or has another identity for it. There is
    /// none.
    Denied {
        /// What that one said: [`Trouble::Denied`] or [`Trouble::Stranger`].
        trouble: Trouble,
    },
    /// The SVID has expired. There is no identity.
    Expired,
}

/// What is wrong with an API.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The connection could not be opened.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// It did not open, or nothing was said over it, in time.
    #[error("no answer in time")]
    TimedOut,
    /// It ended, by a kill or by a stream that the API ended.
    #[error("the connection ended: {0}")]
    Ended(String),
    /// This workload has no registration entry there.
    #[error("no registration entry for this workload")]
    Denied,
    /// It said something that is no SVID and no bundle.
    #[error("not understood: {0}")]
    Malformed(String),
    /// It gave an SVID that does not hold now, by this machine's clock.
    #[error("the SVID that it gave does not hold now")]
    Stale,
    /// It gave an SVID of somebody else.
    #[error("it says that this workload is {found}, and not {expected}")]
    Stranger {
        /// Who this workload is ([`SourceConfig::expect`](super::SourceConfig::expect)).
        expected: SpiffeId,
        /// Whose SVID it gave.
        found: SpiffeId,
    },
}

impl Trouble {
    /// Whether the API knows who asks, and has no SVID for the identity that this workload has. An agent of another
    /// trust domain knows nothing of that: what it says takes nothing from an identity that is not its to give.
    pub(super) fn denies(&self) -> bool {
        match self {
            Self::Denied => true,
            Self::Stranger { expected, found } => expected.trust_domain() == found.trust_domain(),
            _ => false,
        }
    }
}

/// Why there is no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoIdentity {
    /// No API has served yet.
    #[error("no Workload API has served yet")]
    Waiting,
    /// No API serves, and one of this workload's trust domain says that it has no registration entry, or has one for
    /// another identity.
    #[error("this workload has no registration entry for its identity")]
    Denied,
    /// No API has renewed the SVID and it has expired.
    #[error("the SVID has expired and no Workload API renews it")]
    Expired,
    /// The runtime has ended the tasks of the source.
    #[error("the source has stopped")]
    Stopped,
}

/// Where events go. One that finds the channel full is lost: nothing waits for whoever reads it.
#[derive(Debug, Clone)]
pub(super) struct Reports(mpsc::Sender<SourceEvent>);

impl Reports {
    pub(super) fn new(sender: mpsc::Sender<SourceEvent>) -> Self {
        Self(sender)
    }

    pub(super) fn tell(&self, event: SourceEvent) {
        tracing::info!(?event, "Workload API");
        let _ = self.0.try_send(event);
    }
}
