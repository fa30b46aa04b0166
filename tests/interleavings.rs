//! Every order in which threads that commit frames may take their locks, tried one after the other.
//!
//! Run with `RUSTFLAGS="--cfg shuttle --cfg meshward_sim"`. The first puts shuttle's locks in the place of
//! `parking_lot`'s (see Cargo.toml); without it there is nothing here. The second brings signatures that
//! cost nothing: real ones, of which each order checks some, would take most of the time. Each frame is
//! screened and verified before the threads begin, so what is explored is the commit and whatever runs
//! against it. A search of every order ends when none is left; how many there were is printed. Atomics of
//! the standard library are no place where threads change.

#![cfg(shuttle)]
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use meshward::gossip::{Admitted, FrameRefused, Ledgers, Verified};
use meshward::keyring::Keyring;
use meshward::limit::Rate;
use meshward::membership::{KeyRecord, MemberIndex, RotatedKey};
use meshward::reputation::{Ledger, Offence, ReputationConfig};
use meshward::suite::SigningKey;
use meshward::wire::{Header, seal_frame};
use meshward::{
    Directory, Epoch, GossipConfig, Identity, Kind, Link, LinkId, Member, MemoryStore, Millis,
    NodeId, Nonce, OsEntropy, Refusal, SentAt, SignedGossip, Suite, View,
};
use shuttle::scheduler::{DfsScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

const NOW: Millis = Millis(1_000);
const LINK: Link = Link::Proven(LinkId(1));
/// The receiver stands at place 0.
const SENDER: MemberIndex = MemberIndex(1);

/// Runs `test` on the frames that `sign` makes, once for every order in which its threads can be
/// scheduled.
fn in_every_order(
    name: &str,
    sign: fn(&Keys) -> [Vec<u8>; 2],
    test: impl Fn(&Mesh, [&[u8]; 2]) + Send + Sync + 'static,
) {
    in_orders_of(DfsScheduler::new(None, false), name, sign, test);
}

/// The same in 20 000 orders, for what has too many to try them all; each run tries the same ones.
fn in_many_orders(
    name: &str,
    sign: fn(&Keys) -> [Vec<u8>; 2],
    test: impl Fn(&Mesh, [&[u8]; 2]) + Send + Sync + 'static,
) {
    in_orders_of(RandomScheduler::new_from_seed(12, 20_000), name, sign, test);
}

/// The same in the orders of `scheduler`, and prints how many there are. Signatures are no part of an
/// order, so one suite will do.
fn in_orders_of(
    scheduler: impl Scheduler + 'static,
    name: &str,
    sign: fn(&Keys) -> [Vec<u8>; 2],
    test: impl Fn(&Mesh, [&[u8]; 2]) + Send + Sync + 'static,
) {
    let Some(suite) = Suite::available().next() else { return };
    let mut config = Config::new();
    // ML-DSA needs more than the 60 KiB that shuttle gives a thread.
    config.stack_size = 1 << 20;
    // No lock of the library can be taken outside of shuttle, not even to make a key.
    let once = Arc::new(OnceLock::new());
    let made = Arc::clone(&once);
    Runner::new(DfsScheduler::new(Some(1), false), config.clone()).run(move || {
        let keys = Keys::new(suite);
        let frames = sign(&keys);
        assert!(made.set((keys, frames)).is_ok());
    });
    let orders = Runner::new(scheduler, config).run(move || {
        let (keys, [one, other]) = once.get().unwrap();
        test(&Mesh::new(keys), [one, other]);
    });
    println!("{name}: {orders} orders");
    assert!(orders > 1);
}

fn id(seed: u8) -> NodeId {
    NodeId::from_bytes([seed; 32])
}

/// What is made once and is the same in every order.
struct Keys {
    view: Arc<View>,
    receiver: Arc<Keyring>,
    /// The sender's key, and the one it rotates to.
    first: SigningKey,
    second: SigningKey,
}

impl Keys {
    fn new(suite: Suite) -> Self {
        let store = MemoryStore::new();
        let own = Identity::create(&store, id(1), suite, &OsEntropy).unwrap();
        let [first, second, third, fourth] =
            [(); 4].map(|()| SigningKey::generate(suite, &OsEntropy).unwrap());
        let member = |seed, key: &SigningKey| Member::new(id(seed), "x", key.public_key().clone());
        let members =
            vec![own.member("x"), member(2, &first), member(3, &third), member(4, &fourth)];
        let view = Arc::new(View::genesis(members).unwrap());
        let rate = Rate { per_second: 10, burst: 20 };
        let receiver = Keyring::start(own, &store, view.mesh(), rate, NOW).unwrap();
        Self { view, receiver: Arc::new(receiver), first, second }
    }

    fn frame(&self, sequence: u32, body: &[u8]) -> Vec<u8> {
        self.frame_under(&self.first, Epoch::FIRST, sequence, body)
    }

    fn frame_under(&self, key: &SigningKey, epoch: Epoch, sequence: u32, body: &[u8]) -> Vec<u8> {
        let header = Header {
            mesh: self.view.mesh(),
            suite: key.suite(),
            view: self.view.number(),
            origin: id(2),
            epoch,
            key: key.public_key().digest(),
            nonce: Nonce { boot: 1, sequence },
            sent_at: SentAt(u64::from(sequence) * 1_000),
            kind: Kind::RouteUpdate,
            body_len: 0,
            body: Header::digest_body(b""),
        };
        seal_frame(header, body, key, &OsEntropy).unwrap()
    }
}

/// A receiver that has heard nothing yet.
struct Mesh {
    gossip: SignedGossip,
    directory: Arc<Directory>,
    ledgers: Arc<Ledgers>,
    /// What the sender rotates to.
    second: KeyRecord,
}

impl Mesh {
    fn new(keys: &Keys) -> Self {
        let directory = Arc::new(Directory::new(Arc::clone(&keys.view), 8));
        let ledgers = Arc::new(Ledgers {
            members: Ledger::new(ReputationConfig::default(), 4, Some(1)).unwrap(),
            links: Ledger::new(ReputationConfig::default(), 4, None).unwrap(),
        });
        let gossip = SignedGossip::new(
            Arc::clone(&directory),
            Arc::clone(&keys.receiver),
            Arc::clone(&ledgers),
            Arc::new(OsEntropy),
            GossipConfig::default(),
        );
        let second = keys.second.public_key().clone();
        let second = KeyRecord { epoch: second_epoch(), ..KeyRecord::first(second) };
        Self { gossip: gossip.unwrap(), directory, ledgers, second }
    }

    fn verified<'a>(&self, bytes: &'a [u8]) -> Verified<'a> {
        self.gossip.screen(LINK, bytes, NOW).unwrap().verify().unwrap()
    }

    /// Commits each frame on a thread of its own.
    fn commit_at_once<'a>(&self, frames: &[&'a [u8]]) -> Vec<Result<Admitted<'a>, FrameRefused>> {
        let verified: Vec<_> = frames.iter().map(|bytes| self.verified(bytes)).collect();
        thread::scope(|scope| {
            let threads: Vec<_> = verified
                .into_iter()
                .map(|frame| scope.spawn(|| self.gossip.commit(frame, NOW)))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    /// Commits a frame while another thread does `change`; tells, too, whether the commit began before
    /// the change was done.
    fn commit_against<'a>(
        &self,
        frame: &'a [u8],
        change: impl FnOnce() + Send,
    ) -> (bool, Result<Admitted<'a>, FrameRefused>) {
        let frame = self.verified(frame);
        // No lock of shuttle's, so not a place where the other thread may run.
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                change();
                done.store(true, Ordering::SeqCst);
            });
            // Or the other thread would never run before the first lock of the commit.
            thread::yield_now();
            let early = !done.load(Ordering::SeqCst);
            (early, self.gossip.commit(frame, NOW))
        })
    }

    fn rotate(&self, closing: u32) {
        let to = self.second.clone();
        let closing = Nonce { boot: 1, sequence: closing };
        let rotated = RotatedKey { to, closing, grace_until: NOW.after(1_000) };
        assert!(self.directory.rotate(SENDER, Epoch::FIRST, rotated));
    }
}

fn second_epoch() -> Epoch {
    Epoch::FIRST.next_operational().unwrap()
}

/// Which outcomes there were in all orders together: a search that sees only one has missed the race.
#[derive(Clone, Default)]
struct Outcomes(Arc<[AtomicBool; 2]>);

impl Outcomes {
    fn note(&self, delivered: bool) {
        self.0[usize::from(delivered)].store(true, Ordering::Relaxed);
    }

    fn assert_both(&self) {
        assert!(self.0.iter().all(|seen| seen.load(Ordering::Relaxed)));
    }
}

fn one_frame(keys: &Keys) -> [Vec<u8>; 2] {
    [keys.frame(1, b"body"), Vec::new()]
}

fn delivered_once(mesh: &Mesh, copies: &[&[u8]]) {
    let outcomes = mesh.commit_at_once(copies);
    let mut refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(refused.all(|refused| refused.refusal == Refusal::Duplicate));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

/// G12, promise P2: of two threads that commit the same verified frame one delivers it.
#[test]
fn g12_two_copies_are_delivered_once() {
    in_every_order("two copies", one_frame, |mesh, [frame, _]| delivered_once(mesh, &[frame; 2]));
}

/// G12, promise P2: the same with three, in many orders.
#[test]
fn g12_three_copies_are_delivered_once() {
    in_many_orders("three copies", one_frame, |mesh, [frame, _]| delivered_once(mesh, &[frame; 3]));
}

/// G14, promise P11: of two contents under one nonce one is delivered, and the other is not only
/// refused but proven, whichever comes first and however close.
#[test]
fn g14_two_contents_are_an_equivocation_with_its_proof() {
    let sign = |keys: &Keys| [keys.frame(1, b"yes"), keys.frame(1, b"no")];
    in_every_order("two contents", sign, |mesh, contents| {
        let outcomes = mesh.commit_at_once(&contents);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let refused = outcomes.into_iter().find_map(Result::err).unwrap();
        assert_eq!(refused.refusal, Refusal::Equivocation);
        assert!(refused.contradiction.is_some());
    });
}

/// Promise P9: a frame past the closing nonce is not delivered once the rotation is known.
#[test]
fn no_frame_passes_a_rotation_that_closed_before_it() {
    let seen = Outcomes::default();
    let all = seen.clone();
    in_every_order("past the closing nonce", one_frame, move |mesh, [frame, _]| {
        let (early, outcome) = mesh.commit_against(frame, || mesh.rotate(0));
        match &outcome {
            Ok(_) => assert!(early, "delivered after the rotation"),
            Err(refused) => assert_eq!(refused.refusal, Refusal::ClosedEpoch),
        }
        seen.note(outcome.is_ok());
    });
    all.assert_both();
}

/// Promise P2: whatever frames of the old key and of the new one are committed while the key changes,
/// none of them is delivered once more.
#[test]
fn no_window_is_lost_while_the_key_changes() {
    let sign =
        |keys: &Keys| [keys.frame(1, b""), keys.frame_under(&keys.second, second_epoch(), 1, b"")];
    in_many_orders("change of keys", sign, |mesh, [old, new]| {
        let (_, outcome) = mesh.commit_against(old, || {
            mesh.rotate(1);
            assert!(mesh.gossip.verify_message(LINK, new, NOW).is_ok());
        });
        assert!(outcome.is_ok(), "the closing nonce itself is still good");
        for frame in [old, new] {
            let again = mesh.gossip.verify_message(LINK, frame, NOW);
            assert_eq!(again.unwrap_err().refusal, Refusal::Duplicate);
        }
    });
}

/// Promise P10: what is committed after the charge that led to a quarantine is not delivered.
#[test]
fn no_frame_passes_a_quarantine_that_began_before_it() {
    let seen = Outcomes::default();
    let all = seen.clone();
    in_every_order("quarantine", one_frame, move |mesh, [frame, _]| {
        let (early, outcome) = mesh.commit_against(frame, || {
            let _charge = mesh.ledgers.members.charge(id(2), Offence::Equivocation, NOW);
        });
        match &outcome {
            Ok(admitted) => assert!(early && admitted.message.is_some()),
            Err(refused) => assert_eq!(refused.refusal, Refusal::OriginQuarantined),
        }
        seen.note(outcome.is_ok());
    });
    all.assert_both();
}
