//! Gives everything back to whom it came from, and to everybody else, again and again.

use std::sync::Arc;

use super::{Hands, Keys, Strategy};

pub(super) struct Mirror;

impl Strategy for Mirror {
    fn hears(&mut self, _keys: &Keys, hands: &mut Hands<'_>, _from: usize, bytes: &Arc<[u8]>) {
        if !hands.dice.happens(300) {
            return;
        }
        for later in [0, 300, 5_000] {
            let at = hands.now + later;
            let to = hands.neighbours.iter().map(|to| (*to, at, Arc::clone(bytes)));
            hands.sends.extend(to);
        }
    }
}
