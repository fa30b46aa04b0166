//! How members stand here, over restarts.

use super::Output;
use super::judgements::ahead_ms;
use super::proofs::told;
use crate::id::{Millis, NodeId};
use crate::keyring::{Error, Fault};
use crate::membership::View;
use crate::reputation::{Ledger, Record, ReputationConfig};
use crate::store::{Batch, Store, Table};
use crate::wire::{self, WireError};

type Unsaved = [(NodeId, Option<Record>)];

/// Puts what [`Ledger::unsaved`] gives into a batch.
pub(super) fn put(batch: &mut Batch, unsaved: &Unsaved) -> Result<(), WireError> {
    for (node, record) in unsaved {
        match record {
            None => batch.delete(Table::Standing, node.as_bytes()),
            Some(record) => {
                let stored = wire::encode("a standing", record)?;
                batch.put(Table::Standing, node.as_bytes(), &stored)
            }
        };
    }
    Ok(())
}

/// Takes back what the boots before wrote down, and writes down at once how it will stand a minute from
/// now: a node that stops again before its first tick has taken that minute off. Returns what the host is
/// to be told.
///
/// An entry that cannot be read is skipped: it binds others alone, and they are judged anew by what they
/// do.
pub(super) fn load(
    store: &dyn Store,
    members: &Ledger<NodeId>,
    view: &View,
    config: &ReputationConfig,
    now: Millis,
) -> Result<Vec<Output>, Error> {
    let mut stored = Vec::new();
    for (place, record) in store.scan(Table::Standing)? {
        let node = <[u8; 32]>::try_from(place.as_slice()).map(NodeId::from_bytes);
        match (node, wire::decode::<Record>("a standing", &record)) {
            (Ok(node), Ok(record)) => stored.push((view.index_of(&node).is_none(), node, record)),
            _ => tracing::warn!("a stored standing cannot be read"),
        }
    }
    // Members first: there may not be room for all who once were.
    stored.sort_by_key(|(is_away, node, _)| (*is_away, *node));
    let mut outputs = Vec::new();
    for (is_away, node, record) in stored {
        if let Some((offence, charge)) = members.take_back(node, &record, is_away, now) {
            tracing::warn!(%node, ?charge, "a member was in quarantine before the restart");
            outputs.extend(told(node, offence, charge));
        }
    }
    let unsaved = members.unsaved(true, now, ahead_ms(config));
    if !unsaved.is_empty() {
        let mut batch = Batch::new();
        put(&mut batch, &unsaved).map_err(Fault::from)?;
        store.apply(&batch)?;
    }
    Ok(outputs)
}
