//! The identity on disk: who this node is, its secret key, and how it came to it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ActiveKey, Error, Misuse, lease};
use crate::id::{Epoch, NodeId, ViewNumber};
use crate::membership::{KeyRecord, Member};
use crate::store::{Batch, Store, Table};
use crate::suite::{Entropy, SigningKey, Suite};
use crate::wire;

const ACTIVE: &[u8] = b"active";
const ROTATION: &[u8] = b"rotation/";

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    node: NodeId,
    epoch: Epoch,
    suite: Suite,
    secret: &'a [u8],
}

/// Who this node is: its id, its current secret key, and the rotations that led to it.
#[derive(Debug)]
pub struct Identity {
    pub(super) node: NodeId,
    pub(super) active: Arc<ActiveKey>,
    pub(super) rotations: Vec<Arc<[u8]>>,
}

impl Identity {
    /// Makes a new key for `node` and stores it.
    ///
    /// # Errors
    /// [`Misuse::IdentityExists`] when the store holds an identity; it is left as it was.
    pub fn create(
        store: &dyn Store,
        node: NodeId,
        suite: Suite,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        if let Some(found) = Self::find(store)? {
            return Err(Misuse::IdentityExists(found.node).into());
        }
        let key = SigningKey::generate(suite, entropy)?;
        let active = ActiveKey { epoch: Epoch::FIRST, key };
        let mut batch = Batch::new();
        put_active(&mut batch, node, &active)?;
        lease::put_created(&mut batch);
        store.apply(&batch)?;
        Ok(Self { node, active: Arc::new(active), rotations: Vec::new() })
    }

    /// Loads the identity that the store holds.
    ///
    /// # Errors
    /// [`Misuse::NoIdentity`] when there is none.
    pub fn load(store: &dyn Store) -> Result<Self, Error> {
        Ok(Self::find(store)?.ok_or(Misuse::NoIdentity)?)
    }

    fn find(store: &dyn Store) -> Result<Option<Self>, Error> {
        let Some(bytes) = store.get(Table::Identity, ACTIVE)? else { return Ok(None) };
        let stored: Stored<'_> = wire::decode("the stored identity", &bytes)?;
        let key = SigningKey::from_secret_bytes(stored.suite, stored.secret)?;
        let active = Arc::new(ActiveKey { epoch: stored.epoch, key });
        let rows = store.scan(Table::Identity)?;
        let rotations = rows
            .iter()
            .filter(|(key, _)| key.starts_with(ROTATION))
            .map(|(_, statement)| Arc::from(statement.as_slice()))
            .collect();
        Ok(Some(Self { node: stored.node, active, rotations }))
    }

    /// This node's id.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// What the others need to know of this node, for a view: the public half.
    pub fn member(&self, name: impl Into<String>) -> Member {
        let key = self.active.key.public_key().clone();
        let key = KeyRecord { epoch: self.active.epoch, key };
        Member { id: self.node, name: name.into(), key, joined: ViewNumber(0) }
    }
}

fn put_active(batch: &mut Batch, node: NodeId, active: &ActiveKey) -> Result<(), Error> {
    let secret = active.key.to_secret_bytes();
    let stored = Stored { node, epoch: active.epoch, suite: active.key.suite(), secret: &secret };
    let bytes = wire::encode_secret("the identity", &stored)?;
    batch.put(Table::Identity, ACTIVE, &bytes);
    Ok(())
}

/// The write that makes `active` this node's key and keeps the statement that introduces it. The
/// secret of the key before is overwritten.
pub(super) fn rotation_batch(
    node: NodeId,
    active: &ActiveKey,
    statement: &[u8],
) -> Result<Batch, Error> {
    let mut batch = Batch::new();
    put_active(&mut batch, node, active)?;
    let Epoch { recovery, operational } = active.epoch;
    // Big-endian, so that a scan in key order gives the rotations in their order.
    let key = [ROTATION, &recovery.to_be_bytes(), &operational.to_be_bytes()].concat();
    batch.put(Table::Identity, &key, statement);
    Ok(batch)
}
