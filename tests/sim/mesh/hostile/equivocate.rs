//! Says one thing to one neighbour and another to the next, under one number.

use meshward::Nonce;

use super::{Hands, Keys, Strategy};

#[derive(Default)]
pub(super) struct Equivocate {
    said: u32,
}

impl Strategy for Equivocate {
    fn acts(&mut self, keys: &Keys, hands: &mut Hands<'_>) {
        let Some(own) = keys.own() else { return };
        self.said += 1;
        // It begins late, and contradicts itself now and then.
        if self.said < 40 || !self.said.is_multiple_of(8) {
            return;
        }
        for to in hands.neighbours {
            let nonce = Nonce { boot: 1_000, sequence: self.said };
            hands.send(*to, own.beacon(nonce, &to.to_le_bytes()));
        }
    }

    fn listens(&self) -> bool {
        false
    }
}
