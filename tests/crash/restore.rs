//! An identity that is made with its backup, one that is taken back from it, and one that is recovered where
//! it lies.

use std::path::Path;
use std::sync::Arc;

use meshward::keyring::backup::{
    self, BackupContents, BackupDirectory, BackupError, KdfCost, NO_MESH, Owner, Passphrase,
    Retention, Sealer,
};
use meshward::{
    Epoch, Error, Identity, MemoryStore, MeshId, Misuse, OsEntropy, RecoveryKey, Suite, View,
};
use zeroize::Zeroizing;

use crate::disk::{Disk, Loss};
use crate::node::{Seen, World, assert_continues, id, store};
use crate::points::{Crash, every};
use crate::suites;

const RECOVERED: Epoch = Epoch { recovery: 1, operational: 0 };

fn passphrase() -> Passphrase {
    Passphrase::new(Zeroizing::new(b"correct horse battery staple".to_vec())).unwrap()
}

fn directory(disk: &Disk, mesh: MeshId) -> BackupDirectory {
    let (owner, path) = (Owner { node: id(1), mesh }, Path::new("/var/backup"));
    BackupDirectory::over(disk.files(), path, owner, Retention::default())
}

/// Calls `with` with what seals into the backups on `disk`.
fn sealing<T>(disk: &Disk, mesh: MeshId, with: impl FnOnce(Sealer<'_>) -> T) -> T {
    let (directory, passphrase) = (&directory(disk, mesh), &passphrase());
    let cost = KdfCost::new(8, 1, 1).unwrap();
    with(Sealer { directory, passphrase, cost, now: 1, entropy: &OsEntropy })
}

/// What is in the newest backup, which opens; `None` when there is none.
fn newest(disk: &Disk, mesh: MeshId, at: &str) -> Option<BackupContents> {
    let directory = directory(disk, mesh);
    directory.list().unwrap().last()?;
    let (_, backup) = directory.read_newest().unwrap_or_else(|error| panic!("{at}: {error}"));
    let contents = BackupContents::open(&backup, &passphrase());
    Some(contents.unwrap_or_else(|error| panic!("{at}: {error}")))
}

fn generate(disk: &Disk, suite: Suite) -> Result<(), BackupError> {
    let store = store(disk).map_err(Error::from)?;
    sealing(disk, NO_MESH, |into| backup::generate(&store, id(1), suite, into)).map(drop)
}

/// Takes the identity back from the newest backup.
fn restore(disk: &Disk, mesh: MeshId, suite: Suite) -> Result<Epoch, BackupError> {
    let (_, backup) = directory(disk, mesh).read_newest()?;
    let contents = BackupContents::open(&backup, &passphrase())?;
    let store = store(disk).map_err(Error::from)?;
    let made = sealing(disk, mesh, |into| backup::restore(&contents, &store, suite, into));
    Ok(made?.0.member("").key.epoch)
}

/// The identity in the store, if there is one; then the newest backup is of its keys.
fn backed_up(disk: &Disk, mesh: MeshId, at: &str) -> Option<Identity> {
    let store = store(disk).unwrap_or_else(|error| panic!("{at}: {error}"));
    let identity = match Identity::load(&store) {
        Err(Error::Misuse(Misuse::NoIdentity)) => return None,
        found => found.unwrap_or_else(|error| panic!("{at}: {error}")),
    };
    let contents = newest(disk, mesh, at).unwrap_or_else(|| panic!("{at}: no backup of it"));
    let [stored, kept] = [&identity, contents.identity()].map(|of| of.member("").key);
    assert_eq!(stored, kept, "{at}");
    Some(identity)
}

/// Whatever is stored has its recovery key in a backup.
#[test]
fn k01_an_identity_and_its_first_backup() {
    let (_, suite) = suites();
    let points = every(
        "generation with backup",
        &Disk::new(),
        |disk, stop| {
            disk.stop_at(stop);
            generate(disk, suite).is_ok()
        },
        |Crash { disk, seen: acknowledged, at }| {
            let disk = disk.copy();
            if backed_up(&disk, NO_MESH, at).is_none() {
                assert!(!acknowledged, "{at}: it was there");
                generate(&disk, suite).unwrap_or_else(|error| panic!("{at}: {error}"));
            }
            assert!(backed_up(&disk.after(Loss::Everything), NO_MESH, at).is_some(), "{at}");
        },
    );
    assert!(points > 50, "{points}");
}

/// A member of four, of whose host nothing is left but a backup.
fn lost(suite: Suite) -> World {
    let (world, identity, recovery) = members(&MemoryStore::new(), suite);
    let contents = BackupContents::new(identity, recovery, Some(Arc::clone(&world.view))).unwrap();
    sealing(&world.base, world.view.mesh(), |into| into.seal(&contents)).unwrap();
    world
}

/// Four members, of whom the first lies in `first`, and the keys of that one.
fn members(first: &dyn meshward::Store, suite: Suite) -> (World, Identity, RecoveryKey) {
    let mut identity = Identity::create(first, id(1), suite, &OsEntropy).unwrap();
    let recovery = identity.recovery_key().unwrap();
    let others = (2..=4)
        .map(|place| Identity::create(&MemoryStore::new(), id(place), suite, &OsEntropy).unwrap());
    let members = others.map(|of| of.member("other")).chain([identity.member("first")]);
    let view = Arc::new(View::genesis(members.collect()).unwrap());
    (World { view, base: Disk::new() }, identity, recovery)
}

/// After any stop there is one key that signs, or none and the restore is done again, from whatever backup is
/// the newest then.
#[test]
fn k01_a_restore() {
    let (_, suite) = suites();
    let world = lost(suite);
    let mesh = world.view.mesh();
    let points = every(
        "restore",
        &world.base,
        |disk, stop| {
            disk.stop_at(stop);
            restore(disk, mesh, suite).is_ok()
        },
        |Crash { disk, seen: acknowledged, at }| {
            let disk = disk.copy();
            let mut epoch = backed_up(&disk, mesh, at).map(|found| found.member("").key.epoch);
            if epoch.is_none() {
                assert!(!acknowledged, "{at}: it was there");
                let again = restore(&disk, mesh, suite);
                epoch = Some(again.unwrap_or_else(|error| panic!("{at}: {error}")));
            } else {
                assert_eq!(epoch, Some(RECOVERED), "{at}");
                // What is there is not overwritten.
                assert!(restore(&disk, mesh, suite).is_err(), "{at}");
            }
            assert!(epoch >= Some(RECOVERED), "{at}");
            let disk = disk.after(Loss::Everything);
            assert!(backed_up(&disk, mesh, at).is_some(), "{at}");
            assert_continues(&world, &disk, &Seen { epoch, ..Seen::default() }, at);
        },
    );
    assert!(points > 50, "{points}");
}

/// Onto the store that is still there: the keys of before or those of after, and each starts.
#[test]
fn k01_a_recovery() {
    let (_, suite) = suites();
    let base = Disk::new();
    let (world, _, recovery) = members(&store(&base).unwrap(), suite);
    let world = World { base, ..world };
    let mesh = world.view.mesh();
    let points = every(
        "recovery",
        &world.base,
        |disk, stop| {
            disk.stop_at(stop);
            let recovered = store(disk).map_err(Error::from).and_then(|store| {
                Identity::recover(&store, mesh, &recovery, [], suite, &OsEntropy)
            });
            recovered.is_ok()
        },
        |Crash { disk, seen: acknowledged, at }| {
            let epoch = acknowledged.then_some(RECOVERED);
            assert_continues(&world, disk, &Seen { epoch, ..Seen::default() }, at);
        },
    );
    assert!(points > 10, "{points}");
}
