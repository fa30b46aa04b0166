//! How members' keys change: what is taken, what freezes a member, and who is told what it missed.

use std::sync::Arc;

use super::asides::{Asides, change_in, fingerprint};
use super::{Accepted, Core, Event, Output};
use crate::id::{Epoch, Link, Millis, NodeId};
use crate::keyring::KeyChange;
use crate::membership::{KeyRecord, MemberIndex};
use crate::suite::Purpose;
use crate::wire::{Packet, Refusal, Statement, Tag};

/// Rotations cost two checks.
pub(super) const ROTATION_CHECKS: u32 = 2;

/// Changes of one member's key that a Hello is answered with, 5 to 11 KiB each. A longer chain takes more
/// than one Hello, and each that helps makes the next come soon.
const ANSWERED_AT_ONCE: usize = 4;

/// Links over which somebody is told in a resend interval that it left the key it speaks under.
const TOLD_WHAT_THEY_LEFT: usize = 16;

impl Core {
    pub(super) fn take_key_change(
        &self,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let node = statement.head().origin;
        let member = self.view().index_of(&node).ok_or(Refusal::UnknownOrigin(node))?;
        if self.directory.current(member).is_some_and(|key| key.epoch > statement.head().epoch) {
            return self.take_other_way(link, statement, member, now, outputs);
        }
        if statement.tag() == Tag::Rotation && self.directory.is_frozen(member) {
            return Err(Refusal::Frozen);
        }
        let screened = KeyChange::screen(statement, &self.directory, member, now)?;
        self.gossip.take_checks(link, Some(member), ROTATION_CHECKS, now)?;
        let change = screened.verify(&self.directory)?;
        let (epoch, suite) = (change.to().epoch, change.to().key.suite());
        let is_recovery = matches!(change, KeyChange::Recovery(_));
        if !self.take_turn(member, now) {
            return Err(Refusal::RotationRate);
        }
        let from = (member, statement.head().epoch);
        if !change.apply(&self.directory, from, now.after(self.config.grace_ms)) {
            return Err(Refusal::RotationOrder);
        }
        self.quorum.changed_its_key(member, now);
        if is_recovery {
            self.quorum.recovered(member);
        }
        self.timers.lock().learnt_a_key();
        self.remember_rotation(member, statement, now);
        tracing::info!(%node, %epoch, %suite, is_recovery, "a member has another key");
        outputs.push(Output::Event(match is_recovery {
            true => Event::KeyRecovered { node, epoch, suite },
            false => Event::KeyRotated { node, epoch, suite },
        }));
        Ok(Accepted::Rotation { node, epoch })
    }

    /// One that leads on from a key that another key has followed here. Mostly it is the very one that
    /// led to that: an answer to a Hello brings the whole history again, and that is told without a check.
    ///
    /// If it says something else it is a second one, and the member that signed both is *frozen*: a thief
    /// has all that is on its host, or two hosts have one identity, and others may have taken the other
    /// (attacks K2, K3, K8). Whoever sees both must end up alike in whatever order they came, so no further
    /// rotation is taken; the member's frames are taken as those of one in quarantine are, whichever of
    /// the two hosts they come from; and it is passed on, so that everybody sees both. Nobody pays: who
    /// relayed which has not made it.
    ///
    /// Its votes and statements count on, as P10 wants it: they stand under its signature, the quorum bears f members
    /// that lie, and a thief that makes one contradict another gives a proof. A recovery ends it, and so
    /// does a view that gives the member a key from after the two ways parted, for which two thirds of the
    /// members voted. That view also settles it: what leads on from before it is not looked at any more.
    fn take_other_way(
        &self,
        link: Link,
        statement: &Statement<'_>,
        member: MemberIndex,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let head = statement.head();
        let (node, from) = (head.origin, head.epoch);
        let known = {
            let mut asides = self.asides.lock();
            let heard = asides.get_mut(member.place()).ok_or(Refusal::Duplicate)?;
            match heard.pass_on_again(&fingerprint(statement), now) {
                Some(true) => return Ok(Accepted::Repeated { origin: node }),
                Some(false) => return Err(Refusal::Duplicate),
                None => {}
            }
            heard.change_from(from).ok_or(Refusal::Duplicate)?
        };
        let other = KeyChange::read(statement)?;
        // The same may have been signed twice over.
        if other == known
            || self.directory.is_frozen(member)
            || self.is_settled(member, from, &other)
        {
            return Err(Refusal::Duplicate);
        }
        let screened = KeyChange::screen_other(statement, &self.directory, member)?;
        self.gossip.take_checks(link, Some(member), ROTATION_CHECKS, now)?;
        let other = screened.verify(&self.directory)?;
        if !self.directory.freeze(member, from, other.to().clone()) {
            return Err(Refusal::Duplicate);
        }
        if let Some(heard) = self.asides.lock().get_mut(member.place()) {
            heard.took_other(statement, now);
        }
        let epoch = other.to().epoch;
        tracing::error!(%node, %epoch, "two different changes of one key: the member is frozen");
        outputs.push(Output::Event(Event::KeysFrozen { node, epoch }));
        Ok(Accepted::Frozen { node, epoch })
    }

    /// Whether a view says what came after the key of epoch `from`, or a recovery has outranked it.
    pub(super) fn is_settled(&self, member: MemberIndex, from: Epoch, other: &KeyChange) -> bool {
        let anchor = self.view().member(member).map(|member| member.key.epoch);
        let current = self.directory.current(member).map(|current| current.epoch);
        let (Some(anchor), Some(current)) = (anchor, current) else { return true };
        from < anchor || other.to().epoch.recovery < current.recovery
    }

    /// A change of this node's own key that somebody else brings. One that it made itself is its own. If
    /// it made another one, or none, its secrets are used on another host: the node says so to its host,
    /// which has to act.
    pub(super) fn take_own_key_change(
        &self,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let change = KeyChange::read(statement)?;
        let current = self.own_change_is_foreign(statement, &change)?;
        let (me, node, from) = (self.me, self.node(), statement.head().epoch);
        let epoch = change.to().epoch;
        if current.epoch > from {
            let screened = KeyChange::screen_other(statement, &self.directory, me)?;
            self.gossip.take_checks(link, None, ROTATION_CHECKS, now)?;
            let other = screened.verify(&self.directory)?;
            if !self.directory.freeze(me, from, other.to().clone()) {
                return Err(Refusal::Own);
            }
            tracing::error!(%epoch, "this node's keys were rotated elsewhere, too: they are frozen");
            outputs.push(Output::Event(Event::KeysFrozen { node, epoch }));
            return Ok(Accepted::Frozen { node, epoch });
        }
        let screened = KeyChange::screen(statement, &self.directory, me, now)?;
        self.gossip.take_checks(link, None, ROTATION_CHECKS, now)?;
        let change = screened.verify(&self.directory)?;
        let suite = change.to().key.suite();
        let is_recovery = matches!(change, KeyChange::Recovery(_));
        if !change.apply(&self.directory, (me, from), now) {
            return Err(Refusal::Own);
        }
        // The others take nothing under the key here any more, and this node does not have the other.
        self.keyring.supersede();
        tracing::error!(%epoch, is_recovery, "another host has taken this node's identity");
        outputs.push(Output::Event(match is_recovery {
            true => Event::KeyRecovered { node, epoch, suite },
            false => Event::KeyRotated { node, epoch, suite },
        }));
        outputs.push(Output::Event(Event::SigningStopped { epoch: from }));
        Ok(Accepted::Rotation { node, epoch })
    }

    /// The key here, if a change of this node's own key is none that it made.
    pub(super) fn own_change_is_foreign(
        &self,
        statement: &Statement<'_>,
        change: &KeyChange,
    ) -> Result<Arc<KeyRecord>, Refusal> {
        let ours = self.keyring.rotations();
        let mut ours = ours.iter().filter_map(|bytes| change_in(bytes));
        let (me, from) = (self.me, statement.head().epoch);
        let current = self.directory.current(me).ok_or(Refusal::Own)?;
        let known = ours.find(|(known, _)| *known == from).map(|(_, known)| known);
        // What is being written at this moment is known as soon as it is.
        let is_being_written = self.keyring.is_rotating() && from == current.epoch;
        let is_barred = self.directory.is_frozen(me) && statement.tag() == Tag::Rotation;
        let is_ours = known.as_ref() == Some(change) || is_being_written;
        match is_ours || self.is_settled(me, from, change) || is_barred {
            true => Err(Refusal::Own),
            false => Ok(current),
        }
    }

    fn remember_rotation(&self, member: MemberIndex, statement: &Statement<'_>, now: Millis) {
        let mut asides = self.asides.lock();
        let Some(heard) = asides.get_mut(member.place()) else { return };
        let forgotten = heard.took(statement, now);
        let mut kept = self.kept_rotations.lock();
        for epoch in [Some(statement.head().epoch), forgotten].into_iter().flatten() {
            kept.changed((statement.head().origin, epoch));
        }
    }

    /// Whether `member` may rotate its key once more; checked rotations alone take a turn.
    fn take_turn(&self, member: MemberIndex, now: Millis) -> bool {
        let mut asides = self.asides.lock();
        asides.get_mut(member.place()).is_some_and(|heard| heard.rotations.try_take(now, 1).is_ok())
    }

    /// Whether [`take_turn`](Self::take_turn) would find one.
    pub(super) fn has_turn(&self, member: MemberIndex, now: Millis) -> bool {
        let asides = self.asides.lock();
        asides.get(member.place()).is_some_and(|heard| heard.rotations.peek(now, 1))
    }

    /// Answers a member that lacks a key: what follows the newest that it knows of `lacks`, whether or not
    /// that one is there to tell it itself (attack K5), and of one member that is frozen the change that
    /// the asker may not have seen. It goes back over the link that the Hello came over, at most
    /// [`ANSWERED_AT_ONCE`] and one more, once in a resend interval for each member that asks.
    pub(super) fn tell_keys(
        &self,
        link: Link,
        asker: MemberIndex,
        lacks: Option<(NodeId, Epoch)>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        let mut asides = self.asides.lock();
        let resend_ms = self.config.quorum.resend_ms;
        if !asides.get_mut(asker.place()).is_some_and(|of| of.may_be_told_keys(resend_ms, now)) {
            return;
        }
        let lacked = lacks.and_then(|(node, epoch)| Some((self.view().index_of(&node)?, epoch)));
        let chain = lacked.map_or_else(Vec::new, |(member, known)| match member == self.me {
            true => self.keyring.rotations().into_iter().filter(|it| leads_on(it, known)).collect(),
            false => asides.get(member.place()).map_or_else(Vec::new, |of| {
                of.rotations().into_iter().filter(|it| leads_on(it, known)).collect()
            }),
        });
        let other = asides.iter().find_map(Asides::other_way);
        drop(asides);
        let told = chain.into_iter().take(ANSWERED_AT_ONCE).chain(other);
        outputs.extend(told.map(|it| Output::SendTo { link, packet: it.to_vec() }));
    }

    /// A member begins under a key that it left. Its disk is older than that (attack K14), so it does not
    /// know, and nobody takes what it says: it is told the change of its key that led on, and stops until it
    /// is recovered. That goes back over the link that its words came over, for one signature check. An old
    /// Hello can be played by anybody, so it is told once a link in a resend interval, over few links; and
    /// that takes nothing from what the member is told that asks for keys.
    pub(super) fn tell_what_it_left(
        &self,
        link: Link,
        bytes: &[u8],
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { return };
        let purpose = match statement.tag() {
            Tag::Hello => Purpose::Hello,
            Tag::Claim => Purpose::Claim,
            _ => return,
        };
        let head = statement.head();
        let Some(member) = self.view().index_of(&head.origin) else { return };
        let name = (head.epoch, head.key, head.suite);
        let Some(left) = self.directory.key_ever(member, name) else { return };
        let (signed, signature) = (statement.signed(), statement.signature());
        let resend_ms = self.config.quorum.resend_ms;
        if self.timers.lock().told_left.may(link, TOLD_WHAT_THEY_LEFT, resend_ms, now)
            && self.gossip.take_checks(link, None, 1, now).is_ok()
            && self.directory.verify(&left, purpose, signed, signature).is_ok()
        {
            let asides = self.asides.lock();
            let known = asides.get(member.place()).map(Asides::rotations).unwrap_or_default();
            let change = known.into_iter().find(|it| leads_on(it, head.epoch));
            outputs.extend(change.map(|it| Output::SendTo { link, packet: it.to_vec() }));
        }
    }

    /// A member's frame or statement came under a key that is not known here.
    pub(super) fn note_missed_key_of(&self, node: NodeId) {
        let mut timers = self.timers.lock();
        timers.missed_a_key = true;
        timers.missed_key_of = Some(node);
    }
}

/// Whether a change of a key leads on from the key of this epoch, or from a later one.
fn leads_on(bytes: &[u8], known: Epoch) -> bool {
    match Packet::parse(bytes) {
        Ok(Packet::Statement(statement)) => statement.head().epoch >= known,
        _ => false,
    }
}
