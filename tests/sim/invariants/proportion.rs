//! P10: one node's judgement has never more than f members in quarantine.

use meshward::faults_tolerated;

use super::Invariant;
use crate::mesh::{Step, Told, World};

pub(super) struct Proportion;

impl Invariant for Proportion {
    fn name(&self) -> &'static str {
        "proportion (P10)"
    }

    fn after(&mut self, world: &World, (_, told): &Step) -> Result<(), String> {
        let condemns = |told: &Told| matches!(told, Told::Quarantined(_));
        for (at, _) in told.iter().filter(|(_, told)| condemns(told)) {
            let node = &world.members[*at];
            let Some(peer) = &node.peer else { continue };
            let held = peer.in_quarantine(node.clock(world.now));
            let most = faults_tolerated(world.members.len());
            if held > most {
                return Err(format!("{at} has {held} in quarantine, of at most {most}"));
            }
        }
        Ok(())
    }
}
