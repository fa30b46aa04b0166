//! `QuorumValidator`: counts checked statements, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::asking::Asking;
use super::attestation::{Attestation, VerifiedAttestation};
use super::ballots::Ballots;
use super::handover::Handover;
use super::health::Health;
use super::links::Links;
use super::lost::Lost;
use super::marks::Marks;
use super::part::Part;
use super::reports::Mine;
use super::votes::{Votes, Who, failure_mark};
use super::{Certificate, CriticalEvent, QuorumConfig, Slot};
use crate::bounded::BoundedMap;
use crate::id::{Mark, Millis, NodeId};
use crate::keyring::Misuse;
use crate::membership::{Directory, MemberIndex};
use crate::wire::Refusal;

/// Certificates kept beside those of node failures; the least recently used goes first.
const OTHER_CERTIFICATES: usize = 1_024;

/// Decides which critical events the mesh as a whole has agreed on.
///
/// Only statements whose signatures were checked get in; each member counts once, whatever this
/// node thinks of it: local quarantine never changes the count (promises P6 and P7).
#[derive(Debug)]
pub struct QuorumValidator {
    pub(super) directory: Arc<Directory>,
    pub(super) me: MemberIndex,
    pub(super) config: QuorumConfig,
    pub(super) marks: Marks,
    pub(super) health: Health,
    pub(super) asking: Mutex<Asking>,
    pub(super) lost: Mutex<Lost>,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) votes: Votes,
    pub(super) mine: BTreeMap<Slot, Mine>,
    pub(super) ballots: Ballots,
    /// What this node said in exclusive slots binds it for ever.
    pub(super) parts: BTreeMap<Slot, Part>,
    pub(super) certified: BoundedMap<Slot, Arc<Certificate>>,
    pub(super) handover: Handover,
    /// Members that were certified as failed in the view before, and at which mark.
    pub(super) failed_before: BTreeMap<NodeId, Option<Mark>>,
    pub(super) links: Links,
    /// Whether this node's host sees a partition; what it states of it is then kept up to date.
    pub(super) sees_partition: bool,
    /// This node votes on nothing.
    pub(super) abstains_from_all: bool,
}

impl State {
    /// Whether what this node said in `slot` is not decided yet.
    pub(super) fn is_open(&self, slot: &Slot, mine: &Mine) -> bool {
        self.certified.get(slot).is_none_or(|found| found.event() != &mine.event)
    }
}

/// Where an event stands.
#[derive(Debug, Clone)]
pub enum Tally {
    /// Not yet agreed.
    Pending {
        /// Members that attest exactly this event.
        attestations: usize,
        /// Members that must.
        needed: usize,
    },
    /// Agreed, by the statement just counted or before.
    Certified(Arc<Certificate>),
}

/// What is known about the failure of a member.
#[derive(Debug, Clone)]
pub enum FailureStatus {
    /// Nobody reports it, or it was heard after the reports.
    Heard,
    /// Some report it.
    Reported {
        /// Members whose reports add up.
        attestations: usize,
        /// Members whose reports must.
        needed: usize,
    },
    /// The mesh agrees, and nothing newer was heard of it since.
    Certified(Arc<Certificate>),
}

/// Two different votes of one member in one phase of one round, as they go on the wire.
#[derive(Debug)]
pub struct Contradiction {
    /// The vote that counts.
    pub first: Vec<u8>,
    /// The one that contradicts it.
    pub second: Vec<u8>,
}

impl QuorumValidator {
    /// Starts with nothing agreed and nobody heard; silence counts from `now`.
    ///
    /// # Errors
    /// [`Misuse::Config`] for a value out of its range.
    pub fn new(
        directory: Arc<Directory>,
        me: MemberIndex,
        config: QuorumConfig,
        now: Millis,
    ) -> Result<Self, Misuse> {
        config.validate()?;
        let members = directory.view().len();
        let state = State {
            votes: Votes::new(members, &config),
            mine: BTreeMap::new(),
            ballots: Ballots::new(members, me, &config),
            parts: BTreeMap::new(),
            certified: BoundedMap::new(members.saturating_add(OTHER_CERTIFICATES)),
            handover: Handover::default(),
            failed_before: BTreeMap::new(),
            links: Links::default(),
            sees_partition: false,
            abstains_from_all: false,
        };
        let marks = Marks::new(members, config.suspicion_ms, now);
        let (faults, at) = (directory.view().faults_tolerated(), marks.steady(now));
        let health = Health::new(members, faults, config.suspicion_ms, at);
        let asking = Mutex::new(Asking::new(members, config.suspicion_ms));
        let (state, lost) = (Mutex::new(state), Mutex::default());
        Ok(Self { directory, me, config, marks, health, asking, lost, state })
    }

    /// What can be told about an attestation before its signature is checked.
    ///
    /// # Errors
    /// [`Refusal`] says why it is not worth a check.
    pub fn screen(&self, attestation: &Attestation<'_>, now: Millis) -> Result<(), Refusal> {
        let state = self.state.lock();
        let epoch = attestation.head().epoch;
        let who = (attestation.attestor(), epoch, attestation.nonce());
        self.look(&state, who, attestation.event(), now)
    }

    /// Whether an attestation that is held already should be passed on once more, for those who
    /// lost it. True at most twice in a resend interval for each.
    pub fn pass_on_again(&self, attestation: &Attestation<'_>, now: Millis) -> bool {
        let interval_ms = self.config.resend_ms / 2;
        self.state.lock().votes.pass_on_again(attestation, interval_ms, now)
    }

    /// The same, without taking it for passed on.
    pub(crate) fn repeats(&self, attestation: &Attestation<'_>, now: Millis) -> bool {
        self.state.lock().votes.repeats(attestation, self.config.resend_ms / 2, now)
    }

    /// Why a checked attestation that was [screened](Self::screen) would not be counted.
    pub(crate) fn has_room_for(
        &self,
        attestation: &VerifiedAttestation,
        now: Millis,
    ) -> Result<(), Refusal> {
        self.state.lock().votes.has_room(attestation.attestor(), now)
    }

    fn look(
        &self,
        state: &State,
        who: Who,
        event: &CriticalEvent,
        now: Millis,
    ) -> Result<(), Refusal> {
        let slot = event.slot();
        if let Err(refusal) = self.look_at_subject(event) {
            let is_certified = self.missed_a_certificate(state, event);
            return Err(if is_certified { Refusal::Decided } else { refusal });
        }
        if let Some(certificate) = state.certified.get(&slot) {
            let decided = certificate.event();
            let settled = match slot {
                Slot::Failure(_) => failure_mark(event) <= failure_mark(decided),
                _ => event == decided,
            };
            if settled {
                return Err(Refusal::Decided);
            }
            let (attestor, _, nonce) = who;
            if !slot.is_failure() && Some(nonce) <= certificate.nonce_of(attestor) {
                return Err(Refusal::Outdated);
            }
        }
        self.look_at_link(state, who, event)?;
        state.votes.look(who, event, now)
    }

    /// Whether who states `event`, the failure of another member, has missed that it is certified at a
    /// higher mark than it knows.
    fn missed_a_certificate(&self, state: &State, event: &CriticalEvent) -> bool {
        let Slot::Failure(subject) = event.slot() else { return false };
        let Some(member) = self.index(subject).filter(|member| *member != self.me) else {
            return false;
        };
        state.certified.get(&event.slot()).is_some_and(|certificate| {
            let failed_at = failure_mark(certificate.event());
            self.marks.newest(member) <= failed_at && failure_mark(event) < failed_at
        })
    }

    /// Whether a statement on the failure of members has been overtaken by what is known of them.
    /// What others say about this node's own failure it knows better.
    fn look_at_subject(&self, event: &CriticalEvent) -> Result<(), Refusal> {
        self.look_at_partition(event)?;
        let Slot::Failure(subject) = event.slot() else { return Ok(()) };
        let member = self.index(subject);
        let newest = member.and_then(|member| self.marks.newest(member));
        if member == Some(self.me) || failure_mark(event) < newest {
            return Err(Refusal::Outdated);
        }
        Ok(())
    }

    /// Counts one checked attestation.
    ///
    /// # Errors
    /// [`Refusal`] says why it does not count.
    pub fn validate_event(
        &self,
        attestation: VerifiedAttestation,
        now: Millis,
    ) -> Result<Tally, Refusal> {
        let mut state = self.state.lock();
        let (attestor, event) = (attestation.attestor(), attestation.event().clone());
        let who = (attestor, attestation.record.epoch, attestation.nonce);
        self.look(&state, who, &event, now)?;
        state.votes.insert(attestation, now)?;
        self.link_said(&mut state, who, &event);
        Ok(self.tally(&mut state, &event))
    }

    fn tally(&self, state: &mut State, event: &CriticalEvent) -> Tally {
        let slot = event.slot();
        let view = self.directory.view();
        let attestations = state.votes.count(event);
        let needed = view.quorum();
        if attestations >= needed {
            let attesting = state.votes.of(&slot).filter(|one| one.event == *event);
            let certificate = Certificate::assemble(event, attesting, (view.mesh(), view));
            if let Some(certificate) = certificate
                && self.is_news(state, &certificate).is_ok()
            {
                return Tally::Certified(Self::settle(state, certificate));
            }
        }
        Tally::Pending { attestations, needed }
    }

    pub(super) fn settle(state: &mut State, certificate: Certificate) -> Arc<Certificate> {
        let slot = certificate.event().slot();
        let certificate = Arc::new(certificate);
        state.note_decision(slot, certificate.event().content());
        let gone = state.certified.insert(slot, Arc::clone(&certificate));
        state.links.settled(gone.map(|(slot, _)| slot).into_iter().chain([slot]));
        state.mine.remove(&slot);
        state.votes.clear(slot);
        state.ballots.clear(slot);
        if let Some(part) = state.parts.get_mut(&slot) {
            part.decided();
        }
        certificate
    }

    /// Whether a certificate of `event` may be news, so that its checks are worth it.
    ///
    /// # Errors
    /// [`Refusal::Decided`] or [`Refusal::Outdated`].
    pub(crate) fn wants_certificate(&self, event: &CriticalEvent) -> Result<(), Refusal> {
        self.may_be_news(&self.state.lock(), event)
    }

    fn may_be_news(&self, state: &State, event: &CriticalEvent) -> Result<(), Refusal> {
        self.look_at_subject(event)?;
        let slot = event.slot();
        match state.certified.get(&slot).map(|certificate| certificate.event()) {
            Some(decided) if decided == event || slot.is_exclusive() => Err(Refusal::Decided),
            Some(decided) if failure_mark(decided) > failure_mark(event) => Err(Refusal::Outdated),
            _ => Ok(()),
        }
    }

    /// Whether a checked certificate is news. Failures are ordered by their marks, what else is
    /// observed by the numbers of the statements: an old agreement never comes back.
    fn is_news(&self, state: &State, certificate: &Certificate) -> Result<(), Refusal> {
        self.may_be_news(state, certificate.event())?;
        self.link_is_news(state, certificate)?;
        let slot = certificate.event().slot();
        let Some(held) = state.certified.get(&slot) else { return Ok(()) };
        let faults = self.directory.view().faults_tolerated();
        match slot.is_failure() || certificate.is_newer_than(held, faults) {
            true => Ok(()),
            false => Err(Refusal::Outdated),
        }
    }

    /// Takes over what others agreed on.
    ///
    /// # Errors
    /// [`Refusal::Decided`] or [`Refusal::Outdated`] when it is no news.
    pub fn accept(&self, certificate: Certificate) -> Result<Arc<Certificate>, Refusal> {
        let mut state = self.state.lock();
        self.is_news(&state, &certificate)?;
        Ok(Self::settle(&mut state, certificate))
    }

    /// Why [`accept`](Self::accept) would not take `certificate` over.
    pub(crate) fn would_accept(&self, certificate: &Certificate) -> Result<(), Refusal> {
        self.is_news(&self.state.lock(), certificate)
    }

    /// Whether exactly this event has been certified. In an exclusive slot that may have been in an
    /// earlier view; of one topic or node the last decision is known then, and no older one.
    pub fn is_validated(&self, event: &CriticalEvent) -> bool {
        let state = self.state.lock();
        state.certified.get(&event.slot()).is_some_and(|found| found.event() == event)
            || state.handover.carried.has_settled(event)
    }

    /// The certificate that was made or accepted for the same matter as `event`.
    pub fn certificate(&self, event: &CriticalEvent) -> Option<Arc<Certificate>> {
        self.state.lock().certified.get(&event.slot()).map(Arc::clone)
    }

    /// Where the matter of `slot` stands: settled, or how many agree with the most supported content.
    pub(crate) fn standing(&self, slot: &Slot) -> Tally {
        let state = self.state.lock();
        if let Some(certificate) = state.certified.get(slot) {
            return Tally::Certified(Arc::clone(certificate));
        }
        let attestations = match slot.is_exclusive() {
            true => state.ballots.most_in_favour(slot),
            false => state.votes.most_agreeing(slot),
        };
        Tally::Pending { attestations, needed: self.directory.view().quorum() }
    }

    /// The certificate that settles the matter of `slot`.
    pub(crate) fn settled(&self, slot: &Slot) -> Option<Arc<Certificate>> {
        self.state.lock().certified.get(slot).map(Arc::clone)
    }

    /// For how long `member` has not been heard while this node was there to hear it, in milliseconds;
    /// never for this node itself.
    pub fn silent_for(&self, member: MemberIndex, now: Millis) -> u64 {
        if member == self.me { 0 } else { self.marks.silent_for(member, now) }
    }

    pub(super) fn index(&self, node: NodeId) -> Option<MemberIndex> {
        self.directory.view().index_of(&node)
    }
}
