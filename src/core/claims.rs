//! The highest boot that each other member is known to have claimed, and who has witnessed that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::boot::{Claim, Riddle, Witness, Witnessed};
use super::once::OncePerLink;
use crate::id::{Millis, NodeId};
use crate::limit::{Rate, TokenBucket};
use crate::membership::{MemberIndex, View};
use crate::store::{Batch, Store, Table};
use crate::wire::{Packet, Refusal, WireError};

/// Claims that are taken of one member, each with a write: a restart takes one or a few. Old ones that
/// somebody plays again are none.
const TAKEN: Rate = Rate { per_second: 1, burst: 16 };

/// The longest pause before the same is witnessed again, in intervals of half a resend interval: what a
/// node waits that lacks witnesses.
const LONGEST_PAUSE: u64 = 32;

/// The highest claim of each member that made one: up to 3.6 KiB, in memory and on disk.
///
/// All goes by the id of the member, so one of these serves two views at once.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<NodeId, Held>);

#[derive(Debug)]
struct Held {
    highest: Option<Kept>,
    taken: TokenBucket,
    /// Over which links it was told of a higher boot.
    answered: OncePerLink,
}

#[derive(Debug)]
struct Kept {
    boot: u32,
    riddle: Riddle,
    packet: Arc<[u8]>,
    is_written: bool,
    is_writing: bool,
    /// It is to be witnessed, since it was asked for.
    is_due: bool,
    witnessed: Option<Millis>,
    passed_on: Millis,
    /// For how many intervals it is neither witnessed nor passed on again: ever longer, as the node
    /// itself waits, or whoever plays it again would keep everybody busy.
    pause: u64,
    /// Who has witnessed it, a bit for each place in the view: what is news to others, too.
    seen: Vec<u64>,
}

/// What a claim is beside the highest one that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Higher, or the same of the same start signed anew, for another view.
    News,
    /// The very same.
    Same,
    /// Lower, or as high and of another start.
    Lower,
    /// News, while the one before is being written.
    Busy,
}

impl Claims {
    /// Takes back those of the members of `view` that are in the store.
    ///
    /// # Errors
    /// What cannot be read, or a fault of the store.
    pub(super) fn load(store: &dyn Store, view: &View) -> Result<Self, crate::keyring::Error> {
        let mut claims = Self::default();
        for (key, packet) in store.scan(Table::Boot)? {
            let Ok(node) = <[u8; 32]>::try_from(key.as_slice()) else { continue };
            let node = NodeId::from_bytes(node);
            let read = match Packet::parse(&packet) {
                Ok(Packet::Statement(statement)) => Claim::read(&statement).ok(),
                _ => None,
            };
            let unreadable = WireError::Field { what: "a stored claim" };
            let claim = read.ok_or(crate::keyring::Fault::from(unreadable))?;
            if view.index_of(&node).is_some() {
                let kept = Kept { is_written: true, ..Kept::new(&claim, &packet, Millis(0)) };
                claims.held(node).highest = Some(kept);
            }
        }
        Ok(claims)
    }

    fn held(&mut self, node: NodeId) -> &mut Held {
        self.0.entry(node).or_insert_with(|| Held {
            highest: None,
            taken: TokenBucket::new(TAKEN),
            answered: OncePerLink::default(),
        })
    }

    fn kept(&mut self, node: &NodeId) -> Option<&mut Kept> {
        self.0.get_mut(node)?.highest.as_mut()
    }

    /// What a claim of a member is, before its signature is checked.
    pub(super) fn look(&self, node: &NodeId, claim: &Claim, packet: &[u8]) -> Look {
        let highest = self.0.get(node).and_then(|held| held.highest.as_ref());
        let Some(kept) = highest else { return Look::News };
        let is_higher = claim.boot > kept.boot;
        match claim.boot == kept.boot && claim.riddle == kept.riddle {
            true if *kept.packet == *packet => Look::Same,
            is_same if is_higher || is_same => {
                if kept.is_writing {
                    Look::Busy
                } else {
                    Look::News
                }
            }
            _ => Look::Lower,
        }
    }

    /// Keeps a claim whose signature holds, and gives what is to be written before it is witnessed.
    ///
    /// # Errors
    /// [`Refusal::AttestorRate`]: the member claims too much. Or it is no news any more.
    pub(super) fn take(
        &mut self,
        node: NodeId,
        claim: &Claim,
        packet: &[u8],
        now: Millis,
    ) -> Result<Batch, Refusal> {
        if self.look(&node, claim, packet) != Look::News {
            return Err(Refusal::Duplicate);
        }
        let held = self.held(node);
        held.taken.try_take(now, 1).map_err(|_| Refusal::AttestorRate)?;
        held.highest = Some(Kept { is_writing: true, ..Kept::new(claim, packet, now) });
        Ok(row(node, packet))
    }

    /// The very claim that is held came again, since its node lacks witnesses: it is witnessed again, and
    /// written if it is not. Tells whether to pass it on, and gives what is to be written.
    pub(super) fn again(
        &mut self,
        node: NodeId,
        interval_ms: u64,
        now: Millis,
    ) -> (bool, Option<Batch>) {
        let Some(kept) = self.kept(&node) else { return (false, None) };
        let witnesses = kept.witnessed.is_none_or(|at| kept.has_paused(at, interval_ms, now));
        kept.is_due |= kept.is_written && witnesses;
        let passes_on = kept.has_paused(kept.passed_on, interval_ms, now);
        if passes_on {
            kept.passed_on = now;
            // What they said may have been lost further on.
            kept.seen.clear();
        }
        let writes = !kept.is_written && !kept.is_writing;
        kept.is_writing |= writes;
        (passes_on, writes.then(|| row(node, &kept.packet)))
    }

    /// Whether [`again`](Self::again) would pass it on.
    pub(super) fn repeats(&self, node: &NodeId, interval_ms: u64, now: Millis) -> bool {
        let highest = self.0.get(node).and_then(|held| held.highest.as_ref());
        highest.is_some_and(|kept| kept.has_paused(kept.passed_on, interval_ms, now))
    }

    /// Whether a checked claim of `node` that is news would be taken.
    pub(super) fn has_room(&self, node: &NodeId, now: Millis) -> Result<(), Refusal> {
        let has_room = self.0.get(node).is_none_or(|held| held.taken.peek(now, 1));
        has_room.then_some(()).ok_or(Refusal::AttestorRate)
    }

    /// A write has ended. A claim that is not durable is not witnessed.
    pub(super) fn wrote(&mut self, node: &NodeId, at: (u32, Riddle), is_written: bool) {
        if let Some(kept) = self.kept(node).filter(|kept| (kept.boot, kept.riddle) == at) {
            kept.is_writing = false;
            kept.is_written |= is_written;
            kept.is_due |= is_written;
        }
    }

    /// Whether anything is to be witnessed.
    pub(super) fn is_any_due(&self) -> bool {
        self.0.values().flat_map(|held| &held.highest).any(|kept| kept.is_due)
    }

    /// What is to be witnessed now, `most` at most, in the order of `view`.
    pub(super) fn due(&mut self, view: &View, most: usize, now: Millis) -> Vec<Witnessed> {
        let mut due = Vec::new();
        for (place, member) in view.indices().zip(view.members()) {
            let kept = self.kept(&member.id).filter(|kept| kept.is_due && kept.is_written);
            let Some(kept) = kept else { continue };
            if due.len() == most {
                break;
            }
            kept.was_witnessed(now);
            due.push(Witnessed { claimant: place, riddle: kept.riddle, boot: kept.boot });
        }
        due
    }

    /// Over which links a member was told of a higher boot, if it ever was.
    pub(super) fn was_answered(&self, node: &NodeId) -> Option<&OncePerLink> {
        self.0.get(node).map(|held| &held.answered)
    }

    /// The highest claim of a member, if it may be told of it over this link.
    pub(super) fn answered(&mut self, node: NodeId) -> &mut OncePerLink {
        &mut self.held(node).answered
    }

    /// The highest claim of a member, as it was signed.
    pub(super) fn highest(&self, node: &NodeId) -> Option<(u32, Arc<[u8]>)> {
        let kept = self.0.get(node)?.highest.as_ref()?;
        Some((kept.boot, Arc::clone(&kept.packet)))
    }

    /// Whether `witness` has not been known to witness one of these claims.
    pub(super) fn is_news(&mut self, view: &View, witness: MemberIndex, said: &Witness) -> bool {
        self.each(view, said, |kept| !kept.has_seen(witness))
    }

    /// Notes what `witness` witnesses. Tells whether that is news.
    pub(super) fn saw(&mut self, view: &View, witness: MemberIndex, said: &Witness) -> bool {
        self.each(view, said, |kept| kept.saw(witness))
    }

    fn each(&mut self, view: &View, said: &Witness, is: impl Fn(&mut Kept) -> bool) -> bool {
        let mut any = false;
        for Witnessed { claimant, riddle, boot } in &said.claims {
            let Some(member) = view.member(*claimant) else { continue };
            let kept = self.kept(&member.id);
            if let Some(kept) = kept.filter(|kept| (kept.boot, kept.riddle) == (*boot, *riddle)) {
                any |= is(kept);
            }
        }
        any
    }

    /// Drops what is held of those who are no members of `view`, here and, with `batch`, from the store.
    pub(super) fn put_leaving(&self, view: &View, batch: &mut Batch) {
        for node in self.0.keys().filter(|node| view.index_of(node).is_none()) {
            batch.delete(Table::Boot, node.as_bytes());
        }
    }

    /// Another view has followed: who left is forgotten, and what was witnessed counts no more.
    pub(super) fn succeed(&mut self, view: &View) {
        self.0.retain(|node, _| view.index_of(node).is_some());
        self.0.values_mut().flat_map(|held| &mut held.highest).for_each(|kept| kept.seen.clear());
    }
}

fn row(node: NodeId, packet: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table::Boot, node.as_bytes(), packet);
    batch
}

impl Kept {
    fn new(claim: &Claim, packet: &[u8], now: Millis) -> Self {
        Self {
            boot: claim.boot,
            riddle: claim.riddle,
            packet: packet.into(),
            is_written: false,
            is_writing: false,
            is_due: false,
            witnessed: None,
            passed_on: now,
            pause: 1,
            seen: Vec::new(),
        }
    }

    /// Whether what was done at `at` may be done again.
    fn has_paused(&self, at: Millis, interval_ms: u64, now: Millis) -> bool {
        now < at || now.since(at) >= interval_ms.saturating_mul(self.pause)
    }

    fn was_witnessed(&mut self, now: Millis) {
        if self.witnessed.is_some() {
            self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        (self.is_due, self.witnessed) = (false, Some(now));
    }

    fn has_seen(&self, witness: MemberIndex) -> bool {
        let bits = self.seen.get(witness.place() / 64).copied().unwrap_or(0);
        bits & (1 << (witness.place() % 64)) != 0
    }

    fn saw(&mut self, witness: MemberIndex) -> bool {
        let (word, is_news) = (witness.place() / 64, !self.has_seen(witness));
        if self.seen.len() <= word {
            self.seen.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.seen.get_mut(word) {
            *bits |= 1 << (witness.place() % 64);
        }
        is_news
    }
}

#[cfg(test)]
mod tests;
