//! P8: in the end nobody believes in the failure of a member that it can hear.

use super::Invariant;
use crate::mesh::World;

pub(super) struct Rebuttal;

impl Invariant for Rebuttal {
    fn name(&self) -> &'static str {
        "rebuttal (P8)"
    }

    fn at_end(&mut self, world: &World) -> Result<(), String> {
        for at in world.honest().filter(|at| world.runs(*at)) {
            let node = &world.members[at];
            let failed = node.peer.as_ref().map(|peer| peer.failed(node.clock(world.now)));
            let reached = world.honestly_reached(at);
            let failed = failed.into_iter().flatten().filter_map(|node| world.place(&node));
            if let Some(place) = failed.into_iter().find(|place| reached.contains(place)) {
                return Err(format!("{at} hears {place}, and believes that it failed"));
            }
        }
        Ok(())
    }
}
