//! Challenges and answers: whether members live that are missed here.

use super::{Accepted, Core, Event, Output};
use crate::id::{Link, Millis, NodeId};
use crate::membership::{Directory, MemberIndex};
use crate::quorum::{Answer, Challenge, TakenAnswer};
use crate::suite::Purpose;
use crate::wire::{Packet, Refusal, Statement, StatementHead, Tag};

impl Core {
    /// Asks who is missed, and answers who asked since the last tick: often that is everybody at once,
    /// and one answer does for all.
    pub(super) fn ask_and_answer(&self, now: Millis, outputs: &mut Vec<Output>) {
        let (signer, shut) = ((&*self.keyring, self.entropy.as_ref()), self.gossip.unproven());
        match self.quorum.next_challenge(signer, shut, now) {
            Ok(challenge) => outputs.extend(challenge.map(Output::Send)),
            Err(error) => tracing::warn!(%error, "a challenge could not be signed"),
        }
        match self.quorum.next_answer(&self.keyring, self.entropy.as_ref(), now) {
            Ok(answer) => outputs.extend(answer.map(Output::Send)),
            Err(error) => tracing::warn!(%error, "an answer could not be signed"),
        }
    }

    /// Notes a refusal that does not say whether what was refused is true: its origin may live.
    pub(super) fn note_muffled(&self, origin: Option<NodeId>, refusal: &Refusal) {
        let may_be_true = matches!(
            refusal,
            Refusal::LinkQuarantined
                | Refusal::LinkBudget
                | Refusal::CheckBudget
                | Refusal::OriginQuarantined
                | Refusal::OriginRate
                | Refusal::OverRate
                | Refusal::UnknownKey { .. }
                | Refusal::OtherView { .. }
                | Refusal::ClosedEpoch
                | Refusal::Replay
                | Refusal::Unproven
                | Refusal::Equivocation
        );
        let member = origin.filter(|_| may_be_true).and_then(|node| self.view().index_of(&node));
        if let Some(member) = member {
            self.quorum.muffled(member);
        }
    }

    /// Whether a packet is an answer that gives back a riddle of this node: it is looked at whatever
    /// its link has used up or done, or whoever floods in its origin's name would silence that too
    /// (attack Q19). Costs a short comparison.
    pub(super) fn is_awaited(&self, packet: &Packet<'_>, now: Millis) -> bool {
        let Packet::Statement(statement) = packet else { return false };
        if statement.tag() != Tag::Answer {
            return false;
        }
        let member = self.view().index_of(&statement.head().origin);
        let answer = Answer::read(statement, self.view());
        let (Some(member), Ok(answer)) = (member, answer) else { return false };
        self.quorum.awaits(member, &answer, now)
    }

    pub(super) fn take_challenge(
        &self,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<Accepted, Refusal> {
        let node = statement.head().origin;
        let member = self.view().index_of(&node).ok_or(Refusal::UnknownOrigin(node))?;
        let challenge = Challenge::read(statement, self.view())?;
        self.quorum.screen_challenge((member, &challenge), now)?;
        self.gossip.take_checks(link, Some(member), 1, now)?;
        self.check(statement, (member, Purpose::Challenge), now)?;
        let asks_others = self.quorum.take_challenge((member, challenge), now)?;
        if self.gossip.is_unproven(member) {
            self.quorum.asks_itself(member);
        }
        Ok(Accepted::Challenge { challenger: node, asks_others })
    }

    pub(super) fn take_answer(
        &self,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let node = statement.head().origin;
        let member = self.view().index_of(&node).ok_or(Refusal::UnknownOrigin(node))?;
        let answer = Answer::read(statement, self.view())?;
        self.quorum.screen_answer((member, &answer), now)?;
        if !self.quorum.admit_awaited(member, &answer, now) {
            self.gossip.take_checks(link, Some(member), 1, now)?;
        }
        self.check(statement, (member, Purpose::Answer), now)?;
        let TakenAnswer { is_alive, answers_others } =
            self.quorum.take_answer((member, &answer), now)?;
        let StatementHead { epoch, key, .. } = *statement.head();
        if is_alive && self.gossip.opens(member, (epoch, key), answer.newest()) {
            self.gossip.was_of_use(link, member, now);
            tracing::debug!(%node, %epoch, from = %answer.newest(), "a member is taken again");
        }
        let header = statement.attachment();
        if self.quorum.wants_header(member, header)
            && (is_alive && self.quorum.admit_beside(member, now)
                || self.gossip.take_checks(link, Some(member), 1, now).is_ok())
            && self.quorum.heard_beside_answer(member, header, now)
        {
            tracing::info!(%node, "a failed member is back");
            outputs.push(Output::Event(Event::NodeReturned { node }));
        }
        Ok(Accepted::Answer { node, answers_others })
    }

    pub(super) fn check(
        &self,
        statement: &Statement<'_>,
        (member, purpose): (MemberIndex, Purpose),
        now: Millis,
    ) -> Result<(), Refusal> {
        Self::check_in(&self.directory, statement, (member, purpose), now)
    }

    /// The same with the keys in `directory`.
    pub(super) fn check_in(
        directory: &Directory,
        statement: &Statement<'_>,
        (member, purpose): (MemberIndex, Purpose),
        now: Millis,
    ) -> Result<(), Refusal> {
        let head = statement.head();
        let key = directory
            .key(member, (head.epoch, head.key, head.suite), now)
            .ok_or(Refusal::UnknownKey { origin: head.origin, epoch: head.epoch })?;
        let (signed, signature) = (statement.signed(), statement.signature());
        directory.verify(&key.record, purpose, signed, signature)?;
        Ok(())
    }
}
