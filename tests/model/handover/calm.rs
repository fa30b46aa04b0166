//! From some state on the network is calm, the liar says nothing, and all have taken up the handover.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use meshward::quorum::{Act, Backed, Voter};

use super::{HANDOVER, Known, Member, PRECOMMIT, Plant, SLOT, Standing, State};
use crate::mesh::{self, BOTH, HONEST, LIARS, MEMBERS, QUORUM, Voters, content, number};

/// What a state leaves open, and a calm time may begin with.
struct Chance(u64);

impl Chance {
    fn one_of(&mut self, many: u64) -> u64 {
        let one = self.0 % many;
        self.0 /= many;
        one
    }
}

/// Calm times.
pub(super) struct Calms {
    plant: Plant,
    /// What the next view decides a slot on that begins with these locks, by who leads first.
    next_views: HashMap<([Option<Backed>; HONEST], usize), Option<u8>>,
}

struct Calm {
    plant: Plant,
    voters: [Voters; 2],
    has_stopped: [bool; HONEST],
    /// What is known to be certified in the slot.
    settled: Option<u8>,
    /// Who precommitted in the slot to what, and when.
    precommits: Vec<(usize, u32, u8)>,
    first_leader: usize,
}

/// Which slots go on, and whether time runs out there, in turn until there is something to do.
const ORDERS: [&[(&[usize], bool)]; 3] = [
    &[(&[HANDOVER, SLOT], false), (&[HANDOVER, SLOT], true)],
    &[(&[SLOT], false), (&[SLOT], true), (&[HANDOVER], false), (&[HANDOVER], true)],
    &[(&[HANDOVER], false), (&[HANDOVER], true), (&[SLOT], false), (&[SLOT], true)],
];

impl Calms {
    pub(super) fn new(plant: Plant) -> Self {
        Self { plant, next_views: HashMap::new() }
    }

    /// Lets a calm time begin in `state`, in one of the ways in which it can, which `chance` picks. After
    /// how many rounds the handover is decided.
    pub(super) fn run(&mut self, state: &State, known: &Known, chance: u32) -> Result<u32, String> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((state, chance));
        let mut chance = Chance(hash);
        let order = ORDERS[chance.one_of(3) as usize];
        let mut calm = Calm::new(state, known, &mut chance, self.plant);
        let first = calm.voters[HANDOVER].iter().map(Voter::round).max().unwrap();
        let (standing, round) = (0..200)
            .find_map(|_step| {
                calm.share();
                calm.go_on(order);
                mesh::decided(&calm.voters[HANDOVER])
            })
            .ok_or("the handover is not decided")?;
        let standing = number(standing);
        if known.certified(HANDOVER).iter().any(|one| *one != standing) {
            return Err("another handover in a calm time".to_owned());
        }
        let decided = match Standing::of(standing) {
            Standing::Settled(which) => which,
            standing => {
                let begin = (calm.handed_over(standing), calm.first_leader);
                let decided = self.next_views.entry(begin).or_insert_with(|| next_view(begin));
                decided.ok_or("the slot is not decided in the next view")?
            }
        };
        if calm.certified().any(|one| one != decided) {
            return Err("another content in the next view".to_owned());
        }
        Ok(round - first)
    }
}

impl Calm {
    fn new(state: &State, known: &Known, chance: &mut Chance, plant: Plant) -> Self {
        let members = state.map(Member::of);
        let latest = |slot| known.backed(slot).last();
        let mut voters = [SLOT, HANDOVER].map(|slot| {
            members.map(|member| {
                let mut voter = member.voter(slot);
                move_on(&mut voter, chance.one_of(4));
                voter
            })
        });
        // What two thirds prevoted has come to everybody, to somebody, or to nobody but who is locked.
        for (slot, voters) in voters.iter_mut().enumerate() {
            let who = chance.one_of(2 + HONEST as u64) as usize;
            for (member, voter) in voters.iter_mut().enumerate() {
                if let Some(backed) = latest(slot).filter(|_| who == member || who == HONEST) {
                    voter.learn(backed);
                }
            }
        }
        let certified = known.certified(SLOT).into_iter().next();
        let rounds = |member: usize| (0..).zip(members[member].0[SLOT]);
        let precommits = (0..HONEST).flat_map(|member| {
            rounds(member)
                .filter_map(move |(round, votes)| Some((member, round, votes[PRECOMMIT]?)))
        });
        Self {
            plant,
            voters,
            has_stopped: members.map(|member| member.has_stopped()),
            settled: certified.filter(|_| chance.one_of(2) == 0),
            precommits: precommits.collect(),
            first_leader: chance.one_of(MEMBERS as u64) as usize,
        }
    }

    /// What two thirds voted for in the slot gets to everybody.
    fn share(&mut self) {
        let voters = &mut self.voters[SLOT];
        let withheld =
            |member: &usize| self.plant == Plant::PrevotesWithheld && self.has_stopped[*member];
        let sent = (0..HONEST).filter(|member| !withheld(member));
        let newest = sent.filter_map(|member| voters[member].valid()).max_by_key(|one| one.round);
        let first = &voters[0];
        let all =
            |other: &Voter| (other.round(), other.prevote()) == (first.round(), first.prevote());
        let prevoted = first.prevote().flatten().filter(|_| voters.iter().all(all));
        let prevoted = prevoted.map(|content| Backed { round: first.round(), content });
        for backed in newest.into_iter().chain(prevoted) {
            for voter in voters.iter_mut() {
                voter.learn(backed);
            }
        }
        if let Some((content, _)) = mesh::decided(voters) {
            self.settled = Some(number(content));
        }
        mesh::show(&mut self.voters[HANDOVER], self.first_leader, &[]);
    }

    /// What `member` knows of the slot.
    fn standing(&self, member: usize) -> Standing {
        match (self.settled, self.voters[SLOT][member].valid()) {
            (Some(which), _) => Standing::Settled(which),
            (None, Some(valid)) => Standing::Locked(valid.round as u8, number(valid.content)),
            (None, None) => Standing::Nothing,
        }
    }

    fn go_on(&mut self, order: &[(&[usize], bool)]) {
        let acts = [SLOT, HANDOVER].map(|slot| self.acts(slot));
        for (slots, timed_out) in order {
            let mut something = false;
            for slot in *slots {
                for (member, act) in acts[*slot][usize::from(*timed_out)].into_iter().enumerate() {
                    if let Some(act) =
                        act.filter(|_| *slot == HANDOVER || !self.has_stopped[member])
                    {
                        something = true;
                        self.apply(*slot, member, act);
                    }
                }
            }
            if something {
                return;
            }
        }
    }

    fn acts(&self, slot: usize) -> [[Option<Act>; HONEST]; 2] {
        let voters = &self.voters[slot];
        if slot == HANDOVER {
            let standings: [_; HONEST] =
                std::array::from_fn(|member| [content(self.standing(member).number())]);
            mesh::acts(voters, self.first_leader, &standings.each_ref().map(<[_; 1]>::as_slice))
        } else if self.settled.is_some() || self.has_stopped == [true; HONEST] {
            [[None; HONEST]; 2]
        } else {
            mesh::acts(voters, self.first_leader, &BOTH)
        }
    }

    fn apply(&mut self, slot: usize, member: usize, act: Act) {
        let voter = &mut self.voters[slot][member];
        voter.apply(act);
        match (slot, act) {
            (HANDOVER, Act::Prevote(Some(_))) => self.has_stopped[member] = true,
            (SLOT, Act::Precommit(Some(content))) => {
                self.precommits.push((member, voter.round(), number(content)));
            }
            _ => {}
        }
    }

    /// All that can be certified in the old view.
    fn certified(&self) -> impl Iterator<Item = u8> {
        let has = |member, (round, which)| self.precommits.contains(&(member, round, which));
        let all = self.precommits.iter().map(|(_, round, which)| (*round, *which));
        let enough = move |at: &(u32, u8)| {
            (0..HONEST).filter(|member| has(*member, *at)).count() + LIARS >= QUORUM
        };
        all.filter(enough).map(|(_, which)| which)
    }

    /// What each is locked on as the next view begins.
    fn handed_over(&self, standing: Standing) -> [Option<Backed>; HONEST] {
        let of_all = match standing {
            Standing::Locked(round, which) => {
                Some(Backed { round: u32::from(round), content: content(which) })
            }
            _ => None,
        };
        std::array::from_fn(|member| {
            let own = self.voters[SLOT][member].locked();
            let own = own.filter(|_| self.plant == Plant::OwnLockKept);
            own.into_iter().chain(of_all).max_by_key(|lock| lock.round)
        })
    }
}

/// What is decided when each begins with its lock. The prevotes of the old view are nothing to show:
/// they do not count in the new one.
fn next_view((locks, first_leader): ([Option<Backed>; HONEST], usize)) -> Option<u8> {
    let old = locks.iter().flatten().copied().collect::<Vec<_>>();
    mesh::calm(locks.map(begin), first_leader, &old).map(|(content, _)| number(content))
}

/// A voter in a slot that was handed over.
fn begin(locked: Option<Backed>) -> Voter {
    let mut voter = Voter::default();
    if let Some(Backed { round, content }) = locked {
        voter.apply(Act::Enter(round));
        voter.apply(Act::Precommit(Some(content)));
        voter.apply(Act::Enter(round + 1));
    }
    voter
}

/// A voter may be further than what it voted for shows: it voted for nothing, or entered a round.
fn move_on(voter: &mut Voter, by: u64) {
    if by > 0 && voter.prevote().is_none() && voter.precommit().is_none() {
        voter.apply(Act::Prevote(None));
    }
    if by > 1 && voter.precommit().is_none() {
        voter.apply(Act::Precommit(None));
    }
    if by > 2 {
        voter.apply(Act::Enter(voter.round() + 1));
    }
}
