//! A bounded cache of keys that are ready for checks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::id::Digest;

use super::error::VerifyError;
use super::public_key::PublicKey;
use super::purpose::Purpose;
use super::verifying_key::VerifyingKey;

/// Keeps the prepared keys that were used last, so that a check seldom has to prepare one.
///
/// A key is kept only after a signature under it held, so what an attacker sends without a secret
/// key cannot push out the keys of members. When it is full, every eighth new key takes the place of
/// the one that was used least recently: were it each of them, keys that come round in turn, more than
/// there is room for, would each be gone when they come again; this way as large a part of them is found
/// as there is room for (Qureshi et al., *Adaptive Insertion Policies for High Performance Caching*,
/// 2007), and what is used often gets in and stays. Memory: at most `capacity` times about 36 KiB
/// (ML-DSA-65 without the feature `prepared`: 43 KiB).
///
/// The lock is held to look up and to insert, never while a key is prepared or a signature
/// checked. So threads that meet a new key at once may each prepare it.
pub struct PreparedKeys {
    capacity: usize,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    /// Counts uses; it cannot overflow in practice, and saturates if it does.
    uses: u64,
    keys: BTreeMap<Digest, Entry>,
    /// Keys that came while there was no room, since one of them was let in.
    turned_away: u8,
}

/// Of so many new keys that find no room, one gets in.
const ONE_IN: u8 = 8;

struct Entry {
    key: Arc<VerifyingKey>,
    last_use: u64,
}

impl PreparedKeys {
    /// A cache of at most `capacity` keys; with 0 it keeps none, and every check is
    /// [`PublicKey::verify`].
    pub fn new(capacity: usize) -> Self {
        Self { capacity, recent: Mutex::default() }
    }

    /// Checks a signature on `message` under `key` for one purpose.
    ///
    /// Besides the check this costs a search among the kept keys; for a key that is new and has to
    /// push out another, one pass over all of them.
    ///
    /// # Errors
    ///
    /// [`VerifyError::BadSignature`], whatever is wrong with it;
    /// [`VerifyError::SuiteUnavailable`] if nothing can be said about it.
    pub fn verify(
        &self,
        key: &PublicKey,
        purpose: Purpose,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        if self.capacity == 0 {
            return key.verify(purpose, message, signature);
        }
        let digest = key.digest();
        // In the condition of an `if` the lock would be held until its end.
        let found = self.recent.lock().find(digest);
        if let Some(prepared) = found {
            return Ok(prepared.verify(purpose, message, signature)?);
        }
        let prepared = key.prepare()?;
        prepared.verify(purpose, message, signature)?;
        self.recent.lock().keep(digest, Arc::new(prepared), self.capacity);
        Ok(())
    }

    /// How many keys are kept now.
    pub fn len(&self) -> usize {
        self.recent.lock().keys.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Recent {
    fn next_use(&mut self) -> u64 {
        self.uses = self.uses.saturating_add(1);
        self.uses
    }

    fn find(&mut self, digest: Digest) -> Option<Arc<VerifyingKey>> {
        let now = self.next_use();
        let entry = self.keys.get_mut(&digest)?;
        entry.last_use = now;
        Some(Arc::clone(&entry.key))
    }

    fn keep(&mut self, digest: Digest, key: Arc<VerifyingKey>, capacity: usize) {
        let last_use = self.next_use();
        let is_full = self.keys.len() >= capacity && !self.keys.contains_key(&digest);
        if is_full {
            self.turned_away = self.turned_away.saturating_add(1);
            if self.turned_away < ONE_IN {
                return;
            }
            self.turned_away = 0;
        }
        self.keys.insert(digest, Entry { key, last_use });
        if self.keys.len() > capacity {
            let oldest = self.keys.iter().min_by_key(|(_, entry)| entry.last_use);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                self.keys.remove(&oldest);
            }
        }
    }
}

impl fmt::Debug for PreparedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedKeys")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use super::super::error::BadSignature;
    use super::super::scheme::Verifier;
    use super::super::{OsEntropy, SigningKey, Suite};
    use super::*;

    const PURPOSE: Purpose = Purpose::Frame;

    fn keys<const N: usize>(suite: Suite) -> [SigningKey; N] {
        [(); N].map(|()| SigningKey::generate(suite, &OsEntropy).unwrap())
    }

    fn check(cache: &PreparedKeys, key: &SigningKey, message: &[u8]) -> Result<(), VerifyError> {
        let signature = key.sign(PURPOSE, b"x", &OsEntropy).unwrap();
        cache.verify(key.public_key(), PURPOSE, message, signature.as_bytes())
    }

    /// A key that looks whether others can get at the cache while it checks.
    struct Probe(Weak<PreparedKeys>);

    impl Verifier for Probe {
        fn verify(&self, _: Purpose, _: &[u8], _: &[u8]) -> Result<(), BadSignature> {
            let cache = self.0.upgrade().ok_or(BadSignature)?;
            cache.recent.try_lock().map(drop).ok_or(BadSignature)
        }
    }

    #[test]
    fn the_lock_is_not_held_while_a_signature_is_checked() {
        for suite in Suite::available() {
            let ([key], cache) = (keys(suite), Arc::new(PreparedKeys::new(1)));
            let probe = VerifyingKey::new(Box::new(Probe(Arc::downgrade(&cache))));
            cache.recent.lock().keep(key.public_key().digest(), Arc::new(probe), 1);
            assert_eq!(check(&cache, &key, b"x"), Ok(()));
        }
    }

    fn holds(cache: &PreparedKeys, key: &SigningKey) -> bool {
        cache.recent.lock().keys.contains_key(&key.public_key().digest())
    }

    #[test]
    fn the_least_recently_used_goes_and_the_bound_holds() {
        for suite in Suite::available() {
            let cache = PreparedKeys::new(2);
            let [a, b, c] = keys(suite);
            for key in [&a, &b, &a] {
                assert_eq!(check(&cache, key, b"x"), Ok(()));
            }
            for before in 0..ONE_IN {
                assert!(holds(&cache, &b) && !holds(&cache, &c), "after {before}");
                assert_eq!(check(&cache, &c, b"x"), Ok(()));
            }
            assert_eq!([&a, &b, &c].map(|key| holds(&cache, key)), [true, false, true]);
            assert_eq!(check(&cache, &b, b"x"), Ok(()));
            assert_eq!(cache.len(), 2);
        }
    }

    /// More keys than there is room for, each in its turn: the least recently used one would always be
    /// the next.
    #[test]
    fn keys_in_turn_are_found_as_often_as_there_is_room_for_them() {
        let (mut recent, mut found) = (Recent::default(), 0);
        let names: Vec<_> = (0..40).map(|name| Digest::from_bytes([name; 32])).collect();
        for name in names.iter().cycle().take(40 * 100) {
            if recent.find(*name).is_some() {
                found += 1;
            } else {
                let key = VerifyingKey::new(Box::new(Probe(Weak::new())));
                recent.keep(*name, Arc::new(key), 20);
            }
        }
        assert!(found > 40 * 100 / 3, "{found}");
    }

    #[test]
    fn a_bad_signature_fills_nothing_and_is_bad_under_a_kept_key_too() {
        for suite in Suite::available() {
            let cache = PreparedKeys::new(2);
            let [a] = keys(suite);
            assert_eq!(check(&cache, &a, b"y"), Err(VerifyError::BadSignature));
            assert!(cache.is_empty());
            assert_eq!(check(&cache, &a, b"x"), Ok(()));
            assert_eq!(cache.len(), 1);
            assert_eq!(check(&cache, &a, b"y"), Err(VerifyError::BadSignature));
        }
    }

    #[test]
    fn capacity_zero_keeps_none() {
        for suite in Suite::available() {
            let cache = PreparedKeys::new(0);
            let [a] = keys(suite);
            assert_eq!(check(&cache, &a, b"x"), Ok(()));
            assert!(cache.is_empty());
        }
    }
}
