//! Speaks under the names of others, with a signature that does not hold, until somebody blames them
//! (G2, G5). What it says has the looks of what its victim would say next.

use std::sync::Arc;

use meshward::suite::Purpose;
use meshward::wire::{Header, Packet};

use super::{Hands, Keys, Strategy};

#[derive(Default)]
pub(super) struct Frame {
    last: Option<Header>,
}

impl Strategy for Frame {
    fn hears(&mut self, _keys: &Keys, _hands: &mut Hands<'_>, _from: usize, bytes: &Arc<[u8]>) {
        if let Ok(Packet::Frame(frame)) = Packet::parse(bytes) {
            self.last = Some(frame.header().clone());
        }
    }

    fn acts(&mut self, keys: &Keys, hands: &mut Hands<'_>) {
        let Some(header) = &mut self.last else { return };
        for _ in 0..2 {
            header.nonce.sequence = header.nonce.sequence.saturating_add(1);
            header.sent_at.0 += 1000;
            hands.send_to_all(keys.any().forge(header.clone(), b"framed", Purpose::Frame));
        }
    }
}
