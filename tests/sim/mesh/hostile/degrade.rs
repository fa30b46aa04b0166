//! Passes on every second packet, so that it looks like a bad link.

use std::sync::Arc;

use super::{Hands, Keys, Strategy};

pub(super) struct Degrade;

impl Strategy for Degrade {
    fn passes(
        &mut self,
        _keys: &Keys,
        hands: &mut Hands<'_>,
        at: u64,
        _bytes: &Arc<[u8]>,
    ) -> Option<u64> {
        hands.dice.happens(500).then_some(at)
    }

    fn listens(&self) -> bool {
        false
    }
}
