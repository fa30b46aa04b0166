//! P5: what a node holds is bounded by its configuration and its view, whatever comes.

use super::Invariant;
use crate::mesh::{Happened, Step, World};

/// In bytes. A node of nine members holds a seventh of it when all goes well; most of the rest is what it
/// may keep of frames, of proofs and of votes.
const MOST: isize = 16 << 20;

pub(super) struct BoundedMemory;

impl Invariant for BoundedMemory {
    fn name(&self) -> &'static str {
        "bounded memory (P5)"
    }

    fn after(&mut self, world: &World, (happened, _): &Step) -> Result<(), String> {
        let (Happened::Took { at, .. } | Happened::Woke { at }) = happened else { return Ok(()) };
        let Some(node) = world.members.get(*at) else { return Ok(()) };
        match node.holds > MOST {
            true => Err(format!("{at} holds {} bytes", node.holds)),
            false => Ok(()),
        }
    }
}
