//! One member's part in deciding an exclusive slot: what it may say next, and nothing else.

use serde::{Deserialize, Serialize};

use crate::id::Digest;

/// What a ballot is for: a content, by its digest, or nothing.
pub type Choice = Option<Digest>;

/// A content that two thirds of the members prevoted in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Backed {
    /// The round.
    pub round: u32,
    /// The content.
    pub content: Digest,
}

/// One member's part in deciding one exclusive slot, by the rules of Tendermint (Buchman, Kwon and
/// Milosevic, "The latest gossip on BFT consensus", arXiv 1807.04938, algorithm 1).
///
/// Rounds have two phases. Each round has a leader; its prevote is the proposal, and who may, prevotes
/// the same. Who sees two thirds prevote one content
/// precommits to it and is *locked* on it; two thirds of precommits to one content decide. A lock is
/// left only for a content that two thirds prevoted in a later round, so once a content is decided
/// nothing else can be. A leader proposes again what two thirds prevoted last, if it knows of that.
///
/// Four things differ from the paper. What a member accepts is its host's to say, and hosts may differ;
/// but what two thirds prevoted, honest hosts among them have accepted, so everybody may prevote it
/// then: else a member that is locked on what others do not accept could hold up the slot for ever.
/// A member that may not prevote a proposal waits until the time is up, since what allows it may be on
/// its way; and it prevotes what it would propose itself then, not nothing, so that others hear of that,
/// and need no leader if they agree. And members keep and send their newest ballots alone, so one
/// that is in a later round counts as having voted in this one.
///
/// It is pure: what was seen comes in, what to do comes out. The caller makes an act durable before
/// anybody sees its ballot and before it [applies](Self::apply) it, so that no crash makes a member
/// forget a lock or vote twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Voter {
    round: u32,
    prevote: Option<Choice>,
    precommit: Option<Choice>,
    locked: Option<Backed>,
    valid: Option<Backed>,
}

/// What a member has seen of a slot. The counts are of the round that it is in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// It is the leader.
    pub leads: bool,
    /// What its host accepts, what it likes best first.
    pub accepted: &'a [Digest],
    /// What the leader prevoted.
    pub proposal: Option<Digest>,
    /// What two thirds prevoted.
    pub prevoted: Option<Choice>,
    /// Two thirds prevoted something or have gone on since: who is in a later round no longer sends
    /// what it said in this one.
    pub prevotes_are_in: bool,
    /// Two thirds precommitted to nothing.
    pub nothing_precommitted: bool,
    /// Two thirds precommitted to something or have gone on since.
    pub precommits_are_in: bool,
    /// A round that more members are in than may be faulty.
    pub others_are_in: u32,
    /// It has waited for long enough for [what it waits for](Voter::waits_for).
    pub timed_out: bool,
}

/// What a member does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// It prevotes.
    Prevote(Choice),
    /// It precommits, and is locked on the content, if there is one.
    Precommit(Choice),
    /// It enters a round.
    Enter(u32),
}

/// What the time of a round is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// A proposal that it may prevote.
    Proposal,
    /// Two thirds that agree, when two thirds have prevoted.
    Prevotes,
    /// The same of precommits.
    Precommits,
}

impl Voter {
    /// A member of a view that was handed a slot in which something else may not be decided any more:
    /// it begins in the round after, locked.
    pub fn locked_on(backed: Backed) -> Self {
        let (locked, valid) = (Some(backed), Some(backed));
        Self { round: backed.round.saturating_add(1), locked, valid, ..Self::default() }
    }

    /// The round it is in.
    pub const fn round(&self) -> u32 {
        self.round
    }

    /// What it prevoted in its round.
    pub const fn prevote(&self) -> Option<Choice> {
        self.prevote
    }

    /// What it precommitted to in its round.
    pub const fn precommit(&self) -> Option<Choice> {
        self.precommit
    }

    /// What it is locked on.
    pub const fn locked(&self) -> Option<Backed> {
        self.locked
    }

    /// What two thirds prevoted in the latest round that it knows of.
    pub const fn valid(&self) -> Option<Backed> {
        self.valid
    }

    /// Whether it cannot have said this in that round and phase, as far as it remembers: if it did, it
    /// has forgotten something that binds it.
    ///
    /// What it said in rounds that it has left it need not remember, as it never votes there again; but
    /// what it precommitted to, it is locked on, or was until two thirds prevoted another content later.
    pub fn has_forgotten(&self, round: u32, is_precommit: bool, choice: Choice) -> bool {
        if round < self.round {
            let binds = choice.filter(|_| is_precommit);
            return binds.is_some_and(|content| match self.locked {
                Some(locked) if locked.round == round => locked.content != content,
                Some(locked) => locked.round < round,
                None => true,
            });
        }
        let said = if is_precommit { self.precommit } else { self.prevote };
        round > self.round || said != Some(choice)
    }

    /// Notes that two thirds prevoted a content. Tells whether that is news.
    pub fn learn(&mut self, backed: Backed) -> bool {
        let news = self.valid.is_none_or(|valid| valid.round < backed.round);
        if news {
            self.valid = Some(backed);
        }
        news
    }

    /// What to do next; `None` is to wait.
    pub fn next(&self, seen: &Seen<'_>) -> Option<Act> {
        if seen.others_are_in > self.round {
            return Some(Act::Enter(seen.others_are_in));
        }
        match (self.precommit, self.prevote) {
            (Some(_), _) => {
                let is_over =
                    seen.nothing_precommitted || (seen.precommits_are_in && seen.timed_out);
                is_over.then(|| self.round.checked_add(1).map(Act::Enter)).flatten()
            }
            (None, _) if seen.prevoted.is_some() => seen.prevoted.map(Act::Precommit),
            (None, Some(_)) => {
                (seen.prevotes_are_in && seen.timed_out).then_some(Act::Precommit(None))
            }
            (None, None) => {
                // A leader does not wait for itself, and nobody waits for one for ever.
                let own = || self.would_propose(seen.accepted);
                let own = if seen.leads || seen.timed_out { own() } else { None };
                let may = |content: &Digest| self.may_prevote(*content, seen.accepted);
                let content = seen.proposal.filter(may).or_else(|| own.filter(may));
                (content.is_some() || seen.timed_out).then_some(Act::Prevote(content))
            }
        }
    }

    /// What the time is counted for, if it is.
    pub fn waits_for(&self, seen: &Seen<'_>) -> Option<Stage> {
        match (self.precommit, self.prevote) {
            (Some(_), _) => seen.precommits_are_in.then_some(Stage::Precommits),
            (None, Some(_)) => seen.prevotes_are_in.then_some(Stage::Prevotes),
            (None, None) => Some(Stage::Proposal),
        }
    }

    /// Puts an act into effect.
    pub fn apply(&mut self, act: Act) {
        match act {
            Act::Prevote(choice) => self.prevote = Some(choice),
            Act::Precommit(choice) => {
                self.precommit = Some(choice);
                if let Some(content) = choice {
                    let backed = Backed { round: self.round, content };
                    self.locked = Some(backed);
                    self.learn(backed);
                }
            }
            Act::Enter(round) => {
                self.round = round;
                (self.prevote, self.precommit) = (None, None);
            }
        }
    }

    fn would_propose(&self, accepted: &[Digest]) -> Option<Digest> {
        self.valid.map(|valid| valid.content).or_else(|| accepted.first().copied())
    }

    fn may_prevote(&self, content: Digest, accepted: &[Digest]) -> bool {
        let backed = self.valid.filter(|valid| valid.content == content);
        let is_free = self.locked.is_none_or(|locked| {
            locked.content == content || backed.is_some_and(|backed| backed.round > locked.round)
        });
        is_free && (backed.is_some() || accepted.contains(&content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(seed: u8) -> Choice {
        Some(Digest::from_bytes([seed; 32]))
    }

    #[test]
    fn what_cannot_have_been_said_was_forgotten() {
        let (prevote, precommit) = (false, true);
        let mut voter = Voter::default();
        assert!(
            voter.has_forgotten(0, prevote, content(1)) && voter.has_forgotten(0, prevote, None)
        );
        voter.apply(Act::Enter(3));
        voter.apply(Act::Prevote(content(1)));
        voter.apply(Act::Precommit(content(1)));
        for phase in [prevote, precommit] {
            assert!(!voter.has_forgotten(3, phase, content(1)));
            assert!(
                voter.has_forgotten(3, phase, content(2)) && voter.has_forgotten(3, phase, None)
            );
            assert!(
                voter.has_forgotten(4, phase, content(1)) && voter.has_forgotten(4, phase, None)
            );
        }
        voter.apply(Act::Enter(5));
        // It never votes in an earlier round again, and what it precommitted to it is locked on.
        assert!(!voter.has_forgotten(2, prevote, content(2)));
        assert!(!voter.has_forgotten(4, precommit, None));
        assert!(!voter.has_forgotten(2, precommit, content(2)), "it has left that lock since");
        assert!(!voter.has_forgotten(3, precommit, content(1)));
        assert!(voter.has_forgotten(3, precommit, content(2)));
        assert!(voter.has_forgotten(4, precommit, content(1)), "a later lock than it knows of");
    }
}
