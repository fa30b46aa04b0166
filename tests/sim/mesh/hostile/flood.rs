//! Sends bytes that are nothing, as many as its radio can.

use meshward::wire::HEADER_LEN;

use super::{Hands, Keys, Strategy};

pub(super) struct Flood;

impl Strategy for Flood {
    fn acts(&mut self, _keys: &Keys, hands: &mut Hands<'_>) {
        for _ in 0..4 {
            let len = hands.dice.below(2 * HEADER_LEN as u64) as usize;
            let noise: Vec<u8> = (0..len).map(|_| hands.dice.below(256) as u8).collect();
            hands.send_to_all(noise);
        }
    }

    fn listens(&self) -> bool {
        false
    }
}
