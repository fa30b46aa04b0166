//! Slots in which this node says nothing more, since it does not know what it said there.
//!
//! A disk that is rolled back forgets votes and locks, and whoever votes again contradicts itself, or
//! helps to decide a second content where its first vote helped to decide one (attack K14). What it
//! said stands under its own signature with those who heard it, and they show it: see
//! [`beyond`](QuorumValidator::beyond). A vote that this node does not remember proves that the disk is
//! older than the vote, or that another host speaks as this node. From then on it abstains: in that slot
//! for good, in later views, too, since it cannot tell what else it said there; and in the hand-over of
//! that view, since what it would carry on may lack the lock that it forgot. For the others it is one of
//! the f that may be silent.

use super::ballot::{Phase, UncheckedBallot};
use super::part::Abstains;
use super::proof::verify_header_ever;
use super::validator::State;
use super::{Ballot, EquivocationProof, QuorumValidator, Slot};
use crate::id::{Mark, ViewNumber};
use crate::membership::MemberIndex;
use crate::wire::SignedHeader;

impl QuorumValidator {
    /// Whether a ballot in the name of this node shows, if its signature holds, that it has forgotten
    /// what it said, and that is news.
    pub(crate) fn has_forgotten(&self, ballot: &UncheckedBallot<'_>) -> bool {
        let Ballot { slot, round, phase, choice } = *ballot.ballot();
        let state = self.state.lock();
        if state.handover.carried.closes(&slot) {
            return false;
        }
        state.parts.get(&slot).is_none_or(|part| {
            let is_precommit = phase == Phase::Precommit;
            part.abstains.is_none() && part.voter.has_forgotten(round, is_precommit, choice)
        })
    }

    /// Says nothing more in `slot`. That is due to be written; until it is, it holds in this boot.
    pub(crate) fn abstain(&self, slot: Slot) {
        let since = self.directory.view().number();
        let mut state = self.state.lock();
        let all = || state.parts.values().filter(|part| part.abstains.is_some()).count();
        if !state.parts.contains_key(&slot) && all() >= self.config.slots_per_member {
            // Whoever has this node's key can vote in as many slots as it likes.
            state.abstains_from_all = true;
            return;
        }
        let hands_over = matches!(slot, Slot::View(_));
        state.handover.has_begun |= hands_over;
        let part = state.parts.entry(slot).or_default();
        part.hands_over |= hands_over;
        part.abstains.get_or_insert(Abstains { since, is_written: false });
    }

    /// Votes on nothing in this start.
    pub(crate) fn abstain_from_all(&self) {
        self.state.lock().abstains_from_all = true;
    }

    /// Whether a header is this node's, under a key that it has or had.
    pub(crate) fn has_signed(&self, signed: &SignedHeader<'_>) -> bool {
        verify_header_ever(signed, &self.directory) == Ok(self.me)
    }

    /// The newest mark of a member and, if it is at hand, the header that it is of.
    pub(crate) fn newest_header(&self, member: MemberIndex) -> (Option<Mark>, Vec<u8>) {
        self.marks.evidence(member)
    }

    /// Says nothing more in the slot in which this node, as `proof` shows, voted twice. Tells one of
    /// the votes, if the slot goes on here and that is news.
    pub(crate) fn abstain_for(&self, proof: &EquivocationProof) -> Option<Ballot> {
        let ballot = proof.ballot(&self.directory)?;
        let slot = ballot.slot();
        ballot.check(self.directory.view()).ok()?;
        {
            let state = self.state.lock();
            let abstains = state.parts.get(&slot).is_some_and(|part| part.abstains.is_some());
            if abstains || state.handover.carried.closes(&slot) {
                return None;
            }
        }
        self.abstain(slot);
        Some(ballot)
    }

    /// That this node abstains in `slot` is durable.
    pub(super) fn abstention_is_written(&self, slot: Slot) {
        let mut state = self.state.lock();
        let part = state.parts.get_mut(&slot);
        if let Some(abstains) = part.and_then(|part| part.abstains.as_mut()) {
            abstains.is_written = true;
        }
    }

    /// A ballot that its voter may have forgotten when it sends this one: see
    /// [`Ballots::beyond`](super::ballots::Ballots::beyond).
    pub(crate) fn beyond(&self, ballot: &UncheckedBallot<'_>) -> Option<Vec<u8>> {
        let view = self.directory.view();
        let state = self.state.lock();
        state.ballots.beyond(ballot)?.to_bytes(view.mesh(), view).ok()
    }

    /// The newest ballots of `member` in undecided slots, one in each, `most` at most.
    pub(crate) fn votes_of(&self, member: MemberIndex, most: usize) -> Vec<Vec<u8>> {
        let view = self.directory.view();
        let state = self.state.lock();
        let newest = state.ballots.furthest_of(member).take(most);
        newest.filter_map(|ballot| ballot.to_bytes(view.mesh(), view).ok()).collect()
    }
}

impl State {
    /// Whether this node abstains in `slot` in the view with number `here`.
    pub(super) fn abstains(&self, slot: &Slot, here: ViewNumber) -> bool {
        let in_slot = || self.parts.get(slot).is_some_and(|part| part.abstains.is_some());
        let forgot_here = || {
            let mut parts = self.parts.values();
            parts.any(|part| part.abstains.is_some_and(|abstains| abstains.since == here))
        };
        let hands_over = matches!(slot, Slot::View(_));
        self.abstains_from_all || in_slot() || (hands_over && forgot_here())
    }
}
