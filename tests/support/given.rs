//! What a node is given, explained first where a test wants that.

use meshward::gossip::Stage;
use meshward::wire::Tag;
use meshward::{Accepted, Explanation, Link, Refusal};

use super::Mesh;

impl Mesh {
    /// Hands `bytes` to one node, as if they had arrived over `link`.
    pub(crate) fn give(&self, place: usize, link: Link, bytes: &[u8]) -> Result<Accepted, Refusal> {
        let (guard, now) = (self.guard(place), self.clock(place));
        let told = self.foretells.then(|| guard.explain(link, bytes, now));
        let result = guard.handle_frame(link, bytes, now);
        if let Some(told) = told {
            assert_eq!(told.refusal.as_ref(), result.as_ref().err(), "{told}");
            assert!(is_in_order(&told, bytes), "{told}");
            let reason = told.refusal.as_ref().map_or("taken", Refusal::reason);
            *self.foretold.lock().entry((told.packet, reason)).or_default() += 1;
        }
        result
    }
}

/// Whether its stages come in the order that is documented, each once. What has not the right form is
/// refused for that after it paid.
fn is_in_order(told: &Explanation, bytes: &[u8]) -> bool {
    if told.refused_at() == Some(Stage::Form) {
        return true;
    }
    let Ok(tag) = Tag::of(bytes) else {
        return told.stages.iter().all(|it| it.stage < Stage::Origin);
    };
    let place = |stage: &Stage| Stage::of(tag).iter().position(|it| it == stage);
    let places: Option<Vec<_>> = told.stages.iter().map(|it| place(&it.stage)).collect();
    places.is_some_and(|places| places.is_sorted_by(|one, next| one < next))
}
