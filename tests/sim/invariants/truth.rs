//! P6: nobody is certified as failed whom all honest members can hear, and have for a while.

use meshward::CriticalEvent;

use super::Invariant;
use crate::mesh::{Step, Told, World};

/// So long does silence from before count: reports that are on their way, and are sent again.
const AFTERMATH_MS: u64 = 20_000;

pub(super) struct Truth;

impl Invariant for Truth {
    fn name(&self) -> &'static str {
        "truth (P6)"
    }

    fn after(&mut self, world: &World, (_, told): &Step) -> Result<(), String> {
        for (at, told) in told.iter().filter(|(at, _)| world.is_honest(*at)) {
            let Told::Certified(CriticalEvent::NodeFailure { subject, .. }) = told else {
                continue;
            };
            let Some(place) = world.place(subject) else { continue };
            let since = world.heard_since[place].filter(|_| world.is_honest(place));
            if since.is_some_and(|since| world.now - since > AFTERMATH_MS) {
                return Err(format!("{at} has it certified that {place} failed, which lives"));
            }
        }
        Ok(())
    }
}
