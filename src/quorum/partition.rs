//! A partition: members that fell silent together, in one canonical form.
//!
//! Two or more members that this node misses at once are a partition; a single one is a `NodeFailure`
//! and no more. Each of them is reported and certified as a failure of its own, too, and those
//! certificates are what takes it off the routes: the partition adds that the mesh as a whole sees the
//! same part of itself gone.
//!
//! The form is a function of the marks alone: all that are missed, in the order of their ids, each with
//! its newest mark known here. So members that know the same say the same. What differs comes together as
//! for failures: the evidence beside the reports of each failure lifts everybody to the highest mark, a
//! certified failure counts with the mark it was certified at, and what a node states is kept up to date
//! while it misses two or more. A newer header of any member on the list voids the whole statement, since
//! that member is not out of reach: so old statements never add up with today's (attack Q5), and a
//! partition that heals takes its reports along (attack Q12).
//!
//! More than ⌊n/3⌋ that are missed are none: no quorum is left to certify it, and the larger part is
//! perhaps where they are. This node makes its local decisions and raises `NoQuorum`.

use std::sync::Arc;

use super::validator::State;
use super::votes::failure_mark;
use super::{Certificate, CriticalEvent, MAX_UNREACHABLE, QuorumValidator, Slot, Unheard};
use crate::id::{Mark, Millis, NodeId};
use crate::keyring::Misuse;
use crate::wire::Refusal;

/// Why there is none to report.
pub(crate) const NO_PARTITION: &str =
    "two members that are missed here or more are a partition, and no more than a quorum bears";

/// Fewer are no partition.
const FEWEST: usize = 2;

/// Whether `event` is a partition that has `subject` out of reach since before `mark`.
fn lists_below(event: &CriticalEvent, subject: NodeId, mark: Mark) -> bool {
    let CriticalEvent::TopologyPartition { unreachable } = event else { return false };
    let place = unreachable.binary_search_by_key(&subject, |unheard| unheard.node);
    let unheard = place.ok().and_then(|place| unreachable.get(place));
    unheard.is_some_and(|unheard| unheard.mark < Some(mark))
}

impl State {
    /// A newer header of `subject` voids every partition that lists it below.
    pub(super) fn void_partition(&mut self, subject: NodeId, mark: Mark) {
        self.votes.void(Slot::Partition, |held| lists_below(&held.event, subject, mark));
        let mine = self.mine.get(&Slot::Partition);
        if mine.is_some_and(|mine| lists_below(&mine.event, subject, mark)) {
            self.mine.remove(&Slot::Partition);
        }
    }
}

impl QuorumValidator {
    /// The partition as this node sees it: all members that it misses, with
    /// [doubts about itself](Self::to_report) first, in the order of their ids and with their newest
    /// marks. `None` if it misses fewer than two, or more than a quorum bears, or more than
    /// [`MAX_UNREACHABLE`]. O(n log n).
    pub fn partition(&self, now: Millis) -> Option<CriticalEvent> {
        let missed = self.doubted(now);
        let most = (self.directory.view().len() / 3).min(MAX_UNREACHABLE);
        if missed.len() < FEWEST || missed.len() > most {
            return None;
        }
        let state = self.state.lock();
        let unheard = |node: NodeId| {
            let newest = self.index(node).and_then(|member| self.marks.newest(member));
            let failed = state.certified.get(&Slot::Failure(node));
            let mark = newest.max(failed.and_then(|failed| failure_mark(failed.event())));
            Unheard { node, mark }
        };
        let mut unreachable: Vec<_> = missed.into_iter().map(unheard).collect();
        unreachable.sort_unstable();
        Some(CriticalEvent::TopologyPartition { unreachable })
    }

    /// The certified partition, while nothing newer is known of any member that it lists.
    pub fn validate_partition(&self) -> Option<Arc<Certificate>> {
        let found = self.settled(&Slot::Partition)?;
        self.look_at_partition(found.event()).is_ok().then_some(found)
    }

    /// Whether a partition has been overtaken by what is known of those that it lists. This node is never
    /// out of its own reach.
    pub(super) fn look_at_partition(&self, event: &CriticalEvent) -> Result<(), Refusal> {
        let CriticalEvent::TopologyPartition { unreachable } = event else { return Ok(()) };
        let is_overtaken = unreachable.iter().any(|Unheard { node, mark }| {
            let member = self.index(*node);
            member == Some(self.me) || member.and_then(|member| self.marks.newest(member)) > *mark
        });
        if is_overtaken { Err(Refusal::Outdated) } else { Ok(()) }
    }

    /// A partition is stated as it is seen here, whatever the caller lists.
    pub(super) fn checked_partition(&self, now: Millis) -> Result<CriticalEvent, Misuse> {
        let seen = self.partition(now);
        let event = seen.ok_or(Misuse::Nonsense(NO_PARTITION))?;
        self.state.lock().sees_partition = true;
        Ok(event)
    }

    /// What this node is to state anew of a partition: what it sees has changed since its host said that
    /// there is one. It joins in by itself when more members state one than may lie, if it misses two or
    /// more as well.
    pub(crate) fn partition_to_report(&self, now: Millis) -> Option<CriticalEvent> {
        let seen = self.partition(now);
        let is_over = seen.is_none() && self.doubted(now).len() < FEWEST;
        let mut state = self.state.lock();
        let Some(event) = seen else {
            state.mine.remove(&Slot::Partition);
            state.sees_partition &= !is_over;
            return None;
        };
        let others = state.votes.of(&Slot::Partition).filter(|one| one.attestor != self.me).count();
        let is_seen = state.sees_partition || others > self.directory.view().faults_tolerated();
        let mine = state.mine.get(&Slot::Partition).map(|mine| &mine.event);
        let decided = state.certified.get(&Slot::Partition).map(|found| found.event());
        let is_said = mine == Some(&event) || decided == Some(&event);
        (is_seen && !is_said).then_some(event)
    }
}
