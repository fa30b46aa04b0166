//! How this node takes part in deciding exclusive slots: it applies the rules of [`Voter`] to what it
//! has seen, and nothing that it says leaves before it is durable.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ballot::{Ballot, Phase, UncheckedBallot, VerifiedBallot, seal_ballot};
use super::ballots::{Ballots, Look};
use super::prevotes::{Prevotes, UncheckedPrevotes};
use super::validator::State;
use super::voter::{Act, Seen, Stage, Voter};
use super::{Certificate, Contradiction, CriticalEvent, QuorumValidator, Slot, Tally};
use crate::id::{Digest, Millis};
use crate::keyring::{Error, Keyring, Misuse};
use crate::membership::MemberIndex;
use crate::store::{Batch, Table};
use crate::suite::Entropy;
use crate::wire::{self, Packet, Refusal, WireError};

/// The most contents that this node accepts in one slot.
const MOST_ACCEPTED: usize = 16;
/// A round takes so many times the first one's time at most.
const LONGEST_ROUND: u32 = 64;

/// This node's part in one slot.
#[derive(Debug, Default)]
pub(super) struct Part {
    voter: Voter,
    /// What the host accepts, in the order it said so.
    accepted: Vec<Digest>,
    /// What the voter's newest valid content stands on.
    prevotes: Option<Arc<Prevotes>>,
    /// Its ballots of this round as they were signed; none that was signed before a restart.
    prevote: Option<Arc<[u8]>>,
    precommit: Option<Arc<[u8]>>,
    /// A write is under way, and nothing else is done before it is durable.
    is_writing: bool,
    /// What it waits for, and since when.
    waits: Option<(Waits, Millis)>,
    decided: bool,
}

/// What is durable of it.
#[derive(Serialize, Deserialize)]
struct Stored {
    voter: Voter,
    accepted: Vec<Digest>,
    prevotes: Option<Vec<u8>>,
}

/// A change of this node's part in a slot that is to be made durable. After that it counts and leaves.
#[derive(Debug)]
pub(crate) struct PartWrite {
    slot: Slot,
    batch: Batch,
    /// The ballot, and what it does to the voter.
    ballot: Option<(Act, Arc<[u8]>)>,
    /// What the host accepts with it.
    accepts: Option<Digest>,
}

impl PartWrite {
    /// What is to be written.
    pub(crate) const fn batch(&self) -> &Batch {
        &self.batch
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
            if state.certified.get(&slot).is_some() {
                return Ok(None);
            }
            let limit = self.config.slots_per_member;
            let is_full = !state.parts.contains_key(&slot) && state.open_parts().count() >= limit;
            let part = state.parts.get(&slot);
            let accepted = part.map(|part| part.accepted.as_slice()).unwrap_or_default();
            if accepted.contains(&content) || part.is_some_and(|part| part.decided) {
                return Ok(None);
            }
            if is_full || accepted.len() >= MOST_ACCEPTED {
                return Err(Misuse::TooManyProposals.into());
            }
            state.parts.entry(slot).or_default().accepted.push(content);
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
        let Some(part) = state.parts.get_mut(&slot) else { return Ok(None) };
        if part.is_writing {
            return Ok(None);
        }
        let batch = part.to_batch(&slot, part.voter.clone())?;
        part.is_writing = true;
        Ok(Some(PartWrite { slot, batch, ballot: None, accepts: None }))
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
        let Some((act, ballot)) = self.next_ballot(slot, now) else { return Ok(None) };
        let prepared = self.seal_own(&ballot, keyring, entropy).and_then(|bytes| {
            let state = self.state.lock();
            let part = state.parts.get(&slot).ok_or(Misuse::Nonsense("the slot is gone"))?;
            let mut voter = part.voter.clone();
            voter.apply(act);
            Ok((part.to_batch(&slot, voter)?, bytes))
        });
        match prepared {
            Ok((batch, bytes)) => {
                Ok(Some(PartWrite { slot, batch, ballot: Some((act, bytes)), accepts: None }))
            }
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
        let State { parts, ballots, certified, .. } = &mut *state;
        let part = parts.get_mut(&slot)?;
        if part.is_writing || part.decided || certified.get(&slot).is_some() {
            return None;
        }
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
        let PartWrite { slot, ballot, .. } = write;
        let mut packets = Vec::new();
        if let Some((act, bytes)) = ballot {
            let mut state = self.state.lock();
            if let Some(part) = state.parts.get_mut(&slot) {
                part.voter.apply(act);
                match act {
                    Act::Prevote(_) => part.prevote = Some(Arc::clone(&bytes)),
                    _ => part.precommit = Some(Arc::clone(&bytes)),
                }
                let leads = self.leader(&slot, part.voter.round()) == Some(self.me);
                packets.extend(part.to_propose_again(leads));
            }
            drop(state);
            packets.push(bytes.to_vec());
            // It is checked and counted like everybody else's.
            let _counted = self.count_own(&bytes, now);
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

    /// What can be told about a ballot before its signature is checked.
    ///
    /// # Errors
    /// [`Refusal`] says why it is not worth a check.
    pub fn screen_ballot(&self, ballot: &UncheckedBallot<'_>, now: Millis) -> Result<(), Refusal> {
        let who = (ballot.voter(), ballot.head().epoch, ballot.nonce());
        look(&self.state.lock(), who, ballot.ballot(), now).map(|_| ())
    }

    /// Whether a ballot that is held already should be passed on once more, for those who lost it.
    /// True at most twice in a resend interval for each.
    pub fn pass_ballot_on_again(&self, ballot: &UncheckedBallot<'_>, now: Millis) -> bool {
        let interval_ms = self.config.resend_ms / 2;
        self.state.lock().ballots.pass_on_again(ballot, interval_ms, now)
    }

    /// Counts one checked ballot.
    ///
    /// # Errors
    /// [`Refusal`] says why it does not count; with a [`Contradiction`] when its voter voted
    /// differently before in the same phase of the same round.
    pub fn validate_ballot(
        &self,
        ballot: VerifiedBallot,
        now: Millis,
    ) -> Result<Tally, (Refusal, Option<Contradiction>)> {
        let mut state = self.state.lock();
        let who = (ballot.voter, ballot.record.epoch, ballot.nonce);
        let vote = ballot.ballot;
        let counted = look(&state, who, &vote, now).and_then(|look| match look {
            Look::New => state.ballots.insert(ballot.clone(), now).map(|()| None),
            Look::Contradiction => Ok(state.ballots.contradict(&ballot)),
        });
        match counted {
            Ok(None) => {}
            Ok(Some(first)) => {
                drop(state);
                return Err((Refusal::ContradictoryVote, self.contradiction(&first, &ballot)));
            }
            Err(refusal) => return Err((refusal, None)),
        }
        if let Some(event) = vote.event() {
            match vote.phase {
                Phase::Prevote => self.note_prevotes(&mut state, &event, vote.round),
                Phase::Precommit => self.decide(&mut state, &event, vote.round),
            }
        }
        drop(state);
        Ok(self.standing(&vote.slot))
    }

    fn contradiction(
        &self,
        first: &VerifiedBallot,
        second: &VerifiedBallot,
    ) -> Option<Contradiction> {
        let view = self.directory.view();
        let first = first.to_bytes(view.mesh(), view).ok()?;
        let second = second.to_bytes(view.mesh(), view).ok()?;
        Some(Contradiction { first, second })
    }

    fn note_prevotes(&self, state: &mut State, event: &CriticalEvent, round: u32) {
        let (slot, view) = (event.slot(), self.directory.view());
        if !state.wants_prevotes(&slot, round, self.config.slots_per_member) {
            return;
        }
        let ballots = state.ballots.in_round(&slot, (round, Phase::Prevote));
        if let Some(prevotes) = Prevotes::assemble(event, round, ballots, (view.mesh(), view)) {
            state.learn(prevotes);
        }
    }

    fn decide(&self, state: &mut State, event: &CriticalEvent, round: u32) {
        let (at, view) = ((round, Phase::Precommit), self.directory.view());
        let slot = event.slot();
        let ballots = state.ballots.in_round(&slot, at);
        let about = (view.mesh(), view.as_ref());
        if let Some(certificate) = Certificate::assemble_ballots(event, at, ballots, about) {
            Self::settle(state, certificate);
        }
    }

    /// Whether prevotes may be news, so that their checks are worth it.
    ///
    /// # Errors
    /// [`Refusal::Decided`] or [`Refusal::Outdated`].
    pub(crate) fn wants_prevotes(&self, prevotes: &UncheckedPrevotes<'_>) -> Result<(), Refusal> {
        let (state, slot) = (self.state.lock(), prevotes.slot());
        if state.is_decided(&slot) {
            return Err(Refusal::Decided);
        }
        let round = prevotes.round().unwrap_or(0);
        let wanted = state.wants_prevotes(&slot, round, self.config.slots_per_member);
        wanted.then_some(()).ok_or(Refusal::Outdated)
    }

    /// Takes over what two thirds prevoted. A node whose host has said nothing of the slot takes part
    /// from then on.
    ///
    /// # Errors
    /// [`Refusal::Outdated`] when later prevotes came in the meantime.
    pub(crate) fn accept_prevotes(&self, prevotes: Prevotes) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let (slot, round) = (prevotes.slot(), prevotes.backed().round);
        if !state.wants_prevotes(&slot, round, self.config.slots_per_member) {
            return Err(Refusal::Outdated);
        }
        state.learn(prevotes);
        Ok(())
    }

    /// Whether a ballot for `event` was counted here or its host accepts it.
    pub(crate) fn has_met(&self, event: &CriticalEvent) -> bool {
        let (state, slot, content) = (self.state.lock(), event.slot(), event.content());
        let accepted = state.parts.get(&slot).map(|part| part.accepted.as_slice());
        let is_accepted = content.is_some_and(|one| accepted.unwrap_or_default().contains(&one));
        is_accepted || state.ballots.choices(&slot).any(|choice| choice == content)
    }

    /// The slots in which this node has something to say yet.
    pub(crate) fn open_slots(&self) -> Vec<Slot> {
        self.state.lock().open_parts().copied().collect()
    }

    /// This node's ballots in undecided slots, to be sent again.
    pub(super) fn undecided_ballots(&self) -> Vec<Vec<u8>> {
        let state = self.state.lock();
        let open = state.parts.iter().filter(|(slot, part)| state.is_open_part(slot, part));
        let packets = open.flat_map(|(slot, part)| {
            let leads = self.leader(slot, part.voter.round()) == Some(self.me);
            let ballots = [&part.prevote, &part.precommit].into_iter().flatten();
            part.to_propose_again(leads).into_iter().chain(ballots.map(|bytes| bytes.to_vec()))
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
            let open = state.parts.iter().filter(|(slot, part)| state.is_open_part(slot, part));
            open.flat_map(|(slot, part)| part.to_sign_anew(*slot, key)).collect()
        };
        let mut standing = Vec::new();
        for ballot in outdated {
            let bytes = self.seal_own(&ballot, keyring, entropy)?;
            if let Some(part) = self.state.lock().parts.get_mut(&ballot.slot)
                && part.said(ballot.slot).contains(&ballot)
            {
                match ballot.phase {
                    Phase::Prevote => part.prevote = Some(Arc::clone(&bytes)),
                    Phase::Precommit => part.precommit = Some(Arc::clone(&bytes)),
                }
            }
            standing.extend(self.count_own(&bytes, now));
        }
        Ok(standing)
    }

    /// Takes back this node's part in a slot as it was stored in an earlier boot.
    ///
    /// # Errors
    /// [`WireError`] when it cannot be read: what bound this node is not known then.
    pub(crate) fn restore_part(&self, slot: &[u8], stored: &[u8]) -> Result<(), WireError> {
        let slot: Slot = wire::decode("a slot", slot)?;
        let Stored { voter, accepted, prevotes } = wire::decode("a part in a slot", stored)?;
        let prevotes = prevotes.and_then(|bytes| {
            // Without them the lock holds all the same; others may still show them.
            let checked = Prevotes::verify(&bytes, &self.directory);
            checked.inspect_err(|refusal| tracing::warn!(%refusal, "stored prevotes")).ok()
        });
        let prevotes = prevotes.map(Arc::new);
        let part = Part { voter, accepted, prevotes, ..Part::default() };
        self.state.lock().parts.insert(slot, part);
        Ok(())
    }
}

fn look(
    state: &State,
    who: super::votes::Who,
    ballot: &Ballot,
    now: Millis,
) -> Result<Look, Refusal> {
    if state.is_decided(&ballot.slot) {
        return Err(Refusal::Decided);
    }
    state.ballots.look(who, ballot, now)
}

/// What a voter waits for, in which round.
type Waits = (u32, Stage);

/// Whether it has waited for the same for `round_ms`; if it is another, the time counts from now.
fn has_waited(
    waits: &mut Option<(Waits, Millis)>,
    waits_for: Option<Waits>,
    round_ms: u64,
    now: Millis,
) -> bool {
    if let Some((before, since)) = waits
        && Some(*before) == waits_for
        && now >= *since
    {
        return now.since(*since) >= round_ms;
    }
    *waits = waits_for.map(|waits_for| (waits_for, now));
    false
}

impl State {
    fn is_decided(&self, slot: &Slot) -> bool {
        self.certified.get(slot).is_some() || self.parts.get(slot).is_some_and(|part| part.decided)
    }

    fn is_open_part(&self, slot: &Slot, part: &Part) -> bool {
        !part.decided && self.certified.get(slot).is_none()
    }

    fn open_parts(&self) -> impl Iterator<Item = &Slot> {
        let open = self.parts.iter().filter(|(slot, part)| self.is_open_part(slot, part));
        open.map(|(slot, _)| slot)
    }

    fn wants_prevotes(&self, slot: &Slot, round: u32, most: usize) -> bool {
        match self.parts.get(slot) {
            Some(part) => part.voter.valid().is_none_or(|valid| valid.round < round),
            None => self.open_parts().count() < most,
        }
    }

    fn learn(&mut self, prevotes: Prevotes) {
        let part = self.parts.entry(prevotes.slot()).or_default();
        part.voter.learn(prevotes.backed());
        part.prevotes = Some(Arc::new(prevotes));
    }
}

impl Part {
    /// Its slot is decided: what it said binds it for ever, and there is nothing more to say.
    pub(super) fn decided(&mut self) {
        self.decided = true;
        (self.prevote, self.precommit, self.prevotes) = (None, None, None);
    }

    fn is_idle(&self) -> bool {
        self.voter == Voter::default() && self.accepted.is_empty()
    }

    fn to_batch(&self, slot: &Slot, voter: Voter) -> Result<Batch, Error> {
        let prevotes = self.prevotes.as_ref().map(|prevotes| prevotes.as_bytes().to_vec());
        let stored = Stored { voter, accepted: self.accepted.clone(), prevotes };
        let mut batch = Batch::new();
        let key = wire::encode("a slot", slot)?;
        batch.put(Table::Vote, &key, &wire::encode("a part in a slot", &stored)?);
        Ok(batch)
    }

    /// Who leads shows what its proposal stands on, or those that are locked could not follow it.
    fn to_propose_again(&self, leads: bool) -> Option<Vec<u8>> {
        let prevotes = self.prevotes.as_ref().filter(|_| leads)?;
        Some(prevotes.as_bytes().to_vec())
    }

    /// What it said in its round.
    fn said(&self, slot: Slot) -> Vec<Ballot> {
        let round = self.voter.round();
        let said =
            [(Phase::Prevote, self.voter.prevote()), (Phase::Precommit, self.voter.precommit())];
        let ballot = |(phase, choice): (Phase, Option<_>)| {
            choice.map(|choice| Ballot { slot, round, phase, choice })
        };
        said.into_iter().filter_map(ballot).collect()
    }

    fn to_sign_anew(&self, slot: Slot, key: Digest) -> Vec<Ballot> {
        let mut said = self.said(slot);
        said.retain(|ballot| {
            let signed = match ballot.phase {
                Phase::Prevote => &self.prevote,
                Phase::Precommit => &self.precommit,
            };
            signed.as_ref().is_none_or(|bytes| super::reports::signing_key(bytes) != Some(key))
        });
        said
    }
}
