//! What of the quorum lives on in the next view.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::carried::Carried;
use super::part::{self, Abstains, Part};
use super::voter::Voter;
use super::votes::failure_mark;
use super::{QuorumValidator, Slot};
use crate::id::{Digest, Millis};
use crate::keyring::Error;
use crate::membership::{Directory, MemberIndex, View};
use crate::store::Batch;
use crate::wire::WireError;

impl QuorumValidator {
    /// The quorum of the next view, whose members and keys `directory` has and in which this node is
    /// `me`. How far members were heard lives on, and what binds this node in exclusive slots; what was
    /// attested or voted in this view counts in it alone. A failure that was certified here has to be
    /// attested anew, since who joined has not seen it.
    ///
    /// # Errors
    /// [`Misuse::Config`] for a value out of its range, or what the view carries on cannot be read.
    pub(crate) fn succeed(
        &self,
        directory: Arc<Directory>,
        me: MemberIndex,
        now: Millis,
    ) -> Result<Self, Error> {
        let mut next = Self::new(directory, me, self.config.clone(), now)?;
        next.take_over_carried()?;
        let view = Arc::clone(next.directory.view());
        let before: Vec<_> = view
            .members()
            .iter()
            .map(|member| self.directory.view().index_of(&member.id))
            .collect();
        next.marks = self.marks.succeed(&before, now);
        let (accepted, abstentions) = (self.accepted_after(&view), self.abstentions_after(&view));
        {
            let mut state = next.state.lock();
            for (slot, contents) in accepted {
                state.parts.entry(slot).or_default().accepted = contents;
            }
            for (slot, abstains) in abstentions {
                state.parts.entry(slot).or_default().abstains = Some(abstains);
            }
        }
        let mut state = self.state.lock();
        state.handover.has_begun = true;
        let failures = view.members().iter().filter_map(|member| {
            let certificate = state.certified.get(&Slot::Failure(member.id));
            let mark = certificate.map(|certificate| failure_mark(certificate.event()));
            Some((member.id, mark.or_else(|| state.failed_before.get(&member.id).copied())?))
        });
        let failed_before = failures.collect();
        {
            let mut next = next.state.lock();
            next.failed_before = failed_before;
            next.abstains_from_all = state.abstains_from_all;
        }
        drop(state);
        Ok(next)
    }

    /// Takes over what this view was handed: slots that are closed, and locks.
    ///
    /// # Errors
    /// [`WireError`] when it cannot be read.
    pub(crate) fn take_over_carried(&self) -> Result<(), WireError> {
        let carried = Carried::from_bytes(self.directory.view().carried())?;
        let mut state = self.state.lock();
        for (slot, voter) in locked_parts(&carried, self.directory.view()) {
            state.parts.insert(slot, Part { voter, ..Part::default() });
        }
        state.handover.carried = carried;
        Ok(())
    }

    /// What is to be written with the step into `view`: this node's parts in its slots, in place of
    /// those in the slots of this view.
    ///
    /// # Errors
    /// [`WireError`] when what the view carries on cannot be read.
    pub(crate) fn put_parts_after(&self, view: &View, batch: &mut Batch) -> Result<(), WireError> {
        let carried = Carried::from_bytes(view.carried())?;
        let mut voters: BTreeMap<_, _> = locked_parts(&carried, view).into_iter().collect();
        let mut parts = BTreeMap::<Slot, Part>::new();
        for (slot, accepted) in self.accepted_after(view) {
            parts.entry(slot).or_default().accepted = accepted;
        }
        for (slot, abstains) in self.abstentions_after(view) {
            parts.entry(slot).or_default().abstains = Some(abstains);
        }
        for (slot, part) in parts {
            let voter = voters.remove(&slot).unwrap_or_default();
            part.put(batch, (view.number(), slot), voter)?;
        }
        let here = self.directory.view().number();
        for slot in self.state.lock().parts.keys() {
            batch.delete(crate::store::Table::Vote, &part::key((here, *slot))?);
        }
        Ok(())
    }

    /// In which slots that go on in `view` this node abstains: there it has nothing to say either.
    fn abstentions_after(&self, view: &View) -> Vec<(Slot, Abstains)> {
        let carried = Carried::from_bytes(view.carried()).unwrap_or_default();
        let state = self.state.lock();
        let goes_on = |slot: &Slot| slot.outlives_its_view() && !carried.closes(slot);
        let abstaining = state.parts.iter().filter_map(|(slot, part)| {
            // It may have begun after the step was written.
            let abstains = Abstains { is_written: false, ..part.abstains? };
            goes_on(slot).then_some((*slot, abstains))
        });
        abstaining.collect()
    }

    /// What this node's host accepted in slots that go on in `view`.
    fn accepted_after(&self, view: &View) -> Vec<(Slot, Vec<Digest>)> {
        let carried = Carried::from_bytes(view.carried()).unwrap_or_default();
        let state = self.state.lock();
        let goes_on = |slot: &Slot, content: Digest| {
            slot.outlives_its_view()
                && !carried.closes(slot)
                && slot.event(content).is_some_and(|event| event.check(view).is_ok())
        };
        let open = state.open_parts().filter_map(|(slot, part)| {
            let content = part.accepted.first()?;
            goes_on(slot, *content).then(|| (*slot, part.accepted.clone()))
        });
        open.collect()
    }
}

/// How a member begins in the slots that `view` was handed undecided.
fn locked_parts(carried: &Carried, view: &View) -> Vec<(Slot, Voter)> {
    let open = carried.locks().filter(|(slot, backed)| {
        slot.event(backed.content).is_some_and(|event| event.check(view).is_ok())
    });
    open.map(|(slot, backed)| (slot, Voter::locked_on(backed))).collect()
}
