//! A queue of byte strings with a budget in bytes.

use std::collections::VecDeque;

/// Keeps the newest byte strings whose lengths together fit a budget, each found by its key in
/// O(log n) comparisons.
///
/// Where keys come in order, as numbers of messages do, one is put in as fast; out of order, or in the
/// place of another, it moves up to half of the keys. Once it is full, a byte string as long as the one
/// that leaves takes its memory, so nothing is allocated.
///
/// The budget counts the bytes of the values; keys and bookkeeping come on top, once per value.
#[derive(Debug, Clone)]
pub(crate) struct ByteRing<K: Ord + Clone> {
    budget: usize,
    bytes: usize,
    /// By key.
    values: VecDeque<(K, Box<[u8]>)>,
    /// The keys by age: the first is the oldest.
    by_age: VecDeque<K>,
}

impl<K: Ord + Clone> ByteRing<K> {
    /// An empty ring for values of `budget_bytes` bytes in total.
    pub(crate) const fn new(budget_bytes: usize) -> Self {
        Self { budget: budget_bytes, bytes: 0, values: VecDeque::new(), by_age: VecDeque::new() }
    }

    /// Puts `value` in as the newest; the oldest leave until the total fits the budget. A value
    /// already under `key` is replaced.
    ///
    /// A value larger than the whole budget is not kept and displaces nothing. Neither is an empty
    /// one: it would cost nothing, so any number of them would fit.
    pub(crate) fn push(&mut self, key: K, value: &[u8]) {
        let length = value.len();
        if length == 0 || length > self.budget {
            return;
        }
        let mut gone = self.remove(&key);
        if gone.is_some() {
            self.by_age.retain(|kept| *kept != key);
        }
        while self.bytes.saturating_add(length) > self.budget {
            let Some(oldest) = self.by_age.pop_front() else { break };
            gone = self.remove(&oldest);
        }
        let value = match gone {
            Some(mut memory) if memory.len() == length => {
                memory.copy_from_slice(value);
                memory
            }
            _ => Box::from(value),
        };
        self.bytes = self.bytes.saturating_add(length);
        self.by_age.push_back(key.clone());
        let place = self.place(&key).unwrap_or_else(|place| place);
        self.values.insert(place, (key, value));
    }

    /// The value under `key`, if it has not left yet.
    pub(crate) fn get(&self, key: &K) -> Option<&[u8]> {
        let (_, value) = self.values.get(self.place(key).ok()?)?;
        Some(value)
    }

    /// Where `key` stands, or where it would.
    fn place(&self, key: &K) -> Result<usize, usize> {
        self.values.binary_search_by(|(kept, _)| kept.cmp(key))
    }

    fn remove(&mut self, key: &K) -> Option<Box<[u8]>> {
        let (_, value) = self.values.remove(self.place(key).ok()?)?;
        self.bytes = self.bytes.saturating_sub(value.len());
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_leave_until_it_fits() {
        let mut ring = ByteRing::new(10);
        ring.push('a', &[1; 4]);
        ring.push('b', &[2; 4]);
        ring.push('c', &[3; 7]);
        assert_eq!((ring.values.len(), ring.bytes), (1, 7));
        assert_eq!(ring.get(&'a'), None);
        assert_eq!(ring.get(&'c'), Some([3; 7].as_slice()));
    }

    #[test]
    fn what_cannot_be_kept_displaces_nothing() {
        let mut ring = ByteRing::new(4);
        ring.push('a', &[1; 4]);
        ring.push('b', &[2; 5]);
        ring.push('c', &[]);
        assert_eq!((ring.values.len(), ring.bytes), (1, 4));
        assert!(!ring.values.is_empty());
        let mut none = ByteRing::new(0);
        none.push('a', &[1]);
        assert!(none.values.is_empty());
    }

    #[test]
    fn what_leaves_lends_its_memory_to_what_comes() {
        let mut ring = ByteRing::new(8);
        ring.push('b', &[1; 4]);
        ring.push('a', &[2; 4]);
        let memory = ring.get(&'b').map(<[u8]>::as_ptr);
        ring.push('c', &[3; 4]);
        assert_eq!(ring.get(&'b'), None);
        assert_eq!(ring.get(&'c').map(<[u8]>::as_ptr), memory);
        assert_eq!(ring.get(&'a'), Some([2; 4].as_slice()));
        // What is shorter gets memory of its own, so no byte beyond the budget is held.
        ring.push('d', &[4; 3]);
        assert_eq!(ring.get(&'d'), Some([4; 3].as_slice()));
    }

    proptest! {
        #[test]
        fn equals_a_list(
            budget in 0_usize..40,
            pushes in prop::collection::vec((0_u8..12, 0_usize..20), 0..100),
        ) {
            let mut ring = ByteRing::new(budget);
            let mut model: Vec<(u8, usize)> = Vec::new();
            for (key, length) in pushes {
                ring.push(key, &vec![key; length]);
                if (1..=budget).contains(&length) {
                    model.retain(|(k, _)| *k != key);
                    model.push((key, length));
                    while model.iter().map(|(_, l)| l).sum::<usize>() > budget {
                        model.remove(0);
                    }
                }
                prop_assert_eq!(ring.values.len(), model.len());
                prop_assert_eq!(ring.values.len(), ring.by_age.len());
                prop_assert_eq!(ring.bytes, model.iter().map(|(_, l)| l).sum::<usize>());
                for (key, length) in &model {
                    let value = vec![*key; *length];
                    prop_assert_eq!(ring.get(key), Some(value.as_slice()));
                }
            }
        }
    }
}
