//! Links and partitions: what a host says of them, and what goes on by itself.

use super::{Core, Event, Output, Step};
use crate::id::{Millis, NodeId};
use crate::keyring::{Error, Misuse};
use crate::quorum::{CriticalEvent, NO_PARTITION, Report, Tally};

impl Core {
    /// States that this node no longer hears `peer` over the link between them. The others confirm it by
    /// themselves; it stands until [`report_link_up`](Self::report_link_up). After a restart a host says
    /// again how its links are.
    ///
    /// # Errors
    /// [`Misuse`]: `peer` is no member or this node itself, or as many reports of this node as others
    /// keep are undecided; or a fault of the scheme.
    pub fn report_link_down(&self, peer: NodeId, now: Millis) -> Result<Step<Tally>, Error> {
        let reporter = self.node();
        self.report_critical_event(CriticalEvent::LinkDown { reporter, peer, mark: None }, now)
    }

    /// States that this node hears `peer` again over the link between them. Its word is enough: nothing
    /// is certified, so the tally stays pending.
    ///
    /// # Errors
    /// [`Misuse`]: `peer` is no member or this node itself, or nothing newer was heard of it since it
    /// was missed; or a fault of the scheme.
    pub fn report_link_up(&self, peer: NodeId, now: Millis) -> Result<Step<Tally>, Error> {
        let reporter = self.node();
        self.report_critical_event(CriticalEvent::LinkUp { reporter, peer, mark: None }, now)
    }

    /// States that a part of the mesh is out of reach, [as this node sees
    /// it](crate::QuorumValidator::partition), and keeps that up to date while two members or more are
    /// missed.
    ///
    /// # Errors
    /// [`Misuse::Nonsense`] if fewer than two members are missed here, or more than a quorum bears; or
    /// a fault of the scheme.
    pub fn report_partition(&self, now: Millis) -> Result<Step<Tally>, Error> {
        let event = self.quorum.partition(now).ok_or(Misuse::Nonsense(NO_PARTITION))?;
        self.report_critical_event(event, now)
    }

    /// Confirms what others say of their links, and keeps up to date what this node says of a partition.
    pub(super) fn confirm(&self, now: Millis, outputs: &mut Vec<Output>) {
        let partition = self.quorum.partition_to_report(now);
        for event in self.quorum.links_to_confirm().into_iter().chain(partition) {
            let (keyring, entropy) = (&self.keyring, self.entropy.as_ref());
            match self.quorum.report_critical_event(event, keyring, entropy, now) {
                Ok(report) => drop(self.state(&report, now, outputs)),
                // It was taken back, or somebody was heard, while we looked.
                Err(Error::Misuse(_)) => {}
                Err(error) => tracing::warn!(%error, "a statement could not be signed"),
            }
        }
    }

    /// This node said that a link is up: so that everybody hears of it, that is said again, ever less
    /// often.
    pub(super) fn tell_of_a_link(&self, report: &Report) {
        if self.quorum.says_up(report.slot()) {
            let _sent_already = self.timers.lock().is_to_tell(*report.slot());
        }
    }

    /// What to tell the host once `event` has been counted: a link that was certified as down is up.
    pub(super) fn restores(&self, event: &CriticalEvent) -> Option<Event> {
        let CriticalEvent::LinkUp { reporter, peer, .. } = *event else { return None };
        let down = self.quorum.validate_link_down(&reporter, &peer);
        down.map(|_| Event::LinkRestored { reporter, peer })
    }
}
