//! Passes on nothing of others, and says what it has to say itself.

use std::sync::Arc;

use meshward::wire::Packet;

use super::{Hands, Strategy};

pub(crate) struct Censor;

impl Strategy for Censor {
    fn passes(&mut self, hands: &mut Hands<'_>, at: u64, bytes: &Arc<[u8]>) -> Option<u64> {
        let origin = match Packet::parse(bytes) {
            Ok(Packet::Frame(frame)) => frame.header().origin,
            Ok(Packet::Statement(statement)) => statement.head().origin,
            _ => return None,
        };
        (hands.keys.map(|keys| keys.id) == Some(origin)).then_some(at)
    }
}
