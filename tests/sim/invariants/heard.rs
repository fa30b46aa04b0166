//! P4, P7: where there is a way through honest nodes, what an honest member says arrives, whatever the
//! others do meanwhile.

use std::collections::BTreeMap;

use super::Invariant;
use crate::mesh::{Happened, Heard as Came, Step, World};

/// In a while without faults nobody stays unheard for so many beacons, and so long.
const BEACONS: u64 = 3;
const PATIENCE_MS: u64 = 7_000;

#[derive(Default)]
pub(super) struct Heard(BTreeMap<(usize, usize), u64>);

impl Invariant for Heard {
    fn name(&self) -> &'static str {
        "heard (P4, P7)"
    }

    fn after(&mut self, world: &World, (happened, _): &Step) -> Result<(), String> {
        if let Happened::Took { at, heard: Came::Delivered(message), .. } = happened
            && let Some(place) = world.place(&message.origin)
        {
            self.0.insert((*at, place), world.now);
        }
        Ok(())
    }

    fn at_end(&mut self, world: &World) -> Result<(), String> {
        let patience = BEACONS * world.beacon_ms + PATIENCE_MS;
        for at in world.honest() {
            for from in world.honestly_reached(at).into_iter().filter(|from| *from != at) {
                let last = self.0.get(&(at, from)).copied();
                if last.is_none_or(|last| world.now - last > patience) {
                    return Err(format!("{at} last heard {from} at {last:?}, it is {}", world.now));
                }
            }
        }
        Ok(())
    }
}
