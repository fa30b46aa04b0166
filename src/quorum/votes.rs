//! The undecided statements of all members on what is observed, each within its own share.

use std::collections::{BTreeMap, BTreeSet};

use super::attestation::{Attestation, VerifiedAttestation};
use super::counts::Counts;
use super::share::Share;
use super::{CriticalEvent, QuorumConfig, Slot};
use crate::id::{Epoch, Mark, Millis, Nonce};
use crate::membership::MemberIndex;
use crate::wire::Refusal;

/// One statement for each member and slot. What one member says never pushes out what another said
/// (attack Q8): each has a share of its own, in which its oldest goes first, by the numbers that it
/// gave them itself: old statements that somebody plays again never push out a newer one.
#[derive(Debug)]
pub(super) struct Votes {
    slots: BTreeMap<Slot, Said>,
    members: Vec<Stated>,
    failures_per_member: usize,
    others_per_member: usize,
}

/// The statements in one slot. The count of what they say is kept up with them.
#[derive(Debug)]
struct Said {
    held: BTreeMap<MemberIndex, Held>,
    counts: Counts<CriticalEvent>,
}

#[derive(Debug)]
struct Held {
    attestation: VerifiedAttestation,
    /// When it was last worth passing on.
    passed_on: Millis,
}

#[derive(Debug)]
struct Stated {
    share: Share,
    failures: Queue,
    others: Queue,
}

/// The statements that a member has in the slots of one sort, by age.
type Queue = BTreeSet<(Nonce, Slot)>;

/// Who makes a statement: the member, under the key of which epoch, and as which of its statements.
pub(super) type Who = (MemberIndex, Epoch, Nonce);

impl Votes {
    pub(super) fn new(members: usize, config: &QuorumConfig) -> Self {
        let stated = || Stated {
            share: Share::new(members, config),
            failures: Queue::new(),
            others: Queue::new(),
        };
        Self {
            slots: BTreeMap::new(),
            members: (0..members).map(|_| stated()).collect(),
            failures_per_member: most_failures(members),
            others_per_member: config.slots_per_member,
        }
    }

    /// Whether a statement by `attestor` on `event` is worth having, before its signature is checked.
    pub(super) fn look(
        &self,
        (attestor, epoch, nonce): Who,
        event: &CriticalEvent,
        now: Millis,
    ) -> Result<(), Refusal> {
        let slot = event.slot();
        let held = self.slots.get(&slot).and_then(|said| said.held.get(&attestor));
        let stated = self.members.get(attestor.place()).ok_or(Refusal::AttestorRate)?;
        match held {
            None if self.is_full_of_newer(stated, &slot, nonce) => return Err(Refusal::Outdated),
            Some(held) if held.attestation.event == *event => {
                held.is_signed_anew(epoch, nonce).then_some(()).ok_or(Refusal::Duplicate)?;
            }
            Some(held) if nonce <= held.attestation.nonce => return Err(Refusal::Outdated),
            Some(held) if is_older(event, &held.attestation.event) => {
                return Err(Refusal::Outdated);
            }
            _ => {}
        }
        stated.share.is_worth_a_check(nonce, now)
    }

    fn most(&self, slot: &Slot) -> usize {
        if slot.is_failure() { self.failures_per_member } else { self.others_per_member }
    }

    fn is_full_of_newer(&self, stated: &Stated, slot: &Slot, nonce: Nonce) -> bool {
        let queue = stated.queue(slot);
        queue.len() >= self.most(slot) && queue.first().is_some_and(|(oldest, _)| nonce < *oldest)
    }

    /// Whether there is room for one more statement of `attestor`.
    pub(super) fn has_room(&self, attestor: MemberIndex, now: Millis) -> Result<(), Refusal> {
        let stated = self.members.get(attestor.place()).ok_or(Refusal::AttestorRate)?;
        stated.share.has_room(now)
    }

    /// Keeps a checked statement. [`look`](Self::look) said that it is worth it.
    pub(super) fn insert(
        &mut self,
        attestation: VerifiedAttestation,
        now: Millis,
    ) -> Result<(), Refusal> {
        let (attestor, slot) = (attestation.attestor, attestation.event.slot());
        let (nonce, most) = (attestation.nonce, self.most(&slot));
        let stated = self.members.get_mut(attestor.place()).ok_or(Refusal::AttestorRate)?;
        stated.share.take(nonce, now)?;
        let held = Held { attestation, passed_on: now };
        let before = self.slots.entry(slot).or_insert_with(Said::new).insert(held);
        let queue = stated.queue_mut(&slot);
        if let Some(before) = before {
            queue.remove(&(before.attestation.nonce, slot));
        }
        queue.insert((nonce, slot));
        let oldest = if queue.len() > most { queue.pop_first() } else { None };
        if let Some((_, oldest)) = oldest {
            self.forget(oldest, attestor);
        }
        Ok(())
    }

    /// Whether a statement that is held already should be passed on once more. Its origin sends it
    /// again while the event is undecided; if its neighbours took that for a mere duplicate, a copy
    /// lost on the second hop would be lost for good.
    pub(super) fn pass_on_again(
        &mut self,
        attestation: &Attestation<'_>,
        interval_ms: u64,
        now: Millis,
    ) -> bool {
        let repeats = self.repeats(attestation, interval_ms, now);
        let said = self.slots.get_mut(&attestation.event().slot());
        let held = said.and_then(|said| said.held.get_mut(&attestation.attestor()));
        if let Some(held) = held.filter(|_| repeats) {
            held.passed_on = now;
        }
        repeats
    }

    /// The same, without taking it for passed on.
    pub(super) fn repeats(
        &self,
        attestation: &Attestation<'_>,
        interval_ms: u64,
        now: Millis,
    ) -> bool {
        let said = self.slots.get(&attestation.event().slot());
        let held = said.and_then(|said| said.held.get(&attestation.attestor()));
        let Some(held) = held else { return false };
        // The same bytes that were checked before, so they need no second check.
        let (head, record) = (attestation.head(), &held.attestation.record);
        let same = *held.attestation.signature == *attestation.signature()
            && (head.epoch, head.suite) == (record.epoch, record.key.suite())
            && head.key == record.key.digest()
            && held.attestation.nonce == attestation.nonce()
            && held.attestation.event == *attestation.event();
        let due = now < held.passed_on || now.since(held.passed_on) >= interval_ms;
        same && due
    }

    /// The statements in one slot, in the order of the view.
    pub(super) fn of(&self, slot: &Slot) -> impl Iterator<Item = &VerifiedAttestation> {
        let held = self.slots.get(slot).into_iter().flat_map(|said| said.held.values());
        held.map(|held| &held.attestation)
    }

    /// How many members state exactly `event`.
    pub(super) fn count(&self, event: &CriticalEvent) -> usize {
        self.slots.get(&event.slot()).map_or(0, |said| said.counts.of(event))
    }

    /// How many members say in a slot what most do.
    pub(super) fn most_agreeing(&self, slot: &Slot) -> usize {
        self.slots.get(slot).map_or(0, |said| said.counts.most())
    }

    /// The statement of one member in one slot.
    pub(super) fn by(&self, slot: &Slot, member: MemberIndex) -> Option<&VerifiedAttestation> {
        Some(&self.slots.get(slot)?.held.get(&member)?.attestation)
    }

    /// The slots of links in which there are statements.
    pub(super) fn links(&self) -> impl Iterator<Item = &Slot> {
        self.slots.keys().filter(|slot| matches!(slot, Slot::Link { .. }))
    }

    /// Drops the statements on the failure of a member that stand below `mark`.
    pub(super) fn void_below(&mut self, slot: Slot, mark: Mark) {
        self.void(slot, |held| failure_mark(&held.event) < Some(mark));
    }

    /// Drops the statements in a slot that have been overtaken.
    pub(super) fn void(&mut self, slot: Slot, is_void: impl Fn(&VerifiedAttestation) -> bool) {
        let Some(said) = self.slots.get(&slot) else { return };
        let void = said.held.iter().filter(|(_, held)| is_void(&held.attestation));
        let void: Vec<_> = void.map(|(attestor, _)| *attestor).collect();
        for attestor in void {
            self.drop_one(slot, attestor);
        }
    }

    /// Drops every statement in a slot that is decided.
    pub(super) fn clear(&mut self, slot: Slot) {
        let Some(said) = self.slots.remove(&slot) else { return };
        for attestor in said.held.keys() {
            self.unqueue(slot, *attestor);
        }
    }

    /// Drops what `attestor` said in a slot.
    pub(super) fn withdraw(&mut self, slot: Slot, attestor: MemberIndex) {
        self.drop_one(slot, attestor);
    }

    /// In which slots `attestor` has a statement.
    pub(super) fn slots_of(&self, attestor: MemberIndex) -> Vec<Slot> {
        let said = self.slots.iter().filter(|(_, said)| said.held.contains_key(&attestor));
        said.map(|(slot, _)| *slot).collect()
    }

    fn drop_one(&mut self, slot: Slot, attestor: MemberIndex) {
        self.forget(slot, attestor);
        self.unqueue(slot, attestor);
    }

    fn forget(&mut self, slot: Slot, attestor: MemberIndex) {
        let Some(said) = self.slots.get_mut(&slot) else { return };
        said.remove(attestor);
        if said.held.is_empty() {
            self.slots.remove(&slot);
        }
    }

    fn unqueue(&mut self, slot: Slot, attestor: MemberIndex) {
        if let Some(stated) = self.members.get_mut(attestor.place()) {
            stated.queue_mut(&slot).retain(|(_, queued)| *queued != slot);
        }
    }
}

impl Said {
    const fn new() -> Self {
        Self { held: BTreeMap::new(), counts: Counts::new() }
    }

    /// Puts a statement in the place of its attestor's one before, which it gives.
    fn insert(&mut self, held: Held) -> Option<Held> {
        let before = self.remove(held.attestation.attestor);
        self.counts.add(&held.attestation.event);
        self.held.insert(held.attestation.attestor, held);
        before
    }

    fn remove(&mut self, attestor: MemberIndex) -> Option<Held> {
        let held = self.held.remove(&attestor)?;
        self.counts.remove(&held.attestation.event);
        Some(held)
    }
}

impl Stated {
    const fn queue(&self, slot: &Slot) -> &Queue {
        if slot.is_failure() { &self.failures } else { &self.others }
    }

    const fn queue_mut(&mut self, slot: &Slot) -> &mut Queue {
        if slot.is_failure() { &mut self.failures } else { &mut self.others }
    }
}

impl Held {
    /// Whether a statement that says the same was signed after this one under a later key or in a
    /// later boot. Those who know only that key, or missed this one, need it, so it is worth having
    /// and passing on; and the same said again and again is not.
    fn is_signed_anew(&self, epoch: Epoch, nonce: Nonce) -> bool {
        let held = &self.attestation;
        nonce > held.nonce && (epoch > held.record.epoch || nonce.boot > held.nonce.boot)
    }
}

/// The undecided node failures that are kept of one member's statements. More cannot be certified:
/// with more than a third silent there is no quorum.
pub(super) const fn most_failures(members: usize) -> usize {
    (members / 3).saturating_add(1)
}

/// The mark of a statement on a node's failure.
pub(super) const fn failure_mark(event: &CriticalEvent) -> Option<Mark> {
    match event {
        CriticalEvent::NodeFailure { mark, .. } => *mark,
        _ => None,
    }
}

fn is_older(event: &CriticalEvent, held: &CriticalEvent) -> bool {
    matches!(event, CriticalEvent::NodeFailure { .. }) && failure_mark(event) < failure_mark(held)
}
