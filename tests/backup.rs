//! Backups and their directory: what is written, what is kept, what is left alone.

#![cfg(feature = "backup")]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code, reason = "tests/crash uses the rest")]
mod disk;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Disk;
use meshward::keyring::backup::{
    Backup, BackupDirectory, BackupError, BackupName, KdfCost, Owner, Passphrase, Retention,
};
use meshward::store::{Access, Files, OsFiles};
use meshward::{MeshId, NodeId, OsEntropy};
use zeroize::Zeroizing;

fn owner() -> Owner {
    Owner { node: NodeId::from_bytes([1; 32]), mesh: MeshId::from_bytes([2; 32]) }
}

fn passphrase() -> Passphrase {
    Passphrase::new(Zeroizing::new(b"correct horse battery staple".to_vec())).unwrap()
}

fn cheap() -> KdfCost {
    KdfCost::new(8, 1, 1).unwrap()
}

fn content(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

/// Writes `text` at the time `now`.
fn write(directory: &BackupDirectory, text: &str, now: u64) -> Result<BackupName, BackupError> {
    directory.write(&content(text), &passphrase(), cheap(), now, &OsEntropy)
}

fn open(directory: &BackupDirectory, name: &BackupName) -> String {
    let content = directory.read(name).unwrap().open(&passphrase()).unwrap();
    String::from_utf8(content.to_vec()).unwrap()
}

fn times(directory: &BackupDirectory) -> Vec<u64> {
    directory.list().unwrap().iter().map(BackupName::created_at).collect()
}

fn on(disk: &Disk, retention: Retention) -> BackupDirectory {
    BackupDirectory::over(disk.files(), Path::new("/var/backup"), owner(), retention)
}

#[test]
fn what_was_sealed_is_opened() {
    for length in [0, 1, 1000, 1 << 20] {
        let content = Zeroizing::new(vec![7; length]);
        let cost = KdfCost::new(64, 2, 4).unwrap();
        let sealed = Backup::seal(&content, &passphrase(), cost, owner(), 9, &OsEntropy).unwrap();
        let read = Backup::parse(sealed.as_bytes().to_vec()).unwrap();
        assert_eq!(read, sealed);
        assert_eq!((read.owner(), read.created_at(), read.cost()), (owner(), 9, cost));
        assert_eq!(read.open(&passphrase()).unwrap(), content);
        // Nothing of it stands there in the clear, and no two are alike.
        assert!(length < 9 || !sealed.as_bytes().windows(9).any(|part| part == [7; 9]));
        let again = Backup::seal(&content, &passphrase(), cost, owner(), 9, &OsEntropy).unwrap();
        assert!(again.id() != sealed.id() && again != sealed);
    }
    let most = Zeroizing::new(vec![0; meshward::keyring::backup::MAX_CONTENT_LEN + 1]);
    let refused = Backup::seal(&most, &passphrase(), cheap(), owner(), 9, &OsEntropy);
    assert!(matches!(refused, Err(BackupError::OutOfRange { .. })));
}

#[test]
fn a_passphrase_has_a_length() {
    for length in [0, 7, 1025] {
        let refused = Passphrase::new(Zeroizing::new(vec![b'x'; length]));
        assert!(matches!(refused, Err(BackupError::OutOfRange { .. })));
    }
    for length in [8, 1024] {
        Passphrase::new(Zeroizing::new(vec![b'x'; length])).unwrap();
    }
}

#[test]
fn nothing_secret_is_shown() {
    let backup =
        Backup::seal(&content("hunter2 hunter2"), &passphrase(), cheap(), owner(), 9, &OsEntropy);
    let backup = backup.unwrap();
    let shown = format!("{:?} {backup:?}", passphrase());
    assert!(shown.contains("created_at: 9"));
    let error = backup.open(&Passphrase::new(content("wrong horse")).unwrap()).unwrap_err();
    let shown = format!("{shown} {error} {error:?}");
    for secret in ["horse", "hunter"] {
        assert!(!shown.contains(secret), "{shown}");
        let bytes = format!("{:?}", secret.as_bytes());
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    }
}

/// The format is for years: this file was written by the release that introduced version 1.
#[test]
fn a_file_of_version_1_is_opened() {
    let text = include_str!("backup/version_1.hex");
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect();
    let backup = Backup::parse(bytes).unwrap();
    backup.require(owner()).unwrap();
    assert_eq!((backup.created_at(), backup.cost()), (1_800_000_000_000, cheap()));
    assert_eq!(backup.open(&passphrase()).unwrap().as_slice(), b"what version 1 sealed");
}

#[test]
fn the_newest_are_kept() {
    let disk = Disk::new();
    let directory = on(&disk, Retention::new(3, None).unwrap());
    assert!(matches!(directory.read_newest(), Err(BackupError::NoBackup { .. })));
    for now in 1..=7 {
        let name = write(&directory, &format!("at {now}"), now).unwrap();
        assert_eq!((name.counter(), name.created_at()), (now, now));
    }
    assert_eq!(times(&directory), [5, 6, 7]);
    let (name, _) = directory.read_newest().unwrap();
    assert_eq!(open(&directory, &name), "at 7");
    assert_eq!(open(&directory, &directory.list().unwrap()[0]), "at 5");
}

#[test]
fn the_old_go_and_the_newest_never() {
    let disk = Disk::new();
    let directory = on(&disk, Retention::new(10, Some(100)).unwrap());
    for now in [1000, 1050, 1100, 1101] {
        write(&directory, "x", now).unwrap();
    }
    assert_eq!(times(&directory), [1050, 1100, 1101]);
    write(&directory, "x", 5000).unwrap();
    assert_eq!(times(&directory), [5000]);
    // A clock that went back removes nothing, and the counter says which is newer.
    write(&directory, "back", 10).unwrap();
    assert_eq!(times(&directory), [5000, 10]);
    assert_eq!(open(&directory, &directory.read_newest().unwrap().0), "back");
    for most in [0, 1001, usize::MAX] {
        assert!(matches!(Retention::new(most, None), Err(BackupError::OutOfRange { .. })));
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let disk = Disk::new();
    let retention = Retention::new(1, None).unwrap();
    let directory = on(&disk, retention);
    let ours = write(&directory, "first", 1).unwrap();
    let neighbour = Owner { node: NodeId::from_bytes([9; 32]), ..owner() };
    let path = Path::new("/var/backup");
    let theirs = BackupDirectory::over(disk.files(), path, neighbour, retention);
    let their_name = write(&theirs, "theirs", 1).unwrap();
    let put = |name: &str| {
        let file = disk.open(&path.join(name), Access::Create).unwrap();
        file.write_at(0, b"foreign").unwrap();
    };
    let foreign = ["notes.txt", "meshward-old.backup", "x.new", &format!("{their_name}.new")];
    foreign.into_iter().for_each(put);
    // What a write of ours left behind is not foreign.
    put(&format!("{ours}.new"));
    let name = write(&directory, "second", 2).unwrap();
    assert_eq!(directory.list().unwrap(), [name]);
    for name in foreign {
        assert_eq!(disk.content(&path.join(name)).unwrap(), b"foreign");
    }
    assert_eq!(disk.content(&path.join(format!("{ours}.new"))), None);
    assert_eq!(open(&theirs, &their_name), "theirs");
}

#[test]
fn one_writes_at_a_time() {
    let disk = Disk::new();
    let directory = on(&disk, Retention::default());
    write(&directory, "first", 1).unwrap();
    let lock = Path::new("/var/backup/meshward-backup.lock");
    let lock = disk.open(lock, Access::Write).unwrap();
    assert!(lock.try_lock().unwrap());
    assert!(matches!(write(&directory, "second", 2), Err(BackupError::InUse { .. })));
    directory.read_newest().unwrap();
    lock.unlock().unwrap();
    write(&directory, "second", 2).unwrap();
}

/// A disk that keeps something else than it was given: the new backup is given up, the old ones stay.
#[test]
fn nothing_is_pruned_for_a_backup_that_does_not_open() {
    let disk = Disk::new();
    let directory = on(&disk, Retention::new(1, None).unwrap());
    let first = write(&directory, "first", 1).unwrap();
    disk.rot(true);
    let error = write(&directory, "second", 2).unwrap_err();
    assert!(matches!(error, BackupError::NotVerified { .. }), "{error}");
    assert_eq!(directory.list().unwrap(), [first]);
    assert_eq!(open(&directory, &first), "first");
    disk.rot(false);
    // What opens must be what was written, too.
    disk.confuse(Some(&directory.path_of(&first)));
    let error = write(&directory, "second", 2).unwrap_err();
    assert!(matches!(error, BackupError::NotVerified { .. }), "{error}");
    disk.confuse(None);
    assert_eq!(directory.list().unwrap(), [first]);
    write(&directory, "second", 2).unwrap();
    assert_eq!(times(&directory), [2]);
}

#[test]
fn the_names_come_to_an_end() {
    let disk = Disk::new();
    let directory = on(&disk, Retention::default());
    let name = write(&directory, "first", 1).unwrap().to_string();
    let last = name.replace("-00000000000000000001-", &format!("-{}-", u64::MAX));
    assert_ne!(name, last);
    disk.rename(&Path::new("/var/backup").join(&name), &Path::new("/var/backup").join(last))
        .unwrap();
    let error = write(&directory, "second", 2).unwrap_err();
    assert!(matches!(error, BackupError::NamesUsedUp { .. }), "{error}");
    assert_eq!(directory.list().unwrap().len(), 1);
}

#[test]
fn only_the_owner_may_read_it() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    let directory = BackupDirectory::new(&path, owner(), Retention::default());
    assert!(directory.list().unwrap().is_empty());
    let name = write(&directory, "first", 1).unwrap();
    assert_eq!(open(&directory, &name), "first");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(path), mode(directory.path_of(&name))), (0o700, 0o600));
        assert_eq!(directory.path_of(&name).parent(), Some(parent.path().join("a/b").as_path()));
    }
    // A copy that may only be read can be.
    let files: Arc<dyn Files> = Arc::new(OsFiles);
    assert!(files.open(&directory.path_of(&name), Access::Read).unwrap().length().unwrap() > 264);
}
