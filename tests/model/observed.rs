//! Observed facts: whether a member has failed. The others state that they have heard nothing of it for
//! the suspicion time, each with its mark, the newest signed header of the subject that it knows.
//!
//! The rules are those of the library in small, since its validator checks real signatures:
//!
//! - Who has heard nothing for the suspicion time states so at its mark, and no other.
//! - Only equal marks add up.
//! - Evidence, which anybody may show at any time, lifts the mark, and is no sign of life. Who was lifted
//!   states it again at the higher mark.
//! - A beacon is a sign of life if it is newer than all that came before it.
//!
//! What was stated stays stated: liars keep it, and a certificate may be put together much later. A beacon
//! arrives in any order, late, or never. Liars hear every beacon as it is sent, and state what they like at
//! any mark, so each counts as one more statement wherever one is needed. Members are told apart by what
//! they know alone, so states that differ in their names are one.

use std::collections::{HashSet, VecDeque};

/// The beacons are sent one a tick, and numbered from 1; mark 0 is to have none.
type Mark = u8;

/// After so many ticks without a sign of life a member suspects.
const SUSPICION: u8 = 3;
/// Who has not heard a beacon by so many ticks after it was sent, or any sent later, is out of touch. Less
/// than the suspicion time, or one that is in touch would suspect.
const LATE: u8 = 2;

/// What goes wrong on purpose, to see that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    Nothing,
    /// Statements at different marks add up.
    MarksIgnored,
    /// Evidence does not lift the mark.
    NotLifted,
    /// A member states what it has no time of its own for.
    SilenceIgnored,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Member {
    /// The newest beacon that arrived.
    heard: Mark,
    /// The newest that it knows of.
    newest: Mark,
    /// The ticks since it heard something new, as far as they matter.
    silence: u8,
    /// For so many ticks more, the last silence of it counts as one that lasts.
    out: u8,
    /// The marks at which it stated a failure, a bit each.
    stated: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// How many beacons were sent.
    sent: Mark,
    /// Sorted.
    members: Vec<Member>,
}

#[derive(Debug, Clone, Copy)]
struct Mesh {
    /// Honest members beside the subject.
    honest: usize,
    liars: usize,
    quorum: usize,
    subject: Subject,
    plant: Plant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// It sends a beacon at every tick, this many in all, and so many members at most are out of touch at
    /// a time.
    Lives { beacons: Mark, out_of_touch: usize },
    /// It died after as many beacons, of which any may still be on its way.
    IsDead { beacons: Mark },
}

impl Member {
    fn hear(&mut self, mark: Mark) {
        (self.heard, self.silence) = (mark, 0);
        self.newest = self.newest.max(mark);
    }

    fn suspects(&self, plant: Plant) -> bool {
        self.silence >= SUSPICION || plant == Plant::SilenceIgnored
    }

    fn state(&mut self) {
        self.stated |= 1 << self.newest;
    }

    fn tick(&mut self, subject: Subject) {
        self.silence = (self.silence + 1).min(SUSPICION);
        if let Subject::Lives { .. } = subject {
            self.out = if self.silence < SUSPICION { self.out.saturating_sub(1) } else { LATE + 1 };
        }
    }

    fn is_out(&self, sent: Mark) -> bool {
        self.out > 0 || self.heard + LATE <= sent
    }
}

impl Mesh {
    fn start(&self) -> State {
        let sent = match self.subject {
            Subject::Lives { .. } => 0,
            Subject::IsDead { beacons } => beacons,
        };
        State { sent, members: vec![Member::default(); self.honest] }
    }

    /// The marks at which a failure can be certified.
    fn certified(&self, state: &State) -> impl Iterator<Item = Mark> {
        let (members, quorum) = (state.members.clone(), self.quorum - self.liars);
        let ignored = self.plant == Plant::MarksIgnored;
        (0..=state.sent).filter(move |mark| {
            let states = |member: &&Member| {
                member.stated & (1 << mark) != 0 || (ignored && member.stated > 0)
            };
            members.iter().filter(states).count() >= quorum
        })
    }

    fn next(&self, state: &State) -> Vec<State> {
        let mut next = Vec::new();
        let mut put = |place: usize, change: &dyn Fn(&mut Member)| {
            let mut after = state.clone();
            change(&mut after.members[place]);
            after.members.sort_unstable();
            next.push(after);
        };
        for (place, member) in state.members.iter().enumerate() {
            for mark in member.heard + 1..=state.sent {
                put(place, &|member| member.hear(mark));
            }
            // A liar has all of them.
            let shown = member.newest + 1..=state.sent;
            for mark in shown.filter(|_| self.plant != Plant::NotLifted) {
                put(place, &|member| member.newest = mark);
            }
            if member.suspects(self.plant) {
                put(place, &Member::state);
            }
        }
        let mut later = state.clone();
        if let Subject::Lives { beacons, out_of_touch } = self.subject {
            let out = state.members.iter().filter(|member| member.is_out(state.sent)).count();
            if state.sent == beacons || out > out_of_touch {
                return next;
            }
            later.sent += 1;
        }
        later.members.iter_mut().for_each(|member| member.tick(self.subject));
        later.members.sort_unstable();
        next.push(later);
        next
    }

    /// Searches all states. How many there are, or how many were seen before what is wrong was.
    fn search(
        &self,
        visit: impl Fn(&State) -> Result<(), String>,
    ) -> Result<usize, (usize, String)> {
        let start = self.start();
        let (mut met, mut open) = (HashSet::from([start.clone()]), VecDeque::from([start]));
        while let Some(state) = open.pop_front() {
            visit(&state).map_err(|fault| (met.len(), format!("{fault}: {state:?}")))?;
            for next in self.next(&state) {
                if !met.contains(&next) {
                    met.insert(next.clone());
                    open.push_back(next);
                }
            }
        }
        Ok(met.len())
    }

    /// P6: what is certified, an honest member stated, and of one that lives nothing is.
    fn is_true(&self, state: &State) -> Result<(), String> {
        for mark in self.certified(state) {
            let states = |member: &Member| member.stated & (1 << mark) != 0;
            if !state.members.iter().any(states) {
                return Err(format!("no honest member stated mark {mark}"));
            }
            if matches!(self.subject, Subject::Lives { .. }) {
                return Err(format!("a living member is certified to have failed after {mark}"));
            }
        }
        Ok(())
    }

    /// P7: liars say nothing, no beacon arrives any more, and what the honest state and its evidence gets
    /// to all of them. One state must follow in which the failure is certified at the mark of all.
    fn is_certified_in_calm(&self, state: &State) -> Result<(), String> {
        let mut members = state.members.clone();
        // What they stated before may be lost, and is not needed.
        members.iter_mut().for_each(|member| member.stated = 0);
        // Twice the time, and once more for what was lifted.
        for _tick in 0..=2 * SUSPICION {
            members.iter_mut().for_each(|member| member.tick(self.subject));
            let suspects = |member: &&mut Member| member.suspects(self.plant);
            members.iter_mut().filter(suspects).for_each(Member::state);
            let shown = members.iter().filter(|member| member.stated > 0);
            let shown = shown.map(|member| member.newest).max().unwrap_or(0);
            for member in members.iter_mut().filter(|_| self.plant != Plant::NotLifted) {
                member.newest = member.newest.max(shown);
            }
        }
        let mark = members[0].newest;
        let states = |member: &&Member| member.newest == mark && member.stated & (1 << mark) != 0;
        let all = members.iter().filter(states).count();
        (all >= self.quorum).then_some(()).ok_or_else(|| "it is never certified".to_owned())
    }
}

const FOUR_AND_ONE_LIAR: Mesh = Mesh {
    honest: 2,
    liars: 1,
    quorum: 3,
    subject: Subject::Lives { beacons: 8, out_of_touch: 1 },
    plant: Plant::Nothing,
};
const FOUR_AND_ONE_DEAD: Mesh = Mesh {
    honest: 3,
    liars: 0,
    quorum: 3,
    subject: Subject::IsDead { beacons: 2 },
    plant: Plant::Nothing,
};
/// A dead one and a liar: no more than may be faulty.
const SEVEN: Mesh = Mesh {
    honest: 5,
    liars: 1,
    quorum: 5,
    subject: Subject::IsDead { beacons: 1 },
    plant: Plant::Nothing,
};

/// P6: who sends its beacons is never certified to have failed, although everybody is out of touch at
/// some time, if not too many are at one time. One must be back for as long as a beacon may take before
/// the next goes: times that touch count as one, since a liar can lift the first to the mark at which the
/// second begins.
#[test]
fn no_living_member_is_certified_to_have_failed() {
    let states = FOUR_AND_ONE_LIAR.search(|state| FOUR_AND_ONE_LIAR.is_true(state));
    let states = states.unwrap_or_else(|(_, fault)| panic!("{fault}"));
    println!("a living member among four with a liar: {states} states");
}

/// P7: who is dead can be certified to have failed, from every state.
#[test]
fn a_dead_member_is_certified_to_have_failed() {
    for mesh in [FOUR_AND_ONE_DEAD, SEVEN] {
        let states = mesh.search(|state| {
            mesh.is_true(state)?;
            mesh.is_certified_in_calm(state)
        });
        let states = states.unwrap_or_else(|(_, fault)| panic!("{fault}"));
        let (honest, liars) = (mesh.honest, mesh.liars);
        println!("a dead member, {honest} honest ones and {liars} that lie: {states} states");
    }
}

/// The search finds each planted fault.
#[test]
fn a_fault_planted_in_observed_facts_is_found() {
    for (mesh, plant) in [
        (FOUR_AND_ONE_LIAR, Plant::MarksIgnored),
        (FOUR_AND_ONE_LIAR, Plant::SilenceIgnored),
        (FOUR_AND_ONE_DEAD, Plant::NotLifted),
        (SEVEN, Plant::NotLifted),
    ] {
        let mesh = Mesh { plant, ..mesh };
        let found = mesh.search(|state| {
            mesh.is_true(state)?;
            match mesh.subject {
                Subject::Lives { .. } => Ok(()),
                Subject::IsDead { .. } => mesh.is_certified_in_calm(state),
            }
        });
        let (states, fault) = found.expect_err("nothing is found");
        println!("{plant:?} is found after {states} states: {fault}");
    }
}
