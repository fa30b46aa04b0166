//! What a member's recovery of its keys puts an end to.

use super::asking::Asking;
use super::ballots::Ballots;
use super::links::Links;
use super::votes::Votes;
use super::{Attestation, QuorumValidator, Slot};
use crate::id::NodeId;
use crate::membership::MemberIndex;
use crate::wire::SignedHeader;

impl QuorumValidator {
    /// The keys of `member` were recovered, so a thief may have spoken for it. What was stated or voted
    /// under the keys before, and is undecided, counts no more. The member counts its statements from the
    /// start again, and a thief's numbers, be they the highest there are, make none of them look old
    /// (attack K8).
    ///
    /// Fewer votes certify nothing that more would not have, so no slot is decided twice by this.
    pub(crate) fn recovered(&self, member: MemberIndex) {
        let mut state = self.state.lock();
        state.votes.forget_all_of(member);
        state.ballots.forget_all_of(member);
        if let Some(known) = self.directory.view().member(member) {
            state.links.forget_all_of(&known.id);
        }
        drop(state);
        self.asking.lock().forget_all_of(member);
    }

    /// Whose header it is that travels beside an attestation, if it is under a key that is not known here:
    /// without it this node cannot come to the mark that the others attest, and a certificate may miss its
    /// vote for good (attack K5).
    pub(crate) fn lacks_key_of(&self, attestation: &Attestation<'_>) -> Option<NodeId> {
        let header = SignedHeader::parse(attestation.evidence()).ok()?;
        let header = header.header();
        let member = self.directory.view().index_of(&header.origin)?;
        let name = (header.epoch, header.key, header.suite);
        self.directory.key_ever(member, name).is_none().then_some(header.origin)
    }
}

impl Votes {
    fn forget_all_of(&mut self, attestor: MemberIndex) {
        let slots = self.slots_of(attestor);
        slots.into_iter().for_each(|slot| self.withdraw(slot, attestor));
    }
}

impl Ballots {
    fn forget_all_of(&mut self, voter: MemberIndex) {
        let slots = self.slots_of(voter);
        slots.into_iter().for_each(|slot| self.withdraw(slot, voter));
    }
}

impl Links {
    fn forget_all_of(&mut self, node: &NodeId) {
        self.up.retain(|slot, _| !matches!(slot, Slot::Link { reporter, .. } if reporter == node));
    }
}

impl Asking {
    fn forget_all_of(&mut self, member: MemberIndex) {
        if let Ok(taken) = self.taken(member) {
            (taken.challenge, taken.answer) = (None, None);
        }
    }
}
