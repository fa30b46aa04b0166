//! Holds back what it passes on, each packet for another time.

use std::sync::Arc;

use super::{Hands, Strategy};

pub(crate) struct Delay;

impl Strategy for Delay {
    fn passes(&mut self, hands: &mut Hands<'_>, at: u64, _bytes: &Arc<[u8]>) -> Option<u64> {
        Some(at + hands.dice.below(20_000))
    }
}
