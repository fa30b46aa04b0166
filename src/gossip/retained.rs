//! The signed headers of the last frames, kept so that an equivocation can be proven.

use parking_lot::Mutex;

use crate::bounded::ByteRing;
use crate::id::{Digest, Nonce};
use crate::membership::MemberIndex;

type Place = (MemberIndex, Digest, Nonce);

/// Signed headers by member, key and nonce, within a byte budget; the oldest go first. What has
/// gone can no longer be proven against anybody.
#[derive(Debug)]
pub(super) struct Retained(Mutex<ByteRing<Place, Box<[u8]>>>);

impl Retained {
    pub(super) fn new(budget: usize) -> Self {
        Self(Mutex::new(ByteRing::new(budget)))
    }

    pub(super) fn keep(&self, place: Place, signed_header: &[u8]) {
        self.0.lock().push(place, Box::from(signed_header));
    }

    pub(super) fn find(&self, place: &Place) -> Option<Box<[u8]>> {
        self.0.lock().get(place).cloned()
    }
}
