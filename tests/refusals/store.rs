//! What a store says when it fails.

#![cfg(feature = "durable-store")]

use std::fs;

use meshward::store::Batch;
use meshward::{DurableStore, Store, StoreError};

use crate::provoked::Provoked;
use crate::support::{Disk, Fault};

#[test]
fn every_store_error_is_provoked() {
    let mut met = Provoked::of("StoreError", include_str!("../../src/store/error.rs"));
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("node");
    let open = || DurableStore::open(&path).map(|_| ()).unwrap_err();
    let held = DurableStore::open(&path).unwrap();
    let in_use = open();
    assert!(matches!(&in_use, StoreError::InUse { path: named } if *named == path), "{in_use:?}");
    let says = format!("the store in {} is in use by another process or handle", path.display());
    met.meet(&in_use, &says);
    drop(held);

    let large = |file: &fs::DirEntry| file.metadata().unwrap().len() > 0;
    let file = fs::read_dir(&path).unwrap().map(Result::unwrap).find(large).unwrap().path();
    fs::write(&file, b"").unwrap();
    let damaged = open();
    assert!(matches!(damaged, StoreError::Damaged { .. }), "{damaged:?}");
    let says = "is damaged or no store of meshward: it is empty";
    met.meet(&damaged, &format!("the store file {} {says}", file.display()));

    // A file stands where the directory should be made.
    let blocked = parent.path().join("file");
    fs::write(&blocked, b"").unwrap();
    let io = DurableStore::open(&blocked.join("node")).map(|_| ()).unwrap_err();
    let StoreError::Io { path: named, source } = &io else { panic!("{io:?}") };
    let says = format!("the store at {} could not be read or written: {source}", named.display());
    assert!(named.starts_with(&blocked), "{named:?}");
    met.meet(&io, &says);

    let disk = Disk::default();
    disk.fault(Fault::Refuses);
    let failed = disk.apply(&Batch::new()).unwrap_err();
    met.meet(&failed, "the store failed: the test wants it so");
    met.elsewhere("NewerFormat", "in the crate, which can write another format");
    met.assert_all();
}
