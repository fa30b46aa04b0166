//! P10: one node's judgement has never more than f members in quarantine.

use meshward::{Event, faults_tolerated};

use super::Invariant;
use crate::world::{Happened, World};

pub(super) struct Proportion;

impl Invariant for Proportion {
    fn name(&self) -> &'static str {
        "proportion (P10)"
    }

    fn after(
        &mut self,
        world: &World,
        _happened: &Happened,
        events: &[(usize, Event)],
    ) -> Result<(), String> {
        let condemns = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
        for (at, _) in events.iter().filter(|(_, event)| condemns(event)) {
            let Some(guard) = &world.members[*at].guard else { continue };
            let held = guard.stats(world.members[*at].clock(world.now)).quarantined_nodes.len();
            let most = faults_tolerated(world.members.len());
            if held > most {
                return Err(format!("{at} has {held} in quarantine, of at most {most}"));
            }
        }
        Ok(())
    }
}
