//! P8: in the end nobody believes in the failure of a member that it can hear, unless a quorum can have
//! missed it a short while ago.

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
            let is_heard = |place: &usize| reached.contains(place) && !world.may_be_missed(*place);
            let failed = failed.into_iter().flatten().filter_map(|node| world.place(&node));
            if let Some(place) = failed.into_iter().find(is_heard) {
                return Err(format!("{at} hears {place}, and believes that it failed"));
            }
        }
        Ok(())
    }
}
