//! Alters what comes by: a bit somewhere, so that who trusts its looks is misled.

use std::sync::Arc;

use super::{Hands, Keys, Strategy};

pub(super) struct Forge;

impl Strategy for Forge {
    fn hears(&mut self, _keys: &Keys, hands: &mut Hands<'_>, from: usize, bytes: &Arc<[u8]>) {
        if bytes.is_empty() || !hands.dice.happens(200) {
            return;
        }
        let mut altered = bytes.to_vec();
        let at = hands.dice.below(altered.len() as u64) as usize;
        altered[at] ^= 1 << hands.dice.below(8);
        hands.send_to_others(Some(from), altered);
    }
}
