//! P3: no honest member, and no link to one, is ever in quarantine at an honest node.

use super::Invariant;
use crate::mesh::{Step, Told, World};

pub(super) struct NoFraming;

impl Invariant for NoFraming {
    fn name(&self) -> &'static str {
        "no framing (P3)"
    }

    fn after(&mut self, world: &World, (_, told): &Step) -> Result<(), String> {
        for (at, told) in told.iter().filter(|(at, _)| world.is_honest(*at)) {
            let blamed = match told {
                Told::Quarantined(node) => world.place(node),
                Told::LinkQuarantined(link) => Some(*link),
                Told::Certified(_) | Told::Other(_) => None,
            };
            if let Some(blamed) = blamed.filter(|blamed| world.is_honest(*blamed)) {
                return Err(format!("at {at}, {blamed} is honest: {told:?}"));
            }
        }
        Ok(())
    }
}
