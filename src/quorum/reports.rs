//! What this node itself states: signed once, kept, sent again.

use std::cmp::Reverse;
use std::sync::Arc;

use super::validator::State;
use super::votes::{failure_mark, most_failures};
use super::{
    Attestation, CriticalEvent, FailureStatus, QuorumValidator, Slot, Tally, seal_attestation,
};
use crate::id::{Digest, Millis, NodeId};
use crate::keyring::{Error, Keyring, Misuse};
use crate::suite::Entropy;
use crate::wire::{Packet, Refusal};

/// A statement of this node, signed and not yet counted.
#[derive(Debug)]
pub struct Report {
    /// The statement as it goes on the wire.
    pub bytes: Arc<[u8]>,
    slot: Slot,
}

impl Report {
    pub(crate) const fn slot(&self) -> &Slot {
        &self.slot
    }
}

/// What this node said of something observed.
#[derive(Debug, Clone)]
pub(super) struct Mine {
    pub(super) event: CriticalEvent,
    /// The statement.
    pub(super) bytes: Arc<[u8]>,
}

impl QuorumValidator {
    /// Signs this node's statement on `event`, which is observed. It counts after
    /// [`adopt`](Self::adopt). Asked again, it gives what was signed before.
    ///
    /// A `NodeFailure` is stated at the mark known here, whatever mark the caller gives; so is what
    /// this node says of a link of its own, and a partition as it is [seen here](Self::partition).
    ///
    /// # Errors
    /// [`Misuse`]: an event that makes no sense or is not observed but decided by ballots, a member
    /// that was heard too recently, or has yet to be [asked](Misuse::NotAsked); or a fault of the
    /// scheme.
    pub fn report_critical_event(
        &self,
        event: CriticalEvent,
        keyring: &Keyring,
        entropy: &dyn Entropy,
        now: Millis,
    ) -> Result<Report, Error> {
        let event = self.checked_report(event, now)?;
        let slot = event.slot();
        if slot.is_exclusive() {
            return Err(Misuse::Nonsense("ballots decide an exclusive slot").into());
        }
        if let Some(mine) = self.state.lock().mine.get(&slot)
            && mine.event == event
        {
            return Ok(Report { bytes: Arc::clone(&mine.bytes), slot });
        }
        let bytes = self.seal(&event, keyring, entropy)?;
        if let (Slot::Failure(subject), mark) = (slot, failure_mark(&event)) {
            self.index(subject).into_iter().for_each(|member| self.marks.missed(member, mark));
        }
        let mine = Mine { event, bytes: Arc::clone(&bytes) };
        self.state.lock().mine.insert(slot, mine);
        Ok(Report { bytes, slot })
    }

    fn seal(
        &self,
        event: &CriticalEvent,
        keyring: &Keyring,
        entropy: &dyn Entropy,
    ) -> Result<Arc<[u8]>, Error> {
        let about = (self.directory.view().digest(), keyring.draw_statement()?);
        let (head, key) = keyring.statement_head();
        Ok(Arc::from(seal_attestation(event, about, &head, &key.key, entropy)?))
    }

    /// Signs anew, under the active key, what this node stated under a key before and what is not
    /// decided yet: once the grace period is over, the others no longer know that key's word. Gives
    /// where the matters stand with it.
    ///
    /// # Errors
    /// A fault of the scheme; what was not signed anew stays as it was.
    pub(crate) fn restate(
        &self,
        keyring: &Keyring,
        entropy: &dyn Entropy,
        now: Millis,
    ) -> Result<Vec<Tally>, Error> {
        let key = keyring.active().key.public_key().digest();
        let outdated: Vec<_> = {
            let state = self.state.lock();
            let open = state.mine.iter().filter(|(slot, mine)| state.is_open(slot, mine));
            let of_old_key = open.filter(|(_, mine)| signing_key(&mine.bytes) != Some(key));
            of_old_key.map(|(_, mine)| mine.event.clone()).collect()
        };
        let mut standing = self.restate_ballots(keyring, entropy, now)?;
        for event in outdated {
            let bytes = self.seal(&event, keyring, entropy)?;
            let slot = event.slot();
            let still_says_so = match self.state.lock().mine.get_mut(&slot) {
                Some(mine) if mine.event == event => {
                    mine.bytes = Arc::clone(&bytes);
                    true
                }
                _ => false,
            };
            if still_says_so {
                standing.extend(self.adopt(&Report { bytes, slot }, now));
            }
        }
        Ok(standing)
    }

    fn checked_report(&self, event: CriticalEvent, now: Millis) -> Result<CriticalEvent, Misuse> {
        let view = self.directory.view();
        let CriticalEvent::NodeFailure { subject, .. } = event else {
            event.check(view).map_err(Misuse::Nonsense)?;
            return match event {
                CriticalEvent::LinkDown { .. } | CriticalEvent::LinkUp { .. } => {
                    self.checked_link(event)
                }
                CriticalEvent::TopologyPartition { .. } => self.checked_partition(now),
                event => Ok(event),
            };
        };
        let member = view.index_of(&subject).ok_or(Misuse::UnknownSubject(subject))?;
        if member == self.me {
            return Err(Misuse::OwnFailure);
        }
        let needed_ms = self.health.patience(self.marks.steady(now)).with(member);
        let ago_ms = self.marks.silent_for(member, now);
        if ago_ms < needed_ms {
            return Err(Misuse::NotSilent { subject, ago_ms, needed_ms });
        }
        if !self.marks.may_be_reported(member, needed_ms, now) {
            return Err(Misuse::NotAsked(subject));
        }
        Ok(CriticalEvent::NodeFailure { subject, mark: self.marks.newest(member) })
    }

    /// Counts a report of this node.
    ///
    /// # Errors
    /// [`Refusal`] when it has been overtaken: the subject was heard, the event is decided.
    pub fn adopt(&self, report: &Report, now: Millis) -> Result<Tally, Refusal> {
        let Packet::Statement(statement) = Packet::parse(&report.bytes)? else {
            return Err(Refusal::Nonsense("a report is a statement"));
        };
        let attestation = Attestation::read(statement, self.directory.view())?;
        let verified = attestation.verify(&self.directory, now)?;
        self.validate_event(verified, now)
    }

    /// The members to report as failed and not yet reported by this node at their newest mark: those
    /// that are overdue and not known to have failed.
    ///
    /// While more than ⌊n/3⌋ members are silent, only those that have been for eight suspicion times,
    /// and none if this node hears no more than ⌊n/3⌋, itself included: it is the one that is cut off.
    /// Of more than ⌊n/3⌋ + 1, which could not all be certified, those that more members report than
    /// may lie come first, then those that have been silent for longest, and the rest wait.
    pub fn to_report(&self, now: Millis) -> Vec<NodeId> {
        let mut suspects = self.suspects(now);
        let patience = self.health.patience(self.marks.steady(now));
        let was_asked = |member| self.marks.may_be_reported(member, patience.with(member), now);
        suspects.retain(|node| {
            if !self.index(*node).is_some_and(was_asked) {
                return false;
            }
            let mark = self.index(*node).and_then(|member| self.marks.newest(member));
            let event = CriticalEvent::NodeFailure { subject: *node, mark };
            self.state.lock().mine.get(&event.slot()).is_none_or(|mine| mine.event != event)
        });
        suspects
    }

    /// Takes back own reports beyond those that others keep of one member, so that what this node
    /// repeats does not grow with those that it misses.
    pub(crate) fn withdraw_excess(&self, now: Millis) {
        let reported = |state: &State| state.mine.keys().filter(|slot| slot.is_failure()).count();
        if reported(&self.state.lock()) <= self.most_reports() {
            return;
        }
        let suspects = self.suspects(now);
        let stands = |slot: &Slot| match slot {
            Slot::Failure(subject) => suspects.contains(subject),
            _ => true,
        };
        self.state.lock().mine.retain(|slot, _| stands(slot));
    }

    fn most_reports(&self) -> usize {
        most_failures(self.directory.view().len())
    }

    fn suspects(&self, now: Millis) -> Vec<NodeId> {
        let mut suspects = self.doubted(now);
        suspects.retain(|node| {
            !matches!(self.validate_node_failure(node), FailureStatus::Certified(_))
        });
        let most = self.most_reports();
        if suspects.len() > most {
            let liars = self.directory.view().faults_tolerated();
            let state = self.state.lock();
            suspects.sort_by_cached_key(|node| {
                let slot = Slot::Failure(*node);
                let others = state.votes.of(&slot);
                let others = others.filter(|other| other.attestor() != self.me).count();
                let silent_ms = self.index(*node).map(|member| self.silent_for(member, now));
                Reverse((others > liars, silent_ms))
            });
            suspects.truncate(most);
        }
        suspects
    }

    /// This node's statements on what is undecided, each with its evidence, and its ballots, to be
    /// sent again.
    pub fn undecided(&self) -> Vec<Vec<u8>> {
        let mine: Vec<_> = {
            let state = self.state.lock();
            let open = state.mine.iter().filter(|(slot, mine)| state.is_open(slot, mine));
            let open = open.filter(|(_, mine)| self.is_to_repeat(&state, &mine.event));
            open.map(|(slot, mine)| (*slot, Arc::clone(&mine.bytes))).collect()
        };
        let facts = mine.into_iter().map(|(slot, bytes)| self.with_evidence(slot, &bytes));
        facts.chain(self.undecided_ballots()).collect()
    }

    /// A statement with what proves its mark behind it.
    pub(crate) fn with_evidence(&self, slot: Slot, bytes: &[u8]) -> Vec<u8> {
        let evidence = match slot {
            Slot::Failure(subject) => self.index(subject).map(|member| self.marks.evidence(member)),
            _ => None,
        };
        [bytes, evidence.unwrap_or_default().1.as_slice()].concat()
    }
}

/// The digest of the key that a statement is signed with.
pub(super) fn signing_key(bytes: &[u8]) -> Option<Digest> {
    match Packet::parse(bytes).ok()? {
        Packet::Statement(statement) => Some(statement.head().key),
        _ => None,
    }
}
