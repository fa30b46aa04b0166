//! P6: no honest member is certified as failed unless a quorum can have missed it.

use meshward::CriticalEvent;

use super::Invariant;
use crate::mesh::{Step, Told, World};

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
