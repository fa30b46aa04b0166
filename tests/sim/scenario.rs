//! What a seed stands for: a mesh, its air, who in it is hostile, and what befalls it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use meshward::{Config, Suite, View, faults_tolerated};

use crate::air::{Air, Fault, Hop, What};
use crate::dice::Dice;
use crate::hostile::Kind;
use crate::node::Node;
use crate::topology::Shape;
use crate::world::{Hostile, World};

/// Faults stop so long before the end, so that what was lost can be made up for.
const CALM_MS: u64 = 60_000;

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    suite: Suite,
    shape: Shape,
    members: usize,
    outsiders: usize,
    /// Who is hostile, and how.
    hostile: BTreeMap<usize, Vec<Kind>>,
    usual: Hop,
    faults: Vec<(u64, Fault)>,
    pub(crate) lasts_ms: u64,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {:?} of {} members and {} outsiders, {}, {:?}, hostile {:?}, {} faults",
            self.seed,
            self.shape,
            self.members,
            self.outsiders,
            self.suite,
            self.usual,
            self.hostile,
            self.faults.len()
        )
    }
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let suites: Vec<_> = Suite::available().collect();
        let suite = *dice.one_of(&suites);
        let shape = *dice.one_of(&Shape::ALL);
        let members = dice.between(4, 9) as usize;
        let outsiders = dice.below(4) as usize;
        let liars = dice.below(faults_tolerated(members) as u64 + 1) as usize;
        let mut hostile = BTreeMap::new();
        for _ in 0..liars {
            let place = dice.below(members as u64) as usize;
            hostile.insert(place, strategies(dice));
        }
        for place in members..members + outsiders {
            hostile.insert(place, strategies(dice));
        }
        let usual = Hop {
            latency_ms: dice.between(1, 80),
            jitter_ms: dice.below(60),
            loss: *dice.one_of(&[0, 0, 50, 200]),
            twice: *dice.one_of(&[0, 0, 100]),
        };
        let lasts_ms = 150_000;
        let honest: Vec<_> = (0..members).filter(|place| !hostile.contains_key(place)).collect();
        let faults = faults(dice, &honest, lasts_ms - CALM_MS);
        Self { seed, suite, shape, members, outsiders, hostile, usual, faults, lasts_ms }
    }

    /// The world as it is before anybody starts.
    pub(crate) fn world(&self) -> World {
        let mut dice = Dice::new(self.seed ^ 0xa5a5);
        let made = (0..self.members).map(|place| Node::new(place, self.suite, self.seed));
        let (members, named): (Vec<_>, Vec<_>) = made.unzip();
        let view = Arc::new(View::genesis(named).unwrap());
        let neighbours = self.shape.neighbours(self.members + self.outsiders, &mut dice);
        let hostile = self.hostile.iter().map(|(place, kinds)| {
            let strategies = kinds.iter().map(|kind| kind.new()).collect();
            let keys = members.get(*place).map(|node| node.keys(&view));
            (*place, Hostile { strategies, keys, sent: (0, 0) })
        });
        let hostile = hostile.collect();
        let mut world = World {
            now: 0,
            steps: 0,
            heard_since: vec![None; self.members],
            config: Config::default(),
            view,
            members,
            hostile,
            neighbours,
            air: Air::new(self.usual),
            dice,
            said: BTreeMap::new(),
        };
        for (at, fault) in &self.faults {
            world.air.at(*at, What::Fault(fault.clone()));
        }
        world.begin();
        world
    }
}

fn strategies(dice: &mut Dice) -> Vec<Kind> {
    (0..dice.between(1, 3)).map(|_| *dice.one_of(&Kind::ALL)).collect()
}

fn faults(dice: &mut Dice, honest: &[usize], until: u64) -> Vec<(u64, Fault)> {
    let mut faults = Vec::new();
    for _ in 0..dice.below(6) {
        let (at, node) = (dice.between(5_000, until - 40_000), *dice.one_of(honest));
        match dice.below(4) {
            0 => {
                faults.push((at, Fault::Crash { node }));
                let later = at + dice.between(10, 30_000);
                faults.push((later, Fault::Restart { node }));
            }
            1 => faults.push((at, Fault::Stall { node, ms: dice.between(100, 20_000) })),
            2 => faults.push((at, Fault::Step { node, ms: dice.between(1, 600_000) })),
            _ => {
                let island = honest.iter().filter(|_| dice.happens(400)).copied().collect();
                faults.push((at, Fault::Part { island, is_one_way: dice.happens(300) }));
                faults.push((at + dice.between(1_000, 30_000), Fault::Heal));
            }
        }
    }
    faults
}
