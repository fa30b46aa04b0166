//! Exclusive slots across a change of view. In a mesh of four, one of which lies, the honest three decide a
//! slot, and in another, the handover, what the next view begins with. Both run the library's own
//! [`Voter`]; around them are the rules of `src/quorum/handover.rs`, which says why they are enough:
//!
//! - A member votes in the handover for what it knows of the slot, which is at least its own lock; and
//!   as in every slot, for what two thirds have prevoted there.
//! - From its first prevote for something in the handover on it says nothing more in the slot.
//! - The next view goes on from what the handover was decided on: a content that is settled, a lock
//!   that everybody has, or nothing. Whatever else a member was locked on is dropped.
//!
//! The adversary has more than in the model of one slot: the liar leads every round, and what a member knows
//! but for its lock it may forget. So what it may do follows from what it has said: its round is that of its
//! last vote. States that differ in the names of the members or of the contents are one.

mod calm;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use meshward::quorum::{Act, Backed, Seen, Voter};

use calm::Calms;

use super::mesh::{CONTENTS, HONEST, LIARS, QUORUM, content, number};

/// The most rounds that a slot has here; the handover has one less.
const ROUNDS: usize = 3;
/// How many rounds of each slot are kept, and in how many bits each vote.
const KEPT: [(usize, u32); 2] = [(ROUNDS, 2), (ROUNDS - 1, 4)];

/// The two slots, and the phases of a round, as they are counted.
const SLOT: usize = 0;
const HANDOVER: usize = 1;
const PREVOTE: usize = 0;
const PRECOMMIT: usize = 1;

/// What goes wrong on purpose, to see that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    Nothing,
    /// The handover leaves out what is locked.
    SlotForgotten,
    /// A member goes on in the slot after its prevote in the handover.
    StopMissing,
    /// A member prevotes a handover that others have reasons for, and does not look at its own lock.
    CoverMissing,
    /// A member keeps a lock of its own in the next view that the handover does not name.
    OwnLockKept,
    /// A member that has stopped does not send the prevotes that it is locked by.
    PrevotesWithheld,
}

/// What the handover says of the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standing {
    Nothing,
    Settled(u8),
    /// Round and content.
    Locked(u8, u8),
}

impl Standing {
    const fn number(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Settled(which) => 1 + which,
            Self::Locked(round, which) => 3 + 2 * round + which,
        }
    }

    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Nothing,
            1 | 2 => Self::Settled(number - 1),
            _ => Self::Locked((number - 3) / 2, (number - 3) % 2),
        }
    }

    /// Whether the next view cannot certify anything else than `which`.
    const fn binds(self, which: u8) -> bool {
        match self {
            Self::Nothing => false,
            Self::Settled(one) | Self::Locked(_, one) => one == which,
        }
    }
}

/// For each round and phase, the number of the content that a member voted for in one slot.
type Votes = [[Option<u8>; 2]; ROUNDS];

/// All that a member has said in the two slots, which is all that it must not forget.
#[derive(Debug, Clone, Copy, Default)]
struct Member([Votes; 2]);

/// The same in few bits.
type Code = u32;
/// Sorted.
type State = [Code; HONEST];

impl Member {
    fn code(&self) -> Code {
        let kept = self.0.iter().zip(KEPT).flat_map(|(votes, (rounds, bits))| {
            votes[..rounds].iter().flatten().map(move |vote| (vote, bits))
        });
        let number = |vote: &Option<u8>| vote.map_or(0, |one| Code::from(one) + 1);
        kept.fold(0, |code, (vote, bits)| code << bits | number(vote))
    }

    fn of(mut code: Code) -> Self {
        let mut member = Self::default();
        for (votes, (rounds, bits)) in member.0.iter_mut().zip(KEPT).rev() {
            for vote in votes[..rounds].iter_mut().flatten().rev() {
                *vote = ((code & ((1 << bits) - 1)) as u8).checked_sub(1);
                code >>= bits;
            }
        }
        member
    }

    /// With the other content in the place of each.
    fn mirrored(mut self) -> Self {
        let [slot, handover] = &mut self.0;
        for which in slot.iter_mut().flatten().flatten() {
            *which = 1 - *which;
        }
        for standing in handover.iter_mut().flatten().flatten() {
            *standing = match Standing::of(*standing) {
                Standing::Nothing => Standing::Nothing,
                Standing::Settled(which) => Standing::Settled(1 - which),
                Standing::Locked(round, which) => Standing::Locked(round, 1 - which),
            }
            .number();
        }
        self
    }

    fn has_stopped(&self) -> bool {
        self.0[HANDOVER].iter().any(|votes| votes[PREVOTE].is_some())
    }

    /// Led to where it is by what it said.
    fn voter(&self, slot: usize) -> Voter {
        let mut voter = Voter::default();
        for (round, votes) in (0..).zip(&self.0[slot]).filter(|(_, votes)| **votes != [None; 2]) {
            voter.apply(Act::Enter(round));
            if let Some(prevote) = votes[PREVOTE] {
                voter.apply(Act::Prevote(Some(content(prevote))));
            }
            if let Some(precommit) = votes[PRECOMMIT] {
                voter.apply(Act::Precommit(Some(content(precommit))));
            }
        }
        voter
    }
}

/// What anybody may get to know: what two thirds voted for, with the liar among them where it takes that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Known([Votes; 2]);

impl Known {
    fn of(members: &[Member; HONEST]) -> Self {
        let mut known = Self::default();
        for (slot, round, phase) in
            (0..2).flat_map(|slot| (0..ROUNDS * 2).map(move |at| (slot, at / 2, at % 2)))
        {
            let votes = members.map(|member| member.0[slot][round][phase]);
            let all = |vote: &Option<u8>| votes.iter().filter(|one| *one == vote).count() + LIARS;
            known.0[slot][round][phase] =
                votes.into_iter().find(|vote| vote.is_some() && all(vote) >= QUORUM).flatten();
        }
        known
    }

    /// What two thirds prevoted, in which rounds.
    fn backed(&self, slot: usize) -> impl Iterator<Item = Backed> {
        let rounds = (0..).zip(&self.0[slot]);
        rounds.filter_map(|(round, votes)| {
            votes[PREVOTE].map(|one| Backed { round, content: content(one) })
        })
    }

    /// All that can be certified.
    fn certified(&self, slot: usize) -> HashSet<u8> {
        self.0[slot].iter().filter_map(|votes| votes[PRECOMMIT]).collect()
    }

    /// Whether a next view that goes on from `standing` certifies nothing else than the old one.
    fn agrees(&self, standing: u8) -> bool {
        self.certified(SLOT).into_iter().all(|which| Standing::of(standing).binds(which))
    }

    /// What is wrong if this can be shown.
    fn fault(&self) -> Option<&'static str> {
        let (certified, handovers) = (self.certified(SLOT), self.certified(HANDOVER));
        match (certified.len(), handovers.len()) {
            (2.., _) => Some("two contents in one view"),
            (_, 2..) => Some("two handovers"),
            _ if !handovers.iter().all(|standing| self.agrees(*standing)) => {
                Some("two contents in two views")
            }
            _ => None,
        }
    }
}

struct Model {
    plant: Plant,
    /// How many rounds the slot has, and the handover.
    rounds: [u32; 2],
    /// What a member that said so much may say next if so much may be known, and that mirrored.
    next: HashMap<(Code, Known), Vec<(Code, Code)>>,
}

impl Model {
    fn new(plant: Plant, rounds: [u32; 2]) -> Self {
        Self { plant, rounds, next: HashMap::new() }
    }

    /// What `member` may say next, whatever it knows of that.
    fn next(&mut self, member: Code, known: Known) -> &[(Code, Code)] {
        let (plant, rounds) = (self.plant, self.rounds);
        self.next.entry((member, known)).or_insert_with(|| {
            let before = Member::of(member);
            let mut said = BTreeSet::new();
            if !before.has_stopped() || plant == Plant::StopMissing {
                votes(&before, SLOT, rounds, &CONTENTS, &known, &mut said);
            }
            for standing in standings(&before, &known, plant) {
                let accepted = [content(standing.number())];
                votes(&before, HANDOVER, rounds, &accepted, &known, &mut said);
            }
            said.into_iter().map(|code| (code, mirrored(code))).collect()
        })
    }

    /// Searches all states. How many there are, or how many were seen before what is wrong was.
    fn search(
        &mut self,
        mut visit: impl FnMut(&State, &Known) -> Result<(), String>,
    ) -> Result<usize, (usize, String)> {
        let (mut met, mut open) = (HashSet::from([[0; HONEST]]), VecDeque::from([[0; HONEST]]));
        while let Some(state) = open.pop_front() {
            let known = Known::of(&state.map(Member::of));
            let fault = known.fault().map_or(Ok(()), |fault| Err(fault.to_owned()));
            fault.and_then(|()| visit(&state, &known)).map_err(|fault| {
                let members = state.map(Member::of);
                (met.len(), format!("{fault}: {members:?}"))
            })?;
            let image = state.map(mirrored);
            for member in 0..HONEST {
                for (code, mirrored) in self.next(state[member], known) {
                    let (mut next, mut image) = (state, image);
                    (next[member], image[member]) = (*code, *mirrored);
                    next.sort_unstable();
                    image.sort_unstable();
                    // One of all that are alike.
                    let next = next.min(image);
                    if met.insert(next) {
                        open.push_back(next);
                    }
                }
            }
        }
        Ok(met.len())
    }
}

fn mirrored(code: Code) -> Code {
    Member::of(code).mirrored().code()
}

/// What a member may say of the slot in the handover, whatever it knows beside its own lock.
fn standings(member: &Member, known: &Known, plant: Plant) -> Vec<Standing> {
    let locked = member.voter(SLOT).locked();
    let covers_lock = |backed: &Backed| {
        plant == Plant::CoverMissing || locked.is_none_or(|locked| locked.round <= backed.round)
    };
    let backed = known.backed(SLOT).filter(covers_lock).filter(|_| plant != Plant::SlotForgotten);
    let backed = backed.map(|one| Standing::Locked(one.round as u8, number(one.content)));
    let settled = known.certified(SLOT).into_iter().map(Standing::Settled);
    let is_free = locked.is_none() || [Plant::CoverMissing, Plant::SlotForgotten].contains(&plant);
    backed.chain(settled).chain(is_free.then_some(Standing::Nothing)).collect()
}

/// Adds what `member` may have said after its next vote in `slot`.
fn votes(
    member: &Member,
    slot: usize,
    rounds: [u32; 2],
    accepted: &[meshward::Digest],
    known: &Known,
    said: &mut BTreeSet<Code>,
) {
    let voter = member.voter(slot);
    let proposals = accepted.iter().copied().chain(known.backed(slot).map(|one| one.content));
    let proposals: Vec<_> = std::iter::once(None).chain(proposals.map(Some)).collect();
    for round in voter.round()..rounds[slot] {
        let prevoted = known.0[slot][round as usize][PREVOTE].map(|one| Some(content(one)));
        for learnt in std::iter::once(None).chain(known.backed(slot).map(Some)) {
            let mut voter = voter.clone();
            if round > voter.round() {
                voter.apply(Act::Enter(round));
            }
            learnt.map(|backed| voter.learn(backed));
            let seen = |proposal: &Option<_>| {
                let seen = Seen {
                    accepted,
                    proposal: *proposal,
                    prevotes_are_in: true,
                    precommits_are_in: true,
                    ..Seen::default()
                };
                [None, prevoted].into_iter().flat_map(move |prevoted| {
                    [false, true].map(|timed_out| Seen { prevoted, timed_out, ..seen })
                })
            };
            for seen in proposals.iter().flat_map(seen) {
                let (phase, choice) = match voter.next(&seen) {
                    Some(Act::Prevote(choice)) => (PREVOTE, choice),
                    Some(Act::Precommit(choice)) => (PRECOMMIT, choice),
                    Some(Act::Enter(_)) | None => continue,
                };
                let mut after = *member;
                after.0[slot][round as usize][phase] = choice.map(number);
                said.insert(after.code());
            }
        }
    }
}

/// P6 across views: whatever the liar and the network do, of a slot one content is certified, however
/// late and in whichever view, and one handover is; and P7: from every state that they can bring about,
/// the handover is decided as soon as the network is calm, and the slot in the next view.
fn lives_on(rounds: [u32; 2]) {
    let (mut certified, mut handed_over, mut longest, mut runs) = (0, 0, 0, 0);
    // Of the ways in which a calm time can begin in a state, some.
    let chances = match rounds {
        _ if rounds.iter().sum::<u32>() > 3 => 1,
        _ if cfg!(debug_assertions) => 2,
        _ => 16,
    };
    let mut calms = Calms::new(Plant::Nothing);
    let states = Model::new(Plant::Nothing, rounds).search(|state, known| {
        certified += usize::from(!known.certified(SLOT).is_empty());
        handed_over += usize::from(!known.certified(HANDOVER).is_empty());
        // What the argument says is more than that what is certified agrees.
        let mut prevoted = known.0[HANDOVER].iter().filter_map(|votes| votes[PREVOTE]);
        if !prevoted.all(|standing| known.agrees(standing)) {
            return Err("two thirds prevoted a handover that leaves something out".to_owned());
        }
        for chance in 0..chances {
            longest = longest.max(calms.run(state, known, chance)?);
            runs += 1;
        }
        Ok(())
    });
    let states = states.unwrap_or_else(|(_, fault)| panic!("{fault}"));
    println!(
        "a slot of {} rounds, a handover of {}: {states} states, {certified} with a certificate of the \
         slot, {handed_over} of the handover; {runs} calm times, at most {longest} rounds to a handover",
        rounds[SLOT], rounds[HANDOVER]
    );
    assert!(certified > 0 && handed_over > 0);
}

#[test]
fn a_slot_lives_on_across_a_change_of_view() {
    lives_on([2, 1]);
    // Without the optimiser this would take very long.
    if !cfg!(debug_assertions) {
        lives_on([2, 2]);
    }
}

#[test]
fn a_slot_whose_locks_were_left_lives_on_across_a_change_of_view() {
    if !cfg!(debug_assertions) {
        lives_on([1, 2]);
        lives_on([3, 1]);
    }
}

/// The search finds each planted fault.
#[test]
fn a_fault_planted_in_the_handover_is_found() {
    for plant in [
        Plant::SlotForgotten,
        Plant::StopMissing,
        Plant::CoverMissing,
        Plant::OwnLockKept,
        Plant::PrevotesWithheld,
    ] {
        let mut calms = Calms::new(plant);
        let found = Model::new(plant, [2, 1]).search(|state, known| {
            (0..16).try_for_each(|chance| calms.run(state, known, chance).map(|_| ()))
        });
        let (states, fault) = found.expect_err("nothing is found");
        println!("{plant:?} is found after {states} states: {fault}");
    }
}
