//! An exclusive slot of a mesh of four, one of which lies. The honest three run the very rules that
//! the library runs ([`Voter`]); everything around them is the adversary's.
//!
//! What an honest member said stays said, so a message that is delayed, lost or played again is one
//! that a member acts on later, never, or once more: in each state every member may act on any part of
//! what has been said. The liar may say anything to anybody at any time, so it is enough to count it
//! as one more vote wherever one is needed, and as any proposal in the rounds that it leads. Time is
//! what may run out or not. A crash loses what a member has seen, and that it may see or not see
//! anyway; what is durable is kept, and faults can be planted that lose some of that.

use std::collections::{HashSet, VecDeque};

use meshward::Digest;
use meshward::quorum::{Act, Backed, Choice, Seen, Voter};

use super::mesh::{self, BOTH, CONTENTS, HONEST, LIARS, MEMBERS, QUORUM};

/// The rounds that are searched. Leaving a lock takes three.
const ROUNDS: usize = 3;

/// What goes wrong in a member on purpose, to see that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    Nothing,
    /// A restart forgets the lock.
    LockForgotten,
    /// A restart forgets what was said in the round.
    RoundForgotten,
    /// Prevotes of a round before the lock release it.
    LockLeftForOlder,
}

/// What a member must not forget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Member {
    round: u8,
    prevote: Option<Option<u8>>,
    precommit: Option<Option<u8>>,
    /// Round and content.
    locked: Option<(u8, u8)>,
}

fn digest(choice: Option<u8>) -> Choice {
    choice.map(|which| CONTENTS[usize::from(which)])
}

fn number(choice: Choice) -> Option<u8> {
    choice.map(|one| u8::from(one == CONTENTS[1]))
}

fn backed((round, which): (u8, u8)) -> Backed {
    Backed { round: u32::from(round), content: CONTENTS[usize::from(which)] }
}

impl Member {
    /// Led to where it is by what it did.
    fn voter(&self) -> Voter {
        let mut voter = Voter::default();
        if let Some((round, which)) = self.locked {
            voter.apply(Act::Enter(u32::from(round)));
            voter.apply(Act::Precommit(digest(Some(which))));
        }
        voter.apply(Act::Enter(u32::from(self.round)));
        if let Some(choice) = self.prevote {
            voter.apply(Act::Prevote(digest(choice)));
        }
        // The one that locked it, or none that locks.
        if let Some(choice) = self.precommit {
            voter.apply(Act::Precommit(digest(choice)));
        }
        voter
    }

    fn of(voter: &Voter) -> Self {
        let locked = voter.locked().map(|locked| {
            (u8::try_from(locked.round).unwrap(), number(Some(locked.content)).unwrap())
        });
        Self {
            round: u8::try_from(voter.round()).unwrap(),
            prevote: voter.prevote().map(number),
            precommit: voter.precommit().map(number),
            locked,
        }
    }
}

/// For each member and round, which contents it prevoted and precommitted to, a bit each.
type Said = [[[u8; 2]; ROUNDS]; HONEST];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct State {
    members: [Member; HONEST],
    said: Said,
}

impl State {
    /// The contents that two thirds can be shown to have voted for.
    fn agreed(&self, round: usize, phase: usize) -> impl Iterator<Item = u8> {
        let said = self.said;
        (0..2).filter(move |which| {
            let honest = said.iter().filter(|said| said[round][phase] & (1 << which) != 0);
            honest.count() + LIARS >= QUORUM
        })
    }

    /// All that can be certified.
    fn certified(&self) -> HashSet<u8> {
        (0..ROUNDS).flat_map(|round| self.agreed(round, 1)).collect()
    }
}

struct Model {
    /// Who leads the first round; the others follow in turn.
    first_leader: usize,
    plant: Plant,
}

impl Model {
    fn leader(&self, round: usize) -> usize {
        (self.first_leader + round) % MEMBERS
    }

    /// What `member` may do next, whatever of all that was said it has seen; and as whom.
    fn acts(&self, state: &State, member: usize) -> HashSet<(Member, Act)> {
        let round = usize::from(state.members[member].round);
        let leader = self.leader(round);
        let proposed = (0..2).filter(|which| match state.said.get(leader) {
            Some(said) => said[round][0] & (1 << which) != 0,
            None => true,
        });
        let proposals: Vec<_> = std::iter::once(None).chain(proposed.map(Some)).collect();
        let all_backed = (0..ROUNDS).flat_map(|round| {
            state.agreed(round, 0).map(move |which| Some((u8::try_from(round).unwrap(), which)))
        });
        let all_backed: Vec<_> = std::iter::once(None).chain(all_backed).collect();
        let prevoted: Vec<_> =
            std::iter::once(None).chain(state.agreed(round, 0).map(Some)).collect();
        let mut acts = HashSet::new();
        for known in &all_backed {
            let mut voter = state.members[member].voter();
            if let Some((since, which)) = known {
                let since = match (self.plant, voter.locked()) {
                    (Plant::LockLeftForOlder, Some(locked)) => locked.round + 1,
                    _ => u32::from(*since),
                };
                voter.learn(Backed { round: since, ..backed((0, *which)) });
            }
            for (proposal, prevoted) in
                proposals.iter().flat_map(|one| prevoted.iter().map(move |other| (one, other)))
            {
                for timed_out in [false, true] {
                    let seen = Seen {
                        leads: leader == member,
                        accepted: BOTH[member],
                        proposal: digest(*proposal),
                        prevoted: prevoted.map(|which| digest(Some(which))),
                        // Votes for nothing are not kept: they may have come, or not yet.
                        prevotes_are_in: true,
                        nothing_precommitted: false,
                        precommits_are_in: true,
                        others_are_in: 0,
                        timed_out,
                    };
                    acts.extend(voter.next(&seen).map(|act| (state.members[member], act)));
                }
            }
        }
        // It may see that others are ahead.
        acts.extend(
            (round + 1..ROUNDS)
                .map(|later| (state.members[member], Act::Enter(u32::try_from(later).unwrap()))),
        );
        acts
    }

    fn next(&self, state: &State) -> HashSet<State> {
        let mut next = HashSet::new();
        for member in 0..HONEST {
            for (before, act) in self.acts(state, member) {
                let (mut after, round) = (*state, usize::from(before.round));
                let said = &mut after.said[member][round];
                match act {
                    Act::Enter(later) if later as usize >= ROUNDS => continue,
                    Act::Enter(_) => {}
                    Act::Prevote(choice) => said[0] |= number(choice).map_or(0, |one| 1 << one),
                    Act::Precommit(choice) => said[1] |= number(choice).map_or(0, |one| 1 << one),
                }
                let mut voter = before.voter();
                voter.apply(act);
                after.members[member] = Member::of(&voter);
                next.insert(after);
            }
            let mut restarted = *state;
            let forgets = &mut restarted.members[member];
            match self.plant {
                Plant::LockForgotten => forgets.locked = None,
                Plant::RoundForgotten => (forgets.prevote, forgets.precommit) = (None, None),
                _ => continue,
            }
            // A precommit of this round is no lock then.
            if forgets.locked.is_none() {
                forgets.precommit = None;
            }
            next.insert(restarted);
        }
        next
    }

    /// Searches all states. How many there are, or one in which two contents can be certified.
    fn search(&self, mut visit: impl FnMut(&State)) -> Result<usize, State> {
        let start = State::default();
        let (mut met, mut open) = (HashSet::from([start]), VecDeque::from([start]));
        while let Some(state) = open.pop_front() {
            if state.certified().len() > 1 {
                return Err(state);
            }
            visit(&state);
            for next in self.next(&state) {
                if met.insert(next) {
                    open.push_back(next);
                }
            }
        }
        Ok(met.len())
    }

    /// From `state` on the network is calm and the liar says nothing: what is certified, and after how
    /// many rounds more.
    fn calm(&self, state: &State) -> (Digest, u32) {
        let voters = state.members.map(|member| member.voter());
        let first = voters.iter().map(Voter::round).max().unwrap();
        let (content, round) = mesh::calm(voters, self.first_leader, &[])
            .unwrap_or_else(|| panic!("nothing is certified from {state:?}"));
        (content, round - first)
    }
}

/// P6, attacks Q6 and Q15: whatever the liar and the network do, two contents are never certified; and
/// P7: from every state that they can bring about, one is as soon as the network is calm, the one that
/// was if there was one.
#[test]
fn an_exclusive_slot_is_decided_once_and_always() {
    // Without the optimiser that takes minutes; one of them is a whole search, too.
    let leaders = if cfg!(debug_assertions) { 1 } else { MEMBERS };
    for first_leader in 0..leaders {
        let model = Model { first_leader, plant: Plant::Nothing };
        let (mut most_rounds, mut decided) = (0, 0);
        let states = model.search(|state| {
            let (content, rounds) = model.calm(state);
            most_rounds = most_rounds.max(rounds);
            for which in state.certified() {
                decided += 1;
                assert_eq!(content, CONTENTS[usize::from(which)], "{state:?}");
            }
        });
        let states = states.unwrap_or_else(|state| panic!("two contents: {state:?}"));
        println!(
            "member {first_leader} leads first: {states} states, {decided} with a certificate, at \
             most {most_rounds} calm rounds to one"
        );
        assert!(decided > 0);
    }
}

/// The search finds each planted fault.
#[test]
fn a_planted_fault_certifies_two_contents() {
    for plant in [Plant::LockForgotten, Plant::RoundForgotten, Plant::LockLeftForOlder] {
        let model = Model { first_leader: 3, plant };
        let mut states = 0;
        let found = model.search(|_| states += 1);
        assert!(found.is_err(), "{plant:?} was not found in {states} states");
        println!("{plant:?} is found after {states} states");
    }
}
