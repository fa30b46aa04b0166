//! P4: over one link a node checks few signatures in vain.

use std::collections::BTreeMap;

use meshward::wire::Tag;

use super::Invariant;
use crate::mesh::{Fault, Happened, Heard, Step, World};

/// In one life of a node, which is shorter than the quarantine of a link. A link is in
/// quarantine below 0.3, and a signature that does not hold costs it 0.4.
const MOST: u32 = 2;

#[derive(Default)]
pub(super) struct BoundedWork(BTreeMap<(usize, u32, usize), u32>);

impl Invariant for BoundedWork {
    fn name(&self) -> &'static str {
        "bounded work (P4)"
    }

    fn after(&mut self, world: &World, (happened, _): &Step) -> Result<(), String> {
        // A clock that jumps ahead ends a quarantine.
        if let Happened::Befell(Fault::Step { node, .. }) = happened {
            self.0.retain(|(at, ..), _| at != node);
        }
        let Happened::Took { at, from, bytes, heard: Heard::Refused(why) } = happened else {
            return Ok(());
        };
        // Answers to what a node asked itself come over any link, within a budget of their own.
        if why.reason() != "bad_signature" || matches!(Tag::of(bytes), Ok(Tag::Answer)) {
            return Ok(());
        }
        let in_vain = self.0.entry((*at, world.members[*at].life, *from)).or_default();
        *in_vain += 1;
        match *in_vain > MOST {
            true => Err(format!("{at} checked {in_vain} signatures in vain that {from} sent")),
            false => Ok(()),
        }
    }
}
