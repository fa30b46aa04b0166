//! The keys that may follow, named before they are shown.

use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::suite::{PublicKey, Suite};

/// The digests of the keys that may follow one, a candidate for each suite. A [record](super::KeyRecord)
/// names them by one digest, and the rotation that leads to one of them shows them all.
///
/// There is one for each suite, so that a member moves to another suite in one rotation and nobody has to
/// say beforehand when that will be. A suite that was not compiled in has none.
///
/// Two members may commit to the same: nothing is gained by copying what another wrote, since a rotation
/// needs the secret half of the key as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextKeys([Digest; Suite::ALL.len()]);

impl NextKeys {
    /// What stands where there is no key: no digest of anything.
    pub const NONE: Digest = Digest::from_bytes([0; 32]);

    /// These keys; of several of one suite the last.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> Self {
        let mut digests = [Self::NONE; Suite::ALL.len()];
        for key in keys {
            for (place, suite) in digests.iter_mut().zip(Suite::ALL) {
                if suite == key.suite() {
                    *place = key.digest();
                }
            }
        }
        Self(digests)
    }

    /// The digest by which a record names them; all zero if there is none.
    pub fn commitment(&self) -> Digest {
        if self.0 == [Self::NONE; Suite::ALL.len()] {
            return Self::NONE;
        }
        let digests: Vec<u8> = self.0.iter().flat_map(Digest::as_bytes).copied().collect();
        Digest::of("meshward 2026 next keys", &digests)
    }

    /// Whether `key` is the one of its suite.
    pub fn contains(&self, key: &PublicKey) -> bool {
        let places = self.0.iter().zip(Suite::ALL);
        places.into_iter().any(|(digest, suite)| suite == key.suite() && *digest == key.digest())
    }

    /// Whether these are what `commitment` names, and `key` is one of them.
    pub fn opens(&self, commitment: &Digest, key: &PublicKey) -> bool {
        *commitment != Self::NONE && self.commitment() == *commitment && self.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(suite: Suite, seed: u8) -> PublicKey {
        PublicKey::from_bytes(suite, &vec![seed; suite.public_key_len()]).unwrap()
    }

    #[test]
    fn a_commitment_is_opened_by_its_own_candidates_alone() {
        let [weak, strong] = [Suite::Dilithium3, Suite::MlDsa65].map(|suite| key(suite, 1));
        let both = NextKeys::of([&weak, &strong]);
        let commitment = both.commitment();
        assert_eq!(NextKeys::of([&strong, &weak]), both, "in any order");
        for candidate in [&weak, &strong] {
            assert!(both.opens(&commitment, candidate));
            assert!(!both.opens(&NextKeys::NONE, candidate));
            assert!(!NextKeys::of([candidate]).opens(&commitment, candidate));
        }
        assert!(!both.opens(&commitment, &key(Suite::MlDsa65, 2)));
        let other = NextKeys::of([&weak, &key(Suite::MlDsa65, 2)]);
        assert!(!other.opens(&commitment, &weak));
        let none = NextKeys::of([]);
        assert_eq!(none.commitment(), NextKeys::NONE);
        assert!(!none.opens(&NextKeys::NONE, &weak), "no commitment is opened by nothing");
    }
}
