//! The write of a backup, which also removes an old one.

use std::path::Path;

use meshward::keyring::backup::{
    BackupDirectory, BackupName, KdfCost, Owner, Passphrase, Retention,
};
use meshward::{MeshId, OsEntropy};
use zeroize::Zeroizing;

use crate::disk::{Disk, Loss};
use crate::node::id;
use crate::points::{Crash, every};

fn directory(disk: &Disk) -> BackupDirectory {
    let owner = Owner { node: id(1), mesh: MeshId::from_bytes([2; 32]) };
    let retention = Retention::new(2, None).unwrap();
    BackupDirectory::over(disk.files(), Path::new("/var/backup"), owner, retention)
}

fn passphrase() -> Passphrase {
    Passphrase::new(Zeroizing::new(b"correct horse battery staple".to_vec())).unwrap()
}

fn write(disk: &Disk, number: u64) -> Option<BackupName> {
    let content = Zeroizing::new(number.to_be_bytes().repeat(100));
    let cost = KdfCost::new(8, 1, 1).unwrap();
    directory(disk).write(&content, &passphrase(), cost, number, &OsEntropy).ok()
}

/// The number in the newest backup, which opens; `None` when there is none.
fn newest(disk: &Disk, at: &str) -> Option<u64> {
    let directory = directory(disk);
    directory.list().unwrap().last()?;
    let (name, backup) = directory.read_newest().unwrap_or_else(|error| panic!("{at}: {error}"));
    let content = backup.open(&passphrase()).unwrap_or_else(|error| panic!("{at}: {error}"));
    assert_eq!(*content, name.created_at().to_be_bytes().repeat(100), "{at}");
    Some(name.created_at())
}

/// Writes the backup `number` on `base`, stops everywhere, and looks at what is left.
fn crashes(operation: &str, base: &Disk, number: u64) -> usize {
    let before = newest(base, operation);
    every(
        operation,
        base,
        |disk, stop| {
            disk.stop_at(stop);
            write(disk, number).is_some()
        },
        |Crash { disk, seen: acknowledged, at }| {
            let found = newest(disk, at);
            assert!(found == Some(number) || !acknowledged && found == before, "{at}: {found:?}");
            // All that are listed open, and of the old ones none is gone before its time.
            let names = directory(disk).list().unwrap();
            for name in &names {
                directory(disk).read(name).unwrap().open(&passphrase()).unwrap();
            }
            assert!(found == Some(number) || names.len() as u64 == number.min(3) - 1, "{at}");

            // The next write finds nothing in its way, and leaves nothing of the one that was stopped.
            write(disk, number + 1).unwrap_or_else(|| panic!("{at}: the next one fails"));
            let disk = disk.after(Loss::Everything);
            assert_eq!(newest(&disk, at), Some(number + 1));
            let left = meshward::store::Files::list(&disk, Path::new("/var/backup")).unwrap();
            let kept = directory(&disk).list().unwrap().len();
            assert_eq!((left.len(), kept), (kept + 1, (number as usize + 1).min(kept)), "{at}");
            assert!(kept <= 2, "{at}: {left:?}");
        },
    )
}

#[test]
fn k01_a_backup() {
    let disk = Disk::new();
    assert!(crashes("first backup", &disk, 1) > 10);
    write(&disk, 1).unwrap();
    assert!(crashes("second backup", &disk, 2) > 8);
    write(&disk, 2).unwrap();
    assert!(crashes("backup with pruning", &disk, 3) > 10);
}
