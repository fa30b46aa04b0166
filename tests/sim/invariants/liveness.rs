//! P7: in the end everybody who is heard by a quorum of honest members believes in the failure of a
//! member that has been down for long.

use std::collections::BTreeMap;

use super::Invariant;
use crate::mesh::{Fault, Happened, Step, World};

/// The suspicion time, and what reports take over bad links.
const PATIENCE_MS: u64 = 40_000;

#[derive(Default)]
pub(super) struct Liveness {
    down_since: BTreeMap<usize, u64>,
}

impl Invariant for Liveness {
    fn name(&self) -> &'static str {
        "quorum liveness (P7)"
    }

    fn after(&mut self, world: &World, (happened, _): &Step) -> Result<(), String> {
        match happened {
            Happened::Befell(Fault::Crash { node }) => {
                self.down_since.insert(*node, world.now);
            }
            Happened::Befell(Fault::Restart { node }) => {
                self.down_since.remove(node);
            }
            _ => {}
        }
        Ok(())
    }

    fn at_end(&mut self, world: &World) -> Result<(), String> {
        let long_down =
            self.down_since.iter().filter(|(_, since)| world.now - *since > PATIENCE_MS);
        let long_down: Vec<_> = long_down.map(|(place, _)| *place).collect();
        for at in world.honest().filter(|at| world.runs(*at)) {
            if world.honestly_reached(at).len() < (2 * world.members.len()).div_ceil(3) {
                continue;
            }
            let node = &world.members[at];
            let failed = node.peer.as_ref().unwrap().failed(node.clock(world.now));
            if let Some(place) =
                long_down.iter().find(|place| !failed.contains(&world.members[**place].id))
            {
                return Err(format!("{place} is down for long, and {at} has no certificate of it"));
            }
        }
        Ok(())
    }
}
