//! Members that are lost: failed for so long that the others may give their names other keys.
//!
//! A member that lost its keys and every backup of them can prove nothing, so all that the others have to
//! go by is that nobody uses its keys any more. A node takes part in replacing them only while that holds,
//! and has for [`QuorumConfig::replacement_delay_ms`](super::QuorumConfig::replacement_delay_ms): without
//! two thirds of such nodes nothing is decided. So f liars and hosts that believe them cannot put another
//! in the place of one that lives, nor can they with a thief of its keys: what the thief says in its name
//! is a sign of life (attack K9). It keeps the name from being replaced, too, and is to be expelled then.

use std::collections::BTreeMap;

use super::validator::State;
use super::votes::failure_mark;
use super::{QuorumValidator, Slot};
use crate::id::{Digest, Mark, Millis, NodeId};
use crate::keyring::Misuse;
use crate::membership::{Change, Member, MemberIndex};

/// The members that are certified as failed: at which mark, and since when that is known here, on the
/// steady clock.
#[derive(Debug, Default)]
pub(super) struct Lost(BTreeMap<NodeId, (Option<Mark>, u64)>);

impl QuorumValidator {
    /// Looks who is certified as failed and who is not any more.
    pub(crate) fn note_lost(&self, now: Millis) {
        let view = self.directory.view();
        let members = view.members().iter().zip(view.indices());
        let failed: BTreeMap<_, _> = {
            let state = self.state.lock();
            let certified = |(member, place): (&Member, MemberIndex)| {
                let mark = self.certified_at(&state, (member.id, Some(place)))?;
                Some((member.id, mark))
            };
            members.filter_map(certified).collect()
        };
        let at = self.marks.steady(now);
        let mut lost = self.lost.lock();
        lost.0.retain(|node, known| failed.get(node) == Some(&known.0));
        for (node, mark) in failed {
            lost.0.entry(node).or_insert((mark, at));
        }
    }

    /// A change of the key of `member` was taken: whoever holds its keys uses them, so it is not lost.
    pub(crate) fn changed_its_key(&self, member: MemberIndex, now: Millis) {
        let at = self.marks.steady(now);
        let Some(known) = self.directory.view().member(member) else { return };
        if let Some((_, since)) = self.lost.lock().0.get_mut(&known.id) {
            *since = at;
        }
    }

    /// Whether whom `change` gives other keys lost its own, as far as can be seen here.
    ///
    /// # Errors
    /// [`Misuse::Change`] says who did not, or what is wrong with the key.
    pub(super) fn check_replaced(&self, change: &Change, now: Millis) -> Result<(), Misuse> {
        let view = self.directory.view();
        for (node, record) in change.replaced(view) {
            let refused = |why: &str| Err(Misuse::Change(format!("{node} {why}")));
            let current = view.index_of(node).and_then(|member| self.directory.current(member));
            let Some(current) = current else { return Err(Misuse::UnknownSubject(*node)) };
            if Some(record.epoch) != current.epoch.next_replacement() {
                return refused("would get a key of another epoch than the one that comes next");
            }
            if record.recovery != current.recovery {
                return refused("would lose its commitment to its recovery key");
            }
            if record.key.suite() < current.key.suite() {
                return refused("would get a key of a weaker suite");
            }
            if !self.is_lost(node, now) {
                return refused("has not been known as failed for long enough to be replaced");
            }
        }
        Ok(())
    }

    /// In the slot of the next members, the contents that this node's host accepts and that it may still
    /// vote for: whom they replace may have come back since.
    pub(super) fn still_accepted(&self, slot: &Slot, now: Millis) -> Option<Vec<Digest>> {
        let Slot::Membership(_) = slot else { return None };
        let known: Vec<_> = {
            let state = self.state.lock();
            let accepted = state.parts.get(slot).into_iter().flat_map(|part| &part.accepted);
            accepted.filter_map(|content| Some((*content, state.change(content)?))).collect()
        };
        let holds = |change: &Change| self.check_replaced(change, now).is_ok();
        let accepted = known.into_iter().filter(|(_, change)| holds(change));
        Some(accepted.map(|(content, _)| content).collect())
    }

    fn is_lost(&self, node: &NodeId, now: Millis) -> bool {
        let certified = self.certified_at(&self.state.lock(), (*node, self.index(*node)));
        let Some(mark) = certified else { return false };
        let at = self.marks.steady(now);
        let known = self.lost.lock().0.get(node).copied();
        known.is_some_and(|(known, since)| {
            known == mark && at.saturating_sub(since) >= self.config.replacement_delay_ms
        })
    }

    /// The mark at which `node`, at that place of the view, is certified as failed and beyond which nothing
    /// was heard of it.
    fn certified_at(
        &self,
        state: &State,
        (node, place): (NodeId, Option<MemberIndex>),
    ) -> Option<Option<Mark>> {
        let certificate = state.certified.get(&Slot::Failure(node))?;
        let mark = failure_mark(certificate.event());
        let newest = place.and_then(|member| self.marks.newest(member));
        (newest <= mark).then_some(mark)
    }
}
