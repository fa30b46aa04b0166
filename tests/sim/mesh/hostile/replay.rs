//! Records everything and plays it later, to whoever may have forgotten it: in another order, after a
//! rotation, and all of it to a neighbour that starts anew (G11).

use std::sync::Arc;

use meshward::wire::{Packet, Tag};

use super::{Hands, Keys, Strategy};

const MOST: usize = 500;

#[derive(Default)]
pub(super) struct Replay {
    recorded: Vec<Arc<[u8]>>,
}

impl Strategy for Replay {
    fn hears(&mut self, _keys: &Keys, hands: &mut Hands<'_>, from: usize, bytes: &Arc<[u8]>) {
        if self.recorded.len() < MOST {
            self.recorded.push(Arc::clone(bytes));
        } else if hands.dice.happens(100) {
            let at = hands.dice.below(MOST as u64) as usize;
            self.recorded[at] = Arc::clone(bytes);
        }
        if let Ok(Packet::Statement(statement)) = Packet::parse(bytes)
            && statement.tag() == Tag::Hello
        {
            let all = self.recorded.iter().rev().map(|old| (from, hands.now, Arc::clone(old)));
            hands.sends.extend(all);
        }
    }

    fn acts(&mut self, _keys: &Keys, hands: &mut Hands<'_>) {
        for _ in 0..3.min(self.recorded.len()) {
            let old = Arc::clone(hands.dice.one_of(&self.recorded));
            hands.send_to_all(old);
        }
    }
}
