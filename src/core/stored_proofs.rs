//! What a proof looks like in the store, and how it comes back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::proofs::{Name, Proofs, Unsaved};
use crate::id::{Epoch, Millis, Nonce};
use crate::keyring::Error;
use crate::membership::{Directory, KeyRecord, MemberIndex, RotatedKey, View};
use crate::quorum::{EquivocationProof, UncheckedProof};
use crate::store::{Batch, Store, Table};
use crate::wire::{self, Refusal, WireError};

/// A proof with what is needed to check it before anything was heard: after a restart a node knows
/// the keys of the view alone, and learns the rotations that led from them one by one.
#[derive(Serialize, Deserialize)]
struct Stored<'a, K> {
    sentence_ms: u64,
    keys: Vec<K>,
    #[serde(borrow)]
    proof: &'a [u8],
}

/// Where in the table it stands: one place for each key of a member, in the order of its keys.
fn place((node, Epoch { recovery, operational }, key): &Name) -> Vec<u8> {
    let (recovery, operational) = (recovery.to_be_bytes(), operational.to_be_bytes());
    [node.as_bytes().as_slice(), &recovery, &operational, key.as_bytes()].concat()
}

/// The write of what [`Proofs::unsaved`] gives.
pub(super) fn batch(unsaved: &[Unsaved]) -> Result<Batch, WireError> {
    let mut batch = Batch::new();
    for (name, held) in unsaved {
        match held {
            None => batch.delete(Table::Proof, &place(name)),
            Some((proof, sentence_ms)) => {
                let keys: Vec<_> = proof.keys().iter().map(AsRef::as_ref).collect();
                let (sentence_ms, proof) = (*sentence_ms, proof.as_bytes());
                let stored = Stored::<&KeyRecord> { sentence_ms, keys, proof };
                batch.put(Table::Proof, &place(name), &wire::encode("a proof", &stored)?)
            }
        };
    }
    Ok(batch)
}

/// Takes back the proofs of earlier boots, each checked anew, and writes down at once what is left of
/// their sentences.
///
/// An entry that does not hold is skipped, with a warning. What stands in the other tables binds this
/// node, which may not start without it; a proof binds others, they hold it, too, and offer it again.
/// A node that refused to start for it would be silent, which is worse.
pub(super) fn load(store: &dyn Store, view: &Arc<View>) -> Result<Proofs, Error> {
    let mut proofs = Proofs::new();
    // A directory apart, so that a key from the disk checks its proof and speaks for nobody.
    let directory = Directory::new(Arc::clone(view), 1);
    for (key, value) in store.scan(Table::Proof)? {
        match read((&key, &value), &directory) {
            Ok((proof, sentence_ms)) => proofs.take_back(proof, sentence_ms),
            Err(refusal) => tracing::warn!(%refusal, "a stored proof does not hold"),
        }
    }
    let halved = proofs.unsaved();
    if !halved.is_empty() {
        store.apply(&batch(&halved)?)?;
    }
    Ok(proofs)
}

fn read(
    (key, value): (&[u8], &[u8]),
    directory: &Directory,
) -> Result<(EquivocationProof, u64), Refusal> {
    let Stored::<KeyRecord> { sentence_ms, keys, proof } = wire::decode("a stored proof", value)?;
    let unchecked = UncheckedProof::read(proof, directory)?;
    let (offender, ..) = unchecked.condemns();
    for record in keys {
        learn(offender, record, directory)?;
    }
    let proof = unchecked.verify(directory)?;
    if place(&(proof.node(), proof.epoch(), proof.key())) != key {
        return Err(Refusal::Nonsense("the stored proof stands under another key"));
    }
    Ok((proof, sentence_ms))
}

fn learn(offender: MemberIndex, record: KeyRecord, directory: &Directory) -> Result<(), Refusal> {
    let name = (record.epoch, record.key.digest(), record.key.suite());
    if directory.key_ever(offender, name).is_some() {
        return Ok(());
    }
    let given = directory.view().member(offender).map(|member| member.key.epoch);
    let current = directory.current(offender).map(|current| current.epoch);
    let (Some(given), Some(current)) = (given, current) else {
        return Err(Refusal::Nonsense("it names a place that the view does not have"));
    };
    if record.epoch <= given {
        return Err(Refusal::Nonsense("the view gives another key than the stored proof"));
    }
    let closing = Nonce { boot: u32::MAX, sequence: u32::MAX };
    directory.rotate(offender, current, RotatedKey { to: record, closing, grace_until: Millis(0) });
    Ok(())
}
