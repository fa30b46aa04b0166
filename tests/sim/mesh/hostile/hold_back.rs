//! Holds back what it passes on and lets all of it go at once, so that who said it looks as if it spoke
//! too fast (G6).

use std::sync::Arc;

use super::{Hands, Keys, Strategy};

/// How long the dam holds, in milliseconds.
const DAM_MS: u64 = 15_000;

pub(super) struct HoldBack;

impl Strategy for HoldBack {
    fn passes(
        &mut self,
        _keys: &Keys,
        _hands: &mut Hands<'_>,
        at: u64,
        _bytes: &Arc<[u8]>,
    ) -> Option<u64> {
        Some(at.next_multiple_of(DAM_MS))
    }

    fn listens(&self) -> bool {
        false
    }
}
