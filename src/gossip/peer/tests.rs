use std::collections::{BTreeMap, HashSet};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;

const WIDTH: u32 = 64;

fn peer(width: u32) -> Peer {
    let rate = Rate { per_second: 10, burst: 20 };
    Peer::new(WindowWidth::new(width).unwrap(), rate, Opening::Any)
}

fn key(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

#[test]
fn a_sign_of_life_is_due_once_in_an_interval_and_after_a_step_back() {
    let mut peer = peer(WIDTH);
    let is_due = |peer: &Peer, now| {
        peer.may_show_life((&key(1), Nonce { boot: 1, sequence: 1 }), Millis(now), 100)
    };
    assert!(is_due(&peer, 500));
    peer.showed_life(Millis(500));
    let due = [500, 599, 600, 499].map(|now| is_due(&peer, now));
    assert_eq!(due, [false, false, true, true]);
}

/// G12, promise P2: eight threads commit the same 100 000 nonces, each block of 64 in an order of its
/// own; each nonce is fresh to one of them.
#[test]
fn g12_of_eight_threads_one_finds_a_nonce_fresh() {
    const THREADS: u32 = 8;
    const ROUNDS: u32 = 100_000;
    let peer = Mutex::new(peer(1024));
    let taken: Vec<_> = (0..ROUNDS).map(|_| AtomicU8::new(0)).collect();
    // They begin a block together, so that all are after the same nonces.
    let barrier = Barrier::new(THREADS as usize);
    let attack = |thread: u32| {
        for (number, nonces) in taken.chunks(64).enumerate() {
            barrier.wait();
            let first = number as u32 * 64;
            for step in 0..nonces.len() {
                let at = (step + thread as usize / 2 * 16) % nonces.len();
                let nonce = Nonce { boot: 1, sequence: first + at as u32 };
                match peer.lock().commit(key(0), nonce, nonce.sequence, [Some(key(0)), None]) {
                    Look::Fresh => drop(nonces[at].fetch_add(1, Ordering::Relaxed)),
                    look => assert_eq!(look, Look::Used(Some(nonce.sequence))),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let attack = &attack;
            scope.spawn(move || attack(thread));
        }
    });
    assert!(taken.into_iter().all(|times| times.into_inner() == 1));
}

/// All nonces ever accepted under one key.
#[derive(Debug, Default)]
struct Accepted {
    all: HashSet<Nonce>,
    newest: Option<Nonce>,
}

impl Accepted {
    /// What becomes of a nonce, without the tag.
    fn look(&self, nonce: Nonce) -> Look {
        let Some(newest) = self.newest else { return Look::Fresh };
        let behind = i64::from(newest.sequence) - i64::from(nonce.sequence);
        match nonce.boot < newest.boot || (nonce.boot == newest.boot && behind >= i64::from(WIDTH))
        {
            true => Look::Stale,
            false if self.all.contains(&nonce) => Look::Used(None),
            false => Look::Fresh,
        }
    }

    fn take(&mut self, nonce: Nonce) {
        self.all.insert(nonce);
        self.newest = self.newest.max(Some(nonce));
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// The member changes to a key; it may be one that it had before.
    Rotate(u8),
    /// Who commits next knows of the rotations so far. Commits never know less than those before
    /// them, as they look under the member's lock, but they may know less than the directory.
    Learn,
    /// A frame under the current key, under the one before, or under one that has just gone: it was
    /// looked up, and then two rotations came in between.
    Commit(usize, Nonce),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let nonce = (prop_oneof![9 => Just(1_u32), 1 => 1_u32..4], 0_u32..150)
        .prop_map(|(boot, sequence)| Nonce { boot, sequence });
    let step = prop_oneof![
        1 => (0_u8..6).prop_map(Step::Rotate),
        1 => Just(Step::Learn),
        12 => (prop_oneof![6 => Just(0_usize), 4 => Just(1), 1 => Just(2)], nonce)
            .prop_map(|(which, nonce)| Step::Commit(which, nonce)),
    ];
    prop::collection::vec(step, 0..400)
}

proptest! {
    /// Promise P2: as long as a key is known, what is fresh under it is what a set of all accepted
    /// nonces says, whatever other keys do. Only while it is away may its past be forgotten.
    #[test]
    fn equals_a_set_of_accepted_nonces_while_a_key_is_known(steps in steps()) {
        let mut peer = peer(WIDTH);
        // The newest first.
        let (mut keys, mut seen) = (vec![0_u8], vec![0_u8]);
        let mut model = BTreeMap::<u8, Accepted>::new();
        let mut away = HashSet::new();
        for step in steps {
            match step {
                Step::Rotate(to) if to != keys[0] => keys.insert(0, to),
                Step::Rotate(_) => {}
                Step::Learn => {
                    seen.clone_from(&keys);
                    away.extend(model.keys().filter(|of| !seen.iter().take(2).any(|key| key == *of)));
                }
                Step::Commit(which, nonce) => {
                    let Some(of) = seen.get(which).copied() else { continue };
                    let known = [0, 1].map(|at| seen.get(at).copied().map(key));
                    let accepted = model.entry(of).or_default();
                    if away.remove(&of) && !peer.windows.iter().any(|(with, _)| *with == key(of)) {
                        *accepted = Accepted::default();
                    }
                    let look = match peer.commit(key(of), nonce, 7, known) {
                        Look::Used(_) => Look::Used(None),
                        look => look,
                    };
                    prop_assert_eq!(look, accepted.look(nonce));
                    if look == Look::Fresh {
                        accepted.take(nonce);
                    }
                    if !known.contains(&Some(key(of))) {
                        away.insert(of);
                    }
                    prop_assert!(peer.windows.len() <= 3);
                }
            }
        }
    }
}
