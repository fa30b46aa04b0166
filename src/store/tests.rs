//! The contract of [`Store`], run against every store here.

use std::sync::Arc;
use std::thread;

use crate::store::{Batch, MemoryStore, Store, Table};

fn value(store: &dyn Store, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    store.get(table, key).unwrap().map(|value| value.to_vec())
}

fn contract(store: &Arc<dyn Store>) {
    put_get_delete(&**store);
    last_write_of_a_batch_wins(&**store);
    scan_is_in_key_order(&**store);
    edge_sizes(&**store);
    batches_are_atomic(store);
}

fn put_get_delete(store: &dyn Store) {
    assert_eq!(value(store, Table::Boot, b"counter"), None);
    store.apply(&Batch::new()).unwrap();
    store.apply(Batch::new().put(Table::Boot, b"counter", b"1")).unwrap();
    assert_eq!(value(store, Table::Boot, b"counter"), Some(b"1".to_vec()));
    assert_eq!(value(store, Table::Meta, b"counter"), None, "tables are apart");
    store.apply(Batch::new().put(Table::Boot, b"counter", b"22")).unwrap();
    assert_eq!(value(store, Table::Boot, b"counter"), Some(b"22".to_vec()));
    store.apply(Batch::new().delete(Table::Boot, b"counter")).unwrap();
    store.apply(Batch::new().delete(Table::Boot, b"counter")).unwrap();
    assert_eq!(value(store, Table::Boot, b"counter"), None);
}

fn last_write_of_a_batch_wins(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.put(Table::Vote, b"a", b"1").put(Table::Vote, b"a", b"2");
    batch.delete(Table::Vote, b"b").put(Table::Vote, b"b", b"3");
    batch.put(Table::Vote, b"c", b"4").delete(Table::Vote, b"c");
    store.apply(&batch).unwrap();
    assert_eq!(value(store, Table::Vote, b"a"), Some(b"2".to_vec()));
    assert_eq!(value(store, Table::Vote, b"b"), Some(b"3".to_vec()));
    assert_eq!(value(store, Table::Vote, b"c"), None);
}

fn scan_is_in_key_order(store: &dyn Store) {
    assert!(store.scan(Table::Identity).unwrap().is_empty());
    let keys: [&[u8]; 5] = [b"b", b"", b"\xff", b"a\0", b"a"];
    let mut batch = Batch::new();
    for key in keys {
        batch.put(Table::Identity, key, key);
    }
    store.apply(&batch).unwrap();
    let scanned = store.scan(Table::Identity).unwrap();
    let found: Vec<&[u8]> = scanned.iter().map(|(key, _)| key.as_slice()).collect();
    assert_eq!(found, [&b""[..], b"a", b"a\0", b"b", b"\xff"]);
    assert!(scanned.iter().all(|(key, value)| *key == **value));
}

fn edge_sizes(store: &dyn Store) {
    let large = vec![7; 1 << 20];
    store
        .apply(Batch::new().put(Table::Meta, b"large", &large).put(Table::Meta, b"", b""))
        .unwrap();
    assert_eq!(value(store, Table::Meta, b"large"), Some(large));
    assert_eq!(value(store, Table::Meta, b""), Some(Vec::new()));
}

/// Every batch writes the same number under two keys, so no scan may see two different numbers.
fn batches_are_atomic(store: &Arc<dyn Store>) {
    let write = |number: u8| {
        let mut batch = Batch::new();
        batch.put(Table::Boot, b"left", &[number]).put(Table::Boot, b"right", &[number]);
        batch
    };
    store.apply(&write(0)).unwrap();
    let reader = thread::spawn({
        let store = Arc::clone(store);
        move || loop {
            let scanned = store.scan(Table::Boot).unwrap();
            assert_eq!(scanned[0].1, scanned[1].1);
            if scanned[0].1[0] == 50 {
                return;
            }
        }
    });
    for number in 1..=50 {
        store.apply(&write(number)).unwrap();
    }
    reader.join().unwrap();
}

#[test]
fn memory_store_keeps_the_contract() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    contract(&store);
    assert!(!store.survives_restart());
}

#[cfg(feature = "durable-store")]
#[test]
fn durable_store_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(crate::store::DurableStore::open(directory.path()).unwrap());
    contract(&store);
    assert!(store.survives_restart());
}
