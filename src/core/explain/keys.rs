//! Changes of keys. They are made in the copy of the keys that the walk has.

use super::super::Core;
use super::super::asides::fingerprint;
use super::super::rotations::ROTATION_CHECKS;
use crate::gossip::{Looking, Stage, Walk};
use crate::id::{Link, Millis};
use crate::keyring::KeyChange;
use crate::membership::MemberIndex;
use crate::wire::{Refusal, Statement, Tag};

impl Core {
    pub(super) fn look_at_key_change(
        &self,
        walk: &mut Looking,
        from: (Link, MemberIndex),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let ((link, member), head) = (from, statement.head());
        let keys = walk.directory(&self.directory);
        if keys.current(member).is_some_and(|key| key.epoch > head.epoch) {
            return self.look_at_other_way(walk, from, statement, now);
        }
        let is_frozen = keys.is_frozen(member);
        walk.enters(Stage::Content);
        if statement.tag() == Tag::Rotation && is_frozen {
            return Err(Refusal::Frozen);
        }
        let keys = walk.directory(&self.directory);
        let screened = KeyChange::screen(statement, keys, member, now)?;
        self.gossip.affords(walk, (link, Some(member)), ROTATION_CHECKS, now)?;
        walk.enters(Stage::Signature);
        let change = screened.verify(walk.directory(&self.directory))?;
        walk.enters(Stage::Share);
        if !self.has_turn(member, now) {
            return Err(Refusal::RotationRate);
        }
        walk.enters(Stage::Standing);
        let keys = walk.directory(&self.directory);
        let leads_on = change.apply(keys, (member, head.epoch), now.after(self.config.grace_ms));
        leads_on.then_some(()).ok_or(Refusal::RotationOrder)
    }

    fn look_at_other_way(
        &self,
        walk: &mut Looking,
        (link, member): (Link, MemberIndex),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let from = statement.head().epoch;
        walk.enters(Stage::Seen);
        let known = {
            let asides = self.asides.lock();
            let heard = asides.get(member.place()).ok_or(Refusal::Duplicate)?;
            match heard.repeats(&fingerprint(statement), now) {
                Some(true) => return Ok(()),
                Some(false) => return Err(Refusal::Duplicate),
                None => heard.change_from(from).ok_or(Refusal::Duplicate)?,
            }
        };
        walk.enters(Stage::Content);
        let other = KeyChange::read(statement)?;
        let is_frozen = walk.directory(&self.directory).is_frozen(member);
        if other == known || is_frozen || self.is_settled(member, from, &other) {
            return Err(Refusal::Duplicate);
        }
        let other = self.look_at_freezing(walk, (link, Some(member)), member, statement, now)?;
        let keys = walk.directory(&self.directory);
        let is_news = keys.freeze(member, from, other.to().clone());
        is_news.then_some(()).ok_or(Refusal::Duplicate)
    }

    /// A second change of a key that was left by another way.
    fn look_at_freezing(
        &self,
        walk: &mut Looking,
        pays: (Link, Option<MemberIndex>),
        member: MemberIndex,
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<KeyChange, Refusal> {
        let keys = walk.directory(&self.directory);
        let screened = KeyChange::screen_other(statement, keys, member)?;
        self.gossip.affords(walk, pays, ROTATION_CHECKS, now)?;
        walk.enters(Stage::Signature);
        let other = screened.verify(walk.directory(&self.directory))?;
        walk.enters(Stage::Standing);
        Ok(other)
    }

    pub(super) fn look_at_own_key_change(
        &self,
        walk: &mut Looking,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let (me, from) = (self.me, statement.head().epoch);
        let read = KeyChange::read(statement);
        let current = match &read {
            Ok(change) => self.own_change_is_foreign(statement, change)?,
            Err(_) => self.directory.current(me).ok_or(Refusal::Own)?,
        };
        walk.enters(Stage::Content);
        read?;
        let is_applied = match current.epoch > from {
            true => {
                let other = self.look_at_freezing(walk, (link, None), me, statement, now)?;
                walk.directory(&self.directory).freeze(me, from, other.to().clone())
            }
            false => {
                let keys = walk.directory(&self.directory);
                let screened = KeyChange::screen(statement, keys, me, now)?;
                self.gossip.affords(walk, (link, None), ROTATION_CHECKS, now)?;
                walk.enters(Stage::Signature);
                let change = screened.verify(walk.directory(&self.directory))?;
                walk.enters(Stage::Standing);
                change.apply(walk.directory(&self.directory), (me, from), now)
            }
        };
        is_applied.then_some(()).ok_or(Refusal::Own)
    }
}
