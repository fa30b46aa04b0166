//! Changes of the members: what is proposed, here and by others.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Accepted, Core, Event, Output, Step};
use crate::id::{Digest, Millis};
use crate::keyring::{Error, Misuse};
use crate::membership::Change;
use crate::quorum::{CriticalEvent, Tally, ViewLink};
use crate::wire::{self, Container, Refusal};

impl Core {
    /// Proposes a change of the members, or accepts the one that another member proposed (see
    /// [`Event::ChangeProposed`]). Two thirds of the members have to; then the nodes agree on the next
    /// view by themselves, and [`Event::ViewChanged`] tells when it has begun.
    ///
    /// # Errors
    /// [`Misuse::Change`]: it starts from another view, or makes no sense there, or names a key that is
    /// not known here, or [replaces](Change::replace) one of a member that is not lost, or is longer than
    /// a packet may be; [`Misuse::TooManyProposals`]; or a fault of
    /// the scheme.
    pub fn propose_change(&self, change: Change, now: Millis) -> Result<Step<Tally>, Error> {
        self.may_speak()?;
        let event = self.quorum.check_change(&change, now)?;
        let bytes = change.to_bytes().map_err(|error| Misuse::Change(error.to_string()))?;
        let (found, limit) = (bytes.len(), wire::max_container_len(self.view().len()));
        if found > limit.saturating_sub(64) {
            return Err(Misuse::Change(format!("{found} bytes, too many for a packet")).into());
        }
        self.quorum.keep_change(&event, change);
        let step = self.report_critical_event(event, now)?;
        self.timers.lock().change_is_new();
        Ok(step)
    }

    /// The change of the members with this digest, if somebody votes for it and it is known here.
    pub fn change(&self, digest: &Digest) -> Option<Arc<Change>> {
        self.quorum.change(digest)
    }

    /// The steps that lead to the newest view, oldest first, as many as are kept: what a node that joins
    /// needs to check with a [`Chain`](crate::Chain) that the view it is given follows from one that it trusts.
    pub fn view_links(&self) -> Vec<ViewLink> {
        self.past.lock().links().cloned().collect()
    }

    /// Whether this node may still speak in its view.
    pub(super) fn is_in_view(&self) -> Result<(), Misuse> {
        match self.has_left.load(Ordering::Relaxed) {
            true => Err(Misuse::NotAMember(self.node())),
            false => Ok(()),
        }
    }

    /// Whether it may sign statements and messages there.
    pub(super) fn may_speak(&self) -> Result<(), Misuse> {
        self.is_in_view()?;
        self.keyring.is_confirmed().then_some(()).ok_or(Misuse::Unconfirmed)
    }

    pub(super) fn take_change(
        &self,
        container: &Container<'_>,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let (event, change, digest) = self.read_change(container)?;
        self.quorum.keep_change(&event, change);
        let change = self.quorum.change(&digest).ok_or(Refusal::Duplicate)?;
        outputs.push(Output::Event(Event::ChangeProposed { change: Arc::clone(&change) }));
        Ok(Accepted::Change(change))
    }

    /// What a change that somebody votes for would bring about, if it is news here.
    pub(super) fn read_change(
        &self,
        container: &Container<'_>,
    ) -> Result<(CriticalEvent, Change, Digest), Refusal> {
        let no_change = |_| Refusal::Nonsense("it is no change that could be made here");
        let change = Change::from_bytes(container.payload()).map_err(|error| match error {
            crate::membership::ViewError::Wire(error) => Refusal::from(error),
            error => no_change(error),
        })?;
        let digest = change.digest().map_err(no_change)?;
        self.quorum.wants_change(digest)?;
        self.view().changed(&change, Vec::new()).map_err(no_change)?;
        let event = self.quorum.event_of_change(digest);
        let event = event.ok_or(Refusal::Nonsense("there is no next view"))?;
        Ok((event, change, digest))
    }
}
