//! Alters what it passes on: a byte somewhere, so that who trusts its looks is misled.

use std::sync::Arc;

use super::{Hands, Strategy};

pub(crate) struct Forge;

impl Strategy for Forge {
    fn hears(&mut self, hands: &mut Hands<'_>, from: usize, bytes: &Arc<[u8]>) {
        if bytes.is_empty() || !hands.dice.happens(200) {
            return;
        }
        let mut altered = bytes.to_vec();
        let at = hands.dice.below(altered.len() as u64) as usize;
        altered[at] ^= 1 << hands.dice.below(8);
        let altered: Arc<[u8]> = altered.into();
        for to in hands.neighbours.iter().filter(|to| **to != from) {
            hands.send(*to, Arc::clone(&altered));
        }
    }
}
