//! How a node goes from one view to the next: what others send for it, and what it does itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::asides::{Asides, change_in};
use super::engine::Waiting;
use super::{Accepted, Core, Event, Output, past};
use crate::gossip::{Stage, Taking, Walk};
use crate::id::{Digest, Epoch, Link, Millis, ViewNumber};
use crate::membership::MemberIndex;
use crate::quorum::{Certificate, CheckedLink, UncheckedLink, ViewLink};
use crate::store::Batch;
use crate::wire::{Container, Packet, Refusal, Tag, WireError};

/// A member that does not get on is sent the same step again after so many resend intervals.
const LINK_PAUSE: u64 = 8;

impl Core {
    pub(super) fn take_link(
        &self,
        link: Link,
        container: Container<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let unchecked = UncheckedLink::read(container)?;
        let (found, current) = (unchecked.view().number(), self.view().number());
        if found <= current {
            return self.look_at_rival(link, &unchecked, now, outputs);
        }
        if unchecked.follows(self.view()).is_err() {
            // Nothing is proven yet, so no more is done than to ask.
            self.timers.lock().missed_a_view = true;
            return Err(Refusal::OtherView { found, current });
        }
        if self.past.lock().has_stepped(current) {
            return Err(Refusal::Duplicate);
        }
        for rotation in unchecked.rotations() {
            if let Packet::Statement(statement) = Packet::parse(rotation)?
                && matches!(statement.tag(), Tag::Rotation | Tag::Recovery)
                && statement.head().origin != self.node()
            {
                // What is known is refused, and does no harm.
                let _known = self.take_key_change(link, &statement, now, outputs);
            }
        }
        let checked = self.check_step(&mut Taking, link, &unchecked, now)?;
        let CheckedLink { certificate, rotations } = checked;
        let rotations = rotations.unwrap_or_else(|| self.rotations_of(&certificate));
        let view = Arc::clone(unchecked.view());
        let step = ViewLink::assemble(self.view(), Arc::clone(&view), &certificate, &rotations)?;
        self.step(step, outputs)
            .map_err(|_| Refusal::Nonsense("what it carries on is unreadable"))?;
        Ok(Accepted::View(view))
    }

    /// Checks a step that leads on from the view here: by the keys that are known here, or, if they are not
    /// all, by the rotations in it, which it then gives. A member that is frozen here may have signed it with
    /// a key that this node takes for nobody's: what others saw first decides nothing that the mesh has
    /// not (attack K8).
    ///
    /// What this node keeps and gives to others is put together anew from what was checked. Whoever passed
    /// the step on may have taken rotations away from it, or put others in.
    pub(super) fn check_step<W: Walk>(
        &self,
        walk: &mut W,
        link: Link,
        unchecked: &UncheckedLink<'_>,
        now: Millis,
    ) -> Result<CheckedLink, Refusal> {
        let decided = self.quorum.view_certificate();
        if let Some(certificate) = decided.filter(|decided| unchecked.is_certified_by(decided)) {
            return Ok(CheckedLink { certificate, rotations: None });
        }
        let pending = unchecked.pending(walk.directory(&self.directory));
        match pending.map(|pending| pending.checks().count()) {
            Ok(checks) => {
                let checks = u32::try_from(checks).unwrap_or(u32::MAX);
                self.gossip.affords(walk, (link, None), checks, now)?;
                walk.enters(Stage::Signature);
                let pending = unchecked.pending(walk.directory(&self.directory))?;
                let certificate = pending.verify()?.into();
                Ok(CheckedLink { certificate, rotations: None })
            }
            Err(Refusal::UnknownKey { .. }) if !unchecked.rotations().is_empty() => {
                let checks = unchecked.checks(self.view())?;
                self.gossip.affords(walk, (link, None), checks, now)?;
                walk.enters(Stage::Signature);
                unchecked.verify_alone(self.view())
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Another view of a number that this node is past: keys of members that left long ago can sign one
    /// (attack K12). It replaces nothing. Shown once with signatures that hold it raises an alarm.
    fn look_at_rival(
        &self,
        link: Link,
        unchecked: &UncheckedLink<'_>,
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
        unchecked.verify_alone(&before)?;
        if !self.past.lock().met_a_rival(number) {
            return Err(Refusal::Duplicate);
        }
        tracing::error!(number = number.0, %digest, "a rival view is certified");
        outputs.push(Output::Event(Event::RivalView { number, digest }));
        Err(Refusal::Outdated)
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
            let packets = step.shortened(self.view().len()).into_iter();
            let packets = packets.chain([step.as_bytes().to_vec()]);
            outputs.extend(packets.map(|packet| Output::SendTo { link, packet }));
        }
    }

    /// Steps into the next view, once it is decided and known here.
    pub(super) fn step_on(&self, outputs: &mut Vec<Output>) {
        if self.past.lock().has_stepped(self.view().number()) {
            return;
        }
        let Some((view, certificate)) = self.quorum.next_view() else { return };
        let rotations = self.rotations_of(&certificate);
        let stepped = ViewLink::assemble(self.view(), view, &certificate, &rotations)
            .and_then(|step| self.step(step, outputs));
        if let Err(error) = stepped {
            tracing::error!(%error, "the step to the next view cannot be written");
        }
    }

    /// The rotations by which the keys that `certificate` is signed with follow from those that the view gives.
    fn rotations_of(&self, certificate: &Certificate) -> Vec<Arc<[u8]>> {
        let asides = self.asides.lock();
        let way = |(member, epoch, key): (MemberIndex, Epoch, Digest)| {
            let anchor = self.view().member(member)?.key.epoch;
            let heard = asides.get(member.place()).filter(|_| member != self.me);
            let known = heard.map_or_else(|| self.keyring.rotations(), Asides::rotations);
            let other = heard.and_then(Asides::other_way);
            Some(way_to((epoch, key), known, other, anchor))
        };
        certificate.signers(self.view()).into_iter().filter_map(way).flatten().collect()
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
        let (view, members) = (Arc::clone(step.view()), self.view().len());
        if self.me.place() <= members / 3 {
            let packet = step.shortened(members);
            outputs.push(Output::Send(packet.unwrap_or_else(|| step.as_bytes().to_vec())));
        }
        {
            let mut past = self.past.lock();
            past.end_step();
            past.add(step);
        }
        if view.index_of(&self.node()).is_none() {
            self.has_left.store(true, Ordering::Relaxed);
        }
        let (number, members) = (view.number().0, view.len());
        tracing::info!(number, members, "the next view has begun");
        outputs.push(Output::Event(Event::ViewChanged { view }));
    }
}

/// Of the changes of a member's key that were taken, and the `other` that contradicts one of them, those by
/// which the key of `epoch` follows from that of the epoch `anchor`.
fn way_to(
    (epoch, key): (Epoch, Digest),
    known: Vec<Arc<[u8]>>,
    other: Option<Arc<[u8]>>,
    anchor: Epoch,
) -> Vec<Arc<[u8]>> {
    let turn = other.and_then(|bytes| {
        let (from, change) = change_in(&bytes)?;
        let leads_there = change.to().epoch == epoch && change.to().key.digest() == key;
        leads_there.then_some((from, bytes))
    });
    let until = turn.as_ref().map_or(epoch, |(from, _)| *from);
    let on_the_way = |(from, _)| anchor <= from && from < until;
    let before = known.into_iter().filter(|bytes| change_in(bytes).is_some_and(on_the_way));
    before.chain(turn.map(|(_, bytes)| bytes)).collect()
}
