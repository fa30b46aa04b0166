//! How this node takes part in deciding exclusive slots: it applies the rules of [`Voter`] to what it
//! has seen, and nothing that it says leaves before it is durable.

use std::sync::Arc;

use super::ballot::{Ballot, Phase, UncheckedBallot, seal_ballot};
use super::ballots::Ballots;
use super::part::{Part, has_waited};
use super::validator::State;
use super::voter::{Act, Seen, Voter};
use super::{CriticalEvent, QuorumValidator, Slot, Tally};
use crate::id::{Digest, Millis, ViewNumber};
use crate::keyring::{Error, Keyring, Misuse};
use crate::membership::MemberIndex;
use crate::store::Batch;
use crate::suite::Entropy;
use crate::wire::{self, Packet, Refusal, WireError};

/// The most contents that this node accepts in one slot.
pub(super) const MOST_ACCEPTED: usize = 16;
/// A round takes so many times the first one's time at most.
const LONGEST_ROUND: u32 = 64;

/// A change of this node's part in a slot that is to be made durable. After that it counts and leaves.
#[derive(Debug)]
pub(crate) struct PartWrite {
    /// The view in which it was said.
    view: ViewNumber,
    slot: Slot,
    batch: Batch,
    /// The ballot, its phase, and what it does to the voter.
    ballot: Option<(Act, Phase, Arc<[u8]>)>,
    /// What the host accepts with it.
    accepts: Option<Digest>,
    /// It says that nothing more is said in the slot.
    abstains: bool,
}

impl PartWrite {
    /// What is to be written; it is the caller's then.
    pub(crate) fn take_batch(&mut self) -> Batch {
        std::mem::take(&mut self.batch)
    }

    pub(crate) const fn view(&self) -> ViewNumber {
        self.view
    }

    pub(crate) const fn slot(&self) -> &Slot {
        &self.slot
    }
}

/// A ballot of this node that counts now.
#[derive(Debug)]
pub(crate) struct Cast {
    /// What is to be sent, in this order.
    pub(crate) packets: Vec<Vec<u8>>,
    /// Where the slot stands with it.
    pub(crate) tally: Tally,
}

impl QuorumValidator {
    /// Notes that this node's host accepts `event`, whose slot is exclusive. Gives what is to be made
    /// durable first; nothing if it was accepted before, or the slot is decided.
    ///
    /// # Errors
    /// [`Misuse`]: an event that makes no sense, more undecided slots than `slots_per_member` or more
    /// than 16 contents in one; or a fault of the scheme. Nothing is changed then.
    pub(crate) fn accept_content(
        &self,
        event: &CriticalEvent,
        signs: (&Keyring, &dyn Entropy),
        now: Millis,
    ) -> Result<Option<PartWrite>, Error> {
        event.check(self.directory.view()).map_err(Misuse::Nonsense)?;
        let no_slot = Misuse::Nonsense("its slot is not exclusive");
        let (slot, content) = (event.slot(), event.content().ok_or(no_slot)?);
        {
            let mut state = self.state.lock();
            let limit = self.config.slots_per_member;
            let is_full = !state.parts.contains_key(&slot) && state.open_parts().count() >= limit;
            let part = state.parts.get(&slot);
            let accepted = part.map(|part| part.accepted.as_slice()).unwrap_or_default();
            if state.is_decided(&slot) || accepted.contains(&content) {
                return Ok(None);
            }
            if state.abstains(&slot, self.directory.view().number()) {
                return Err(Misuse::Abstains.into());
            }
            if is_full || accepted.len() >= MOST_ACCEPTED {
                return Err(Misuse::TooManyProposals.into());
            }
            let change = state.change(&content).and_then(|change| change.to_bytes().ok());
            let part = state.parts.entry(slot).or_default();
            part.accepted.push(content);
            change.into_iter().for_each(|change| part.wrote(change));
        }
        let written = self.next_write(slot, signs, now).and_then(|write| match write {
            Some(write) => Ok(Some(write)),
            None => self.write_accepted(slot),
        });
        match written {
            Ok(Some(write)) => Ok(Some(PartWrite { accepts: Some(content), ..write })),
            Ok(None) => Ok(None),
            Err(error) => {
                self.take_back(slot, content);
                Err(error)
            }
        }
    }

    /// Writes down what is accepted; nothing if a write is under way, which the next one follows.
    fn write_accepted(&self, slot: Slot) -> Result<Option<PartWrite>, Error> {
        let mut state = self.state.lock();
        let part = state.parts.get_mut(&slot).filter(|part| !part.is_writing);
        Ok(part.map(|part| self.write_part(slot, part)).transpose()?)
    }

    /// Writes down what binds this node in a slot in which no write is under way.
    fn write_part(&self, slot: Slot, part: &mut Part) -> Result<PartWrite, WireError> {
        let mut batch = Batch::new();
        part.put(&mut batch, self.at(slot), part.voter.clone())?;
        part.is_writing = true;
        let (view, abstains) = (self.directory.view().number(), part.abstains.is_some());
        Ok(PartWrite { view, slot, batch, ballot: None, accepts: None, abstains })
    }

    /// Writes down that this node abstains in a slot, if that is not durable yet.
    fn write_abstention(&self, slot: Slot) -> Result<Option<PartWrite>, Error> {
        let mut state = self.state.lock();
        let part = state.parts.get_mut(&slot).filter(|part| !part.is_writing);
        let due = part.filter(|part| part.abstains.is_some_and(|abstains| !abstains.is_written));
        Ok(due.map(|part| self.write_part(slot, part)).transpose()?)
    }

    fn take_back(&self, slot: Slot, content: Digest) {
        let mut state = self.state.lock();
        let Some(part) = state.parts.get_mut(&slot) else { return };
        part.accepted.retain(|accepted| *accepted != content);
        if part.is_idle() {
            state.parts.remove(&slot);
        }
    }

    /// The next ballot of this node in `slot`, if one is due: signed, and to be made durable before it
    /// leaves.
    ///
    /// # Errors
    /// A fault of the scheme; the ballot is due again then.
    pub(crate) fn next_write(
        &self,
        slot: Slot,
        (keyring, entropy): (&Keyring, &dyn Entropy),
        now: Millis,
    ) -> Result<Option<PartWrite>, Error> {
        let Some((act, ballot)) = self.next_ballot(slot, now) else {
            return self.write_abstention(slot);
        };
        let prepared = self.seal_own(&ballot, keyring, entropy).and_then(|bytes| {
            let state = self.state.lock();
            let part = state.parts.get(&slot).ok_or(Misuse::Nonsense("the slot is gone"))?;
            let mut voter = part.voter.clone();
            voter.apply(act);
            let mut batch = Batch::new();
            part.put(&mut batch, self.at(slot), voter)?;
            Ok((batch, bytes))
        });
        match prepared {
            Ok((batch, bytes)) => Ok(Some(PartWrite {
                view: self.directory.view().number(),
                slot,
                batch,
                ballot: Some((act, ballot.phase, bytes)),
                accepts: None,
                abstains: false,
            })),
            Err(error) => {
                self.end_write(slot);
                Err(error)
            }
        }
    }

    /// The next act with a ballot; rounds without one are entered at once. Until the write that it is
    /// for has ended there is no other.
    fn next_ballot(&self, slot: Slot, now: Millis) -> Option<(Act, Ballot)> {
        let mut state = self.state.lock();
        let view = self.directory.view().number();
        if state.is_decided(&slot) || state.is_silenced(&slot) || state.abstains(&slot, view) {
            return None;
        }
        if matches!(slot, Slot::View(_)) {
            // What it locked itself on since the last look has to stand in it.
            self.renew_next_view(&mut state);
        }
        let State { parts, ballots, handover, .. } = &mut *state;
        let part = parts.get_mut(&slot).filter(|part| !part.is_writing)?;
        loop {
            let round = part.voter.round();
            let mut seen = self.seen(&slot, ballots, &part.voter, &part.accepted);
            let waits_for = part.voter.waits_for(&seen).map(|stage| (round, stage));
            seen.timed_out = has_waited(&mut part.waits, waits_for, self.round_ms(round), now);
            let act = part.voter.next(&seen)?;
            let (phase, choice) = match act {
                Act::Prevote(choice) => (Phase::Prevote, choice),
                Act::Precommit(choice) => (Phase::Precommit, choice),
                Act::Enter(_) => {
                    part.voter.apply(act);
                    (part.prevote, part.precommit) = (None, None);
                    continue;
                }
            };
            if matches!(slot, Slot::View(_)) && choice.is_some() {
                (part.hands_over, handover.has_begun) = (true, true);
                handover.carried_by(choice).into_iter().for_each(|carried| part.wrote(carried));
            }
            part.is_writing = true;
            return Some((act, Ballot { slot, round, phase, choice }));
        }
    }

    fn seen<'a>(
        &self,
        slot: &Slot,
        ballots: &Ballots,
        voter: &Voter,
        accepted: &'a [Digest],
    ) -> Seen<'a> {
        let (view, round) = (self.directory.view(), voter.round());
        let leader = self.leader(slot, round);
        let in_round = |phase| ballots.in_round(slot, (round, phase));
        let agreed = |phase| {
            let mut choices = in_round(phase).map(|ballot| ballot.ballot.choice);
            choices.find(|choice| ballots.count(slot, (round, phase), *choice) >= view.quorum())
        };
        let are_in = |phase| ballots.arrived(slot, (round, phase)) >= view.quorum();
        let proposal = in_round(Phase::Prevote).find(|ballot| Some(ballot.voter) == leader);
        Seen {
            leads: leader == Some(self.me),
            accepted,
            proposal: proposal.and_then(|ballot| ballot.ballot.choice),
            prevoted: agreed(Phase::Prevote),
            prevotes_are_in: are_in(Phase::Prevote),
            nothing_precommitted: agreed(Phase::Precommit) == Some(None),
            precommits_are_in: are_in(Phase::Precommit),
            others_are_in: ballots.round_of_others(slot, view.faults_tolerated()),
            timed_out: false,
        }
    }

    /// Who proposes: the members in turn, from another one in each slot.
    fn leader(&self, slot: &Slot, round: u32) -> Option<MemberIndex> {
        let bytes = wire::encode("a slot", slot).ok()?;
        let digest = Digest::of("meshward 2026 leader", &bytes);
        let first = digest.as_bytes().first_chunk().map(|bytes| u64::from_le_bytes(*bytes))?;
        let members = u64::try_from(self.directory.view().len()).ok()?;
        let place = first.checked_rem(members)?.checked_add(u64::from(round))?;
        Some(MemberIndex(u32::try_from(place.checked_rem(members)?).ok()?))
    }

    fn round_ms(&self, round: u32) -> u64 {
        let times = round.saturating_add(1).min(LONGEST_ROUND);
        self.config.round_ms.saturating_mul(u64::from(times))
    }

    fn seal_own(
        &self,
        ballot: &Ballot,
        keyring: &Keyring,
        entropy: &dyn Entropy,
    ) -> Result<Arc<[u8]>, Error> {
        let about = (self.directory.view().digest(), keyring.draw_statement()?);
        let (head, key) = keyring.statement_head();
        Ok(Arc::from(seal_ballot(ballot, about, &head, &key.key, entropy)?))
    }

    /// A write is durable: its ballot counts here and may leave.
    pub(crate) fn written(&self, write: PartWrite, now: Millis) -> Cast {
        let PartWrite { slot, ballot, abstains, .. } = write;
        let mut packets = Vec::new();
        if abstains {
            self.abstention_is_written(slot);
        }
        if let Some((act, phase, bytes)) = ballot {
            let mut state = self.state.lock();
            // It may have been shown something while that was written.
            let may_leave = !state.abstains(&slot, self.directory.view().number());
            if let Some(part) = state.parts.get_mut(&slot) {
                part.voter.apply(act);
                if may_leave {
                    part.signed(phase, Arc::clone(&bytes));
                }
                let leads = self.leader(&slot, part.voter.round()) == Some(self.me);
                packets.extend(part.to_propose_again(leads && may_leave));
            }
            drop(state);
            if may_leave {
                packets.push(bytes.to_vec());
                // It is checked and counted like everybody else's.
                let _counted = self.count_own(&bytes, now);
            }
        }
        self.end_write(slot);
        Cast { packets, tally: self.standing(&slot) }
    }

    /// A write failed. What was accepted with it is not; a ballot is due again.
    pub(crate) fn not_written(&self, write: &PartWrite) {
        self.end_write(write.slot);
        if let Some(content) = write.accepts {
            self.take_back(write.slot, content);
        }
    }

    fn end_write(&self, slot: Slot) {
        if let Some(part) = self.state.lock().parts.get_mut(&slot) {
            part.is_writing = false;
        }
    }

    fn count_own(&self, bytes: &[u8], now: Millis) -> Result<Tally, Refusal> {
        let Packet::Statement(statement) = Packet::parse(bytes)? else {
            return Err(Refusal::Nonsense("a ballot is a statement"));
        };
        let ballot = UncheckedBallot::read(statement, self.directory.view())?;
        let verified = ballot.verify(&self.directory, now)?;
        self.validate_ballot(verified, now).map_err(|(refusal, _)| refusal)
    }

    /// The slots in which this node has something to say yet.
    pub(crate) fn open_slots(&self) -> Vec<Slot> {
        let mut state = self.state.lock();
        self.renew_next_view(&mut state);
        state.open_parts().map(|(slot, _)| *slot).collect()
    }

    fn at(&self, slot: Slot) -> (ViewNumber, Slot) {
        (self.directory.view().number(), slot)
    }

    /// This node's ballots in undecided slots, to be sent again.
    pub(super) fn undecided_ballots(&self) -> Vec<Vec<u8>> {
        let hands_over = self.is_handing_over();
        let state = self.state.lock();
        let packets = state.open_parts().flat_map(|(slot, part)| {
            let shows = hands_over || self.leader(slot, part.voter.round()) == Some(self.me);
            let ballots = [&part.prevote, &part.precommit].into_iter().flatten();
            let ballots = ballots.filter(|_| part.abstains.is_none());
            part.to_propose_again(shows).into_iter().chain(ballots.map(|bytes| bytes.to_vec()))
        });
        packets.collect()
    }

    /// Signs anew this node's ballots that are signed with another key than the active one, or that a
    /// restart has left unsigned. They say the same, so they are no second votes. Gives where the
    /// slots stand with them.
    pub(super) fn restate_ballots(
        &self,
        keyring: &Keyring,
        entropy: &dyn Entropy,
        now: Millis,
    ) -> Result<Vec<Tally>, Error> {
        let key = keyring.active().key.public_key().digest();
        let outdated: Vec<_> = {
            let state = self.state.lock();
            state.open_parts().flat_map(|(slot, part)| part.to_sign_anew(*slot, key)).collect()
        };
        let mut standing = Vec::new();
        for ballot in outdated {
            let bytes = self.seal_own(&ballot, keyring, entropy)?;
            if let Some(part) = self.state.lock().parts.get_mut(&ballot.slot)
                && part.said(ballot.slot).contains(&ballot)
            {
                part.signed(ballot.phase, Arc::clone(&bytes));
            }
            standing.extend(self.count_own(&bytes, now));
        }
        Ok(standing)
    }
}
