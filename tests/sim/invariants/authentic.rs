//! P1: what is delivered in the name of an honest member is what it had signed.

use super::Invariant;
use crate::mesh::{Happened, Heard, Step, World};

pub(super) struct Authentic;

impl Invariant for Authentic {
    fn name(&self) -> &'static str {
        "authentic (P1)"
    }

    fn after(&mut self, world: &World, (happened, _): &Step) -> Result<(), String> {
        let Happened::Took { at, heard: Heard::Delivered(message), .. } = happened else {
            return Ok(());
        };
        let place = world.place(&message.origin);
        let Some(place) = place.filter(|place| world.is_honest(*place)) else { return Ok(()) };
        match world.said.get(&(message.origin, message.mark)) {
            Some(said) if said.body == message.body => Ok(()),
            Some(_) => {
                Err(format!("{at} delivers {:?} of {place} with another body", message.mark))
            }
            None => Err(format!("{at} delivers {:?}, which {place} never said", message.mark)),
        }
    }
}
