//! From one view to the next.
//!
//! Which members the next view has is decided first, in an exclusive slot like any other. Then the view
//! is handed over: in a second slot the members decide on the whole next view, with what is carried on
//! from this one. That is a function of what a member knows, so no content is sent around: each votes for
//! what it would write itself, or for what two thirds have prevoted.
//!
//! | rule | the attack that it answers |
//! |---|---|
//! | The next view names what was decided, and in what is open the content that two thirds prevoted last; its members begin locked on that. | Q18: a slot is decided by votes that were held back, and again with other content in the next view. |
//! | Who has prevoted a next view votes on nothing else in this one, ever. | The same, with votes that come after. |
//! | Who votes for a next view that it wrote itself keeps what it wrote, durably. | It learns of more, writes another, and the one that was decided is gone. |
//! | What two thirds prevoted as the next view anyone may prevote, whatever it is locked on itself. | Locks in two slots that wait for each other for ever. |
//!
//! Why one content at most is certified: whatever two thirds precommit to in a slot, and whatever next
//! view two thirds prevote, an honest member did both. It precommitted first, by the second rule, so its
//! lock stood in the next view as it would have written it, and so in this one; and by the rules of
//! [`Voter`](super::Voter) two thirds prevote nothing else in any later round. `tests/model` searches it
//! whole.

use std::sync::Arc;

use super::carried::Carried;
use super::validator::State;
use super::{Choice, CriticalEvent, QuorumValidator, Slot, Tally};
use crate::id::{Digest, Millis, NodeId, ViewNumber};
use crate::keyring::Misuse;
use crate::membership::{Change, View};
use crate::wire::Refusal;

/// How far this node is with handing its view over.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// What this view was handed.
    pub(super) carried: Carried,
    /// What was decided in it, as far as is known here.
    decided: Carried,
    /// The changes of the members that somebody votes for, as far as they are known here.
    pub(super) changes: Vec<(Digest, Arc<Change>)>,
    /// This node has prevoted a next view.
    pub(super) has_begun: bool,
    /// The next view as this node would write it, and what it carries on.
    next: Option<(Carried, Arc<View>)>,
}

impl Handover {
    /// The changes of the members that this node's host accepted in an earlier boot.
    pub(super) fn take_back_changes(&mut self, written: &[Vec<u8>]) {
        let changes = written.iter().filter_map(|bytes| {
            let change = Change::from_bytes(bytes).ok()?;
            Some((change.digest().ok()?, Arc::new(change)))
        });
        self.changes.extend(changes);
    }

    /// What the next view with this digest carries on, if this node has just written it.
    pub(super) fn carried_by(&self, choice: Choice) -> Option<Vec<u8>> {
        let (carried, view) = self.next.as_ref()?;
        (Some(view.digest()) == choice).then(|| carried.to_bytes().ok()).flatten()
    }
}

impl QuorumValidator {
    /// The number of the view after this one.
    fn next_number(&self) -> Option<ViewNumber> {
        self.directory.view().number().0.checked_add(1).map(ViewNumber)
    }

    /// Whether `change` could be applied here, and what a vote for it is a vote for.
    ///
    /// # Errors
    /// [`Misuse`] says what is wrong with it.
    pub(crate) fn check_change(
        &self,
        change: &Change,
        now: Millis,
    ) -> Result<CriticalEvent, Misuse> {
        let view = self.directory.view();
        let refused = |error: crate::membership::ViewError| Misuse::Change(error.to_string());
        view.changed(change, Vec::new()).map_err(refused)?;
        self.check_replaced(change, now)?;
        let is_replaced =
            |node: &NodeId| change.replaced(view).any(|(replaced, _)| replaced == node);
        for (node, record) in change.anchors().iter().filter(|(node, _)| !is_replaced(node)) {
            let member = view.index_of(node).ok_or(Misuse::UnknownSubject(*node))?;
            // All of the record: with a commitment of its own to the next key, or to the recovery key, whoever
            // proposes this would have the member (attacks K2, K13).
            if !self.directory.records(member).iter().any(|known| **known == *record) {
                return Err(Misuse::Change(format!("{node} is not known to have that key")));
            }
        }
        let next = self.next_number().ok_or(Misuse::CounterExhausted("view number"))?;
        let digest = change.digest().map_err(refused)?;
        Ok(CriticalEvent::MembershipChange { view: next, change: digest })
    }

    /// Keeps a change that this node's host accepts.
    pub(crate) fn keep_change(&self, event: &CriticalEvent, change: Change) {
        let mut state = self.state.lock();
        if let Some(digest) = event.content() {
            state.forget_changes(self.next_number());
            state.handover.changes.retain(|(known, _)| *known != digest);
            state.handover.changes.push((digest, Arc::new(change)));
        }
    }

    /// Whether a change with this digest is asked for here: somebody votes for it, or it was decided,
    /// and it is not known yet.
    ///
    /// # Errors
    /// [`Refusal`] says why it is not.
    pub(crate) fn wants_change(&self, digest: Digest) -> Result<(), Refusal> {
        let state = self.state.lock();
        if state.change(&digest).is_some() {
            return Err(Refusal::Duplicate);
        }
        let slot = self.next_number().map(Slot::Membership);
        let asked = slot.is_some_and(|slot| state.is_in_play(&slot, digest));
        asked.then_some(()).ok_or(Refusal::Nonsense("nobody is known to vote for this change"))
    }

    /// The change with this digest, if somebody votes for it and it is known here.
    pub fn change(&self, digest: &Digest) -> Option<Arc<Change>> {
        self.state.lock().change(digest)
    }

    /// The changes that this node's host accepts, or that were decided: others may lack them.
    pub(crate) fn changes_to_send(&self) -> Vec<Arc<Change>> {
        let state = self.state.lock();
        let Some(slot) = self.next_number().map(Slot::Membership) else { return Vec::new() };
        let accepted = state.parts.get(&slot).map(|part| part.accepted.as_slice());
        let accepted = accepted.unwrap_or_default();
        let decided = state.decided_content(&slot);
        let wanted = state.handover.changes.iter().filter(|(digest, _)| match decided {
            Some(decided) => *digest == decided,
            None => accepted.contains(digest),
        });
        wanted.map(|(_, change)| Arc::clone(change)).collect()
    }

    /// Whether the members of the next view are decided, so that this one is being handed over.
    pub(crate) fn is_handing_over(&self) -> bool {
        let slot = self.next_number().map(Slot::Membership);
        slot.is_some_and(|slot| self.state.lock().is_decided(&slot))
    }

    /// The next view and what certifies it, when it is decided and this node has it.
    pub(crate) fn next_view(&self) -> Option<(Arc<View>, Arc<super::Certificate>)> {
        let slot = Slot::View(self.next_number()?);
        let mut state = self.state.lock();
        let certificate = state.certified.get(&slot).map(Arc::clone)?;
        let decided = certificate.event().content()?;
        self.renew_next_view(&mut state);
        let newest = state.handover.next.as_ref().map(|(_, view)| Arc::clone(view));
        // It may have learnt of more since it wrote what was decided.
        let before = state.parts.get(&slot).into_iter().flat_map(|part| &part.written);
        let change = self.decided_change(&state);
        let written = before.filter_map(|carried| {
            let next = self.directory.view().changed(change.as_ref()?, carried.clone());
            next.ok().map(Arc::new)
        });
        let view = newest.into_iter().chain(written).find(|view| view.digest() == decided)?;
        Some((view, certificate))
    }

    /// How the members of the next view come about, when that is decided and known here.
    fn decided_change(&self, state: &State) -> Option<Arc<Change>> {
        let slot = self.next_number().map(Slot::Membership)?;
        state.change(&state.decided_content(&slot)?)
    }

    /// What certifies the next view, when it is decided.
    pub(crate) fn view_certificate(&self) -> Option<Arc<super::Certificate>> {
        self.settled(&Slot::View(self.next_number()?))
    }

    /// What a vote for the change with this digest is a vote for.
    pub(crate) fn event_of_change(&self, change: Digest) -> Option<CriticalEvent> {
        self.next_number().map(|view| CriticalEvent::MembershipChange { view, change })
    }

    /// Writes the next view anew from what is known now, and takes it for this node's own proposal.
    pub(super) fn renew_next_view(&self, state: &mut State) {
        let Some(number) = self.next_number() else { return };
        let slot = Slot::View(number);
        let Some(change) = self.decided_change(state) else { return };
        if state.is_decided(&slot) && state.handover.next.is_some() {
            return;
        }
        let carried = state.carried_on();
        if state.handover.next.as_ref().is_some_and(|(known, _)| *known == carried) {
            return;
        }
        let view = carried.to_bytes().ok().and_then(|bytes| {
            let next = self.directory.view().changed(&change, bytes);
            next.inspect_err(|error| tracing::error!(%error, "the next view makes no sense")).ok()
        });
        let Some(view) = view else { return };
        state.parts.entry(slot).or_default().accepted = vec![view.digest()];
        state.handover.next = Some((carried, Arc::new(view)));
    }

    /// Where the next view stands; `None` while its members are not decided.
    pub fn handover(&self) -> Option<Tally> {
        let slot = self.next_number().map(Slot::View)?;
        self.is_handing_over().then(|| self.standing(&slot))
    }
}

impl State {
    /// Whether this node has said its last word in `slot`, because it has begun to hand its view over.
    pub(super) const fn is_silenced(&self, slot: &Slot) -> bool {
        self.handover.has_begun && !matches!(slot, Slot::View(_))
    }

    pub(super) fn change(&self, digest: &Digest) -> Option<Arc<Change>> {
        let mut changes = self.handover.changes.iter();
        changes.find(|(known, _)| known == digest).map(|(_, change)| Arc::clone(change))
    }

    /// Whether somebody votes for `content`, this node's host accepts it, or it was decided.
    fn is_in_play(&self, slot: &Slot, content: Digest) -> bool {
        let part = self.parts.get(slot);
        let accepted = part.is_some_and(|part| part.accepted.contains(&content));
        let valid = part.and_then(|part| part.voter.valid());
        let wanted: Choice = Some(content);
        accepted
            || valid.is_some_and(|valid| valid.content == content)
            || self.decided_content(slot) == wanted
            || self.ballots.choices(slot).any(|choice| choice == wanted)
    }

    /// Drops the changes that nobody votes for any more, so that there are no more than there are votes.
    fn forget_changes(&mut self, next: Option<ViewNumber>) {
        let Some(slot) = next.map(Slot::Membership) else { return };
        let mut changes = std::mem::take(&mut self.handover.changes);
        changes.retain(|(digest, _)| self.is_in_play(&slot, *digest));
        self.handover.changes = changes;
    }

    fn decided_content(&self, slot: &Slot) -> Option<Digest> {
        self.certified.get(slot).and_then(|certificate| certificate.event().content())
    }

    /// What the next view carries on, as far as is known here.
    fn carried_on(&self) -> Carried {
        let mut carried = self.handover.carried.clone();
        for (slot, content) in self.handover.decided.settled() {
            carried.settle(slot, content);
        }
        for (slot, part) in self.open_parts() {
            if let Some(backed) = part.voter.valid() {
                carried.lock(*slot, backed);
            }
        }
        carried.compact()
    }

    /// Notes that `slot` was decided on `content`.
    pub(super) fn note_decision(&mut self, slot: Slot, content: Option<Digest>) {
        if let Some(content) = content {
            self.handover.decided.settle(slot, content);
        }
    }
}
