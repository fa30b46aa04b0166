//! Holds back what it passes on, each packet for another time.

use std::sync::Arc;

use super::{Hands, Keys, Strategy};

pub(super) struct Delay;

impl Strategy for Delay {
    fn passes(
        &mut self,
        _keys: &Keys,
        hands: &mut Hands<'_>,
        at: u64,
        _bytes: &Arc<[u8]>,
    ) -> Option<u64> {
        Some(at + hands.dice.below(20_000))
    }

    fn listens(&self) -> bool {
        false
    }
}
