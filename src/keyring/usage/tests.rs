use super::*;
use crate::id::{MeshId, NodeId};
use crate::keyring::Identity;
use crate::limit::Rate;
use crate::store::MemoryStore;
use crate::suite::{OsEntropy, Suite};

const RATE: Rate = Rate { per_second: 1_000, burst: 4_000 };

fn create(suite: Suite) -> MemoryStore {
    let store = MemoryStore::new();
    Identity::create(&store, NodeId::from_bytes([1; 32]), suite, &OsEntropy).unwrap();
    store
}

fn start(store: &MemoryStore) -> Keyring {
    let identity = Identity::load(store).unwrap();
    Keyring::start(identity, store, MeshId::from_bytes([2; 32]), RATE, Millis(0)).unwrap()
}

/// Runs from the clock's zero on, a tick a second, and writes what is to be written.
fn run(ring: &Keyring, store: &MemoryStore, seconds: u64) -> usize {
    let policy = RotationPolicy::default();
    let mut writes = 0;
    for second in 0..=seconds {
        ring.grow_older(Millis(second * 1_000));
        if let Some(batch) = ring.usage_to_save(&policy).unwrap() {
            store.apply(&batch).unwrap();
            writes += 1;
        }
    }
    writes
}

fn counted(ring: &Keyring) -> (u64, u64) {
    let Counted { age_ms, messages, .. } = ring.state.lock().used.counted;
    (age_ms, messages)
}

/// What a crash forgets: half of a short start, a minute at least, and an hour of a long one.
#[test]
fn most_of_what_was_counted_survives_a_crash() {
    let Some(suite) = Suite::available().next() else { return };
    const MINUTE: u64 = 60_000;
    for (seconds, writes, kept) in [(59, 0, 0), (60, 1, 1), (419, 2, 3), (420, 3, 7)] {
        let store = create(suite);
        let ring = start(&store);
        ring.draw(Millis(0)).unwrap();
        assert_eq!(run(&ring, &store, seconds), writes);
        let messages = u64::from(writes > 0);
        assert_eq!(counted(&start(&store)), (kept * MINUTE, messages), "after {seconds} s");
    }
    let store = create(suite);
    let day = 86_400;
    assert!(run(&start(&store), &store, day) < 31);
    let (age_ms, _) = counted(&start(&store));
    assert!((day * 1_000 - LONGEST_SAVE_MS..=day * 1_000).contains(&age_ms), "{age_ms}");
    // It goes on from there.
    let again = start(&store);
    run(&again, &store, 60);
    assert_eq!(counted(&start(&store)).0, age_ms + MINUTE);
}

#[test]
fn messages_are_written_down_before_a_part_of_them_is_lost() {
    let Some(suite) = Suite::available().next() else { return };
    let (store, policy) =
        (create(suite), RotationPolicy { max_messages: 6_400, ..Default::default() });
    let ring = start(&store);
    let mut writes = 0;
    for _ in 0..250 {
        ring.draw(Millis(0)).unwrap();
        if let Some(batch) = ring.usage_to_save(&policy).unwrap() {
            store.apply(&batch).unwrap();
            writes += 1;
        }
    }
    assert_eq!((writes, counted(&start(&store)).1), (2, 200));
}

/// A clock that jumps ahead ages the key by a minute, one that goes back not at all, and neither stops it.
#[test]
fn no_clock_makes_a_key_old() {
    let Some(suite) = Suite::available().next() else { return };
    let store = create(suite);
    let ring = start(&store);
    for now in [5, u64::MAX, 0, 1_000_000_000_000, 3, u64::MAX] {
        ring.grow_older(Millis(now));
    }
    assert_eq!(counted(&ring).0, 3 * LONGEST_STEP_MS);
    ring.grow_older(Millis(7));
    ring.grow_older(Millis(1_007));
    assert_eq!(counted(&ring).0, 3 * LONGEST_STEP_MS + 1_000);
}

/// Each key begins anew, also where the row of the one before is left behind, with a part of the jitter of its
/// own that a restart does not change.
#[test]
fn every_key_has_an_age_and_a_share_of_its_own() {
    for suite in Suite::available() {
        let store = create(suite);
        let share = |ring: &Keyring| ring.state.lock().used.share;
        let mut shares = std::collections::BTreeSet::new();
        for _ in 0..4 {
            let ring = start(&store);
            run(&ring, &store, 100);
            assert!(counted(&ring).0 >= 100_000);
            assert_eq!(share(&ring), share(&start(&store)));
            shares.insert(share(&ring));
            let rotation = ring.prepare_rotation(suite, false, &OsEntropy).unwrap();
            store.apply(&rotation.batch).unwrap();
            assert_eq!(counted(&start(&store)), (0, 0), "after a crash before it was announced");
            ring.commit_rotation(rotation);
            assert_eq!((counted(&ring), share(&ring)), ((0, 0), share(&start(&store))));
        }
        assert!(shares.len() > 1);
    }
}

/// That a key answers another self is known again after a restart, and of that key alone.
#[test]
fn an_answer_is_remembered_with_its_key() {
    for suite in Suite::available() {
        let store = create(suite);
        let ring = start(&store);
        let is_answer = |ring: &Keyring| ring.state.lock().used.is_answer;
        for answers in [true, false] {
            let rotation = ring.prepare_rotation(suite, true, &OsEntropy).unwrap();
            let rotation = if answers { rotation.into_answer().unwrap() } else { rotation };
            store.apply(&rotation.batch).unwrap();
            ring.commit_rotation(rotation);
            assert_eq!([is_answer(&ring), is_answer(&start(&store))], [answers; 2]);
        }
    }
}
