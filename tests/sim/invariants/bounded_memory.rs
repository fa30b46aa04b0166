//! P5: what a node holds is bounded by its configuration and its view, whatever comes.

use super::Invariant;
use crate::mesh::{Happened, Step, World};

/// In bytes. A node among seven that is attacked holds 1.6 million at most; what a node may keep of frames and
/// packets has budgets of its own, which are most of it.
const MOST: usize = 4_000_000;
/// And so much for each member beyond those.
const EACH: usize = 16_000;

pub(super) struct BoundedMemory;

impl Invariant for BoundedMemory {
    fn name(&self) -> &'static str {
        "bounded memory (P5)"
    }

    fn after(&mut self, world: &World, (happened, _): &Step) -> Result<(), String> {
        let (Happened::Took { at, .. } | Happened::Woke { at }) = happened else { return Ok(()) };
        let Some(node) = world.members.get(*at) else { return Ok(()) };
        let most = MOST + EACH * world.members.len().saturating_sub(7);
        match node.holds > isize::try_from(most).unwrap() {
            true => Err(format!("{at} holds {} bytes", node.holds)),
            false => Ok(()),
        }
    }
}
