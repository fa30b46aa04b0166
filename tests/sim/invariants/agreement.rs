//! P6: in an exclusive slot one content is certified, whoever says so, and it is one that somebody
//! proposed.

use std::collections::{BTreeMap, BTreeSet};

use meshward::{CriticalEvent, Digest};

use super::Invariant;
use crate::mesh::{Happened, Step, Told, World};

type Slot = (Digest, u64);

#[derive(Default)]
pub(super) struct Agreement {
    proposed: BTreeSet<(Slot, Digest)>,
    decided: BTreeMap<Slot, (Digest, usize)>,
}

const fn content(event: &CriticalEvent) -> Option<(Slot, Digest)> {
    match event {
        CriticalEvent::GovernanceProposal { topic, sequence, content } => {
            Some(((*topic, *sequence), *content))
        }
        _ => None,
    }
}

impl Invariant for Agreement {
    fn name(&self) -> &'static str {
        "agreement (P6)"
    }

    fn after(&mut self, world: &World, (happened, told): &Step) -> Result<(), String> {
        if let Happened::Proposed { event, .. } = happened {
            self.proposed.extend(content(event));
        }
        for (at, told) in told.iter().filter(|(at, _)| world.is_honest(*at)) {
            let Told::Certified(event) = told else { continue };
            let Some((slot, content)) = content(event) else { continue };
            let (known, first) = *self.decided.entry(slot).or_insert((content, *at));
            if known != content {
                return Err(format!("{at} has {content} decided, and {first} had {known}"));
            }
            if !self.proposed.contains(&(slot, content)) {
                return Err(format!("{at} has {content} decided, which nobody proposed"));
            }
        }
        Ok(())
    }
}
