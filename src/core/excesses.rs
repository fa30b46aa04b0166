//! Up to which of its frames each member has been charged for signing faster than its rate.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{Mark, NodeId};
use crate::keyring::Error;
use crate::membership::View;
use crate::store::{Batch, Store, Table};
use crate::wire::{self, WireError};

/// The newest frame of each member that it was charged for as over its rate: one mark for a member that
/// was, nothing for others.
///
/// A node that restarts has forgotten which frames it took. Whoever recorded an excess could play it at
/// each of its starts, and have its signer, whose standing is not forgotten, pay for it again, without its
/// key. So an excess is charged only above this mark, which is written down in the same write as the
/// charge. What a member signs below it is refused like any other excess, and costs it nothing more.
#[derive(Debug, Default)]
pub(super) struct Excesses {
    charged: BTreeMap<NodeId, Mark>,
    /// Those that differ from what the store holds, as far as is known, or are no longer held.
    unsaved: BTreeSet<NodeId>,
}

/// A member and its mark, or `None` if none is held any more.
pub(super) type Unsaved = (NodeId, Option<Mark>);

impl Excesses {
    /// Whether an excess at `mark` would be charged.
    pub(super) fn would_be_new(&self, node: NodeId, mark: Mark) -> bool {
        self.charged.get(&node).is_none_or(|charged| *charged < mark)
    }

    /// Whether an excess at `mark` is to be charged. Then it has been.
    pub(super) fn is_new(&mut self, node: NodeId, mark: Mark) -> bool {
        let is_new = self.would_be_new(node, mark);
        if is_new {
            self.charged.insert(node, mark);
            self.unsaved.insert(node);
        }
        is_new
    }

    /// Another view has followed. What was signed in an earlier life of who comes back is not taken there.
    pub(super) fn succeed(&mut self, view: &View) {
        let is_here = |node: &NodeId| view.index_of(node).is_some();
        self.unsaved.extend(self.charged.keys().filter(|node| !is_here(node)));
        self.charged.retain(|node, _| is_here(node));
    }

    pub(super) fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// What has to be written, and is taken for written from now on.
    pub(super) fn unsaved(&mut self) -> Vec<Unsaved> {
        let unsaved = std::mem::take(&mut self.unsaved).into_iter();
        unsaved.map(|node| (node, self.charged.get(&node).copied())).collect()
    }

    /// Nobody knows what of these reached the store, so they are to be written again.
    pub(super) fn write_failed(&mut self, nodes: Vec<NodeId>) {
        self.unsaved.extend(nodes);
    }

    /// Takes back what the boots before wrote down of the members of `view`.
    pub(super) fn load(store: &dyn Store, view: &View) -> Result<Self, Error> {
        let mut excesses = Self::default();
        for (place, stored) in store.scan(Table::Excess)? {
            let node = <[u8; 32]>::try_from(place.as_slice()).map(NodeId::from_bytes);
            match (node, wire::decode::<Mark>("a charged excess", &stored)) {
                (Ok(node), Ok(mark)) => {
                    excesses.charged.insert(node, mark);
                }
                _ => tracing::warn!("a stored excess cannot be read"),
            }
        }
        excesses.succeed(view);
        Ok(excesses)
    }
}

/// Puts what [`Excesses::unsaved`] gives into a batch.
pub(super) fn put(batch: &mut Batch, unsaved: &[Unsaved]) -> Result<(), WireError> {
    for (node, mark) in unsaved {
        match mark {
            None => batch.delete(Table::Excess, node.as_bytes()),
            Some(mark) => {
                let stored = wire::encode("a charged excess", mark)?;
                batch.put(Table::Excess, node.as_bytes(), &stored)
            }
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Epoch, Nonce};
    use crate::membership::Member;
    use crate::store::MemoryStore;
    use crate::suite::{OsEntropy, SigningKey, Suite};

    fn mark(operational: u32, boot: u32, sequence: u32) -> Mark {
        let epoch = Epoch { recovery: 0, operational };
        Mark { epoch, nonce: Nonce { boot, sequence } }
    }

    #[test]
    fn an_excess_is_new_once_and_outlives_its_member_on_no_disk() {
        let suite = Suite::available().next().unwrap();
        let id = |seed| NodeId::from_bytes([seed; 32]);
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        let member = Member::new(id(1), "", key.public_key().clone());
        let view = View::genesis(vec![member]).unwrap();
        let (store, mut excesses) = (MemoryStore::new(), Excesses::default());
        assert!(excesses.is_new(id(1), mark(1, 5, 22)) && excesses.is_new(id(2), mark(0, 1, 1)));
        let save = |excesses: &mut Excesses| {
            let mut batch = Batch::new();
            put(&mut batch, &excesses.unsaved()).unwrap();
            store.apply(&batch).unwrap();
            store.scan(Table::Excess).unwrap().len()
        };
        assert_eq!(save(&mut excesses), 2);
        let mut again = Excesses::load(&store, &view).unwrap();
        for known in [mark(1, 5, 22), mark(1, 5, 21), mark(1, 4, 99), mark(0, 9, 9)] {
            assert!(!again.is_new(id(1), known), "{known}");
        }
        assert_eq!(save(&mut again), 1, "of members only");
        assert!(again.is_new(id(1), mark(1, 5, 23)) && again.is_new(id(1), mark(2, 1, 1)));
        assert_eq!(again.unsaved(), [(id(1), Some(mark(2, 1, 1)))]);
        assert!(!again.has_unsaved());
        again.write_failed(vec![id(1)]);
        assert!(again.has_unsaved());
    }
}
