//! Sends bytes that are nothing, and claims under names that it makes up.

use meshward::suite::Purpose;
use meshward::wire::{HEADER_LEN, Kind};
use meshward::{Nonce, Suite};

use super::{Hands, Strategy};

pub(crate) struct Flood;

impl Strategy for Flood {
    fn acts(&mut self, hands: &mut Hands<'_>) {
        for _ in 0..8 {
            let len = hands.dice.below(2 * HEADER_LEN as u64) as usize;
            let noise: Vec<u8> = (0..len).map(|_| hands.dice.below(256) as u8).collect();
            hands.send_to_all(noise);
        }
        let Some(keys) = hands.keys else { return };
        // Frames with a true beginning and nothing behind it.
        let nonce = Nonce { boot: 7, sequence: hands.dice.below(1 << 20) as u32 };
        let mut header = keys.header(Kind::Beacon, nonce);
        header.origin = hands.member();
        debug_assert!(Suite::ALL.contains(&header.suite));
        hands.send_to_all(keys.forge(header, b"flood", Purpose::Frame));
    }
}
