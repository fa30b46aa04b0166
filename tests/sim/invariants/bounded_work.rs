//! P4: what strangers and liars send costs no node more checks of signatures than its budget.

use super::Invariant;
use crate::mesh::{Happened, Step, World};

/// Checks in a second of one node, with a start in it: what its honest members send, and what a flood
/// may cost beside.
const MOST: u64 = 4_000;

#[derive(Default)]
pub(super) struct BoundedWork(Vec<(u64, u64, u32)>);

impl Invariant for BoundedWork {
    fn name(&self) -> &'static str {
        "bounded work (P4)"
    }

    fn after(&mut self, world: &World, (happened, _): &Step) -> Result<(), String> {
        let Happened::Woke { at } = happened else { return Ok(()) };
        let Some(node) = world.members.get(*at) else { return Ok(()) };
        let Some(peer) = &node.peer else { return Ok(()) };
        let checks = peer.checks(node.clock(world.now)).all;
        self.0.resize(world.members.len(), (0, 0, 0));
        let (since, before, life) = self.0[*at];
        if node.life != life || world.now - since >= 1_000 {
            self.0[*at] = (world.now, checks, node.life);
        }
        match node.life == life && checks - before > MOST {
            true => Err(format!("{at} checked {} signatures in a second", checks - before)),
            false => Ok(()),
        }
    }
}
