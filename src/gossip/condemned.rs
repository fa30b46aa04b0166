//! The keys under which one member is known to have contradicted itself.

use crate::id::{Digest, Epoch};
use crate::membership::MOST_KEYS;

/// Keys under which a member contradicted itself, oldest epoch first: proven once, not charged again,
/// or a replay of the two halves would keep it in quarantine for ever.
///
/// As many are kept as a proof can be checked under, those of the newest epochs: were there fewer, or
/// did those leave that were found first, proofs shown in turn would be news each time, to everyone,
/// and passed on. Epochs below all of a full list count as condemned, too: whatever is shown of them
/// is older than all that is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Condemned(Vec<(Epoch, Digest)>);

impl Condemned {
    pub(super) fn contains(&self, epoch: Epoch, key: &Digest) -> bool {
        let is_older = self.0.first().is_some_and(|(oldest, _)| epoch < *oldest);
        let is_full = self.0.len() >= MOST_KEYS;
        (is_full && is_older) || self.0.contains(&(epoch, *key))
    }

    /// Adds a key; tells whether that is news.
    pub(super) fn add(&mut self, epoch: Epoch, key: Digest) -> bool {
        if self.contains(epoch, &key) {
            return false;
        }
        let place = self.0.partition_point(|known| *known < (epoch, key));
        self.0.insert(place, (epoch, key));
        if self.0.len() > MOST_KEYS {
            self.0.remove(0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u8) -> (Epoch, Digest) {
        let epoch = Epoch { recovery: 0, operational: number.into() };
        (epoch, Digest::from_bytes([number; 32]))
    }

    #[test]
    fn the_oldest_epoch_leaves_in_whatever_order_they_come() {
        let most = u8::try_from(MOST_KEYS).unwrap();
        for order in [(1..=most).collect::<Vec<_>>(), (1..=most).rev().collect()] {
            let mut condemned = Condemned::default();
            for number in order {
                let (epoch, key) = place(number);
                assert!(condemned.add(epoch, key));
                assert!(!condemned.add(epoch, key));
            }
            let (epoch, key) = place(most + 1);
            assert!(condemned.add(epoch, key));
            assert_eq!(condemned.0.len(), MOST_KEYS);
            // Neither what left nor what is older still is news.
            for number in 0..=most + 1 {
                let (epoch, key) = place(number);
                assert!(condemned.contains(epoch, &key), "{number}");
                assert!(!condemned.add(epoch, key), "{number}");
            }
            let (epoch, key) = place(most + 2);
            assert!(!condemned.contains(epoch, &key));
        }
    }

    #[test]
    fn two_keys_of_one_epoch_are_told_apart() {
        let mut condemned = Condemned::default();
        let (epoch, key) = place(1);
        assert!(condemned.add(epoch, key));
        assert!(condemned.add(epoch, Digest::from_bytes([9; 32])));
        assert!(!condemned.contains(Epoch::FIRST, &key));
    }
}
