//! Speaks under the names of others, with a signature that does not hold, until somebody blames them
//! (G2, G5). What it says has the looks of what its victim would say next.

use std::sync::Arc;

use meshward::suite::Purpose;
use meshward::wire::{Header, Packet};

use super::super::support::with_signature;
use super::{Hands, Keys, Strategy};

#[derive(Default)]
pub(super) struct Frame {
    last: Option<Header>,
    /// One signature, of the right length, for all that it says.
    signature: Vec<u8>,
}

impl Strategy for Frame {
    fn hears(&mut self, keys: &Keys, _hands: &mut Hands<'_>, _from: usize, bytes: &Arc<[u8]>) {
        if let Ok(Packet::Frame(frame)) = Packet::parse(bytes) {
            let header = frame.header();
            if self.signature.is_empty() {
                let forged = keys.any().forge(header.clone(), b"", Purpose::Frame);
                self.signature = forged[meshward::wire::HEADER_LEN..].to_vec();
            }
            self.last = Some(header.clone());
        }
    }

    fn acts(&mut self, _keys: &Keys, hands: &mut Hands<'_>) {
        let Some(header) = &mut self.last else { return };
        for _ in 0..2 {
            header.nonce.sequence = header.nonce.sequence.saturating_add(1);
            header.sent_at.0 += 1000;
            hands.send_to_all(with_signature(header.clone(), &self.signature, b"framed"));
        }
    }
}
