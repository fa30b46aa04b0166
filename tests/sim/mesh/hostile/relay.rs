//! What an honest relay that is no member does: each packet once to all others.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

const REMEMBERS: usize = 10_000;

#[derive(Default)]
pub(super) struct Relay {
    seen: BTreeSet<u64>,
    order: VecDeque<u64>,
}

impl Relay {
    pub(super) fn is_new(&mut self, bytes: &Arc<[u8]>) -> bool {
        // The hasher without a key: the same in every run.
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let is_new = self.seen.insert(hasher.finish());
        if is_new {
            self.order.push_back(hasher.finish());
        }
        if self.order.len() > REMEMBERS
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        is_new
    }
}
