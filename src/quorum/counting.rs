//! What others say in exclusive slots: it is counted, and may decide them.

use super::ballot::{Ballot, Phase, UncheckedBallot, VerifiedBallot};
use super::ballots::Look;
use super::prevotes::{Prevotes, UncheckedPrevotes};
use super::validator::State;
use super::votes::Who;
use super::{Certificate, Contradiction, CriticalEvent, QuorumValidator, Tally};
use crate::id::Millis;
use crate::wire::Refusal;

impl QuorumValidator {
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

    /// The same, without taking it for passed on.
    pub(crate) fn repeats_ballot(&self, ballot: &UncheckedBallot<'_>, now: Millis) -> bool {
        self.state.lock().ballots.repeats(ballot, self.config.resend_ms / 2, now)
    }

    /// What [`validate_ballot`](Self::validate_ballot) would say of `ballot`.
    pub(crate) fn would_count(
        &self,
        ballot: &VerifiedBallot,
        now: Millis,
    ) -> Result<(), (Refusal, Option<Contradiction>)> {
        let state = self.state.lock();
        let who = (ballot.voter, ballot.record.epoch, ballot.nonce);
        match look(&state, who, &ballot.ballot, now).map_err(|refusal| (refusal, None))? {
            Look::New => {
                state.ballots.has_room(ballot.voter, now).map_err(|refusal| (refusal, None))
            }
            Look::Contradiction => {
                let first = state.ballots.contradicted_by(ballot);
                let contradiction = first.and_then(|first| self.contradiction(first, ballot));
                Err((Refusal::ContradictoryVote, contradiction))
            }
        }
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
        match look(&state, who, &vote, now).map_err(|refusal| (refusal, None))? {
            Look::New => {
                state.ballots.insert(ballot, now).map_err(|refusal| (refusal, None))?;
            }
            Look::Contradiction => {
                let first = state.ballots.contradict(&ballot);
                drop(state);
                let contradiction = first.and_then(|first| self.contradiction(&first, &ballot));
                return Err((Refusal::ContradictoryVote, contradiction));
            }
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
        let at = (round, Phase::Prevote);
        if state.ballots.count(&slot, at, event.content()) < view.quorum() {
            return;
        }
        let ballots = state.ballots.in_round(&slot, at);
        if let Some(prevotes) = Prevotes::assemble(event, round, ballots, (view.mesh(), view)) {
            state.learn(prevotes);
        }
    }

    fn decide(&self, state: &mut State, event: &CriticalEvent, round: u32) {
        let (at, view) = ((round, Phase::Precommit), self.directory.view());
        let slot = event.slot();
        if state.ballots.count(&slot, at, event.content()) < view.quorum() {
            return;
        }
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
}

fn look(state: &State, who: Who, ballot: &Ballot, now: Millis) -> Result<Look, Refusal> {
    if state.is_decided(&ballot.slot) {
        return Err(Refusal::Decided);
    }
    state.ballots.look(who, ballot, now)
}
