//! P6: in an exclusive slot one content is certified, whoever says so.

use std::collections::BTreeMap;

use meshward::{CriticalEvent, Digest, Event};

use super::Invariant;
use crate::world::{Happened, World};

#[derive(Default)]
pub(super) struct Agreement(BTreeMap<(Digest, u64), (Digest, usize)>);

impl Invariant for Agreement {
    fn name(&self) -> &'static str {
        "agreement (P6)"
    }

    fn after(
        &mut self,
        world: &World,
        _happened: &Happened,
        events: &[(usize, Event)],
    ) -> Result<(), String> {
        for (at, event) in events.iter().filter(|(at, _)| world.is_honest(*at)) {
            let Event::Certified(certificate) = event else { continue };
            let CriticalEvent::GovernanceProposal { topic, sequence, content } =
                certificate.event()
            else {
                continue;
            };
            let slot = (*topic, *sequence);
            let (known, first) = *self.0.entry(slot).or_insert((*content, *at));
            if known != *content {
                return Err(format!("{at} has {content} decided, and {first} had {known}"));
            }
        }
        Ok(())
    }
}
