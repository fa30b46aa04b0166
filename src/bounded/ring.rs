//! A queue of byte strings with a budget in bytes.

use std::collections::{BTreeMap, VecDeque};

/// Keeps the newest byte strings whose lengths together fit a budget, each found by its key, and
/// put in, in O(log n) comparisons; only replacing one takes O(n).
///
/// The budget counts the bytes of the values; keys and bookkeeping come on top, once per value.
#[derive(Debug, Clone)]
pub(crate) struct ByteRing<K: Ord + Clone> {
    budget: usize,
    bytes: usize,
    values: BTreeMap<K, Box<[u8]>>,
    /// The keys by age: the first is the oldest.
    by_age: VecDeque<K>,
}

impl<K: Ord + Clone> ByteRing<K> {
    /// An empty ring for values of `budget_bytes` bytes in total.
    pub(crate) const fn new(budget_bytes: usize) -> Self {
        Self { budget: budget_bytes, bytes: 0, values: BTreeMap::new(), by_age: VecDeque::new() }
    }

    /// Puts a copy of `value` in as the newest; the oldest leave until the total fits the budget. A value
    /// already under `key` is replaced. Where one as long leaves, its memory is taken.
    ///
    /// A value larger than the whole budget is not kept and displaces nothing. Neither is an empty
    /// one: it would cost nothing, so any number of them would fit.
    pub(crate) fn push(&mut self, key: K, value: &[u8]) {
        let length = value.len();
        if length == 0 || length > self.budget {
            return;
        }
        let mut left = self.values.remove(&key);
        if let Some(before) = &left {
            self.bytes = self.bytes.saturating_sub(before.len());
            self.by_age.retain(|kept| *kept != key);
        }
        while self.bytes.saturating_add(length) > self.budget {
            let Some(oldest) = self.by_age.pop_front() else { break };
            left = self.values.remove(&oldest);
            self.bytes = self.bytes.saturating_sub(left.as_ref().map_or(0, |gone| gone.len()));
        }
        let value = match left.filter(|left| left.len() == length) {
            Some(mut left) => {
                left.copy_from_slice(value);
                left
            }
            None => Box::from(value),
        };
        self.bytes = self.bytes.saturating_add(length);
        self.by_age.push_back(key.clone());
        self.values.insert(key, value);
    }

    /// The value under `key`, if it has not left yet.
    pub(crate) fn get(&self, key: &K) -> Option<&[u8]> {
        self.values.get(key).map(AsRef::as_ref)
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
