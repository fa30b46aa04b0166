//! Files that are no intact store: each is refused in words, none is replaced.

use std::os::unix::fs::FileExt;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::{Database, TableDefinition};

use super::*;

const VALUE: [u8; 2000] = [0x5a; 2000];
/// Bytes of redb's header with its two commit slots.
const HEADER: usize = 320;
/// redb's "god byte": its lowest bit says which of the two commit slots is the current one.
const GOD_BYTE: usize = 9;

/// The bytes of a store with one key: as a close leaves them, or as a kill does.
fn file_bytes(closed: bool) -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let store = DurableStore::open(directory.path()).unwrap();
    put(&store, b"key", &VALUE);
    if closed {
        drop(store);
        return fs::read(directory.path().join(FILE)).unwrap();
    }
    fs::read(directory.path().join(FILE)).unwrap()
}

/// Opens a store whose file has these bytes, and reads the key.
fn open_bytes(bytes: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(FILE), bytes).unwrap();
    let opened = DurableStore::open(directory.path());
    assert!(directory.path().join(FILE).exists());
    opened.map(|store| get(&store, b"key"))
}

fn assert_damaged(bytes: &[u8], what: &str) {
    let opened = open_bytes(bytes);
    assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{what}: {opened:?}");
}

#[test]
fn an_empty_file_is_damaged_and_stays() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join(FILE);
    fs::write(&file, b"").unwrap();
    let opened = DurableStore::open(directory.path());
    assert!(
        matches!(opened, Err(StoreError::Damaged { path, reason }) if path == file && reason == "it is empty")
    );
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
}

#[test]
fn a_foreign_file_is_damaged_and_stays() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join(FILE);
    let text = "not a store\n".repeat(1000);
    fs::write(&file, &text).unwrap();
    let opened = DurableStore::open(directory.path());
    assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_directory_in_its_place_is_damaged() {
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join(FILE)).unwrap();
    let opened = DurableStore::open(directory.path());
    assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
}

/// Opens a redb file of somebody else, who wrote this number where our format stands.
fn open_with_format(format: Option<u32>) -> Result<DurableStore, StoreError> {
    let directory = TempDir::new().unwrap();
    let database = Database::create(directory.path().join(FILE)).unwrap();
    let transaction = database.begin_write().unwrap();
    let table: TableDefinition<'_, &str, u32> = TableDefinition::new("meshward");
    if let Some(format) = format {
        transaction.open_table(table).unwrap().insert("format", format).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    DurableStore::open(directory.path())
}

#[test]
fn only_a_known_format_is_opened() {
    open_with_format(Some(1)).unwrap();
    let newer = open_with_format(Some(2));
    assert!(matches!(newer, Err(StoreError::NewerFormat { found: 2, known: 1, .. })), "{newer:?}");
    for format in [Some(0), None] {
        let opened = open_with_format(format);
        assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
    }
}

#[test]
fn every_truncation_is_damaged() {
    for closed in [true, false] {
        let bytes = file_bytes(closed);
        let lengths = [1, 8, 9, 64, HEADER - 1, HEADER, 4095, 4096, 4097, 8192, bytes.len() / 2];
        let tail = [bytes.len() - 4096, bytes.len() - 1];
        for length in lengths.into_iter().chain(tail) {
            assert_damaged(&bytes[..length], &format!("{length} bytes, closed: {closed}"));
        }
        let longer: Vec<u8> = bytes.iter().copied().chain([0; 100]).collect();
        assert_damaged(&longer, "100 bytes more");
    }
}

#[test]
fn a_flipped_bit_is_reported_or_without_effect() {
    let mut random = StdRng::seed_from_u64(1);
    for closed in [true, false] {
        let bytes = file_bytes(closed);
        let value_at = bytes.windows(VALUE.len()).position(|window| window == VALUE).unwrap();
        let header = (0..HEADER).map(|at| (at, random.random_range(0..8)));
        let header: Vec<_> = header.collect();
        let rest =
            (0..200).map(|_| (random.random_range(0..bytes.len()), random.random_range(0..8)));
        let mut damaged = 0;
        for (at, bit) in header.into_iter().chain(rest).chain([(GOD_BYTE, 0)]) {
            if (at, bit) == (GOD_BYTE, 0) && !closed {
                // The one bit that nothing guards: the documentation of `DurableStore` names it.
                continue;
            }
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            match open_bytes(&flipped) {
                Ok(found) => assert_eq!(found.as_deref(), Some(&VALUE[..]), "byte {at} bit {bit}"),
                Err(StoreError::Damaged { .. }) => damaged += 1,
                Err(error) => panic!("byte {at} bit {bit}: {error:?}"),
            }
        }
        assert!(damaged > 50, "only {damaged} flips were noticed");
        let mut flipped = bytes;
        flipped[value_at + 1000] ^= 8;
        assert_damaged(&flipped, "a flip in the value");
    }
}

/// A batch of more than redb's cache holds, so that redb has to read from the file again.
fn large_batch() -> Batch {
    let mut batch = Batch::new();
    for number in 0..1500_u32 {
        batch.put(Table::Identity, &number.to_be_bytes(), &VALUE);
    }
    batch
}

/// The check at open cannot see what happens to the file later. Some of these rounds make redb
/// panic; none may make the store panic.
#[test]
fn damage_under_an_open_store_does_not_panic() {
    let mut random = StdRng::seed_from_u64(2);
    let mut noticed = 0;
    for _ in 0..10 {
        let directory = TempDir::new().unwrap();
        let store = DurableStore::open(directory.path()).unwrap();
        store.apply(&large_batch()).unwrap();
        let file = fs::OpenOptions::new().write(true).open(directory.path().join(FILE)).unwrap();
        for page in (4096..file.metadata().unwrap().len()).step_by(4096) {
            let noise: [u8; 64] = random.random();
            file.write_all_at(&noise, page).unwrap();
        }
        noticed += u32::from(store.scan(Table::Identity).is_err());
        let _ = store.apply(Batch::new().put(Table::Identity, b"key", &VALUE));
    }
    assert!(noticed > 0);
}

#[test]
fn after_a_failed_write_the_store_answers_nothing_until_reopened() {
    let directory = TempDir::new().unwrap();
    let store = DurableStore::open(directory.path()).unwrap();
    put(&store, b"key", &VALUE);
    store.apply(&large_batch()).unwrap();
    let file = directory.path().join(FILE);
    let whole = fs::read(&file).unwrap();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(0).unwrap();
    store.apply(&large_batch()).unwrap_err();

    fs::write(&file, whole).unwrap();
    let is_closed = |error: StoreError| error.to_string().contains("an earlier write failed");
    assert!(is_closed(store.get(Table::Identity, b"key").unwrap_err()));
    assert!(is_closed(store.scan(Table::Identity).unwrap_err()));
    assert!(is_closed(store.apply(&Batch::new()).unwrap_err()));
    let second = DurableStore::open(directory.path());
    assert!(matches!(second, Err(StoreError::InUse { .. })), "still locked: {second:?}");
    drop(store);
    assert_eq!(get(&DurableStore::open(directory.path()).unwrap(), b"key"), Some(VALUE.to_vec()));
}
