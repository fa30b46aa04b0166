//! What carries the signatures of several members, or none.

use super::super::Core;
use super::super::statements::PROOF_CHECKS;
use crate::gossip::{Looking, Stage, Walk};
use crate::id::{Link, Millis, ViewNumber};
use crate::quorum::{
    Phase, UncheckedCertificate, UncheckedLink, UncheckedPrevotes, UncheckedProof,
};
use crate::store::Batch;
use crate::wire::{Container, Packet, Refusal, Statement, Tag};

impl Core {
    pub(super) fn look_at_certificate(
        &self,
        walk: &mut Looking,
        link: Link,
        container: Container<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        let unchecked = UncheckedCertificate::read(container, self.view(), Phase::Precommit)?;
        walk.enters(Stage::Seen);
        self.quorum.wants_certificate(unchecked.event())?;
        self.gossip.affords(walk, (link, None), unchecked.checks(), now)?;
        walk.enters(Stage::Signature);
        let certificate = unchecked.verify(walk.directory(&self.directory))?;
        walk.enters(Stage::Standing);
        self.quorum.would_accept(&certificate)
    }

    pub(super) fn look_at_prevotes(
        &self,
        walk: &mut Looking,
        link: Link,
        container: Container<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        let unchecked = UncheckedPrevotes::read(container, self.view())?;
        walk.enters(Stage::Seen);
        self.quorum.wants_prevotes(&unchecked)?;
        self.gossip.affords(walk, (link, None), unchecked.checks(), now)?;
        walk.enters(Stage::Signature);
        unchecked.verify(walk.directory(&self.directory)).map(drop)
    }

    pub(super) fn look_at_proof(
        &self,
        walk: &mut Looking,
        link: Link,
        bytes: &[u8],
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        let unchecked = UncheckedProof::read(bytes, walk.directory(&self.directory))?;
        let (offender, epoch, key) = unchecked.condemns();
        walk.enters(Stage::Seen);
        if self.gossip.is_condemned(offender, epoch, &key) {
            return Err(Refusal::Duplicate);
        }
        self.gossip.affords(walk, (link, None), PROOF_CHECKS, now)?;
        walk.enters(Stage::Signature);
        unchecked.verify(walk.directory(&self.directory)).map(drop)
    }

    pub(super) fn look_at_change(
        &self,
        walk: &mut Looking,
        container: &Container<'_>,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        self.read_change(container).map(drop)
    }

    pub(super) fn look_at_step(
        &self,
        walk: &mut Looking,
        link: Link,
        container: Container<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        let unchecked = UncheckedLink::read(container)?;
        walk.enters(Stage::View);
        let (found, current) = (unchecked.view().number(), self.view().number());
        if found <= current {
            return self.look_at_rival_of_ours(walk, link, &unchecked, now);
        }
        if unchecked.follows(self.view()).is_err() {
            return Err(Refusal::OtherView { found, current });
        }
        walk.enters(Stage::Seen);
        if self.past.lock().has_stepped(current) {
            return Err(Refusal::Duplicate);
        }
        for rotation in unchecked.rotations() {
            let Packet::Statement(statement) = Packet::parse(rotation)? else { continue };
            walk.apart(|walk| self.look_at_brought(walk, link, &statement, now));
        }
        self.check_step(walk, link, &unchecked, now)?;
        walk.enters(Stage::Standing);
        let parts = self.quorum.put_parts_after(unchecked.view(), &mut Batch::new());
        parts.map_err(|_| Refusal::Nonsense("what it carries on is unreadable"))
    }

    /// A rotation in a step. What is known is refused, and does no harm.
    fn look_at_brought(
        &self,
        walk: &mut Looking,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
    ) {
        let node = statement.head().origin;
        if let Some(member) = self.view().index_of(&node)
            && matches!(statement.tag(), Tag::Rotation | Tag::Recovery)
            && node != self.node()
        {
            let _known = self.look_at_key_change(walk, (link, member), statement, now);
        }
    }

    fn look_at_rival_of_ours(
        &self,
        walk: &mut Looking,
        link: Link,
        unchecked: &UncheckedLink<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let (number, digest) = (unchecked.view().number(), unchecked.view().digest());
        walk.enters(Stage::Seen);
        let before = {
            let past = self.past.lock();
            let is_news = past.would_be_a_rival(number, digest);
            let before = number.0.checked_sub(1).and_then(|before| past.view(ViewNumber(before)));
            before.filter(|_| is_news).cloned().ok_or(Refusal::Duplicate)?
        };
        self.gossip.affords(walk, (link, None), unchecked.checks(&before)?, now)?;
        walk.enters(Stage::Signature);
        unchecked.verify_alone(&before)?;
        walk.enters(Stage::Standing);
        Err(Refusal::Outdated)
    }

    pub(super) fn look_at_cookie(
        &self,
        walk: &mut Looking,
        cookie: &Container<'_>,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        Ok(self.gossip.echo(cookie).map(drop)?)
    }

    pub(super) fn look_at_cookie_echo(
        &self,
        walk: &mut Looking,
        link: Link,
        echo: &Container<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        self.gossip.look_at_echo(link, echo, now).map(drop)
    }
}
