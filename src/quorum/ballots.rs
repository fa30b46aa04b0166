//! The ballots of all members in undecided slots, each member's within its own share.

use std::collections::{BTreeMap, BTreeSet};

use super::ballot::{Ballot, Phase, UncheckedBallot, VerifiedBallot};
use super::poll::{Cast, Held, Poll};
use super::share::Share;
use super::votes::Who;
use super::{Choice, QuorumConfig, Slot};
use crate::id::{Millis, Nonce};
use crate::membership::MemberIndex;
use crate::wire::Refusal;

/// The newest prevote and the newest precommit of each member in each slot. A member that names a high
/// round replaces its own ballots alone, and as with other statements its oldest slot goes first, never
/// another member's (attacks Q8 and Q10).
#[derive(Debug)]
pub(super) struct Ballots {
    slots: BTreeMap<Slot, Poll>,
    members: Vec<Voting>,
    slots_per_member: usize,
    /// What this node says itself is not rationed.
    me: MemberIndex,
}

#[derive(Debug)]
struct Voting {
    share: Share,
    /// The slots that it votes in, by the number of its newest ballot there.
    slots: BTreeSet<(Nonce, Slot)>,
}

/// What a new ballot would be.
pub(super) enum Look {
    /// Worth having.
    New,
    /// A contradiction of what the member voted in the same phase of the same round.
    Contradiction,
}

impl Ballots {
    pub(super) fn new(members: usize, me: MemberIndex, config: &QuorumConfig) -> Self {
        let voting = || Voting { share: Share::new(members, config), slots: BTreeSet::new() };
        Self {
            slots: BTreeMap::new(),
            members: (0..members).map(|_| voting()).collect(),
            slots_per_member: config.slots_per_member,
            me,
        }
    }

    /// What a ballot would be, before its signature is checked.
    pub(super) fn look(
        &self,
        (voter, epoch, nonce): Who,
        ballot: &Ballot,
        now: Millis,
    ) -> Result<Look, Refusal> {
        let cast = self.slots.get(&ballot.slot).and_then(|poll| poll.by(voter));
        let held = cast.and_then(|cast| cast.of(ballot.phase));
        let voting = self.members.get(voter.place()).ok_or(Refusal::AttestorRate)?;
        match held {
            None if cast.is_none() && self.is_full_of_newer(voting, nonce) => {
                return Err(Refusal::Outdated);
            }
            None => {}
            Some(held) if ballot.round < held.round() => return Err(Refusal::Outdated),
            Some(held) if ballot.round > held.round() => {}
            // Charged once: a replay of the second vote must not cost the member again.
            Some(held) if held.contradicted => return Err(Refusal::Duplicate),
            Some(held) if held.ballot.ballot.choice != ballot.choice => {
                return Ok(Look::Contradiction);
            }
            Some(held) if !held.is_signed_anew(epoch, nonce) => return Err(Refusal::Duplicate),
            Some(_) => {}
        }
        if voter != self.me {
            voting.share.is_worth_a_check(nonce, now)?;
        }
        Ok(Look::New)
    }

    fn is_full_of_newer(&self, voting: &Voting, nonce: Nonce) -> bool {
        voting.slots.len() >= self.slots_per_member
            && voting.slots.first().is_some_and(|(oldest, _)| nonce < *oldest)
    }

    /// Keeps a checked ballot. [`look`](Self::look) said that it is worth it.
    pub(super) fn insert(&mut self, ballot: VerifiedBallot, now: Millis) -> Result<(), Refusal> {
        let (voter, nonce) = (ballot.voter, ballot.nonce);
        let slot = ballot.ballot.slot;
        let voting = self.members.get_mut(voter.place()).ok_or(Refusal::AttestorRate)?;
        if voter != self.me {
            voting.share.take(nonce, now)?;
        }
        let poll = self.slots.entry(slot).or_insert_with(Poll::new);
        let newest = |poll: &Poll| poll.by(voter).and_then(Cast::newest);
        if let Some(newest) = newest(poll) {
            voting.slots.remove(&(newest, slot));
        }
        poll.put(Held { ballot, passed_on: now, contradicted: false });
        voting.slots.extend(newest(poll).map(|newest| (newest, slot)));
        if voting.slots.len() > self.slots_per_member
            && let Some((_, oldest)) = voting.slots.pop_first()
        {
            self.forget(oldest, voter);
        }
        Ok(())
    }

    /// In which slots `voter` has a ballot.
    pub(super) fn slots_of(&self, voter: MemberIndex) -> Vec<Slot> {
        let polls = self.slots.iter().filter(|(_, poll)| poll.by(voter).is_some());
        polls.map(|(slot, _)| *slot).collect()
    }

    /// Drops what `voter` voted in a slot.
    pub(super) fn withdraw(&mut self, slot: Slot, voter: MemberIndex) {
        self.forget(slot, voter);
        if let Some(voting) = self.members.get_mut(voter.place()) {
            voting.slots.retain(|(_, known)| *known != slot);
        }
    }

    fn forget(&mut self, slot: Slot, voter: MemberIndex) {
        let Some(poll) = self.slots.get_mut(&slot) else { return };
        poll.remove(voter);
        if poll.is_empty() {
            self.slots.remove(&slot);
        }
    }

    /// Whether a ballot that is held already should be passed on once more, for those who lost it.
    pub(super) fn pass_on_again(
        &mut self,
        ballot: &UncheckedBallot<'_>,
        interval_ms: u64,
        now: Millis,
    ) -> bool {
        let repeats = self.repeats(ballot, interval_ms, now);
        let Ballot { slot, phase, .. } = ballot.ballot();
        let poll = self.slots.get_mut(slot);
        let held = poll.and_then(|poll| poll.held_mut(ballot.voter(), *phase));
        if let Some(held) = held.filter(|_| repeats) {
            held.passed_on = now;
        }
        repeats
    }

    /// The same, without taking it for passed on.
    pub(super) fn repeats(
        &self,
        ballot: &UncheckedBallot<'_>,
        interval_ms: u64,
        now: Millis,
    ) -> bool {
        let Ballot { slot, phase, .. } = *ballot.ballot();
        let cast = self.slots.get(&slot).and_then(|poll| poll.by(ballot.voter()));
        let Some(held) = cast.and_then(|cast| cast.of(phase)) else { return false };
        let due = now < held.passed_on || now.since(held.passed_on) >= interval_ms;
        // The same bytes that were checked before, so they need no second check.
        due && ballot.is(&held.ballot)
    }

    /// Whether there is room for one more ballot of `voter`.
    pub(super) fn has_room(&self, voter: MemberIndex, now: Millis) -> Result<(), Refusal> {
        let voting = self.members.get(voter.place()).ok_or(Refusal::AttestorRate)?;
        if voter == self.me { Ok(()) } else { voting.share.has_room(now) }
    }

    /// What is held of a member that it may have forgotten when it sends `ballot`: a later one in that
    /// slot, or another one of the same phase and round.
    ///
    /// Its precommit comes after a prevote in the same round as a matter of course. So that is worth
    /// showing only beside a prevote that was signed anew, which a restart brings about.
    pub(super) fn beyond(&self, ballot: &UncheckedBallot<'_>) -> Option<&VerifiedBallot> {
        let Ballot { slot, round, phase, choice } = *ballot.ballot();
        let cast = self.slots.get(&slot)?.by(ballot.voter())?;
        let newest = cast.furthest()?;
        let same = cast.of(phase).map(|held| &held.ballot);
        let same = same.filter(|held| held.ballot.round == round);
        match newest.ballot.round {
            held if held > round => Some(newest),
            held if held < round => None,
            _ => match same {
                Some(held) if held.ballot.choice != choice => Some(held),
                Some(held) if newest.ballot.phase > phase => (!ballot.is(held)).then_some(newest),
                _ => None,
            },
        }
    }

    /// What each slot holds of `voter` that is furthest on.
    pub(super) fn furthest_of(&self, voter: MemberIndex) -> impl Iterator<Item = &VerifiedBallot> {
        self.slots.values().filter_map(move |poll| poll.by(voter)?.furthest())
    }

    /// Notes that `voter` voted differently in the same phase and round, and gives its first vote.
    pub(super) fn contradict(&mut self, second: &VerifiedBallot) -> Option<VerifiedBallot> {
        let Ballot { slot, phase, .. } = second.ballot;
        let held = self.slots.get_mut(&slot)?.held_mut(second.voter, phase)?;
        held.contradicted = true;
        Some(held.ballot.clone())
    }

    /// The vote that [`contradict`](Self::contradict) would give.
    pub(super) fn contradicted_by(&self, second: &VerifiedBallot) -> Option<&VerifiedBallot> {
        let Ballot { slot, phase, .. } = second.ballot;
        Some(&self.slots.get(&slot)?.by(second.voter)?.of(phase)?.ballot)
    }

    /// The newest ballots of one phase in a slot, in the order of the view.
    pub(super) fn of(&self, slot: &Slot, phase: Phase) -> impl Iterator<Item = &VerifiedBallot> {
        self.cast(slot).filter_map(move |cast| cast.of(phase)).map(|held| &held.ballot)
    }

    /// The ballots of one phase and round in a slot.
    pub(super) fn in_round(
        &self,
        slot: &Slot,
        (round, phase): (u32, Phase),
    ) -> impl Iterator<Item = &VerifiedBallot> {
        self.of(slot, phase).filter(move |ballot| ballot.ballot.round == round)
    }

    fn cast(&self, slot: &Slot) -> impl Iterator<Item = &Cast> {
        self.slots.get(slot).into_iter().flat_map(Poll::all).map(|(_, cast)| cast)
    }

    /// What members voted for in a slot.
    pub(super) fn choices(&self, slot: &Slot) -> impl Iterator<Item = Choice> {
        let all = [Phase::Prevote, Phase::Precommit].map(|phase| self.of(slot, phase));
        all.into_iter().flatten().map(|ballot| ballot.ballot.choice)
    }

    /// How many members vote for `choice` in one phase and round.
    pub(super) fn count(&self, slot: &Slot, at: (u32, Phase), choice: Choice) -> usize {
        self.slots.get(slot).map_or(0, |poll| poll.count(at, choice))
    }

    /// How many members have come as far as a phase of a round.
    pub(super) fn arrived(&self, slot: &Slot, at: (u32, Phase)) -> usize {
        self.cast(slot).filter(|cast| cast.progress() >= Some(at)).count()
    }

    /// The highest round that more than `faults` members have reached.
    pub(super) fn round_of_others(&self, slot: &Slot, faults: usize) -> u32 {
        let mut rounds: Vec<_> =
            self.cast(slot).filter_map(Cast::progress).map(|(round, _)| round).collect();
        rounds.sort_unstable_by(|one, other| other.cmp(one));
        rounds.get(faults).copied().unwrap_or(0)
    }

    /// How many members voted last for the content that most did.
    pub(super) fn most_in_favour(&self, slot: &Slot) -> usize {
        self.slots.get(slot).map_or(0, Poll::most_in_favour)
    }

    /// Drops the ballots of a slot that is decided.
    pub(super) fn clear(&mut self, slot: Slot) {
        let Some(poll) = self.slots.remove(&slot) else { return };
        for (voter, cast) in poll.all() {
            if let (Some(newest), Some(voting)) =
                (cast.newest(), self.members.get_mut(voter.place()))
            {
                voting.slots.remove(&(newest, slot));
            }
        }
    }
}
