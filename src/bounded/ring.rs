//! A queue of byte strings with a budget in bytes.

use std::collections::{BTreeMap, VecDeque};

/// Keeps the newest byte strings whose lengths together fit a budget, each found by its key, and
/// put in, in O(log n) comparisons; only replacing one takes O(n).
///
/// The budget counts the bytes of the values; keys and bookkeeping come on top, once per value.
#[derive(Debug, Clone)]
pub(crate) struct ByteRing<K: Ord + Clone, V: AsRef<[u8]>> {
    budget: usize,
    bytes: usize,
    values: BTreeMap<K, V>,
    /// The keys by age: the first is the oldest.
    by_age: VecDeque<K>,
}

impl<K: Ord + Clone, V: AsRef<[u8]>> ByteRing<K, V> {
    /// An empty ring for values of `budget_bytes` bytes in total.
    pub(crate) const fn new(budget_bytes: usize) -> Self {
        Self { budget: budget_bytes, bytes: 0, values: BTreeMap::new(), by_age: VecDeque::new() }
    }

    /// Puts `value` in as the newest; the oldest leave until the total fits the budget. A value
    /// already under `key` is replaced.
    ///
    /// A value larger than the whole budget is not kept and displaces nothing. Neither is an empty
    /// one: it would cost nothing, so any number of them would fit.
    pub(crate) fn push(&mut self, key: K, value: V) {
        let length = value.as_ref().len();
        if length == 0 || length > self.budget {
            return;
        }
        if let Some(before) = self.values.remove(&key) {
            self.bytes = self.bytes.saturating_sub(before.as_ref().len());
            self.by_age.retain(|kept| *kept != key);
        }
        while self.bytes.saturating_add(length) > self.budget {
            let Some(oldest) = self.by_age.pop_front() else { break };
            let gone = self.values.remove(&oldest).map_or(0, |value| value.as_ref().len());
            self.bytes = self.bytes.saturating_sub(gone);
        }
        self.bytes = self.bytes.saturating_add(length);
        self.by_age.push_back(key.clone());
        self.values.insert(key, value);
    }

    /// The value under `key`, if it has not left yet.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_leave_until_it_fits() {
        let mut ring = ByteRing::new(10);
        ring.push('a', vec![1; 4]);
        ring.push('b', vec![2; 4]);
        ring.push('c', vec![3; 7]);
        assert_eq!((ring.values.len(), ring.bytes), (1, 7));
        assert_eq!(ring.get(&'a'), None);
        assert_eq!(ring.get(&'c'), Some(&vec![3; 7]));
    }

    #[test]
    fn what_cannot_be_kept_displaces_nothing() {
        let mut ring = ByteRing::new(4);
        ring.push('a', vec![1; 4]);
        ring.push('b', vec![2; 5]);
        ring.push('c', vec![]);
        assert_eq!((ring.values.len(), ring.bytes), (1, 4));
        assert!(!ring.values.is_empty());
        let mut none = ByteRing::new(0);
        none.push('a', vec![1]);
        assert!(none.values.is_empty());
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
                ring.push(key, vec![key; length]);
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
                    prop_assert_eq!(ring.get(key), Some(&vec![*key; *length]));
                }
            }
        }
    }
}
