//! What arrives outside frames: statements that are signed as a whole, certificates, proofs.

use std::sync::Arc;

use super::asides::Hello;
use super::{Accepted, Core, Event, Output};
use crate::gossip::{Stage, Taking, Walk};
use crate::id::{Link, Millis, Nonce};
use crate::membership::{KeyInForce, MAX_MEMBERS, MemberIndex};
use crate::quorum::{
    Attestation, Certificate, CriticalEvent, Phase, Slot, Tally, UncheckedBallot,
    UncheckedCertificate, UncheckedPrevotes, UncheckedProof, max_link_len,
};
use crate::suite::Purpose;
use crate::wire::{self, Container, Packet, Refusal, Statement, Tag, WireError};

/// Proofs cost two checks.
pub(super) const PROOF_CHECKS: u32 = 2;

impl Core {
    pub(super) fn take_bare(
        &self,
        link: Link,
        bytes: &[u8],
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let mut origin = None;
        let packet = self.parse_bare(&mut Taking, link, bytes, now);
        let taken = packet.and_then(|packet| match packet {
            Packet::Statement(statement) => {
                origin = Some(statement.head().origin);
                let tag = statement.tag();
                if origin == Some(self.node()) {
                    return match tag {
                        Tag::Rotation | Tag::Recovery => {
                            self.take_own_key_change(link, &statement, now, outputs)
                        }
                        _ => {
                            self.look_at_own(link, statement, now, outputs);
                            Err(Refusal::Own)
                        }
                    };
                }
                match tag {
                    Tag::Attestation => self.take_attestation(link, statement, now, outputs),
                    Tag::Ballot => self.take_ballot(link, statement, now, outputs),
                    Tag::Rotation | Tag::Recovery => {
                        self.take_key_change(link, &statement, now, outputs)
                    }
                    Tag::Challenge => self.take_challenge(link, &statement, now),
                    Tag::Answer => self.take_answer(link, &statement, now, outputs),
                    Tag::Claim => self.take_claim(link, &statement, now, outputs),
                    Tag::Witness => self.take_witness(link, &statement, now, outputs),
                    _ => self.take_hello(link, &statement, now, outputs),
                }
            }
            Packet::Certificate(container) => self.take_certificate(link, container, now, outputs),
            Packet::Prevotes(container) => self.take_prevotes(link, container, now, outputs),
            Packet::Change(container) => self.take_change(&container, outputs),
            Packet::View(container) => self.take_link(link, container, now, outputs),
            Packet::Proof(_) => self.take_proof(link, bytes, now, outputs),
            Packet::Cookie(cookie) => {
                let packet = self.gossip.echo(&cookie)?;
                outputs.push(Output::SendTo { link, packet });
                Ok(Accepted::Cookie)
            }
            Packet::CookieEcho(echo) => {
                self.gossip.take_cookie_echo(link, &echo, now).map(Accepted::CookieEcho)
            }
            Packet::Frame(_) => Err(Refusal::Nonsense("a frame is no bare statement")),
        });
        match taken {
            Ok(accepted) => {
                self.counters.taken(Tag::of(bytes).ok());
                let signer = accepted.signer().and_then(|node| self.view().index_of(&node));
                if let Some(member) = signer {
                    self.heard_signed(member, outputs);
                }
                Ok(accepted)
            }
            Err(refusal) => {
                // A proof may stand under a key that nobody can tell this node any more, and is offered
                // for good. What its author says now shows whether a key was missed.
                if Tag::of(bytes) != Ok(Tag::Proof) {
                    self.note_missed_key(&refusal);
                }
                if matches!(refusal, Refusal::UnknownKey { .. }) {
                    self.tell_what_it_left(link, bytes, now, outputs);
                }
                Err(self.refused(link, origin, refusal, now, outputs))
            }
        }
    }

    /// The packet in `bytes`, if it is one, for this mesh, and its link may bring it.
    pub(super) fn parse_bare<'a, W: Walk>(
        &self,
        walk: &mut W,
        link: Link,
        bytes: &'a [u8],
        now: Millis,
    ) -> Result<Packet<'a>, Refusal> {
        let packet = self.read_bare(bytes);
        let packet = packet.map_err(|error| self.gossip.unreadable(walk, link, error, now))?;
        walk.enters(Stage::Form);
        walk.enters(Stage::Mesh);
        if packet.mesh() != self.mesh() {
            return Err(Refusal::OtherMesh(packet.mesh()));
        }
        if self.is_awaited(&packet, now) {
            return Ok(packet);
        }
        let origin = match &packet {
            // It has to get through when the budget is used up, and costs one short hash.
            Packet::CookieEcho(_) => return Ok(packet),
            Packet::Statement(statement) => self.view().index_of(&statement.head().origin),
            _ => None,
        };
        self.gossip.admit_packet(walk, (link, origin), now)?;
        Ok(packet)
    }

    fn read_bare<'a>(&self, bytes: &'a [u8]) -> Result<Packet<'a>, WireError> {
        let members = self.view().len();
        let limit = match Tag::of(bytes) {
            Ok(Tag::View) => max_link_len(members),
            _ => wire::max_container_len(members),
        };
        let (found, most) = (bytes.len(), max_link_len(MAX_MEMBERS));
        if found > most {
            return Err(WireError::TooLong { what: "a packet", found, limit: most });
        }
        // A neighbour that is in a larger view passes on what is too long for this one: it pays for nothing.
        if found > limit {
            return Err(WireError::Unknown { what: "a packet of so many bytes" });
        }
        Packet::parse(bytes)
    }

    fn take_attestation(
        &self,
        link: Link,
        statement: Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let attestation = Attestation::read(statement, self.view())?;
        let member = Some(attestation.attestor());
        let wants_evidence = self.quorum.wants_evidence(&attestation);
        if let Some(node) = self.quorum.lacks_key_of(&attestation).filter(|_| wants_evidence) {
            self.note_missed_key_of(node);
        } else if wants_evidence
            && self.gossip.take_checks(link, member, 1, now).is_ok()
            && self.quorum.learn(&attestation)
        {
            tracing::debug!(event = attestation.event().kind().name(), "learnt of a newer header");
        }
        match self.quorum.screen(&attestation, now) {
            Ok(()) => {}
            Err(Refusal::Duplicate) if self.quorum.pass_on_again(&attestation, now) => {
                return Ok(Accepted::Repeated { origin: attestation.head().origin });
            }
            Err(refusal) => {
                if refusal == Refusal::Decided || self.quorum.is_taken_back(attestation.event()) {
                    let slot = attestation.event().slot();
                    let holds = || attestation.verify(&self.directory, now).is_ok();
                    self.note_question(link, slot, member, holds, now);
                }
                return Err(refusal);
            }
        }
        self.gossip.take_checks(link, member, 1, now)?;
        let (attestor, event) = (attestation.head().origin, attestation.event().clone());
        let verified = attestation.verify(&self.directory, now)?;
        let restored = self.restores(&event);
        let tally = self.quorum.validate_event(verified, now)?;
        outputs.extend(restored.map(Output::Event));
        self.tell(&tally, outputs);
        Ok(Accepted::Attestation { attestor, event, tally })
    }

    /// Somebody states something, or votes, on a matter that is settled, so it does not know. Worth a
    /// check, or anybody could ask in its name.
    fn note_question(
        &self,
        link: Link,
        slot: Slot,
        member: Option<MemberIndex>,
        holds: impl FnOnce() -> bool,
        now: Millis,
    ) {
        if self.timers.lock().takes_question(&slot)
            && self.gossip.take_checks(link, member, 1, now).is_ok()
            && holds()
        {
            self.timers.lock().asked_about(slot);
        }
    }

    fn take_ballot(
        &self,
        link: Link,
        statement: Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let ballot = UncheckedBallot::read(statement, self.view())?;
        let (member, voter) = (Some(ballot.voter()), ballot.head().origin);
        match self.quorum.screen_ballot(&ballot, now) {
            Ok(()) => {}
            Err(Refusal::Duplicate) if self.quorum.pass_ballot_on_again(&ballot, now) => {
                return Ok(Accepted::Repeated { origin: voter });
            }
            Err(refusal) => {
                if refusal == Refusal::Decided {
                    let slot = ballot.ballot().slot();
                    let holds = || ballot.verify(&self.directory, now).is_ok();
                    self.note_question(link, slot, member, holds, now);
                } else {
                    self.show_beyond(link, ballot, now, outputs);
                }
                return Err(refusal);
            }
        }
        self.gossip.take_checks(link, member, 1, now)?;
        let (vote, beyond) = (*ballot.ballot(), self.quorum.beyond(&ballot));
        let verified = ballot.verify(&self.directory, now)?;
        let beyond = beyond.filter(|_| self.may_show(link, verified.voter(), now));
        outputs.extend(beyond.map(|packet| Output::SendTo { link, packet }));
        let is_new_to_us = vote.event().filter(|event| !self.quorum.has_met(event));
        match self.quorum.validate_ballot(verified, now) {
            Ok(tally) => {
                let proposed = is_new_to_us.map(|event| Event::Proposed { event, by: voter });
                outputs.extend(proposed.map(Output::Event));
                self.tell(&tally, outputs);
                self.vote(&vote.slot(), now, outputs);
                Ok(Accepted::Ballot { voter, ballot: vote, tally })
            }
            Err((refusal, None)) => Err(refusal),
            Err((refusal, Some(contradiction))) => {
                match self.votes_contradict(contradiction, outputs) {
                    true => Err(refusal),
                    // Proven and charged before: once for a key is enough.
                    false => Err(Refusal::Duplicate),
                }
            }
        }
    }

    fn take_prevotes(
        &self,
        link: Link,
        container: Container<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let unchecked = UncheckedPrevotes::read(container, self.view())?;
        self.quorum.wants_prevotes(&unchecked)?;
        self.gossip.take_checks(link, None, unchecked.checks(), now)?;
        let prevotes = unchecked.verify(&self.directory)?;
        let (slot, event) = (prevotes.slot(), prevotes.event().clone());
        self.quorum.accept_prevotes(prevotes)?;
        self.vote(&slot, now, outputs);
        Ok(Accepted::Prevotes(event))
    }

    /// Tells the host of an event that was just certified, and the neighbours, too, if this node is
    /// among the first ⌊n/3⌋ + 1 of the view: as many certificates as there are members would crowd
    /// the mesh, and among these there is one that works whenever a quorum does. They send it again,
    /// ever less often, and one of all in a resend interval; who reports on the matter itself shows
    /// that it missed it, and is answered.
    pub(super) fn tell(&self, tally: &Tally, outputs: &mut Vec<Output>) {
        if let Tally::Certified(certificate) = tally {
            if self.me.place() <= self.view().len() / 3
                && self.timers.lock().is_to_tell(certificate.event().slot())
            {
                outputs.push(Output::Send(certificate.as_bytes().to_vec()));
            }
            self.tell_host(certificate, outputs);
        }
    }

    fn tell_host(&self, certificate: &Arc<Certificate>, outputs: &mut Vec<Output>) {
        if let CriticalEvent::NodeFailure { subject, .. } = certificate.event() {
            self.settle_reports(subject);
        }
        let attestors = certificate.attestors().len();
        tracing::info!(event = certificate.event().kind().name(), attestors, "certified");
        outputs.push(Output::Event(Event::Certified(Arc::clone(certificate))));
    }

    fn take_certificate(
        &self,
        link: Link,
        container: Container<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let unchecked = UncheckedCertificate::read(container, self.view(), Phase::Precommit)?;
        if let Err(refusal) = self.quorum.wants_certificate(unchecked.event()) {
            if self.quorum.is_taken_back(unchecked.event()) {
                self.timers.lock().asked_about(unchecked.event().slot());
            }
            return Err(refusal);
        }
        self.gossip.take_checks(link, None, unchecked.checks(), now)?;
        let certificate = self.quorum.accept(unchecked.verify(&self.directory)?)?;
        self.tell_host(&certificate, outputs);
        Ok(Accepted::Certificate(certificate))
    }

    fn take_hello(
        &self,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let head = statement.head();
        let node = head.origin;
        let member = self.view().index_of(&node).ok_or(Refusal::UnknownOrigin(node))?;
        let hello = Hello::read(statement)?;
        let (number, Hello { view, lacks, .. }) = (hello.number(head), hello);
        let key = self.hello_is_news((member, number), statement, now)?;
        self.gossip.take_checks(link, Some(member), 1, now)?;
        let (signed, signature) = (statement.signed(), statement.signature());
        self.directory.verify(&key.record, Purpose::Hello, signed, signature)?;
        let mut asides = self.asides.lock();
        match asides.get_mut(member.place()) {
            Some(heard) if heard.hello < Some(number) => heard.hello = Some(number),
            _ => return Err(Refusal::Duplicate),
        }
        drop(asides);
        self.help_on(link, member, view, now, outputs);
        self.show_votes(link, member, outputs);
        // Who begins under a key that it left may not know that it did.
        let lacks = key.closing.map_or(lacks, |_| Some((node, head.epoch)));
        self.tell_keys(link, member, lacks, now, outputs);
        self.timers.lock().history_wanted = true;
        self.proofs.lock().offer();
        Ok(Accepted::Hello(node))
    }

    /// The key of a Hello, if it is known and the Hello is newer than those before.
    pub(super) fn hello_is_news(
        &self,
        (member, number): (MemberIndex, (u32, Nonce)),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<KeyInForce, Refusal> {
        let head = statement.head();
        let key = self
            .directory
            .key(member, (head.epoch, head.key, head.suite), now)
            .ok_or(Refusal::UnknownKey { origin: head.origin, epoch: head.epoch })?;
        let asides = self.asides.lock();
        let is_news = asides.get(member.place()).is_some_and(|heard| heard.hello < Some(number));
        is_news.then_some(key).ok_or(Refusal::Duplicate)
    }

    fn take_proof(
        &self,
        link: Link,
        bytes: &[u8],
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let unchecked = UncheckedProof::read(bytes, &self.directory)?;
        let (offender, epoch, key) = unchecked.condemns();
        if self.gossip.is_condemned(offender, epoch, &key) {
            return Err(Refusal::Duplicate);
        }
        self.gossip.take_checks(link, None, PROOF_CHECKS, now)?;
        let proof = Arc::new(unchecked.verify(&self.directory)?);
        if !self.gossip.condemn(offender, epoch, key) {
            return Err(Refusal::Duplicate);
        }
        // A proof is as good as having seen it: the member's own signatures stand under both halves.
        // Not under a key that it gave up long ago, and that somebody may have found since.
        let pays =
            proof.node() != self.node() && self.directory.known_keys(offender).contains(&Some(key));
        self.remember_proof(Arc::clone(&proof), pays, outputs);
        if proof.node() == self.node() {
            self.own_proof(&proof, now, outputs);
        }
        match pays {
            true => self.charge_for_proof(proof.node(), now, outputs),
            false => self.save_judgements(now, outputs),
        }
        Ok(Accepted::Proof(proof))
    }
}
