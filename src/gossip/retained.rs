//! The signed headers of the last frames, kept so that an equivocation can be proven.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::bounded::ByteRing;
use crate::id::{Digest, Nonce};
use crate::membership::MemberIndex;

type Place = (Digest, Nonce);

/// Signed headers by key and nonce, for each member within a byte budget of its own, so that nobody
/// crowds out what another said; the oldest go first. What has gone can no longer be proven.
#[derive(Debug)]
pub(super) struct Retained(Vec<Ring>);

type Ring = Arc<Mutex<ByteRing<Place>>>;

impl Retained {
    pub(super) fn new(budget: usize, members: usize) -> Self {
        Self((0..members).map(|_| ring(budget)).collect())
    }

    /// Those of the members of a later view, which stand here at `places`: the same for who stays.
    pub(super) fn succeed(&self, budget: usize, places: &[Option<MemberIndex>]) -> Self {
        let kept = |place: &Option<MemberIndex>| self.0.get((*place)?.place()).map(Arc::clone);
        Self(places.iter().map(|place| kept(place).unwrap_or_else(|| ring(budget))).collect())
    }

    pub(super) fn keep(&self, member: MemberIndex, place: Place, signed_header: &[u8]) {
        if let Some(ring) = self.0.get(member.place()) {
            ring.lock().push(place, signed_header);
        }
    }

    pub(super) fn find(&self, member: MemberIndex, place: &Place) -> Option<Box<[u8]>> {
        self.0.get(member.place())?.lock().get(place).map(Box::from)
    }
}

fn ring(budget: usize) -> Ring {
    Arc::new(Mutex::new(ByteRing::new(budget)))
}
