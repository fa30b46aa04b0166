//! What a backup holds of a node, and how an identity is taken back from it.

#![cfg(all(feature = "backup", any(feature = "dilithium3", feature = "ml-dsa-65")))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code, reason = "tests/crash uses the rest")]
mod disk;

use std::path::Path;
use std::sync::Arc;

use disk::Disk;
use meshward::keyring::backup::{
    self, Backup, BackupContents, BackupDirectory, BackupError, ContentsError, KdfCost, NO_MESH,
    Owner, Passphrase, Retention, Sealer,
};
use meshward::keyring::{HistoryError, Keyring};
use meshward::limit::Rate;
use meshward::{
    Epoch, Error, Identity, KeyHistory, MemoryStore, Millis, Misuse, NodeId, OsEntropy,
    RecoveryKey, Store, Suite, View,
};
use zeroize::Zeroizing;

const RATE: Rate = Rate { per_second: 100, burst: 100 };

fn id(place: u8) -> NodeId {
    NodeId::from_bytes([place; 32])
}

fn created(store: &dyn Store, place: u8, suite: Suite) -> (Identity, RecoveryKey) {
    let mut made = Identity::create(store, id(place), suite, &OsEntropy).unwrap();
    let recovery = made.recovery_key().unwrap();
    (made, recovery)
}

fn view_of(identity: &Identity) -> Arc<View> {
    Arc::new(View::genesis(vec![identity.member("x")]).unwrap())
}

/// Rotates the keys in the store; the node is not running.
fn rotate(store: &dyn Store, view: &View, suite: Suite) {
    let identity = Identity::load(store).unwrap();
    let ring = Keyring::start(identity, store, view.mesh(), RATE, Millis(0)).unwrap();
    let rotation = ring.prepare_rotation(suite, false, &OsEntropy).unwrap();
    store.apply(&rotation.batch).unwrap();
    ring.commit_rotation(rotation);
}

fn passphrase() -> Passphrase {
    Passphrase::new(Zeroizing::new(b"correct horse battery staple".to_vec())).unwrap()
}

fn on(disk: &Disk, owner: Owner) -> BackupDirectory {
    BackupDirectory::over(disk.files(), Path::new("/var/backup"), owner, Retention::default())
}

fn sealer<'a>(directory: &'a BackupDirectory, passphrase: &'a Passphrase) -> Sealer<'a> {
    let cost = KdfCost::new(8, 1, 1).unwrap();
    Sealer { directory, passphrase, cost, now: 1, entropy: &OsEntropy }
}

fn newest(directory: &BackupDirectory) -> BackupContents {
    BackupContents::open(&directory.read_newest().unwrap().1, &passphrase()).unwrap()
}

/// A node that rotated twice, as a backup has it.
fn contents(suite: Suite) -> (BackupContents, Arc<View>) {
    let store = MemoryStore::new();
    let (made, recovery) = created(&store, 1, suite);
    let view = view_of(&made);
    rotate(&store, &view, suite);
    rotate(&store, &view, suite);
    let identity = Identity::load(&store).unwrap();
    (BackupContents::new(identity, recovery, Some(Arc::clone(&view))).unwrap(), view)
}

#[test]
fn what_was_written_is_read() {
    for suite in Suite::available() {
        let (written, view) = contents(suite);
        let bytes = written.to_bytes().unwrap();
        let read = BackupContents::from_bytes(&bytes).unwrap();
        assert_eq!(*read.to_bytes().unwrap(), *bytes);
        assert_eq!(read.owner(), Owner { node: id(1), mesh: view.mesh() });
        assert_eq!(read.identity().member("x").key, written.identity().member("x").key);
        assert_eq!(read.identity().rotations(), written.identity().rotations());
        assert_eq!(read.recovery_key().public_key(), written.recovery_key().public_key());
        assert_eq!(read.history().unwrap().view().digest(), view.digest());
        // Nothing secret is shown.
        let secret = written.recovery_key().to_secret_bytes().unwrap();
        let shown = format!("{read:?}");
        let hex = format!("{:?}", &secret[secret.len() - 8..]);
        assert!(!shown.contains(hex.trim_matches(['[', ']'])) && shown.len() < 400, "{shown}");
    }
}

/// K4: the seal may have been made by anybody who knows the passphrase, so no byte inside is believed.
#[test]
fn k04_what_is_sealed_may_be_anything() {
    for suite in Suite::available() {
        let (written, _) = contents(suite);
        let bytes = written.to_bytes().unwrap();
        let lengths = (0..64).chain((64..bytes.len()).step_by(997)).chain([bytes.len() - 1]);
        for len in lengths {
            let error = BackupContents::from_bytes(&bytes[..len]).unwrap_err();
            assert!(matches!(error, ContentsError::Truncated { .. }), "{len}: {error}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        let error = BackupContents::from_bytes(&longer).unwrap_err();
        assert!(matches!(error, ContentsError::Trailing { extra: 1 }), "{error}");
        for version in [0, 2, u32::MAX] {
            let other = [&version.to_le_bytes(), &bytes[4..]].concat();
            let error = BackupContents::from_bytes(&other).unwrap_err();
            assert!(matches!(error, ContentsError::UnknownVersion { found } if found == version));
        }
        // A part that asks for the moon is refused for its length, whatever there is.
        for found in [16 * 1024 + 1, u32::MAX] {
            let hostile = [1_u32.to_le_bytes(), found.to_le_bytes()].concat();
            let error = BackupContents::from_bytes(&hostile).unwrap_err();
            assert!(matches!(error, ContentsError::TooLong { .. }), "{error}");
        }
        // No byte can be changed unnoticed but in secrets, which are not compared with anything.
        let mut noticed = 0;
        for at in (0..bytes.len()).step_by(101) {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << (at % 8);
            noticed += usize::from(BackupContents::from_bytes(&changed).is_err());
        }
        assert!(noticed > bytes.len() / 101 / 2, "{suite}: {noticed}");
    }
}

#[test]
fn what_does_not_belong_together_is_not_sealed() {
    for suite in Suite::available() {
        let store = MemoryStore::new();
        let (made, recovery) = created(&store, 1, suite);
        let view = view_of(&made);
        let again = || Identity::load(&store).unwrap();
        let (other, others) = created(&MemoryStore::new(), 2, suite);
        let error = BackupContents::new(again(), others, None).unwrap_err();
        assert!(matches!(error, ContentsError::OtherRecoveryKey { .. }), "{error}");
        let error = BackupContents::new(made, recovery, Some(view_of(&other))).unwrap_err();
        assert!(matches!(error, ContentsError::NotAMember(node) if node == id(1)), "{error}");

        // A view of a twin: the same name, other keys.
        let (twin, with) = created(&MemoryStore::new(), 1, suite);
        let error = BackupContents::new(twin, with, Some(Arc::clone(&view))).unwrap_err();
        assert!(matches!(error, ContentsError::NotLedTo(Epoch::FIRST)), "{error}");
        let (_, with) = created(&MemoryStore::new(), 1, suite);
        let error = BackupContents::new(again(), with, None).unwrap_err();
        assert!(matches!(error, ContentsError::SpentRecoveryKey(node) if node == id(1)));

        // A history with a hole in it, inside an encoding that is otherwise right.
        let (whole, view) = contents(suite);
        let bytes = whole.to_bytes().unwrap();
        let history = whole.history().unwrap().to_bytes().unwrap();
        let front = &bytes[..bytes.len() - history.len() - 4];
        let mut short = KeyHistory::new(view);
        short.add(&whole.identity().rotations()[0]).unwrap();
        let short = short.to_bytes().unwrap();
        let len = u32::try_from(short.len()).unwrap().to_le_bytes();
        let error = BackupContents::from_bytes(&[front, &len, &short].concat()).unwrap_err();
        assert!(matches!(error, ContentsError::NotLedTo(_)), "{error}");
        let mut forged = bytes.to_vec();
        *forged.last_mut().unwrap() ^= 1;
        let error = BackupContents::from_bytes(&forged).unwrap_err();
        let is_told = matches!(error, ContentsError::History(HistoryError::Rotation { .. }));
        assert!(is_told, "{error}");
    }
}

/// K4: another node's backup, and one whose outside lies about what is inside.
#[test]
fn k04_the_outside_and_the_inside_name_one_owner() {
    for suite in Suite::available() {
        let (contents, _) = contents(suite);
        let (disk, key) = (Disk::new(), passphrase());
        let node = Owner { node: id(2), ..contents.owner() };
        let mesh = Owner { mesh: NO_MESH, ..contents.owner() };
        for (owner, is_node) in [(node, true), (mesh, false)] {
            let told = |error: &BackupError| match error {
                BackupError::Contents(ContentsError::OtherNode { .. }) => is_node,
                BackupError::Contents(ContentsError::OtherMesh { .. }) => !is_node,
                _ => false,
            };
            let error = sealer(&on(&disk, owner), &key).seal(&contents).unwrap_err();
            assert!(told(&error), "{error}");
            let bytes = contents.to_bytes().unwrap();
            let cost = KdfCost::new(8, 1, 1).unwrap();
            let lying = Backup::seal(&bytes, &key, cost, owner, 1, &OsEntropy).unwrap();
            let error = BackupContents::open(&lying, &key).unwrap_err();
            assert!(told(&error), "{error}");
        }
    }
}

/// P9: the first backup is made before there is a mesh, and gets the view later.
#[test]
fn p09_from_the_first_backup_to_a_restored_node() {
    for suite in Suite::available() {
        let (store, disk, key) = (MemoryStore::new(), Disk::new(), passphrase());
        let before = on(&disk, Owner { node: id(1), mesh: NO_MESH });
        let (identity, _) = backup::generate(&store, id(1), suite, sealer(&before, &key)).unwrap();
        let view = view_of(&identity);
        // Not again, and nothing is written for it.
        let refused = backup::generate(&store, id(3), suite, sealer(&before, &key)).unwrap_err();
        let exists = |error: &BackupError| {
            let BackupError::Identity(Error::Misuse(Misuse::IdentityExists(node))) = error else {
                return false;
            };
            *node == id(1)
        };
        assert!(exists(&refused), "{refused}");
        assert_eq!(before.list().unwrap().len(), 1);

        let first = newest(&before);
        let empty = MemoryStore::new();
        let refused = backup::restore(&first, &empty, suite, sealer(&before, &key)).unwrap_err();
        assert!(matches!(refused, BackupError::Contents(ContentsError::NoView)), "{refused}");
        let first = first.with_view(Arc::clone(&view)).unwrap();
        let directory = on(&disk, first.owner());
        sealer(&directory, &key).seal(&first).unwrap();
        rotate(&store, &view, suite);

        // The store is there: its identity is not overwritten, by nothing.
        let refused = backup::restore(&first, &store, suite, sealer(&directory, &key)).unwrap_err();
        assert!(exists(&refused), "{refused}");
        assert_eq!(directory.list().unwrap().len(), 1);

        let (back, _) = backup::restore(&first, &empty, suite, sealer(&directory, &key)).unwrap();
        let record = back.member("x").key;
        assert_eq!(record.epoch, Epoch { recovery: 1, operational: 0 });
        assert_eq!(Identity::load(&empty).unwrap().member("x").key, record);
        // The next backup is there, and takes it back in its turn, twice from one backup, too.
        let next = newest(&directory);
        assert_eq!(next.identity().member("x").key, record);
        for _ in 0..2 {
            let fresh = MemoryStore::new();
            let (twice, _) =
                backup::restore(&next, &fresh, suite, sealer(&directory, &key)).unwrap();
            assert_eq!(twice.member("x").key.epoch, Epoch { recovery: 2, operational: 0 });
            assert_eq!(twice.rotations().len(), 2);
            assert_ne!(twice.member("x").key.key, record.key);
        }
        // With what is in the store a spent recovery key is not put into a backup.
        let spent = newest(&on(&disk, Owner { node: id(1), mesh: NO_MESH })).into_recovery_key();
        let error = BackupContents::new(back, spent, Some(view)).unwrap_err();
        assert!(matches!(error, ContentsError::SpentRecoveryKey(_)), "{error}");
    }
}

/// P2: nothing is counted onto an empty store before the first start, which is boot 1 and no first start:
/// the node may have taken much that this store does not know. A store that has counted counts on.
#[test]
fn p02_a_restored_node_starts_above_all_it_used() {
    for suite in Suite::available() {
        let (contents, view) = contents(suite);
        let key = passphrase();
        let disk = Disk::new();
        let directory = on(&disk, contents.owner());
        let mut keys = vec![contents.identity().member("x").key.key.clone()];
        for counted in [0, 3] {
            let store = MemoryStore::new();
            if counted > 0 {
                // Another start of the same host, whose identity rows are gone and whose boots are not.
                let (_, boots) = (created(&store, 1, suite), counted);
                (0..boots).for_each(|_| {
                    rotate(&store, &view_of(&Identity::load(&store).unwrap()), suite)
                });
                let mut gone = meshward::store::Batch::new();
                for (row, _) in store.scan(meshward::store::Table::Identity).unwrap() {
                    gone.delete(meshward::store::Table::Identity, &row);
                }
                store.apply(&gone).unwrap();
            }
            let (back, _) =
                backup::restore(&contents, &store, suite, sealer(&directory, &key)).unwrap();
            assert!(!keys.contains(&back.member("x").key.key), "a key of its own, each time");
            keys.push(back.member("x").key.key.clone());
            let ring = Keyring::start(back, &store, view.mesh(), RATE, Millis(0)).unwrap();
            assert!(!ring.is_first_start(), "{suite}");
            let ticket = ring.draw(Millis(0)).unwrap();
            assert_eq!((ticket.nonce.boot, ticket.nonce.sequence), (counted + 1, 1));
            assert_eq!(ticket.key.epoch, Epoch { recovery: 1, operational: 0 });
        }
    }
}
