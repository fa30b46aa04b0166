//! Passes on nothing of others, and says what it has to say itself.

use std::sync::Arc;

use meshward::wire::Packet;

use super::{Hands, Keys, Strategy};

pub(super) struct Censor;

impl Strategy for Censor {
    fn passes(
        &mut self,
        keys: &Keys,
        _hands: &mut Hands<'_>,
        at: u64,
        bytes: &Arc<[u8]>,
    ) -> Option<u64> {
        let origin = match Packet::parse(bytes) {
            Ok(Packet::Frame(frame)) => frame.header().origin,
            Ok(Packet::Statement(statement)) => statement.head().origin,
            _ => return None,
        };
        (keys.own().map(|own| own.id) == Some(origin)).then_some(at)
    }

    fn listens(&self) -> bool {
        false
    }
}
