//! What was cast in one slot: the newest ballots of each member, and how many are for what.

use std::collections::BTreeMap;

use super::Choice;
use super::ballot::{Phase, VerifiedBallot};
use super::counts::Counts;
use crate::id::{Digest, Epoch, Millis, Nonce};
use crate::membership::MemberIndex;

/// The ballots in one slot. The counts are kept up with them.
#[derive(Debug)]
pub(super) struct Poll {
    cast: BTreeMap<MemberIndex, Cast>,
    votes: Counts<(u32, Phase, Choice)>,
    favoured: Counts<Digest>,
}

/// The newest prevote and the newest precommit of one member.
#[derive(Debug, Default)]
pub(super) struct Cast {
    prevote: Option<Held>,
    precommit: Option<Held>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) ballot: VerifiedBallot,
    /// When it was last worth passing on.
    pub(super) passed_on: Millis,
    /// The member voted differently, too, and was charged for it.
    pub(super) contradicted: bool,
}

impl Poll {
    pub(super) const fn new() -> Self {
        Self { cast: BTreeMap::new(), votes: Counts::new(), favoured: Counts::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cast.is_empty()
    }

    /// What one member cast.
    pub(super) fn by(&self, voter: MemberIndex) -> Option<&Cast> {
        self.cast.get(&voter)
    }

    /// One ballot that is held, so that what is noted of it can be changed.
    pub(super) fn held_mut(&mut self, voter: MemberIndex, phase: Phase) -> Option<&mut Held> {
        self.cast.get_mut(&voter)?.of_mut(phase).as_mut()
    }

    /// Who cast what, in the order of the view.
    pub(super) fn all(&self) -> impl Iterator<Item = (MemberIndex, &Cast)> {
        self.cast.iter().map(|(voter, cast)| (*voter, cast))
    }

    /// Puts a ballot in the place of its voter's one before in the same phase.
    pub(super) fn put(&mut self, held: Held) {
        let (voter, phase) = (held.ballot.voter, held.ballot.ballot.phase);
        let mut cast = self.remove(voter).unwrap_or_default();
        *cast.of_mut(phase) = Some(held);
        cast.votes().for_each(|vote| self.votes.add(&vote));
        cast.favours().iter().for_each(|content| self.favoured.add(content));
        self.cast.insert(voter, cast);
    }

    /// Takes out what one member cast.
    pub(super) fn remove(&mut self, voter: MemberIndex) -> Option<Cast> {
        let cast = self.cast.remove(&voter)?;
        cast.votes().for_each(|vote| self.votes.remove(&vote));
        cast.favours().iter().for_each(|content| self.favoured.remove(content));
        Some(cast)
    }

    /// How many members vote for `choice` in one phase and round.
    pub(super) fn count(&self, (round, phase): (u32, Phase), choice: Choice) -> usize {
        self.votes.of(&(round, phase, choice))
    }

    /// How many members voted last for the content that most did.
    pub(super) fn most_in_favour(&self) -> usize {
        self.favoured.most()
    }
}

impl Cast {
    pub(super) const fn of(&self, phase: Phase) -> Option<&Held> {
        match phase {
            Phase::Prevote => self.prevote.as_ref(),
            Phase::Precommit => self.precommit.as_ref(),
        }
    }

    const fn of_mut(&mut self, phase: Phase) -> &mut Option<Held> {
        match phase {
            Phase::Prevote => &mut self.prevote,
            Phase::Precommit => &mut self.precommit,
        }
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        [&self.prevote, &self.precommit].into_iter().flatten()
    }

    fn votes(&self) -> impl Iterator<Item = (u32, Phase, Choice)> {
        let ballots = self.held().map(|held| held.ballot.ballot);
        ballots.map(|ballot| (ballot.round, ballot.phase, ballot.choice))
    }

    /// The number of the ballot that was signed last.
    pub(super) fn newest(&self) -> Option<Nonce> {
        self.held().map(|held| held.ballot.nonce).max()
    }

    /// The content that it voted for last; nothing is no content.
    fn favours(&self) -> Option<Digest> {
        let choices =
            self.held().filter_map(|held| Some((held.round(), held.ballot.ballot.choice?)));
        choices.max_by_key(|(round, _)| *round).map(|(_, content)| content)
    }

    /// The ballot that is furthest on.
    pub(super) fn furthest(&self) -> Option<&VerifiedBallot> {
        let ballots = self.held().map(|held| &held.ballot);
        ballots.max_by_key(|held| (held.ballot.round, held.ballot.phase))
    }

    /// The phase of which round it has come to.
    pub(super) fn progress(&self) -> Option<(u32, Phase)> {
        self.furthest().map(|held| (held.ballot.round, held.ballot.phase))
    }
}

impl Held {
    pub(super) const fn round(&self) -> u32 {
        self.ballot.ballot.round
    }

    /// Whether a ballot that says the same was signed after this one under a later key or in a later
    /// boot: those who know only that key, or missed this one, need it.
    pub(super) fn is_signed_anew(&self, epoch: Epoch, nonce: Nonce) -> bool {
        let held = &self.ballot;
        nonce > held.nonce && (epoch > held.record.epoch || nonce.boot > held.nonce.boot)
    }
}
