//! How members stand here, over restarts.

use super::Output;
use super::proofs::told;
use crate::id::{Millis, NodeId};
use crate::keyring::{Error, Fault};
use crate::reputation::{Ledger, Record};
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

/// Takes back what the boots before wrote down: half of what time would have taken away, and that is
/// written down at once. Returns what the host is to be told.
pub(super) fn load(
    store: &dyn Store,
    members: &Ledger<NodeId>,
    now: Millis,
) -> Result<Vec<Output>, Error> {
    let (mut taken_back, mut outputs) = (Vec::new(), Vec::new());
    for (place, stored) in store.scan(Table::Standing)? {
        let node = <[u8; 32]>::try_from(place.as_slice()).map(NodeId::from_bytes);
        let record = wire::decode::<Record>("a standing", &stored);
        let (Ok(node), Ok(record)) = (node, record) else {
            // It binds others alone, and they are judged anew by what they do.
            tracing::warn!("a stored standing cannot be read");
            continue;
        };
        let record = record.halved();
        if let Some((offence, charge)) = members.take_back(node, &record, now) {
            tracing::warn!(%node, ?charge, "a member was in quarantine before the restart");
            outputs.extend(told(node, offence, charge));
        }
        taken_back.push((node, Some(record)));
    }
    if !taken_back.is_empty() {
        let mut batch = Batch::new();
        put(&mut batch, &taken_back).map_err(Fault::from)?;
        store.apply(&batch)?;
    }
    Ok(outputs)
}
