//! A process that is killed while it writes.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

const DIRECTORY: &str = "MESHWARD_TEST_KILL_DIRECTORY";

/// The process to be killed. It does nothing unless the test below started it.
#[test]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let store = DurableStore::open(Path::new(&directory)).unwrap();
    let first = last_number(&store).map_or(0, |last| last + 1);
    for number in first.. {
        let bytes = number.to_be_bytes();
        let mut batch = Batch::new();
        batch.put(Table::Boot, b"counter", &bytes).put(Table::Vote, &bytes, &bytes);
        store.apply(&batch).unwrap();
        println!("\nacknowledged {number}");
    }
}

fn last_number(store: &DurableStore) -> Option<u64> {
    let counter = store.get(Table::Boot, b"counter").unwrap()?;
    Some(u64::from_be_bytes(counter.as_slice().try_into().unwrap()))
}

fn start_child(directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "store::durable::tests::kill::child", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_kill_during_the_creation_leaves_no_store_or_a_good_one() {
    for round in 0..40 {
        let directory = TempDir::new().unwrap();
        let mut child = start_child(directory.path());
        let started = Instant::now();
        // Waits for the first file, so that the delays fall into what comes after it.
        while !directory.path().join("meshward.lock").exists() {
            assert!(started.elapsed() < Duration::from_secs(60), "the child does not start");
        }
        thread::sleep(Duration::from_micros(50 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        put(&DurableStore::open(directory.path()).unwrap(), b"key", b"value");
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let directory = TempDir::new().unwrap();
    let mut acknowledged = None;
    for round in 0..8 {
        let mut child = start_child(directory.path());
        let mut numbers = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .filter_map(|line| line.unwrap().strip_prefix("acknowledged ")?.parse::<u64>().ok());
        // Another number of batches each time, so that the kill falls elsewhere in a commit.
        let before_kill = numbers.by_ref().nth(5 + 3 * round);
        assert!(before_kill.is_some(), "the child ended by itself");
        let second = DurableStore::open(directory.path());
        assert!(matches!(second, Err(StoreError::InUse { .. })), "another process has it");
        child.kill().unwrap();
        acknowledged = numbers.last().or(before_kill).max(acknowledged);
        child.wait().unwrap();

        let store = DurableStore::open(directory.path()).unwrap();
        let last = last_number(&store).unwrap();
        let acknowledged = acknowledged.unwrap();
        // The batch that the kill met may have reached the disk before it was acknowledged.
        assert!(last == acknowledged || last == acknowledged + 1, "{last} after {acknowledged}");
        let votes = store.scan(Table::Vote).unwrap();
        let expected: Vec<_> = (0..=last).map(|number| number.to_be_bytes().to_vec()).collect();
        assert!(votes.iter().map(|(key, _)| key).eq(&expected));
    }
}
