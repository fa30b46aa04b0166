//! What a proof looks like in the store, and how it comes back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::proofs::{Name, Proofs, Unsaved};
use crate::id::{Epoch, Millis, Nonce};
use crate::keyring::Error;
use crate::membership::{Directory, KeyRecord, MOST_KEYS, MemberIndex, RotatedKey, View};
use crate::quorum::{EquivocationProof, UncheckedProof};
use crate::store::{Batch, Store, Table};
use crate::wire::{self, Refusal, WireError};

/// A proof with what is needed to check it before anything was heard: after a restart a node knows
/// the keys of the view alone, and learns the rotations that led from them one by one.
#[derive(Serialize, Deserialize)]
struct Stored<'a, K> {
    keys: Vec<K>,
    #[serde(borrow)]
    proof: &'a [u8],
}

/// Where in the table it stands: one place for each key of a member, in the order of its keys.
fn place((node, Epoch { recovery, operational }, key): &Name) -> Vec<u8> {
    let (recovery, operational) = (recovery.to_be_bytes(), operational.to_be_bytes());
    [node.as_bytes().as_slice(), &recovery, &operational, key.as_bytes()].concat()
}

/// Puts what [`Proofs::unsaved`] gives into a batch.
pub(super) fn put(batch: &mut Batch, unsaved: &[Unsaved]) -> Result<(), WireError> {
    for (name, held) in unsaved {
        match held {
            None => batch.delete(Table::Proof, &place(name)),
            Some(proof) => {
                let keys: Vec<_> = proof.keys().iter().map(AsRef::as_ref).collect();
                let stored = Stored::<&KeyRecord> { keys, proof: proof.as_bytes() };
                batch.put(Table::Proof, &place(name), &wire::encode("a proof", &stored)?)
            }
        };
    }
    Ok(())
}

/// Takes back the proofs of earlier boots, each checked anew.
///
/// The view may be a later one than that in which a proof was found: one against who is no member of it
/// is skipped, and one under a key before the one that it gives holds.
///
/// An entry that does not hold is skipped, with a warning. What stands in the other tables binds this
/// node, which may not start without it; a proof binds others, they hold it, too, and offer it again.
/// A node that refused to start for it would be silent, which is worse.
pub(super) fn load(store: &dyn Store, view: &Arc<View>) -> Result<Proofs, Error> {
    let mut proofs = Proofs::new();
    // A directory apart, so that a key from the disk checks its proof and speaks for nobody. It has room
    // for both keys of each proof of a member.
    let directory = Directory::keeping(2 * MOST_KEYS, Arc::clone(view), 1);
    for (key, value) in store.scan(Table::Proof)? {
        match read((&key, &value), &directory) {
            Ok(proof) => proofs.take_back(proof),
            Err(Refusal::UnknownOrigin(node)) => {
                tracing::debug!(%node, "a proof against no member")
            }
            Err(refusal) => tracing::warn!(%refusal, "a stored proof does not hold"),
        }
    }
    Ok(proofs)
}

fn read((key, value): (&[u8], &[u8]), directory: &Directory) -> Result<EquivocationProof, Refusal> {
    let Stored::<KeyRecord> { keys, proof } = wire::decode("a stored proof", value)?;
    let unchecked = UncheckedProof::read(proof, directory)?;
    let (offender, ..) = unchecked.condemns();
    for record in keys {
        learn(offender, record, directory)?;
    }
    let proof = unchecked.verify(directory)?;
    if place(&(proof.node(), proof.epoch(), proof.key())) != key {
        return Err(Refusal::Nonsense("the stored proof stands under another key"));
    }
    Ok(proof)
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
    if record.epoch == given {
        return Err(Refusal::Nonsense("the view gives another key than the stored proof"));
    }
    let closing = Nonce { boot: u32::MAX, sequence: u32::MAX };
    directory.rotate(offender, current, RotatedKey { to: record, closing, grace_until: Millis(0) });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{NodeId, SentAt};
    use crate::membership::{Change, Member};
    use crate::store::MemoryStore;
    use crate::suite::{OsEntropy, SigningKey, Suite};
    use crate::wire::{Header, Kind, seal_frame};

    fn id(seed: u8) -> NodeId {
        NodeId::from_bytes([seed; 32])
    }

    fn record(operational: u32, key: &SigningKey) -> KeyRecord {
        let epoch = Epoch { recovery: 0, operational };
        KeyRecord { epoch, ..KeyRecord::first(key.public_key().clone()) }
    }

    /// Two messages under one nonce, signed with `key`.
    fn contradiction(view: &View, record: &KeyRecord, key: &SigningKey) -> Vec<u8> {
        let header = |sent_at| Header {
            mesh: view.mesh(),
            suite: key.suite(),
            view: view.number(),
            origin: id(2),
            epoch: record.epoch,
            key: record.key.digest(),
            nonce: Nonce { boot: 1, sequence: 1 },
            sent_at: SentAt(sent_at),
            kind: Kind::Beacon,
            body_len: 0,
            body: Header::digest_body(b""),
        };
        let said = [1, 2].map(|at| seal_frame(header(at), b"", key, &OsEntropy).unwrap());
        EquivocationProof::seal_headers(view.mesh(), [&said[0], &said[1]]).unwrap()
    }

    /// Promise P11: what was written down in a view is taken back in the ones that follow, in which the
    /// member has another place, and a newer key; but for who is no member any more.
    #[test]
    fn p11_proofs_are_taken_back_in_later_views() {
        for suite in Suite::available() {
            let key = || SigningKey::generate(suite, &OsEntropy).unwrap();
            let keys = [key(), key(), key()];
            let member =
                |seed, key: &SigningKey| Member::new(id(seed), "", key.public_key().clone());
            let members = vec![member(1, &key()), member(2, &keys[0])];
            let view = Arc::new(View::genesis(members).unwrap());
            let directory = Directory::new(Arc::clone(&view), 1);
            let place = view.index_of(&id(2)).unwrap();
            let (mut proofs, mut expected) = (Proofs::new(), Vec::new());
            for (number, key) in (0..).zip(&keys) {
                let to = record(number, key);
                if let Some(before) = number.checked_sub(1) {
                    let from = record(before, &keys[0]).epoch;
                    let closing = Nonce { boot: 9, sequence: 9 };
                    let rotated = RotatedKey { to: to.clone(), closing, grace_until: Millis(0) };
                    assert!(directory.rotate(place, from, rotated));
                }
                let bytes = contradiction(&view, &to, key);
                let proof = EquivocationProof::verify(&bytes, &directory).unwrap();
                proofs.insert(Arc::new(proof), true);
                expected.push(bytes);
            }
            assert!(!proofs.has_unsaved() && proofs.unsaved().is_empty(), "nobody has paid yet");
            proofs.charged(&id(2));
            assert!(proofs.has_unsaved());
            let store = MemoryStore::new();
            let mut batch = Batch::new();
            put(&mut batch, &proofs.unsaved()).unwrap();
            store.apply(&batch).unwrap();

            let change = Change::of(&view).leave(id(1)).join(member(3, &key()));
            let mut change = change.anchor(id(2), record(1, &keys[1]));
            let mut now = View::clone(&view);
            for _ in 0..2 {
                now = now.changed(&change, Vec::new()).unwrap();
                let taken_back = load(&store, &Arc::new(now.clone())).unwrap();
                let bytes: Vec<_> = taken_back.all().map(|it| it.as_bytes().to_vec()).collect();
                assert_eq!(bytes, expected);
                assert!(taken_back.all().all(|proof| proof.offender() == MemberIndex(0)));
                change = Change::of(&now).anchor(id(2), record(2, &keys[2]));
            }
            let gone = now.changed(&Change::of(&now).leave(id(2)), Vec::new()).unwrap();
            assert_eq!(load(&store, &Arc::new(gone.clone())).unwrap().all().count(), 0);
            // It forgets nothing on its own; the core that follows a view says when.
            assert_eq!(store.scan(Table::Proof).unwrap().len(), 3);
            proofs.succeed(&now);
            assert_eq!((proofs.all().count(), proofs.unsaved().len()), (3, 0));
            proofs.succeed(&gone);
            let mut batch = Batch::new();
            put(&mut batch, &proofs.unsaved()).unwrap();
            store.apply(&batch).unwrap();
            assert_eq!((proofs.all().count(), store.scan(Table::Proof).unwrap().len()), (0, 0));
            assert!(proofs.due().is_none());
        }
    }
}
