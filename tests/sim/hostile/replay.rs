//! Records everything and plays it later, to whoever may have forgotten it: after a restart, a rotation, in
//! another order.

use std::sync::Arc;

use super::{Hands, Strategy};

const MOST: usize = 2_000;

#[derive(Default)]
pub(crate) struct Replay {
    recorded: Vec<Arc<[u8]>>,
}

impl Strategy for Replay {
    fn hears(&mut self, hands: &mut Hands<'_>, _from: usize, bytes: &Arc<[u8]>) {
        if self.recorded.len() < MOST {
            self.recorded.push(Arc::clone(bytes));
        } else if hands.dice.happens(100) {
            let at = hands.dice.below(MOST as u64) as usize;
            self.recorded[at] = Arc::clone(bytes);
        }
    }

    fn acts(&mut self, hands: &mut Hands<'_>) {
        for _ in 0..3.min(self.recorded.len()) {
            let old = Arc::clone(hands.dice.one_of(&self.recorded));
            hands.send_to_all(old);
        }
    }
}
