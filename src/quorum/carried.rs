//! What binds the members of the next view: the slots that were decided, and those that may have been.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::voter::Backed;
use super::{CriticalEvent, Slot};
use crate::id::{Digest, Epoch};
use crate::wire::{self, WireError};

/// What one view knew of an exclusive slot that outlives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Known {
    /// It was decided on this content, and nobody votes on it any more.
    Settled(Digest),
    /// Two thirds prevoted this content, and nothing else in a later round. So nothing else can have
    /// been decided, and whoever goes on with the slot begins locked on it.
    Locked(Backed),
}

/// What is known of the slots that outlive their view, in their order.
///
/// Of one topic the highest sequence that was decided is kept, and of one node the highest epoch: what
/// is below is closed with the view in which it was open, decided or not. So this grows with the topics
/// and the nodes that were ever decided on, not with the decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Carried(BTreeMap<Slot, Known>);

impl Carried {
    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let entries: Vec<(Slot, Known)> = wire::decode("what a view carries on", bytes)?;
        let in_form = entries.is_sorted_by(|one, next| one.0 < next.0)
            && entries.iter().all(|(slot, _)| slot.outlives_its_view());
        match in_form {
            true => Ok(Self(entries.into_iter().collect())),
            false => Err(WireError::Field { what: "what a view carries on" }),
        }
    }

    /// The one encoding of it.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, WireError> {
        wire::encode("what a view carries on", &Vec::from_iter(&self.0))
    }

    /// Whether nobody votes in `slot` any more.
    pub(super) fn closes(&self, slot: &Slot) -> bool {
        let last = match *slot {
            Slot::Proposal { topic, .. } => Slot::Proposal { topic, sequence: u64::MAX },
            Slot::Rotation { node, .. } => {
                let epoch = Epoch { recovery: u32::MAX, operational: u32::MAX };
                Slot::Rotation { node, epoch }
            }
            _ => return false,
        };
        self.0.range(*slot..=last).any(|(_, known)| matches!(known, Known::Settled(_)))
    }

    /// Whether `event` was decided, and nothing above it.
    pub(super) fn has_settled(&self, event: &CriticalEvent) -> bool {
        match (self.0.get(&event.slot()), event.content()) {
            (Some(Known::Settled(decided)), Some(content)) => *decided == content,
            _ => false,
        }
    }

    /// The slots that may have been decided, and what their members are locked on.
    pub(super) fn locks(&self) -> impl Iterator<Item = (Slot, Backed)> {
        self.0.iter().filter_map(|(slot, known)| match known {
            Known::Locked(backed) => Some((*slot, *backed)),
            Known::Settled(_) => None,
        })
    }

    /// The slots that were decided, and on what.
    pub(super) fn settled(&self) -> impl Iterator<Item = (Slot, Digest)> {
        self.0.iter().filter_map(|(slot, known)| match known {
            Known::Settled(content) => Some((*slot, *content)),
            Known::Locked(_) => None,
        })
    }

    /// Notes what was decided in `slot`; of slots that end with their view nothing.
    pub(super) fn settle(&mut self, slot: Slot, content: Digest) {
        if slot.outlives_its_view() {
            self.0.insert(slot, Known::Settled(content));
        }
    }

    /// Notes what two thirds prevoted last in an undecided slot.
    pub(super) fn lock(&mut self, slot: Slot, backed: Backed) {
        let is_news = match self.0.get(&slot) {
            Some(Known::Settled(_)) => false,
            Some(Known::Locked(known)) => known.round < backed.round,
            None => true,
        };
        if is_news && slot.outlives_its_view() {
            self.0.insert(slot, Known::Locked(backed));
        }
    }

    /// Without what is closed by something higher.
    pub(super) fn compact(mut self) -> Self {
        let closed = |slot: &Slot| match *slot {
            Slot::Proposal { topic, sequence } => sequence
                .checked_add(1)
                .is_some_and(|sequence| self.closes(&Slot::Proposal { topic, sequence })),
            Slot::Rotation { node, epoch } => {
                let next = epoch.next_operational();
                next.is_some_and(|epoch| self.closes(&Slot::Rotation { node, epoch }))
            }
            _ => true,
        };
        let closed: Vec<_> = self.0.keys().filter(|slot| closed(slot)).copied().collect();
        for slot in closed {
            self.0.remove(&slot);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(topic: u8, sequence: u64) -> Slot {
        Slot::Proposal { topic: content(topic), sequence }
    }

    fn content(seed: u8) -> Digest {
        Digest::from_bytes([seed; 32])
    }

    fn backed(round: u32, seed: u8) -> Backed {
        Backed { round, content: content(seed) }
    }

    #[test]
    fn the_highest_decision_on_a_topic_closes_what_is_below() {
        let mut carried = Carried::default();
        carried.settle(proposal(1, 4), content(1));
        carried.settle(proposal(1, 7), content(2));
        carried.lock(proposal(1, 5), backed(3, 1));
        carried.lock(proposal(1, 8), backed(2, 1));
        carried.lock(proposal(2, 1), backed(0, 1));
        let carried = carried.compact();
        for sequence in 0..=7 {
            assert!(carried.closes(&proposal(1, sequence)), "{sequence}");
        }
        assert!(!carried.closes(&proposal(1, 8)) && !carried.closes(&proposal(2, 0)));
        let locks: Vec<_> = carried.locks().collect();
        assert_eq!(locks, [(proposal(1, 8), backed(2, 1)), (proposal(2, 1), backed(0, 1))]);
        assert_eq!(carried.0.len(), 3);
    }

    #[test]
    fn the_latest_round_binds_and_a_decision_more_than_any() {
        let mut carried = Carried::default();
        carried.lock(proposal(1, 1), backed(2, 1));
        carried.lock(proposal(1, 1), backed(1, 2));
        assert_eq!(carried.locks().next(), Some((proposal(1, 1), backed(2, 1))));
        carried.lock(proposal(1, 1), backed(3, 2));
        assert_eq!(carried.locks().next(), Some((proposal(1, 1), backed(3, 2))));
        carried.settle(proposal(1, 1), content(2));
        carried.lock(proposal(1, 1), backed(9, 1));
        assert_eq!(carried.locks().next(), None);
        // What ends with its view is not carried on.
        let next = crate::id::ViewNumber(1);
        carried.settle(Slot::View(next), content(1));
        carried.lock(Slot::Membership(next), backed(9, 1));
        assert_eq!(carried.0.len(), 1);
    }

    #[test]
    fn one_encoding_and_no_other() {
        let mut carried = Carried::default();
        carried.settle(proposal(2, 1), content(1));
        carried.lock(proposal(1, 8), backed(2, 1));
        let bytes = carried.to_bytes().unwrap();
        assert_eq!(Carried::from_bytes(&bytes), Ok(carried.clone()));
        assert_eq!(Carried::from_bytes(&[]), Ok(Carried::default()));
        let mut entries = Vec::from_iter(carried.0);
        entries.reverse();
        let unsorted = wire::encode("entries", &entries).unwrap();
        assert!(Carried::from_bytes(&unsorted).is_err());
        assert!(Carried::from_bytes(&bytes[1..]).is_err());
        let failure = Slot::Failure(crate::id::NodeId::from_bytes([1; 32]));
        let odd = wire::encode("entries", &vec![(failure, Known::Settled(content(1)))]).unwrap();
        assert!(Carried::from_bytes(&odd).is_err());
    }
}
