//! P9: no number is used for two messages under one key, over all lives of a node.

use super::Invariant;
use crate::mesh::{Step, World};

pub(super) struct Continuity;

impl Invariant for Continuity {
    fn name(&self) -> &'static str {
        "key continuity (P9)"
    }

    fn after(&mut self, world: &World, _step: &Step) -> Result<(), String> {
        world.contradicted.map_or(Ok(()), |(place, mark)| {
            Err(format!("{place} is honest, and says two things under {mark:?}"))
        })
    }
}
