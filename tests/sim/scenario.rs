//! What a seed stands for: a mesh, its air, who in it is hostile, and what befalls it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use meshward::{Config, CriticalEvent, Digest, Suite, faults_tolerated};

use crate::mesh::{Dice, Fault, Hop, Kind, Plan, Shape, Sort};

/// Faults stop so long before the end, so that what was lost can be made up for.
const CALM_MS: u64 = 50_000;

/// In one seed of so many more members lie than a mesh bears.
const TOO_MANY: u64 = 8;

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) shape: Shape,
    pub(crate) plan: Plan,
    /// More than f members lie.
    pub(crate) too_many: bool,
    pub(crate) lasts_ms: u64,
    /// The command that runs it again and tells all.
    pub(crate) replay: String,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { seed, suite, members, neighbours, hostile, usual, faults, .. } = &self.plan;
        let outsiders = neighbours.len() - members;
        write!(
            f,
            "seed {seed}: {:?} of {members} members and {outsiders} outsiders, {suite}, {usual:?}, \
             hostile {hostile:?}, {} faults",
            self.shape,
            faults.len()
        )
    }
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let suites: Vec<_> = Suite::available().collect();
        let suite = *dice.one_of(&suites);
        let shape = *dice.one_of(&Shape::ALL);
        let members = dice.between(4, 7) as usize;
        let outsiders = dice.below(3) as usize;
        let mut hostile = BTreeMap::new();
        let bearable = faults_tolerated(members);
        for _ in 0..dice.below(bearable as u64 + 1) {
            hostile.insert(dice.below(members as u64) as usize, strategies(dice));
        }
        // More liars than a mesh bears, and all of them plain to see.
        let too_many = seed % TOO_MANY == TOO_MANY - 1;
        if too_many {
            hostile.extend((0..=bearable).map(|place| (place, vec![Kind::Equivocate])));
        }
        for place in members..members + outsiders {
            hostile.insert(place, strategies(dice));
        }
        let mut usual = Hop {
            latency_ms: dice.between(1, 80),
            jitter_ms: dice.below(60),
            loss: *dice.one_of(&[0, 0, 20, 100]),
            twice: *dice.one_of(&[0, 0, 100]),
            mtu: *dice.one_of(&[65_507, 1_232]),
        };
        // An answer with the header beside it is six small datagrams: a chain of seven would pass on one
        // answer in fifty.
        if usual.mtu == 1_232 {
            usual.loss /= 2;
        }
        let lasts_ms = 90_000 + 10_000 * dice.below(4);
        let honest: Vec<_> = (0..members).filter(|place| !hostile.contains_key(place)).collect();
        let neighbours = shape.neighbours(members + outsiders, dice);
        // A direction that is worse than all others, somewhere.
        let mut hops = BTreeMap::new();
        if dice.happens(300) {
            let from = dice.below(neighbours.len() as u64) as usize;
            let bad = Hop { loss: 300, latency_ms: 200, mtu: 65_507, ..usual };
            hops.insert((from, *dice.one_of(&neighbours[from])), bad);
        }
        let until = lasts_ms - CALM_MS;
        let mut faults = faults(dice, &honest, until);
        // Somebody who does not come back, where the rest can still be a quorum.
        if hostile.range(..members).next().is_none() && dice.happens(400) {
            let at = dice.between(20_000, until);
            let node = *dice.one_of(&honest);
            faults.retain(
                |(_, fault)| !matches!(fault, Fault::Restart { node: other } if *other == node),
            );
            faults.push((at, Fault::Crash { node }));
        }
        let plan = Plan {
            seed,
            sort: Sort::Meshward,
            suite,
            config: Config::default(),
            members,
            neighbours,
            hostile,
            hostile_packets: 12,
            usual,
            hops,
            beacon_ms: 1_000,
            faults,
            proposals: proposals(dice, &honest, until),
            heap: || crate::HEAP.current_usage(),
        };
        let replay = format!(
            "MESHWARD_SIM_SEED={seed} cargo test --test sim one_seed -- --ignored --nocapture"
        );
        Self { shape, plan, too_many, lasts_ms, replay }
    }
}

fn strategies(dice: &mut Dice) -> Vec<Kind> {
    (0..dice.between(1, 3)).map(|_| *dice.one_of(&Kind::ALL)).collect()
}

fn faults(dice: &mut Dice, honest: &[usize], until: u64) -> Vec<(u64, Fault)> {
    let mut faults = Vec::new();
    for _ in 0..dice.below(5) {
        let (at, node) = (dice.between(5_000, until - 10_000), *dice.one_of(honest));
        let later = dice.between(at + 1, until);
        match dice.below(4) {
            0 => {
                faults.push((at, Fault::Crash { node }));
                faults.push((later, Fault::Restart { node }));
            }
            1 => faults.push((at, Fault::Stall { node, ms: later - at })),
            2 => faults.push((at, Fault::Step { node, ms: dice.between(1, 600_000) })),
            _ => {
                let island: BTreeSet<_> =
                    honest.iter().filter(|_| dice.happens(400)).copied().collect();
                faults.push((at, Fault::Part { island, is_one_way: dice.happens(300) }));
                faults.push((later, Fault::Heal));
            }
        }
    }
    faults
}

/// Two hosts at once want two things in one slot; and somebody wants something in another.
fn proposals(dice: &mut Dice, honest: &[usize], until: u64) -> Vec<(u64, usize, CriticalEvent)> {
    let mut proposals = Vec::new();
    for sequence in 0..dice.below(3) {
        let at = dice.between(5_000, until);
        for _ in 0..dice.between(1, 3) {
            let content = Digest::from_bytes([dice.below(256) as u8; 32]);
            let topic = Digest::from_bytes([7; 32]);
            let event = CriticalEvent::GovernanceProposal { topic, sequence, content };
            proposals.push((at + dice.below(500), *dice.one_of(honest), event));
        }
    }
    proposals
}
