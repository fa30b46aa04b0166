//! The same four members every time, so that seeds stay true from one run to the next.

use std::sync::Arc;

use meshward::membership::{KeyRecord, NextKeys};
use meshward::suite::{EntropyError, SigningKey};
use meshward::{Entropy, Member, NodeId, Suite, View};

#[derive(Debug)]
struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0);
        Ok(())
    }
}

/// The key of the member at `place`.
pub fn key(place: u8) -> SigningKey {
    SigningKey::generate(Suite::MlDsa65, &Fixed(place)).unwrap()
}

/// The id of the member at `place`.
pub fn id(place: u8) -> NodeId {
    NodeId::from_bytes([place + 1; 32])
}

/// The keys that the key of the member at `place` commits to.
pub fn next(place: u8) -> Vec<SigningKey> {
    vec![key(place + 10)]
}

/// The recovery key of the member at `place`.
pub fn recovery(place: u8) -> SigningKey {
    key(place + 20)
}

/// The view of all four.
pub fn view() -> Arc<View> {
    let member = |place| {
        let member = Member::new(id(place), "", key(place).public_key().clone());
        let next = next(place);
        let next = NextKeys::of(next.iter().map(SigningKey::public_key)).commitment();
        let recovery = recovery(place).public_key().digest();
        let key = KeyRecord { next, recovery, ..KeyRecord::clone(&member.key) };
        Member { key: Arc::new(key), ..member }
    };
    Arc::new(View::genesis((0..4).map(member).collect()).unwrap())
}
