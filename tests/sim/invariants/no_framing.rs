//! P3: no honest member, and no link to one, is ever in quarantine at an honest node.

use meshward::{Event, LinkId};

use super::Invariant;
use crate::world::{Happened, World};

pub(super) struct NoFraming;

impl Invariant for NoFraming {
    fn name(&self) -> &'static str {
        "no framing (P3)"
    }

    fn after(
        &mut self,
        world: &World,
        _happened: &Happened,
        events: &[(usize, Event)],
    ) -> Result<(), String> {
        for (at, event) in events.iter().filter(|(at, _)| world.is_honest(*at)) {
            let blamed = match event {
                Event::MemberQuarantined { node, .. } | Event::QuarantineWithheld { node, .. } => {
                    world.place(node)
                }
                Event::LinkQuarantined { link: LinkId(link), .. } => usize::try_from(*link).ok(),
                _ => None,
            };
            if let Some(blamed) = blamed.filter(|blamed| world.is_honest(*blamed)) {
                return Err(format!("at {at}, {blamed} is honest: {event:?}"));
            }
        }
        Ok(())
    }
}
