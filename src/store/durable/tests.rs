//! Restarts, company, creation. Damage and kills have files of their own.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::store::{Batch, DurableStore, Store, StoreError, Table};

// It reads and writes the file behind the store's back, which locks on Windows forbid.
#[cfg(unix)]
mod damage;
mod kill;

const FILE: &str = "meshward.redb";
const UNFINISHED: &str = "meshward.redb.new";

fn put(store: &DurableStore, key: &[u8], value: &[u8]) {
    store.apply(Batch::new().put(Table::Identity, key, value)).unwrap();
}

fn get(store: &DurableStore, key: &[u8]) -> Option<Vec<u8>> {
    store.get(Table::Identity, key).unwrap().map(|value| value.to_vec())
}

#[test]
fn what_was_applied_is_there_after_a_reopen() {
    let directory = TempDir::new().unwrap();
    put(&DurableStore::open(directory.path()).unwrap(), b"key", b"value");
    let store = DurableStore::open(directory.path()).unwrap();
    assert_eq!(get(&store, b"key"), Some(b"value".to_vec()));
    store.apply(Batch::new().delete(Table::Identity, b"key")).unwrap();
    drop(store);
    assert_eq!(get(&DurableStore::open(directory.path()).unwrap(), b"key"), None);
}

#[test]
fn a_second_handle_is_refused_while_the_first_lives() {
    let directory = TempDir::new().unwrap();
    let first = DurableStore::open(directory.path()).unwrap();
    let second = DurableStore::open(directory.path());
    assert!(matches!(second, Err(StoreError::InUse { path }) if path == directory.path()));
    put(&first, b"key", b"value");
    drop(first);
    DurableStore::open(directory.path()).unwrap();
}

#[test]
fn two_opens_at_once_make_one_store() {
    for _ in 0..20 {
        let directory = TempDir::new().unwrap();
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = || DurableStore::open(directory.path());
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(opened.iter().filter(|store| store.is_ok()).count(), 1, "{opened:?}");
    }
}

#[test]
fn a_creation_that_was_killed_is_begun_anew() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(UNFINISHED), b"half a store").unwrap();
    put(&DurableStore::open(directory.path()).unwrap(), b"key", b"value");
    assert!(!directory.path().join(UNFINISHED).exists());
}

#[test]
fn missing_directories_are_made() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("a/b");
    put(&DurableStore::open(&directory).unwrap(), b"key", b"value");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join(FILE)), 0o600);
    }
}

#[test]
fn a_path_through_a_file_is_the_operating_systems_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let opened = DurableStore::open(&file.path().join("store"));
    assert!(matches!(opened, Err(StoreError::Io { .. })), "{opened:?}");
    let opened = DurableStore::open(file.path());
    assert!(matches!(opened, Err(StoreError::Io { .. })), "{opened:?}");
}

/// The superuser may write everywhere, so there it must succeed.
#[cfg(unix)]
#[test]
fn a_directory_that_may_not_be_written_is_the_operating_systems_error() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let superuser = fs::write(directory.path().join("probe"), b"").is_ok();
    match DurableStore::open(directory.path()) {
        Ok(_) => assert!(superuser),
        Err(StoreError::Io { .. }) => assert!(!superuser),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn debug_shows_the_directory_and_no_content() {
    let directory = TempDir::new().unwrap();
    let store = DurableStore::open(directory.path()).unwrap();
    put(&store, b"key", b"hunter2");
    assert_eq!(format!("{store:?}"), format!("DurableStore({:?})", directory.path()));
}
