//! P6: no honest member is certified as failed unless a quorum can have missed it.

use std::collections::BTreeMap;

use meshward::{Config, CriticalEvent, Suite};

use super::Invariant;
use crate::mesh::{Dice, Fault, Hop, Plan, Shape, Sort, Step, Told, World};

pub(super) struct Truth;

impl Invariant for Truth {
    fn name(&self) -> &'static str {
        "truth (P6)"
    }

    fn after(&mut self, world: &World, (_, told): &Step) -> Result<(), String> {
        for (at, told) in told.iter().filter(|(at, _)| world.is_honest(*at)) {
            let subjects = match told {
                Told::Certified(CriticalEvent::NodeFailure { subject, .. }) => vec![*subject],
                Told::Certified(CriticalEvent::TopologyPartition { unreachable }) => {
                    unreachable.iter().map(|unheard| unheard.node).collect()
                }
                _ => continue,
            };
            let mut places = subjects.iter().filter_map(|subject| world.place(subject));
            let lives = |place: &usize| world.is_honest(*place) && !world.may_be_missed(*place);
            if let Some(place) = places.find(lives) {
                return Err(format!("{at} has it certified that {place} failed, which was heard"));
            }
        }
        Ok(())
    }
}

/// What the invariant rests on: in a calm mesh nobody can be missed, and who is down is.
#[test]
fn who_is_heard_cannot_be_missed_and_who_is_down_is() {
    let plan = Plan {
        seed: 1,
        sort: Sort::Meshward,
        suite: Suite::available().next().unwrap(),
        config: Config::default(),
        members: 4,
        neighbours: Shape::Full.neighbours(4, &mut Dice::new(1)),
        hostile: BTreeMap::new(),
        hostile_packets: 0,
        usual: Hop::GOOD,
        hops: BTreeMap::new(),
        beacon_ms: 1_000,
        faults: vec![(10_000, Fault::Crash { node: 3 })],
        proposals: Vec::new(),
        heap: || 0,
    };
    let _alone = crate::RUN.lock();
    let mut world = plan.world();
    while world.step(9_999).is_some() {}
    assert!((0..4).all(|place| !world.may_be_missed(place)));
    while world.step(15_000).is_some() {}
    let missed: Vec<_> = (0..4).filter(|place| world.may_be_missed(*place)).collect();
    assert_eq!(missed, [3]);
}
