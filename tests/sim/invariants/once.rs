//! P2: what an honest member said is delivered once at each honest node, over all its lives.

use std::collections::BTreeSet;

use meshward::Mark;

use super::Invariant;
use crate::mesh::{Happened, Heard, Step, World};

#[derive(Default)]
pub(super) struct Once(BTreeSet<(usize, usize, Mark)>);

impl Invariant for Once {
    fn name(&self) -> &'static str {
        "once (P2)"
    }

    fn after(&mut self, world: &World, (happened, _): &Step) -> Result<(), String> {
        let Happened::Took { at, heard: Heard::Delivered(message), .. } = happened else {
            return Ok(());
        };
        let place = world.place(&message.origin).filter(|place| world.is_honest(*place));
        match place.filter(|_| world.is_honest(*at)) {
            Some(place) if !self.0.insert((*at, place, message.mark)) => {
                Err(format!("{at} delivers {:?} of {place} once more", message.mark))
            }
            _ => Ok(()),
        }
    }
}
