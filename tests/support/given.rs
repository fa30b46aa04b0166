//! What a node is given, explained first where a test wants that.

use meshward::{Accepted, Link, Refusal};

use super::Mesh;

impl Mesh {
    /// Hands `bytes` to one node, as if they had arrived over `link`.
    pub(crate) fn give(&self, place: usize, link: Link, bytes: &[u8]) -> Result<Accepted, Refusal> {
        let (guard, now) = (self.guard(place), self.clock(place));
        let told = self.foretells.then(|| guard.explain(link, bytes, now));
        let result = guard.handle_frame(link, bytes, now);
        if let Some(told) = told {
            assert_eq!(told.refusal.as_ref(), result.as_ref().err(), "{told}");
            let reason = told.refusal.as_ref().map_or("taken", Refusal::reason);
            *self.foretold.lock().entry((told.packet, reason)).or_default() += 1;
        }
        result
    }
}
