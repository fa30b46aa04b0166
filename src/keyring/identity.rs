//! The identity on disk: who this node is, its secret keys, and how it came to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::candidates::{Candidates, StoredRecord};
use super::recovery::seal_recovery;
use super::{ActiveKey, Error, Fault, KeyChange, Misuse, PreparedIdentity, RecoveryKey, prepared};
use crate::id::{Digest, Epoch, MeshId, NodeId, ViewNumber};
use crate::membership::{KeyRecord, Member, NextKeys};
use crate::store::{Batch, Store, Table};
use crate::suite::{Entropy, SigningKey, Suite};
use crate::wire::{self, Packet, WireError};

const ACTIVE: &[u8] = b"active";
const ROTATION: &[u8] = b"rotation/";

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    node: NodeId,
    epoch: Epoch,
    suite: Suite,
    secret: &'a [u8],
}

/// Who this node is: its id, its current secret key, the secret keys that may follow it, and the
/// rotations that led to it.
///
/// The *recovery key* is apart from all that: it is handed out by [`recovery_key`](Self::recovery_key) to
/// whoever makes or recovers the identity, this once, and is kept nowhere else.
#[derive(Debug)]
pub struct Identity {
    pub(super) node: NodeId,
    pub(super) active: Arc<ActiveKey>,
    pub(super) record: KeyRecord,
    pub(super) next: Arc<Candidates>,
    pub(super) rotations: Vec<Arc<[u8]>>,
    pub(super) recovery: Option<RecoveryKey>,
}

/// An identity as it is written into a backup.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    node: NodeId,
    suite: Suite,
    secret: &'a [u8],
    record: KeyRecord,
    names: NextKeys,
    #[serde(borrow)]
    next: Vec<(Suite, &'a [u8])>,
}

impl Identity {
    /// Makes keys for `node` and stores them: the one that signs, of `suite`, and a candidate of each
    /// suite to follow it. With them goes a note that it has never started, so that its first
    /// [start](super::Keyring::start) on this store is known for what it is. Take the
    /// [`recovery_key`](Self::recovery_key) from what is returned.
    ///
    /// # Errors
    /// [`Misuse::IdentityExists`] when the store holds an identity; it is left as it was.
    pub fn create(
        store: &dyn Store,
        node: NodeId,
        suite: Suite,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        Self::prepare(node, suite, entropy)?.store_in(store)
    }

    /// The same, stored nowhere yet: whoever wants to have the recovery key in a backup before anything
    /// else is durable goes this way.
    ///
    /// # Errors
    /// A fault of the scheme.
    pub fn prepare(
        node: NodeId,
        suite: Suite,
        entropy: &dyn Entropy,
    ) -> Result<PreparedIdentity, Error> {
        let recovery = RecoveryKey::generate(node, 0, suite, entropy)?;
        let made = Self::make(node, Epoch::FIRST, suite, recovery.public_key().digest(), entropy)?;
        let mut batch = Batch::new();
        put(&mut batch, node, (&made.active, &made.record), &made.next)?;
        let made = Self { recovery: Some(recovery), ..made };
        Ok(PreparedIdentity { made, batch, is_new: true })
    }

    fn make(
        node: NodeId,
        epoch: Epoch,
        suite: Suite,
        recovery: Digest,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let key = SigningKey::generate(suite, entropy)?;
        let next = Candidates::generate(entropy)?;
        let record = KeyRecord {
            epoch,
            key: key.public_key().clone(),
            next: next.names().commitment(),
            recovery,
        };
        Ok(Self {
            node,
            active: Arc::new(ActiveKey { epoch, key }),
            record,
            next: Arc::new(next),
            rotations: Vec::new(),
            recovery: None,
        })
    }

    /// Takes an identity back with its recovery key: makes new keys, the one that signs of `suite`, and
    /// the statement by which they take the place of all that the member had before, and stores them in
    /// one write. The members take it whatever else they have heard in this node's name (attacks K2, K8,
    /// K13); the node announces it when it starts. Take the next [`recovery_key`](Self::recovery_key) from
    /// what is returned; `with` is spent.
    ///
    /// `store` may be empty: nonces belong to a key, and this one has signed nothing, so whatever boot the
    /// store counts on from, no number is used twice. Onto an empty store no boot is written: the first
    /// start there is boot 1, and is held for a restart, for the node may have taken much that this store
    /// does not know. What this node voted in exclusive slots is kept if the store has it.
    ///
    /// `history` are statements that this node made before, such as [`rotations`](Self::rotations) gives.
    /// They are needed where the store has none of them, the keys were recovered before, and the view that
    /// the node starts with is from before that.
    ///
    /// # Errors
    /// [`Misuse::IdentityExists`] when the store holds that of another node; [`Misuse::Downgrade`] to a
    /// suite weaker than that of the recovery key; a fault of the store or of the scheme. The identity in
    /// the store is left as it was then.
    pub fn recover<'a>(
        store: &dyn Store,
        mesh: MeshId,
        with: &RecoveryKey,
        history: impl IntoIterator<Item = &'a [u8]>,
        suite: Suite,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        prepared::require_none_of_another(store, with.node)?;
        Self::prepare_recovery(mesh, with, history, suite, entropy)?.store_in(store)
    }

    /// The same, stored nowhere yet.
    ///
    /// # Errors
    /// [`Misuse::Downgrade`] to a suite weaker than that of the recovery key; a fault of the scheme.
    pub fn prepare_recovery<'a>(
        mesh: MeshId,
        with: &RecoveryKey,
        history: impl IntoIterator<Item = &'a [u8]>,
        suite: Suite,
        entropy: &dyn Entropy,
    ) -> Result<PreparedIdentity, Error> {
        let node = with.node;
        if suite < with.key.suite() {
            return Err(Misuse::Downgrade { from: with.key.suite(), to: suite }.into());
        }
        let count = with.count.checked_add(1).ok_or(Misuse::CounterExhausted("recovery count"))?;
        let recovery = RecoveryKey::generate(node, count, suite, entropy)?;
        let epoch = Epoch { recovery: count, operational: 0 };
        let mut made = Self::make(node, epoch, suite, recovery.public_key().digest(), entropy)?;
        let statement =
            seal_recovery((mesh, node), with, (&made.record, &made.active.key), entropy)?;
        let known = history.into_iter().filter_map(|known| {
            let before = leads_to(known, node).filter(|before| *before < epoch)?;
            Some((before, Arc::from(known)))
        });
        let mut rotations: BTreeMap<_, Arc<[u8]>> = known.collect();
        rotations.insert(epoch, Arc::from(statement));
        let mut batch = Batch::new();
        for (epoch, statement) in &rotations {
            batch.put(Table::Identity, &rotation_row(*epoch), statement);
        }
        put(&mut batch, node, (&made.active, &made.record), &made.next)?;
        made.rotations = rotations.into_values().collect();
        made.recovery = Some(recovery);
        Ok(PreparedIdentity { made, batch, is_new: false })
    }

    /// Makes keys for `node`, which lost its own and every backup of them, and stores them in one write.
    /// `lost` is its newest key that is known to the others. The new one speaks for the node once two
    /// thirds of the members have decided on a change that [replaces](crate::Change::replace) the lost one
    /// by that of [`member`](Self::member), and the node starts with the view that follows.
    ///
    /// It commits to the same recovery key: should that be found, it outranks what the quorum gave.
    ///
    /// # Errors
    /// [`Misuse::IdentityExists`] when the store holds an identity; [`Misuse::Downgrade`] to a suite weaker
    /// than that of the lost key; a fault of the store or of the scheme. Nothing is stored then.
    pub fn replace(
        store: &dyn Store,
        (node, lost): (NodeId, &KeyRecord),
        suite: Suite,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        if let Some(found) = Self::node_in(store)? {
            return Err(Misuse::IdentityExists(found).into());
        }
        if suite < lost.key.suite() {
            return Err(Misuse::Downgrade { from: lost.key.suite(), to: suite }.into());
        }
        let exhausted = Misuse::CounterExhausted("replacement count");
        let epoch = lost.epoch.next_replacement().ok_or(exhausted)?;
        let made = Self::make(node, epoch, suite, lost.recovery, entropy)?;
        let mut batch = Batch::new();
        put(&mut batch, node, (&made.active, &made.record), &made.next)?;
        store.apply(&batch)?;
        Ok(made)
    }

    /// Loads the identity that the store holds.
    ///
    /// # Errors
    /// [`Misuse::NoIdentity`] when there is none.
    pub fn load(store: &dyn Store) -> Result<Self, Error> {
        Ok(Self::find(store)?.ok_or(Misuse::NoIdentity)?)
    }

    pub(super) fn find(store: &dyn Store) -> Result<Option<Self>, Error> {
        let Some(bytes) = store.get(Table::Identity, ACTIVE)? else { return Ok(None) };
        let stored: Stored<'_> = wire::decode("the stored identity", &bytes)?;
        let key = SigningKey::from_secret_bytes(stored.suite, stored.secret)?;
        let StoredRecord { record, next } = StoredRecord::load(store)?;
        let next = Candidates::load(store, next)?;
        let node = stored.node;
        let rotations = stored_rotations(store)?;
        let epoch = stored.epoch;
        Self::fitting(node, ActiveKey { epoch, key }, record, next, rotations).map(Some)
    }

    /// Puts an identity together, if its parts belong together.
    fn fitting(
        node: NodeId,
        active: ActiveKey,
        record: KeyRecord,
        next: Candidates,
        rotations: Vec<Arc<[u8]>>,
    ) -> Result<Self, Error> {
        let fits = record.epoch == active.epoch
            && record.key == *active.key.public_key()
            && record.next == next.names().commitment();
        if !fits {
            return Err(Fault::from(WireError::Field { what: "the stored key record" }).into());
        }
        let (active, next) = (Arc::new(active), Arc::new(next));
        Ok(Self { node, active, record, next, rotations, recovery: None })
    }

    /// Whose identity the store holds, whether or not it can be read.
    pub(super) fn node_in(store: &dyn Store) -> Result<Option<NodeId>, Error> {
        let Some(bytes) = store.get(Table::Identity, ACTIVE)? else { return Ok(None) };
        let stored: Stored<'_> = wire::decode("the stored identity", &bytes)?;
        Ok(Some(stored.node))
    }

    /// This node's id.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// What the others need to know of this node, for a view: the public half.
    pub fn member(&self, name: impl Into<String>) -> Member {
        let (name, key) = (name.into(), Arc::new(self.record.clone()));
        Member { id: self.node, name, spiffe_id: None, key, joined: ViewNumber(0) }
    }

    /// The key that speaks for this node.
    #[cfg(feature = "identity")]
    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.active.key
    }

    /// The statements by which this node's keys follow one from another, oldest first.
    pub fn rotations(&self) -> &[Arc<[u8]>] {
        &self.rotations
    }

    /// The recovery key of an identity that was just made or recovered. It is handed out once and kept
    /// nowhere: write it into a backup now, for who has lost it cannot take the identity back from a
    /// thief. `None` for an identity that was loaded, or the second time.
    pub const fn recovery_key(&mut self) -> Option<RecoveryKey> {
        self.recovery.take()
    }

    /// The keys as bytes, to be sealed into a backup; zeroized when dropped. The recovery key is not among
    /// them, and neither are the [rotations](Self::rotations), which are no secret.
    ///
    /// # Errors
    /// None that an identity made by this type can cause.
    pub fn to_secret_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (secret, next) = (self.active.key.to_secret_bytes(), self.next.to_secret());
        let written = Written {
            node: self.node,
            suite: self.active.key.suite(),
            secret: &secret,
            record: self.record.clone(),
            names: self.next.names(),
            next: next.iter().map(|(suite, secret)| (*suite, secret.as_slice())).collect(),
        };
        Ok(wire::encode_secret("the identity", &written)?)
    }

    /// Reads what [`to_secret_bytes`](Self::to_secret_bytes) wrote, and stores nothing.
    ///
    /// Do not sign with these keys on a store that did not count every boot of theirs: numbers would be
    /// used twice. [`recover`](Self::recover) makes new ones.
    ///
    /// # Errors
    /// [`Fault`] for anything else, or for a suite that is not compiled in.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let Written { node, suite, secret, record, names, next } =
            wire::decode("the identity", bytes)?;
        let key = SigningKey::from_secret_bytes(suite, secret)?;
        let active = ActiveKey { epoch: record.epoch, key };
        let next = Candidates::from_secret(&next, names)?;
        Self::fitting(node, active, record, next, Vec::new())
    }
}

fn put(
    batch: &mut Batch,
    node: NodeId,
    (active, record): (&ActiveKey, &KeyRecord),
    next: &Candidates,
) -> Result<(), Error> {
    let secret = active.key.to_secret_bytes();
    let stored = Stored { node, epoch: active.epoch, suite: active.key.suite(), secret: &secret };
    let bytes = wire::encode_secret("the identity", &stored)?;
    batch.put(Table::Identity, ACTIVE, &bytes);
    StoredRecord { record: record.clone(), next: next.names() }.put(batch)?;
    next.put(batch);
    Ok(())
}

/// Big-endian, so that a scan in key order gives the rotations in their order.
fn rotation_row(Epoch { recovery, operational }: Epoch) -> Vec<u8> {
    [ROTATION, &recovery.to_be_bytes(), &operational.to_be_bytes()].concat()
}

pub(super) fn stored_rotations(store: &dyn Store) -> Result<Vec<Arc<[u8]>>, Error> {
    let rows = store.scan(Table::Identity)?;
    let rotations = rows.iter().filter(|(key, _)| key.starts_with(ROTATION));
    Ok(rotations.map(|(_, statement)| Arc::from(statement.as_slice())).collect())
}

/// To which epoch of `node` a change of a key leads; `None` if it is none, or of another node.
pub(super) fn leads_to(bytes: &[u8], node: NodeId) -> Option<Epoch> {
    let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { return None };
    let change = KeyChange::read(&statement).ok()?;
    (statement.head().origin == node).then(|| change.to().epoch)
}

/// The write that makes `active` this node's key and `next` the ones that may follow it, and keeps the
/// statement that introduces it. The secret of the key before is overwritten, and so are the candidates
/// that were not chosen.
pub(super) fn rotation_batch(
    node: NodeId,
    (active, record): (&ActiveKey, &KeyRecord),
    next: &Candidates,
    statement: &[u8],
) -> Result<Batch, Error> {
    let mut batch = Batch::new();
    put(&mut batch, node, (active, record), next)?;
    batch.put(Table::Identity, &rotation_row(active.epoch), statement);
    Ok(batch)
}
