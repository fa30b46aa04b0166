//! What members say when they start: Hellos, claims of boots, witnesses to them.

use super::super::Core;
use super::super::asides::{Hello, whole};
use super::super::boot::{Claim, Witness};
use super::super::claims::Look;
use super::super::once::OncePerLink;
use super::super::witnessing::MOST_TOLD_ON;
use crate::gossip::{Looking, Stage, Walk};
use crate::id::{Link, Millis};
use crate::membership::MemberIndex;
use crate::suite::Purpose;
use crate::wire::{Refusal, SignedHeader, Statement};

impl Core {
    pub(super) fn look_at_hello(
        &self,
        walk: &mut Looking,
        from: (Link, MemberIndex),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let member = from.1;
        walk.enters(Stage::Content);
        let number = Hello::read(statement)?.number(statement.head());
        walk.enters(Stage::Key);
        let is_news = self.hello_is_news((member, number), statement, now);
        if !matches!(is_news, Err(Refusal::UnknownKey { .. })) {
            walk.enters(Stage::Seen);
        }
        is_news?;
        self.look_at_check(walk, (from, Purpose::Hello), statement, now)
    }

    pub(super) fn look_at_claim(
        &self,
        walk: &mut Looking,
        from: (Link, MemberIndex),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let (member, node) = (from.1, statement.head().origin);
        walk.enters(Stage::Content);
        let (claim, packet) = (Claim::read(statement)?, whole(statement));
        let (found, current) = (claim.number, self.view().number());
        if claim.view != self.view().digest() {
            if found < current {
                self.look_whether_to_tell(walk, from, statement, now)?;
            }
            walk.enters(Stage::Standing);
            return Err(Refusal::OtherView { found, current });
        }
        walk.enters(Stage::Seen);
        let has_begun = self.has_begun(member, &claim);
        let interval_ms = self.config.quorum.resend_ms / 2;
        let look = self.claims.lock().look(&node, &claim, &packet);
        match look {
            Look::Same if !has_begun && self.claims.lock().repeats(&node, interval_ms, now) => {
                return Ok(());
            }
            Look::Same | Look::Busy => return Err(Refusal::Duplicate),
            Look::News if !has_begun => {}
            Look::Lower | Look::News => {
                self.look_whether_to_tell(walk, from, statement, now)?;
                walk.enters(Stage::Standing);
                return Err(Refusal::Outdated);
            }
        }
        self.look_at_check(walk, (from, Purpose::Claim), statement, now)?;
        walk.enters(Stage::Share);
        self.claims.lock().has_room(&node, now)
    }

    /// What is answered over its link alone is checked before it is refused.
    fn look_whether_to_tell(
        &self,
        walk: &mut Looking,
        from: (Link, MemberIndex),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let link = from.0;
        let interval_ms = self.config.quorum.resend_ms;
        let would = |told: &OncePerLink| told.would(link, MOST_TOLD_ON, interval_ms, now);
        if !self.claims.lock().was_answered(&statement.head().origin).is_none_or(would) {
            return Err(Refusal::Outdated);
        }
        self.look_at_check(walk, (from, Purpose::Claim), statement, now)
    }

    pub(super) fn look_at_witness(
        &self,
        walk: &mut Looking,
        from: (Link, MemberIndex),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let member = from.1;
        walk.enters(Stage::Content);
        let said = Witness::read(statement, self.view())?;
        if !statement.attachment().is_empty() {
            let signed = SignedHeader::parse(statement.attachment())?;
            return match signed.header().origin == self.node() {
                true => Ok(()),
                false => Err(Refusal::Nonsense("evidence for another node")),
            };
        }
        walk.enters(Stage::Seen);
        let is_news = self.claims.lock().is_news(self.view(), member, &said);
        if !self.awaits_witness(member, &said) && !is_news {
            return Err(Refusal::Duplicate);
        }
        self.look_at_check(walk, (from, Purpose::Witness), statement, now)
    }
}
