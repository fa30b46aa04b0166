//! What the passing of time brings about.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use super::judgements::LastWritten;
use super::once::OncePerLink;
use super::{Core, Event, Output};
use crate::id::{Millis, NodeId};
use crate::quorum::Slot;
use crate::wire::{Container, Tag};

/// How often a node asks for what it missed, in milliseconds. It doubles with every Hello that
/// brought no key, since anybody can make up a packet under a key that does not exist.
const HELLO_INTERVAL_MS: u64 = 2_000;
const LONGEST_HELLO_INTERVAL_MS: u64 = 16_000;

/// What is due, and what was asked for since the last tick.
#[derive(Debug, Default)]
pub(super) struct Timers {
    last_resend: Option<Millis>,
    last_hello: Option<Millis>,
    /// Hellos since a key was last learnt.
    vain_hellos: u32,
    said_hello: bool,
    quorum_lost: bool,
    /// A packet came under a key that is not known here.
    pub(super) missed_a_key: bool,
    /// Whose key that is, of the last one.
    pub(super) missed_key_of: Option<NodeId>,
    /// A member speaks in a view that is yet to come here.
    pub(super) missed_a_view: bool,
    /// Resend intervals until the changes of the members that this node's host accepts are sent again.
    change_wait: u32,
    next_change_wait: u32,
    /// A member asked for this node's rotations.
    pub(super) history_wanted: bool,
    asked_about: BTreeSet<Slot>,
    last_answered: Option<Slot>,
    /// Certificates that this node sent lately, or is to send.
    told: VecDeque<Told>,
    pub(super) judgements: LastWritten,
    /// Over which links votes in this node's name were checked.
    pub(super) own_checks: OncePerLink,
    /// Over which links somebody was told that it left the key it speaks under.
    pub(super) told_left: OncePerLink,
    pub(super) last_witness: Option<Millis>,
    pub(super) last_renewal: Option<Millis>,
    /// What the start brought about, and the host has not been told yet.
    since_start: Vec<Output>,
    /// One was sent unasked since the last resend interval began.
    told_one: bool,
}

/// A certificate that is sent again, ever less often.
#[derive(Debug)]
struct Told {
    slot: Slot,
    /// Resend intervals until it is sent again.
    wait: u32,
    next_wait: u32,
}

/// Certificates that are sent unasked; the oldest goes first.
const MOST_TOLD: usize = 1_024;
/// The longest wait, in resend intervals, before a certificate is given up.
const LONGEST_WAIT: u32 = 64;

/// Settled matters that are remembered as still being reported on. Anybody can ask, unsigned, so
/// there are few, and one is answered in each resend interval.
const MOST_ASKED_ABOUT: usize = 16;

impl Timers {
    /// Those of a start at `now` that brought about what the host is told of first.
    pub(super) fn since(start: Vec<Output>, now: Millis) -> Self {
        Self { since_start: start, judgements: LastWritten::at(now), ..Self::default() }
    }

    /// Whether it would be news that somebody still reports on a settled matter.
    pub(super) fn takes_question(&self, slot: &Slot) -> bool {
        self.asked_about.len() < MOST_ASKED_ABOUT && !self.asked_about.contains(slot)
    }

    /// Somebody still reports on a matter that is settled.
    pub(super) fn asked_about(&mut self, slot: Slot) {
        if self.takes_question(&slot) {
            self.asked_about.insert(slot);
        }
    }

    /// A certificate was made, and is to be sent, and sent again in case it was lost. Tells whether now:
    /// one in a resend interval. When many fail at once, those of a hundred members are 230 KiB each.
    pub(super) fn is_to_tell(&mut self, slot: Slot) -> bool {
        let now = !std::mem::replace(&mut self.told_one, true);
        self.told.retain(|told| told.slot != slot);
        let next_wait = if now { 2 } else { 1 };
        self.told.push_back(Told { slot, wait: 1, next_wait });
        if self.told.len() > MOST_TOLD {
            self.told.pop_front();
        }
        now
    }

    /// The certificate that is to be sent now, at first and again after 1, 2, 4 … resend intervals:
    /// of those whose time has come one that was sent least often. `turn` says which, so that not
    /// everybody sends the same one.
    fn due_to_tell(&mut self, turn: usize) -> Option<Slot> {
        for told in &mut self.told {
            told.wait = told.wait.saturating_sub(1);
        }
        let due = || self.told.iter().filter(|told| told.wait == 0);
        let least = due().map(|told| told.next_wait).min();
        let first = || due().filter(|told| Some(told.next_wait) == least);
        let slot = first().nth(turn.checked_rem(first().count())?)?.slot;
        self.told_one = true;
        let told = self.told.iter_mut().find(|told| told.slot == slot)?;
        told.wait = told.next_wait;
        told.next_wait = told.next_wait.saturating_mul(2);
        self.told.retain(|told| told.next_wait <= LONGEST_WAIT);
        Some(slot)
    }

    /// A settled matter to answer for, each in its turn.
    fn next_to_answer(&mut self) -> Option<Slot> {
        let after = self.last_answered.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.asked_about.range((after, Bound::Unbounded)).next();
        let next = next.or_else(|| self.asked_about.first()).copied()?;
        self.asked_about.remove(&next);
        self.last_answered = Some(next);
        Some(next)
    }

    /// This node's host accepts a change of the members that it did not before.
    pub(super) fn change_is_new(&mut self) {
        (self.change_wait, self.next_change_wait) = (1, 1);
    }

    /// Whether the changes are to be sent in this resend interval: after 1, 1, 2, 4 … of them.
    fn change_is_due(&mut self) -> bool {
        self.change_wait = self.change_wait.saturating_sub(1);
        let is_due = self.change_wait == 0;
        if is_due {
            self.change_wait = self.next_change_wait.max(1);
            self.next_change_wait = self.change_wait.saturating_mul(2).min(LONGEST_WAIT);
        }
        is_due
    }

    /// The timers of the next view: nothing is asked of it yet, and who has come from the one before
    /// has nothing to ask.
    pub(super) fn succeed(&self) -> Self {
        Self { said_hello: true, quorum_lost: self.quorum_lost, ..Self::default() }
    }

    /// A key was learnt, so asking helps.
    pub(super) fn learnt_a_key(&mut self) {
        self.vain_hellos = 0;
    }

    fn hello_interval_ms(&self) -> u64 {
        let doubled = HELLO_INTERVAL_MS.checked_shl(self.vain_hellos.min(16));
        doubled.unwrap_or(u64::MAX).min(LONGEST_HELLO_INTERVAL_MS)
    }
}

impl Core {
    /// Does what is due: says again what may be lost, asks who is missed whether it lives, answers who
    /// asks, and replaces the key when its time has come ([`RotationPolicy`](crate::RotationPolicy)). Call it some times a second, and at least four times in a suspicion time;
    /// O(n) in the members.
    ///
    /// After more than half a suspicion time without a call, this node was paused or starved: what
    /// passed is not counted as the silence of others, and it takes longer to miss anybody for a while.
    pub fn tick(&self, now: Millis) -> Vec<Output> {
        let outputs = self.do_what_is_due(now);
        #[cfg(feature = "metrics")]
        self.record(now);
        outputs
    }

    fn do_what_is_due(&self, now: Millis) -> Vec<Output> {
        let mut outputs = std::mem::take(&mut self.timers.lock().since_start);
        if self.is_in_view().is_err() {
            return outputs;
        }
        let away_ms = self.quorum.tick(now);
        self.quorum.note_lost(now);
        if away_ms > 0 {
            tracing::warn!(away_ms, "the ticks come late: silence in between is not counted");
        }
        self.keyring.grow_older(now);
        self.release(now, &mut outputs);
        self.save_judgements(now, &mut outputs);
        self.tick_stages(now, &mut outputs);
        if !self.keyring.is_silent() {
            self.witness(now, &mut outputs);
            self.claim_boot(now, &mut outputs);
        }
        if !self.keyring.is_confirmed() || self.keyring.is_silent() {
            self.step_on(&mut outputs);
            self.watch_quorum(now, &mut outputs);
            return outputs;
        }
        self.send_again(now, &mut outputs);
        for slot in self.quorum.open_slots() {
            self.vote(&slot, now, &mut outputs);
        }
        self.step_on(&mut outputs);
        self.ask_and_answer(now, &mut outputs);
        self.say_hello(now, &mut outputs);
        self.renew_key(now, &mut outputs);
        self.watch_quorum(now, &mut outputs);
        outputs
    }

    fn release(&self, now: Millis, outputs: &mut Vec<Output>) {
        let members = self.ledgers.members.expire(now);
        let members = members.into_iter();
        let links = self.ledgers.links.expire(now).into_iter();
        outputs.extend(members.map(|node| Output::Event(Event::MemberReleased { node })));
        outputs.extend(links.map(|link| Output::Event(Event::LinkReleased { link })));
    }

    /// Own statements on what is undecided, what others have shown they lack, and a proof in its turn.
    fn send_again(&self, now: Millis, outputs: &mut Vec<Output>) {
        let (asked_about, told, history_wanted, change_is_due) = {
            let mut timers = self.timers.lock();
            if !is_due(&mut timers.last_resend, self.config.quorum.resend_ms, now) {
                return;
            }
            let history_wanted = std::mem::take(&mut timers.history_wanted);
            timers.told_one = false;
            let told = timers.due_to_tell(self.me.place());
            (timers.next_to_answer(), told, history_wanted, timers.change_is_due())
        };
        outputs.extend(self.persist_stalled());
        match self.quorum.restate(&self.keyring, self.entropy.as_ref(), now) {
            Ok(standing) => standing.iter().for_each(|tally| self.tell(tally, outputs)),
            Err(error) => {
                tracing::warn!(%error, "a statement could not be signed under the new key");
            }
        }
        self.quorum.withdraw_excess(now);
        self.confirm(now, outputs);
        outputs.extend(self.quorum.undecided().into_iter().map(Output::Send));
        let slots = asked_about.into_iter().chain(told);
        outputs.extend(slots.filter_map(|slot| self.quorum.answer(&slot)).map(Output::Send));
        if change_is_due {
            outputs.extend(self.quorum.changes_to_send().iter().filter_map(|change| {
                let bytes = change.to_bytes().ok()?;
                Some(Output::Send(Container::to_bytes(Tag::Change, self.mesh(), &bytes)))
            }));
        }
        if history_wanted {
            let rotations = self.keyring.rotations();
            outputs.extend(rotations.iter().map(|rotation| Output::Send(rotation.to_vec())));
        }
        let proof = self.proofs.lock().due();
        outputs.extend(proof.map(|proof| Output::Send(proof.as_bytes().to_vec())));
    }

    /// Asks for what was missed: once after the start, and whenever an unknown key shows up.
    fn say_hello(&self, now: Millis, outputs: &mut Vec<Output>) {
        let lacks = {
            let mut timers = self.timers.lock();
            let wanted = !timers.said_hello || timers.missed_a_key || timers.missed_a_view;
            let interval_ms = timers.hello_interval_ms();
            if !wanted || !is_due(&mut timers.last_hello, interval_ms, now) {
                return;
            }
            (timers.missed_a_key, timers.missed_a_view) = (false, false);
            timers.vain_hellos = timers.vain_hellos.saturating_add(1);
            timers.missed_key_of.take()
        };
        match self.hello(lacks) {
            Ok(hello) => {
                self.timers.lock().said_hello = true;
                // Whoever started, too, may not know the key that it is signed with: without the way to
                // it, two nodes that both rotated would refuse each other's Hellos for good.
                let rotations = self.keyring.rotations();
                outputs.extend(rotations.iter().map(|rotation| Output::Send(rotation.to_vec())));
                outputs.push(Output::Send(hello));
            }
            Err(error) => tracing::warn!(%error, "a Hello could not be signed"),
        }
    }

    fn watch_quorum(&self, now: Millis, outputs: &mut Vec<Output>) {
        let tolerated = self.view().len().saturating_sub(self.view().quorum());
        let mut timers = self.timers.lock();
        // What lengthens the suspicion time makes nobody heard: once lost, it is lost until they are.
        let silent = match timers.quorum_lost {
            true => self.quorum.silent(now),
            false => self.overdue(now).len(),
        };
        let lost = silent > tolerated;
        if std::mem::replace(&mut timers.quorum_lost, lost) == lost {
            return;
        }
        drop(timers);
        outputs.push(Output::Event(if lost {
            tracing::warn!(silent, tolerated, "no quorum can be reached");
            Event::NoQuorum { silent, tolerated }
        } else {
            Event::QuorumRestored
        }));
    }
}

/// Whether `interval_ms` have passed since `last`; then now is the last. A clock that went back
/// makes it due, rather than wait for the time to come round again.
pub(super) fn is_due(last: &mut Option<Millis>, interval_ms: u64, now: Millis) -> bool {
    let due = last.is_none_or(|last| now < last || now.since(last) >= interval_ms);
    if due {
        *last = Some(now);
    }
    due
}
