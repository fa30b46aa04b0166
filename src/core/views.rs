//! How a node goes from one view to the next: what others send for it, and what it does itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::asides::Asides;
use super::engine::Waiting;
use super::{Accepted, Core, Event, Output, Step, past};
use crate::id::{Digest, Link, Millis, ViewNumber};
use crate::keyring::{Error, Misuse};
use crate::membership::{Change, MemberIndex, View};
use crate::quorum::{
    Certificate, Chain, ChainError, CriticalEvent, Tally, UncheckedLink, ViewLink,
};
use crate::store::Batch;
use crate::wire::{self, Container, Packet, Refusal, Tag, WireError};

/// A member that does not get on is sent the same step again after so many resend intervals.
const LINK_PAUSE: u64 = 8;

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
    /// needs to check with a [`Chain`] that the view it is given follows from one that it trusts.
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

    pub(super) fn take_link(
        &self,
        link: Link,
        container: Container<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let bytes = Container::to_bytes(Tag::View, container.mesh(), container.payload());
        let unchecked = UncheckedLink::read(container)?;
        let (found, current) = (unchecked.view().number(), self.view().number());
        if found <= current {
            return self.look_at_rival(link, &unchecked, &bytes, now, outputs);
        }
        if unchecked.follows(self.view()).is_err() {
            // Nothing is proven yet, so no more is done than to ask.
            self.timers.lock().missed_a_view = true;
            return Err(Refusal::OtherView { found, current });
        }
        if self.past.lock().has_stepped(current) {
            return Err(Refusal::Duplicate);
        }
        let decided = self.quorum.view_certificate();
        let step = match decided {
            Some(certificate) => unchecked.certified_by(&certificate)?,
            None => {
                for rotation in unchecked.rotations() {
                    if let Packet::Statement(statement) = Packet::parse(rotation)?
                        && matches!(statement.tag(), Tag::Rotation | Tag::Recovery)
                        && statement.head().origin != self.node()
                    {
                        // What is known is refused, and does no harm.
                        let _known = self.take_key_change(link, &statement, now, outputs);
                    }
                }
                self.gossip.take_checks(link, None, unchecked.checks(self.view())?, now)?;
                unchecked.verify(&self.directory)?.0
            }
        };
        let view = Arc::clone(step.view());
        self.step(step, outputs)
            .map_err(|_| Refusal::Nonsense("what it carries on is unreadable"))?;
        Ok(Accepted::View(view))
    }

    /// Another view of a number that this node is past: keys of members that left long ago can sign one
    /// (attack K12). It replaces nothing. Shown once with signatures that hold it raises an alarm.
    fn look_at_rival(
        &self,
        link: Link,
        unchecked: &UncheckedLink<'_>,
        bytes: &[u8],
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let (number, digest) = (unchecked.view().number(), unchecked.view().digest());
        let before = {
            let past = self.past.lock();
            let is_news = past.would_be_a_rival(number, digest);
            let before = number.0.checked_sub(1).and_then(|before| past.view(ViewNumber(before)));
            before.filter(|_| is_news).map(Arc::clone).ok_or(Refusal::Duplicate)?
        };
        self.gossip.take_checks(link, None, unchecked.checks(&before)?, now)?;
        let mut chain = Chain::from_view(before);
        match chain.extend(bytes) {
            Ok(_) if self.past.lock().met_a_rival(number) => {
                tracing::error!(number = number.0, %digest, "a rival view is certified");
                outputs.push(Output::Event(Event::RivalView { number, digest }));
                Err(Refusal::Outdated)
            }
            Ok(_) => Err(Refusal::Duplicate),
            Err(ChainError::Link { refusal, .. }) => Err(refusal),
            Err(ChainError::Rotation { .. }) => Err(Refusal::Refuted),
        }
    }

    /// A member speaks in a view that is over, so it missed the step. It is sent the next one over the
    /// link that it was heard on, at most one in a resend interval.
    pub(super) fn help_on(
        &self,
        link: Link,
        member: MemberIndex,
        view: ViewNumber,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        let Some(next) = view.0.checked_add(1).map(ViewNumber) else { return };
        let past = self.past.lock();
        let Some(step) = past.link(next) else { return };
        let resend_ms = self.config.quorum.resend_ms;
        let mut asides = self.asides.lock();
        let Some(heard) = asides.get_mut(member.place()) else { return };
        if heard.may_be_helped(view, resend_ms, resend_ms.saturating_mul(LINK_PAUSE), now) {
            outputs.push(Output::SendTo { link, packet: step.as_bytes().to_vec() });
        }
    }

    /// Steps into the next view, once it is decided and known here.
    pub(super) fn step_on(&self, outputs: &mut Vec<Output>) {
        if self.past.lock().has_stepped(self.view().number()) {
            return;
        }
        let Some((view, certificate)) = self.quorum.next_view() else { return };
        let rotations = self.rotations_of(&certificate);
        let stepped = ViewLink::assemble(view, &certificate, &rotations)
            .and_then(|step| self.step(step, outputs));
        if let Err(error) = stepped {
            tracing::error!(%error, "the step to the next view cannot be written");
        }
    }

    /// The rotations by which the keys of the signers follow from those that the view gives them.
    fn rotations_of(&self, certificate: &Certificate) -> Vec<Arc<[u8]>> {
        let asides = self.asides.lock();
        let of = |member: &MemberIndex| {
            let anchor = self.view().member(*member).map(|member| member.key.epoch);
            let known = match *member == self.me {
                true => self.keyring.rotations(),
                false => asides.get(member.place()).map(Asides::rotations).unwrap_or_default(),
            };
            known.into_iter().filter(move |bytes| match Packet::parse(bytes) {
                Ok(Packet::Statement(statement)) => Some(statement.head().epoch) >= anchor,
                _ => false,
            })
        };
        certificate.attestors().iter().flat_map(of).collect()
    }

    /// Writes a step down, unless another thread has begun to.
    fn step(&self, step: ViewLink, outputs: &mut Vec<Output>) -> Result<(), WireError> {
        let mut batch = Batch::new();
        past::put(&mut batch, &step);
        self.quorum.put_parts_after(step.view(), &mut batch)?;
        self.claims.lock().put_leaving(step.view(), &mut batch);
        if !self.past.lock().may_step(self.view().number()) {
            return Ok(());
        }
        outputs.push(self.persist(batch, Waiting::View(step)));
        Ok(())
    }

    /// A step is durable. As with certificates, as many members tell the others as there are liars, and
    /// one more.
    pub(super) fn stepped(&self, step: ViewLink, outputs: &mut Vec<Output>) {
        let (view, packet): (Arc<View>, _) = (Arc::clone(step.view()), step.as_bytes().to_vec());
        {
            let mut past = self.past.lock();
            past.end_step();
            past.add(step);
        }
        if view.index_of(&self.node()).is_none() {
            self.has_left.store(true, Ordering::Relaxed);
        }
        if self.me.place() <= self.view().len() / 3 {
            outputs.push(Output::Send(packet));
        }
        let (number, members) = (view.number().0, view.len());
        tracing::info!(number, members, "the next view has begun");
        outputs.push(Output::Event(Event::ViewChanged { view }));
    }
}
