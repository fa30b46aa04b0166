//! What this node does for others that claim the number of their start: see the [rule](super::lease).

use super::asides::whole;
use super::boot::{Claim, MOST_WITNESSED, Riddle, Witness, Witnessed};
use super::claims::Look;
use super::engine::Waiting;
use super::tick::is_due;
use super::{Accepted, Core, Output};
use crate::id::{Link, Millis, NodeId};
use crate::keyring::Error;
use crate::membership::MemberIndex;
use crate::suite::Purpose;
use crate::wire::{self, Refusal, SignedHeader, Statement, Tag, seal_statement};

/// A node is told of a higher boot over so many links in a resend interval, once over each.
pub(super) const MOST_TOLD_ON: usize = 4;
/// What is due is witnessed so many times in a resend interval: often many claim at once.
const WITNESSES_A_RESEND: u64 = 4;

impl Core {
    pub(super) fn take_claim(
        &self,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let node = statement.head().origin;
        let member = self.view().index_of(&node).ok_or(Refusal::UnknownOrigin(node))?;
        let (claim, packet) = (Claim::read(statement)?, whole(statement));
        if claim.view != self.view().digest() {
            return self.look_at_elsewhere(link, (member, &claim), statement, now, outputs);
        }
        let heard = self.quorum.newest_header(member);
        let has_begun = self.has_begun(member, &claim);
        let look = self.claims.lock().look(&node, &claim, &packet);
        match look {
            Look::Same if has_begun => return Err(Refusal::Duplicate),
            Look::Same => return self.claimed_again(node, now, outputs),
            Look::Busy => return Err(Refusal::Duplicate),
            Look::Lower => {
                self.check_to_tell(link, member, statement, now)?;
                let highest = self.claims.lock().highest(&node);
                outputs.extend(
                    highest.map(|(_, packet)| Output::SendTo { link, packet: packet.to_vec() }),
                );
                return Err(Refusal::Outdated);
            }
            Look::News if has_begun => {
                self.check_to_tell(link, member, statement, now)?;
                let boot = heard.0.map_or(claim.boot, |mark| mark.nonce.boot);
                let evidence = Witnessed { claimant: member, riddle: claim.riddle, boot };
                match self.seal_witness(vec![evidence]) {
                    Ok(packet) => {
                        let packet = [packet, heard.1].concat();
                        outputs.push(Output::SendTo { link, packet });
                    }
                    Err(error) => tracing::warn!(%error, "evidence could not be signed"),
                }
                return Err(Refusal::Outdated);
            }
            Look::News => {}
        }
        self.gossip.take_checks(link, Some(member), 1, now)?;
        self.check(statement, (member, Purpose::Claim), now)?;
        let batch = self.claims.lock().take(node, &claim, &packet, now)?;
        outputs.push(self.persist_claim(node, (claim.boot, claim.riddle), batch));
        // It starts, and cannot say Hello yet.
        self.show_votes(link, member, outputs);
        self.timers.lock().history_wanted = true;
        self.proofs.lock().offer();
        Ok(Accepted::Claim(node))
    }

    /// Whether a start of `member` with the number that it claims, or a later one, has been heard.
    pub(super) fn has_begun(&self, member: MemberIndex, claim: &Claim) -> bool {
        let (heard, _) = self.quorum.newest_header(member);
        heard.is_some_and(|mark| claim.boot <= mark.nonce.boot)
    }

    /// A claim in another view counts nowhere, but shows where its node stands.
    fn look_at_elsewhere(
        &self,
        link: Link,
        (member, claim): (MemberIndex, &Claim),
        statement: &Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let (found, current) = (claim.number, self.view().number());
        if found < current {
            self.check_to_tell(link, member, statement, now)?;
            self.help_on(link, member, found, now, outputs);
        } else if found > current {
            self.timers.lock().missed_a_view = true;
        }
        Err(Refusal::OtherView { found, current })
    }

    /// Checks a claim that is to be answered over its link alone.
    fn check_to_tell(
        &self,
        link: Link,
        member: MemberIndex,
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let (node, interval_ms) = (statement.head().origin, self.config.quorum.resend_ms);
        if !self.claims.lock().answered(node).may(link, MOST_TOLD_ON, interval_ms, now) {
            return Err(Refusal::Outdated);
        }
        self.gossip.take_checks(link, Some(member), 1, now)?;
        self.check(statement, (member, Purpose::Claim), now)
    }

    fn claimed_again(
        &self,
        node: NodeId,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let interval_ms = self.config.quorum.resend_ms / 2;
        let (passes_on, batch) = self.claims.lock().again(node, interval_ms, now);
        if let Some(batch) = batch
            && let Some((at, packet)) = self.claims.lock().highest(&node)
            && let Ok(wire::Packet::Statement(statement)) = wire::Packet::parse(&packet)
            && let Ok(claim) = Claim::read(&statement)
        {
            outputs.push(self.persist_claim(node, (at, claim.riddle), batch));
        }
        match passes_on {
            true => Ok(Accepted::Repeated { origin: node }),
            false => Err(Refusal::Duplicate),
        }
    }

    fn persist_claim(&self, node: NodeId, at: (u32, Riddle), batch: crate::store::Batch) -> Output {
        self.persist(batch, Waiting::Claim(node, at))
    }

    /// Witnesses what was claimed and is stored.
    pub(super) fn witness(&self, now: Millis, outputs: &mut Vec<Output>) {
        let due = {
            let mut claims = self.claims.lock();
            if !claims.is_any_due() {
                return;
            }
            let interval_ms = self.config.quorum.resend_ms / WITNESSES_A_RESEND;
            if !is_due(&mut self.timers.lock().last_witness, interval_ms, now) {
                return;
            }
            claims.due(self.view(), MOST_WITNESSED, now)
        };
        if due.is_empty() {
            return;
        }
        match self.seal_witness(due) {
            Ok(packet) => outputs.push(Output::Send(packet)),
            Err(error) => tracing::warn!(%error, "a witness could not be signed"),
        }
    }

    fn seal_witness(&self, claims: Vec<Witnessed>) -> Result<Vec<u8>, Error> {
        let said = Witness { view: self.view().digest(), claims };
        let content = wire::encode("a witness", &said)?;
        let (head, key) = self.keyring.statement_head();
        Ok(seal_statement(Tag::Witness, &head, &content, &key.key, self.entropy.as_ref())?)
    }

    pub(super) fn take_witness(
        &self,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let node = statement.head().origin;
        let member = self.view().index_of(&node).ok_or(Refusal::UnknownOrigin(node))?;
        let said = Witness::read(statement, self.view())?;
        if !statement.attachment().is_empty() {
            // A header proves itself, whoever brings it.
            let signed = SignedHeader::parse(statement.attachment())?;
            if signed.header().origin != self.node() {
                return Err(Refusal::Nonsense("evidence for another node"));
            }
            self.look_at_own_header(link, &signed, now, outputs);
            return Ok(Accepted::Witness { node, is_news: false });
        }
        let is_ours = self.awaits_witness(member, &said);
        let is_news = self.claims.lock().is_news(self.view(), member, &said);
        if !is_ours && !is_news {
            return Err(Refusal::Duplicate);
        }
        self.gossip.take_checks(link, Some(member), 1, now)?;
        self.check(statement, (member, Purpose::Witness), now)?;
        let is_news = self.claims.lock().saw(self.view(), member, &said);
        if is_ours {
            self.count_witness(member, &said, outputs);
        }
        Ok(Accepted::Witness { node, is_news })
    }
}
