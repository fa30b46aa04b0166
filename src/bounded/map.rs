//! An ordered map with a fixed number of places.

use std::collections::BTreeMap;

/// A map of at most `capacity` entries. When it is full, a new key displaces
/// the entry that was least recently inserted or used.
///
/// Every operation on one entry takes O(log n) comparisons. Ordered trees rather than hash tables,
/// so that no observable order depends on a random seed and no choice of keys makes it slow.
#[derive(Debug, Clone)]
pub(crate) struct BoundedMap<K: Ord + Clone, V> {
    capacity: usize,
    /// The stamp that the next insertion or use gets. At one a nanosecond it lasts 584 years.
    next: u64,
    entries: BTreeMap<K, (u64, V)>,
    /// The same entries by stamp: the first is the one to leave.
    by_use: BTreeMap<u64, K>,
}

impl<K: Ord + Clone, V> BoundedMap<K, V> {
    /// An empty map of at most `capacity` entries. Memory is taken as entries come. With capacity 0
    /// the map keeps nothing.
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { capacity, next: 0, entries: BTreeMap::new(), by_use: BTreeMap::new() }
    }

    /// The value under `key`. Looking is no use: it does not change who leaves next.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value under `key`, to change it. This counts as a use.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (stamp, value) = self.entries.get_mut(key)?;
        if let Some(key) = self.by_use.remove(stamp) {
            *stamp = self.next;
            self.by_use.insert(self.next, key);
            self.next = self.next.saturating_add(1);
        }
        Some(value)
    }

    /// The value under `key`, which is put there first if it is not. This counts as a use. With
    /// capacity 0 it holds this one entry all the same.
    pub(crate) fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let stamp = self.next;
        if self.get_mut(&key).is_none() {
            if self.entries.len() >= self.capacity {
                self.evict();
            }
            self.by_use.insert(stamp, key.clone());
            self.next = stamp.saturating_add(1);
        }
        let (_, value) = self.entries.entry(key).or_insert_with(|| (stamp, value()));
        value
    }

    /// Puts `value` under `key` and returns the entry that had to leave for it: the least recently
    /// inserted or used one, or, with capacity 0, this very pair.
    ///
    /// A value already under `key` is replaced and dropped; then nothing has to leave.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        if let Some(old) = self.get_mut(&key) {
            *old = value;
            return None;
        }
        if self.capacity == 0 {
            return Some((key, value));
        }
        let evicted = if self.entries.len() < self.capacity { None } else { self.evict() };
        self.by_use.insert(self.next, key.clone());
        self.entries.insert(key, (self.next, value));
        self.next = self.next.saturating_add(1);
        evicted
    }

    fn evict(&mut self) -> Option<(K, V)> {
        let (_, key) = self.by_use.pop_first()?;
        let (_, value) = self.entries.remove(&key)?;
        Some((key, value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted<K: Ord + Copy, V: Copy>(map: &BoundedMap<K, V>) -> Vec<(K, V)> {
        map.entries.iter().map(|(key, (_, value))| (*key, *value)).collect()
    }

    #[test]
    fn capacity_zero_keeps_nothing() {
        let mut map = BoundedMap::new(0);
        assert_eq!(map.insert(1, 'a'), Some((1, 'a')));
        assert!(map.entries.is_empty());
        assert_eq!(map.get(&1), None);
    }

    #[test]
    fn looking_is_no_use_and_changing_is() {
        let mut map = BoundedMap::new(2);
        map.insert(1, 'a');
        map.insert(2, 'b');
        assert_eq!(map.get(&1), Some(&'a'));
        assert_eq!(map.insert(3, 'c'), Some((1, 'a')));
        assert_eq!(map.get_mut(&2), Some(&mut 'b'));
        assert_eq!(map.insert(4, 'd'), Some((3, 'c')));
        assert_eq!(sorted(&map), [(2, 'b'), (4, 'd')]);
    }

    #[test]
    fn replacing_displaces_nobody() {
        let mut map = BoundedMap::new(1);
        map.insert(1, 'a');
        assert_eq!(map.insert(1, 'b'), None);
        assert_eq!(map.get(&1), Some(&'b'));
    }

    proptest! {
        /// The model is a list with the most recently used entry last.
        #[test]
        fn equals_a_list_in_order_of_use(
            capacity in 0_usize..6,
            steps in prop::collection::vec((0_u8..3, 0_u8..10, any::<u16>()), 0..200),
        ) {
            let mut map = BoundedMap::new(capacity);
            let mut model: Vec<(u8, u16)> = Vec::new();
            for (step, key, value) in steps {
                let at = model.iter().position(|(k, _)| *k == key);
                match step {
                    0 => {
                        let mut left = None;
                        if let Some(at) = at {
                            model.remove(at);
                        }
                        model.push((key, value));
                        if model.len() > capacity {
                            left = Some(model.remove(0));
                        }
                        prop_assert_eq!(map.insert(key, value), left);
                    }
                    1 if capacity > 0 => {
                        let used = at.map(|at| model.remove(at)).unwrap_or((key, value));
                        model.push(used);
                        if model.len() > capacity {
                            model.remove(0);
                        }
                        prop_assert_eq!(*map.get_or_insert_with(key, || value), used.1);
                    }
                    _ => {
                        let used = at.map(|at| model.remove(at));
                        model.extend(used);
                        prop_assert_eq!(map.get_mut(&key).copied(), used.map(|(_, v)| v));
                    }
                }
                let mut in_order = model.clone();
                in_order.sort_unstable();
                prop_assert_eq!(sorted(&map), in_order);
                prop_assert_eq!(map.entries.len(), map.by_use.len());
            }
        }
    }
}
