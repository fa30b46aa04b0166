//! The rotations of others, over restarts: without them a node that starts while their members are dead, in
//! a mesh that starts as a whole, has nobody who could tell it the keys that their last words are under.

use std::collections::BTreeSet;

use super::Core;
use super::asides::Asides;
use crate::id::{Epoch, Millis, NodeId};
use crate::keyring::{Error, KeyChange};
use crate::membership::{Directory, MemberIndex};
use crate::store::{Batch, Store, Table};
use crate::wire::{Packet, Refusal, Tag};

/// Rotations and recoveries, each named by its member and the epoch that it leads on from, whose place in
/// the store is not as it is here: one that was taken since, or is remembered no more.
#[derive(Debug, Default)]
pub(super) struct KeptRotations {
    unsaved: BTreeSet<Place>,
}

/// A member, and the epoch that a change of its key leads on from.
pub(super) type Place = (NodeId, Epoch);

impl KeptRotations {
    /// Something was taken, or left, there.
    pub(super) fn changed(&mut self, place: Place) {
        self.unsaved.insert(place);
    }

    pub(super) fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// What has to be written, and is taken for written from now on.
    pub(super) fn unsaved(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.unsaved).into_iter().collect()
    }

    /// Nobody knows what of these reached the store, so they are to be written again.
    pub(super) fn write_failed(&mut self, places: Vec<Place>) {
        self.unsaved.extend(places);
    }
}

impl Core {
    /// Puts what is remembered of these places into a batch.
    pub(super) fn put_rotations(&self, batch: &mut Batch, places: &[Place]) {
        let asides = self.asides.lock();
        for (node, epoch) in places {
            let heard = self.view().index_of(node).and_then(|member| asides.get(member.place()));
            match heard.and_then(|heard| heard.rotation_from(*epoch)) {
                Some(bytes) => batch.put(Table::Rotation, &row(node, *epoch), &bytes),
                None => batch.delete(Table::Rotation, &row(node, *epoch)),
            };
        }
    }
}

/// Takes back what the boots before wrote down into `directory` and `asides`, each with its two signature
/// checks, but for the oldest one of a member that has changed its key more often than is kept: what that
/// leads on from is gone, and it was checked when it was taken. There is no grace: what was said under the
/// keys before was said before the start, and is not taken any more. What leads nowhere in this view is to
/// be removed, with all that follows it.
pub(super) fn load(
    store: &dyn Store,
    directory: &Directory,
    me: MemberIndex,
    asides: &mut [Asides],
    now: Millis,
) -> Result<KeptRotations, Error> {
    let (mut kept, mut led_nowhere) = (KeptRotations::default(), None);
    // In the order of their epochs, as their rows are.
    for (place, bytes) in store.scan(Table::Rotation)? {
        let Some((node, epoch)) = place_of(&place) else {
            tracing::warn!("a stored rotation has no name that can be read");
            continue;
        };
        let member = directory.view().index_of(&node).filter(|member| *member != me);
        let member = member.filter(|_| led_nowhere != Some(node));
        let taken = member.ok_or(Refusal::UnknownOrigin(node)).and_then(|member| {
            let heard = asides.get_mut(member.place()).ok_or(Refusal::UnknownOrigin(node))?;
            take_back(directory, member, heard, &bytes, now)
        });
        match taken {
            Ok(forgotten) => forgotten.into_iter().for_each(|epoch| kept.changed((node, epoch))),
            // A build that has the suite takes it.
            Err(Refusal::SuiteUnavailable(_)) => {}
            Err(refusal) => {
                tracing::info!(%node, %epoch, %refusal, "a stored rotation leads nowhere");
                kept.changed((node, epoch));
                led_nowhere = Some(node).filter(|_| refusal != Refusal::Duplicate);
            }
        }
    }
    Ok(kept)
}

fn take_back(
    directory: &Directory,
    member: MemberIndex,
    heard: &mut Asides,
    bytes: &[u8],
    now: Millis,
) -> Result<Option<Epoch>, Refusal> {
    let statement = match Packet::parse(bytes)? {
        Packet::Statement(statement)
            if matches!(statement.tag(), Tag::Rotation | Tag::Recovery)
                && directory.view().index_of(&statement.head().origin) == Some(member) =>
        {
            statement
        }
        _ => return Err(Refusal::Nonsense("it changes no key")),
    };
    let current = directory.current(member).ok_or(Refusal::Duplicate)?.epoch;
    let change = KeyChange::read(&statement)?;
    if change.to().epoch <= current {
        return Err(Refusal::Duplicate);
    }
    let from = statement.head().epoch;
    let leads_on = match change {
        KeyChange::Rotation(_) => from == current,
        // From every key of its recovery count.
        KeyChange::Recovery(_) => from.recovery == current.recovery,
    };
    if !leads_on {
        directory.take_over(member, change.to());
        return Ok(heard.took(&statement, now));
    }
    let change = KeyChange::screen(&statement, directory, member, now)?.verify(directory)?;
    match change.apply(directory, (member, statement.head().epoch), Millis(0)) {
        true => Ok(heard.took(&statement, now)),
        false => Err(Refusal::RotationOrder),
    }
}

/// Member by member, each in the order of its epochs.
fn row(node: &NodeId, epoch: Epoch) -> Vec<u8> {
    let epoch = [epoch.recovery.to_be_bytes(), epoch.operational.to_be_bytes()];
    [node.as_bytes().as_slice(), epoch.as_flattened()].concat()
}

fn place_of(row: &[u8]) -> Option<Place> {
    let (node, epoch) = row.split_first_chunk::<32>()?;
    let (recovery, operational) = epoch.split_first_chunk::<4>()?;
    let epoch = Epoch {
        recovery: u32::from_be_bytes(*recovery),
        operational: u32::from_be_bytes(operational.try_into().ok()?),
    };
    Some((NodeId::from_bytes(*node), epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_epochs_and_name_their_places() {
        let node = NodeId::from_bytes([7; 32]);
        let epochs = [(0, 0), (0, 1), (0, 256), (0, u32::MAX), (1, 0), (256, 3)];
        let rows: Vec<_> = epochs
            .iter()
            .map(|(recovery, operational)| {
                let epoch = Epoch { recovery: *recovery, operational: *operational };
                assert_eq!(place_of(&row(&node, epoch)), Some((node, epoch)));
                row(&node, epoch)
            })
            .collect();
        assert!(rows.is_sorted());
        assert_eq!(place_of(&rows[0][1..]), None);
        assert_eq!(place_of(&[rows[0].as_slice(), &[0]].concat()), None);
    }
}
