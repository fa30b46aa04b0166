//! What holds for a node's own keys: nonces, rates, rotations, what the store keeps.

mod history;
mod recoveries;
mod rotations;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::id::{Epoch, MeshId, Millis, NodeId, SentAt};
use crate::limit::{Rate, SentRate};
use crate::membership::{Directory, Member, View};
use crate::store::{Batch, MemoryStore, Store, Table};
use crate::suite::{OsEntropy, SigningKey, Suite};

const NOW: Millis = Millis(1_000);
const RATE: Rate = Rate { per_second: 10, burst: 20 };

/// Fast enough for any test.
const FAST: Rate = Rate { per_second: 1_000_000, burst: 1_000_000 };

fn id(seed: u8) -> NodeId {
    NodeId::from_bytes([seed; 32])
}

fn mesh() -> MeshId {
    MeshId::from_bytes([0x4d; 32])
}

fn ring(store: &dyn Store, rate: Rate) -> Keyring {
    Keyring::start(Identity::load(store).unwrap(), store, mesh(), rate, NOW).unwrap()
}

fn store_with_identity(suite: Suite) -> MemoryStore {
    let store = MemoryStore::new();
    Identity::create(&store, id(1), suite, &OsEntropy).unwrap();
    store
}

fn put(store: &dyn Store, table: Table, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(table, key, value);
    store.apply(&batch).unwrap();
}

#[test]
fn an_identity_is_made_once_and_found_again() {
    for suite in Suite::available() {
        let store = MemoryStore::new();
        let missing = Identity::load(&store);
        assert!(matches!(missing, Err(Error::Misuse(Misuse::NoIdentity))), "{missing:?}");
        let made = Identity::create(&store, id(1), suite, &OsEntropy).unwrap();
        let again = Identity::create(&store, id(2), suite, &OsEntropy);
        let Err(Error::Misuse(Misuse::IdentityExists(found))) = again else { panic!("{again:?}") };
        assert_eq!(found, id(1));
        let loaded = Identity::load(&store).unwrap();
        assert_eq!((loaded.node(), loaded.member("x")), (id(1), made.member("x")));
        assert_eq!(loaded.member("x").key.epoch, Epoch::FIRST);
    }
}

/// P2 across restarts rests on this: only a store that says so itself has never been started on.
#[test]
fn only_the_start_of_an_identity_that_was_created_here_is_the_first() {
    for suite in Suite::available() {
        let store = store_with_identity(suite);
        assert!(ring(&store, RATE).is_first_start());
        for _ in 0..2 {
            assert!(!ring(&store, RATE).is_first_start());
        }
        // The identity alone reached another store: out of a backup, or off a damaged disk.
        let copy = MemoryStore::new();
        for (key, value) in store.scan(Table::Identity).unwrap() {
            put(&copy, Table::Identity, &key, &value);
        }
        let restored = ring(&copy, RATE);
        assert_eq!((restored.boot(), restored.is_first_start()), (1, false));
        // Starts that were counted before an identity was made are not forgotten.
        let used = MemoryStore::new();
        put(&used, Table::Boot, b"boot", &7_u32.to_le_bytes());
        Identity::create(&used, id(1), suite, &OsEntropy).unwrap();
        let next = ring(&used, RATE);
        assert_eq!((next.boot(), next.is_first_start()), (8, false));
    }
}

#[test]
fn an_answer_names_the_newest_message_and_the_key_in_use() {
    for suite in Suite::available() {
        let ring = ring(&store_with_identity(suite), RATE);
        let first = ring.draw_answer(NOW).unwrap();
        assert_eq!((first.nonce.sequence, first.newest), (1, 0));
        for sequence in 1..=3 {
            let ticket = ring.draw(NOW).unwrap();
            let answer = ring.draw_answer(NOW).unwrap();
            assert_eq!((answer.newest, answer.nonce.sequence), (sequence, sequence + 1));
            assert_eq!(answer.newest, ticket.nonce.sequence);
        }
        let rotation = ring.prepare_rotation(suite, false, &OsEntropy).unwrap();
        assert_eq!(ring.draw_answer(NOW).unwrap().key.epoch, Epoch::FIRST);
        ring.commit_rotation(rotation);
        assert_eq!(Some(ring.draw_answer(NOW).unwrap().key.epoch), Epoch::FIRST.next_operational());
    }
}

#[test]
fn damaged_bytes_are_a_fault_and_are_left_alone() {
    for suite in Suite::available() {
        let store = store_with_identity(suite);
        let intact = store.get(Table::Identity, b"active").unwrap().unwrap();
        let longer = [intact.as_slice(), &[0]].concat();
        for damaged in [&b""[..], b"junk", &intact[..intact.len() - 1], &longer] {
            put(&store, Table::Identity, b"active", damaged);
            for refused in
                [Identity::load(&store), Identity::create(&store, id(2), suite, &OsEntropy)]
            {
                assert!(matches!(refused, Err(Error::Fault(_))), "{refused:?}");
                assert!(!refused.unwrap_err().to_string().is_empty());
            }
            assert_eq!(*store.get(Table::Identity, b"active").unwrap().unwrap(), *damaged);
        }
    }
}

#[test]
fn a_boot_that_cannot_be_counted_signs_nothing() {
    for suite in Suite::available() {
        let store = store_with_identity(suite);
        let start = |last: &[u8]| {
            put(&store, Table::Boot, b"boot", last);
            Keyring::start(Identity::load(&store).unwrap(), &store, mesh(), RATE, NOW)
        };
        let last = start(&(u32::MAX - 1).to_le_bytes()).unwrap();
        assert_eq!(last.boot(), u32::MAX);
        let exhausted = start(&u32::MAX.to_le_bytes());
        assert!(
            matches!(exhausted, Err(Error::Misuse(Misuse::CounterExhausted("boot counter")))),
            "{exhausted:?}"
        );
        let damaged = start(b"one");
        assert!(matches!(damaged, Err(Error::Fault(Fault::Wire(_)))), "{damaged:?}");
    }
}

#[test]
fn nonces_never_repeat_over_boots_and_threads() {
    for suite in Suite::available() {
        let store = store_with_identity(suite);
        let mut seen = BTreeSet::new();
        for boot in 1..=3 {
            let ring = ring(&store, FAST);
            assert_eq!(ring.boot(), boot);
            let drawn = std::thread::scope(|scope| {
                let draw = || (0..500).map(|_| ring.draw(NOW).unwrap().nonce).collect::<Vec<_>>();
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
                threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            assert!(drawn.iter().all(|nonce| nonce.boot == boot));
            let before = seen.len();
            seen.extend(drawn);
            assert_eq!(seen.len(), before + 2000);
        }
    }
}

#[test]
fn the_rate_is_kept_and_the_wait_is_true() {
    for suite in Suite::available() {
        let ring = ring(&store_with_identity(suite), Rate { per_second: 10, burst: 2 });
        for sequence in [1, 2] {
            let ticket = ring.draw(NOW).unwrap();
            assert_eq!((ticket.nonce.sequence, ticket.sent_at), (sequence, SentAt(0)));
        }
        let refused = ring.draw(NOW).unwrap_err();
        assert_eq!(refused, Misuse::RateExceeded { wait_ms: 100 });
        // A refused draw takes no nonce.
        let ticket = ring.draw(NOW.after(100)).unwrap();
        assert_eq!((ticket.nonce.sequence, ticket.sent_at), (3, SentAt(100)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the signer accepts, the receiver cannot prove over the rate: not even of a clock
    /// that steps back, and not over a rotation in between, in whatever order the headers arrive.
    #[test]
    fn what_is_drawn_is_never_provably_over_the_rate(
        per_second in 1_u32..200,
        burst in 1_u32..50,
        steps in prop::collection::vec((-500_i64..2_000, 0_usize..30), 1..40),
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..20),
    ) {
        let Some(suite) = Suite::available().next() else { return Ok(()) };
        let rate = Rate { per_second, burst };
        let ring = shared_ring(suite, rate);
        let (mut now, mut sent) = (i64::try_from(NOW.0).unwrap(), Vec::new());
        for (on, draws) in steps {
            now = (now + on).max(0);
            for _ in 0..draws {
                if let Ok(ticket) = ring.draw(Millis(u64::try_from(now).unwrap())) {
                    sent.push((ticket.nonce, ticket.sent_at));
                }
            }
        }
        prop_assert!(sent.is_sorted());
        let mut in_order = SentRate::new(rate);
        for (nonce, sent_at) in &sent {
            prop_assert_eq!(in_order.observe(*nonce, *sent_at), Ok(()));
        }
        for (one, other) in swaps {
            if !sent.is_empty() {
                let (one, other) = (one.index(sent.len()), other.index(sent.len()));
                sent.swap(one, other);
            }
        }
        let mut shuffled = SentRate::new(rate);
        for (nonce, sent_at) in sent {
            prop_assert_eq!(shuffled.observe(nonce, sent_at), Ok(()));
        }
    }
}

/// A key takes longer to make than all the rest, so one serves all cases.
fn shared_ring(suite: Suite, rate: Rate) -> Keyring {
    static STORE: std::sync::OnceLock<MemoryStore> = std::sync::OnceLock::new();
    ring(STORE.get_or_init(|| store_with_identity(suite)), rate)
}
