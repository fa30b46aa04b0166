//! The failures of members: what is known of them, and what takes it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::marks::Sign;
use super::votes::failure_mark;
use super::{FailureStatus, QuorumValidator, Slot};
use crate::id::{Mark, Millis, NodeId};
use crate::membership::MemberIndex;
use crate::wire::SignedHeader;

impl QuorumValidator {
    /// A frame of `member` was accepted. Tells whether the member, certified as failed before, is
    /// back with it: it is the first to arrive from beyond the certified mark. What others showed of
    /// the member in the meantime does not take that away.
    ///
    /// A frame that arrives much later by its origin's own clock than the earliest of the same boot is no sign
    /// of life, nor are the first ones of a boot for long if the member answers nothing: they may have been
    /// recorded (attack G27). [`QuorumConfig::suspicion_ms`](super::QuorumConfig::suspicion_ms) has the
    /// numbers.
    pub fn heard(&self, member: MemberIndex, signed: &SignedHeader<'_>, now: Millis) -> bool {
        let (subject, mark) = (signed.header().origin, signed.header().mark());
        let said = (mark, signed.header().sent_at);
        let (before, missed_at) = match self.marks.heard(member, said, signed.as_bytes(), now) {
            Sign::Life { before, missed_at } => (before, missed_at),
            Sign::Mark => {
                self.void_below(subject, mark);
                return false;
            }
            Sign::None => return false,
        };
        self.void_below(subject, mark);
        let failed_at = self.failed_at(subject);
        let failed_at = failed_at.filter(|at| before <= *at && *at < Some(mark));
        // One that started anew was away indeed.
        let missed_at = missed_at.or(failed_at.flatten());
        if missed_at.is_some_and(|missed| missed < mark && missed.nonce.boot == mark.nonce.boot) {
            self.health.missed_a_live_one(member, self.marks.steady(now));
        }
        failed_at.is_some()
    }

    /// The mark at which `subject` was certified as failed, in this view or the one before.
    fn failed_at(&self, subject: NodeId) -> Option<Option<Mark>> {
        let state = self.state.lock();
        let certificate = state.certified.get(&Slot::Failure(subject));
        let mark = certificate.map(|certificate| failure_mark(certificate.event()));
        mark.or_else(|| state.failed_before.get(&subject).copied())
    }

    /// A newer header of `subject` voids every report below it (promise P8), our own first.
    pub(super) fn void_below(&self, subject: NodeId, mark: Mark) {
        let mut state = self.state.lock();
        let slot = Slot::Failure(subject);
        state.votes.void_below(slot, mark);
        if state.mine.get(&slot).is_some_and(|mine| failure_mark(&mine.event) < Some(mark)) {
            state.mine.remove(&slot);
        }
        state.void_partition(subject, mark);
    }

    /// What is known about the failure of `node`.
    pub fn validate_node_failure(&self, node: &NodeId) -> FailureStatus {
        let newest = self.index(*node).and_then(|member| self.marks.newest(member));
        let slot = Slot::Failure(*node);
        let state = self.state.lock();
        if let Some(certificate) = state.certified.get(&slot)
            && newest <= failure_mark(certificate.event())
        {
            return FailureStatus::Certified(Arc::clone(certificate));
        }
        let mut at_mark: BTreeMap<Option<Mark>, usize> = BTreeMap::new();
        for attestation in state.votes.of(&slot) {
            let count = at_mark.entry(failure_mark(&attestation.event)).or_default();
            *count = count.saturating_add(1);
        }
        match at_mark.into_values().max() {
            None => FailureStatus::Heard,
            Some(attestations) => {
                FailureStatus::Reported { attestations, needed: self.directory.view().quorum() }
            }
        }
    }
}
