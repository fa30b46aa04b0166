//! From one key to the next: on the side that rotates, and on the side that hears of it.

use std::sync::Arc;

use super::*;
use crate::id::{Digest, Nonce};
use crate::membership::{KeyRecord, MemberIndex, NextKeys, RotatedKey};
use crate::wire::{Packet, Refusal, WireError};

const CLOSING: Nonce = Nonce { boot: 1, sequence: 50 };

fn weaker(suite: Suite) -> Option<Suite> {
    Suite::available().find(|other| *other < suite)
}

#[test]
fn the_old_key_signs_until_the_new_one_is_committed() {
    for suite in Suite::available() {
        let store = store_with_identity(suite);
        let ring = ring(&store, FAST);
        let old = ring.active();
        ring.draw(NOW).unwrap();
        let rotation = ring.prepare_rotation(suite, false, &OsEntropy).unwrap();
        assert_eq!(rotation.epoch(), Epoch { recovery: 0, operational: 1 });
        let pending = ring.prepare_rotation(suite, false, &OsEntropy);
        assert!(matches!(pending, Err(Error::Misuse(Misuse::RotationPending))), "{pending:?}");

        let between = ring.draw(NOW).unwrap();
        assert!(Arc::ptr_eq(&between.key, &old) && between.nonce <= rotation.closing);
        assert!(ring.rotations().is_empty());

        let statement = Arc::clone(&rotation.statement);
        store.apply(&rotation.batch).unwrap();
        ring.commit_rotation(rotation);
        let after = ring.draw(NOW).unwrap();
        assert_eq!((after.key.epoch.operational, ring.rotations()), (1, vec![statement.clone()]));
        assert!(after.nonce > between.nonce);

        let loaded = Identity::load(&store).unwrap();
        assert_eq!(loaded.member("x").key.epoch.operational, 1);
        assert_eq!(loaded.member("x").key.key, *after.key.key.public_key());
        let next = super::ring(&store, FAST);
        assert_eq!((next.rotations(), next.boot()), (vec![statement], 2));
    }
}

#[test]
fn rotations_are_kept_in_their_order() {
    for suite in Suite::available().take(1) {
        let store = store_with_identity(suite);
        let ring = ring(&store, FAST);
        // More than nine, so that an order by decimal text would show.
        for _ in 0..11 {
            let rotation = ring.prepare_rotation(suite, false, &OsEntropy).unwrap();
            store.apply(&rotation.batch).unwrap();
            ring.commit_rotation(rotation);
        }
        assert_eq!(super::ring(&store, FAST).rotations(), ring.rotations());
    }
}

#[test]
fn an_abandoned_rotation_changes_nothing() {
    for suite in Suite::available() {
        let ring = ring(&store_with_identity(suite), FAST);
        let old = ring.active();
        drop(ring.prepare_rotation(suite, false, &OsEntropy).unwrap());
        ring.abandon_rotation();
        assert!(Arc::ptr_eq(&ring.active(), &old) && ring.rotations().is_empty());
        assert_eq!(ring.prepare_rotation(suite, false, &OsEntropy).unwrap().epoch().operational, 1);
    }
}

#[test]
fn nothing_is_signed_beyond_the_closing_nonce() {
    for suite in Suite::available() {
        let rate = Rate { per_second: 10, burst: 5 };
        let ring = ring(&store_with_identity(suite), rate);
        let rotation = ring.prepare_rotation(suite, false, &OsEntropy).unwrap();
        // Ten seconds of the full rate, a burst, and the nonce that was next.
        assert_eq!(rotation.closing, Nonce { boot: 1, sequence: 1 + 100 + 5 });
        let mut now = NOW;
        for sequence in 1..=rotation.closing.sequence {
            now = now.after(1_000);
            assert_eq!(ring.draw(now).unwrap().nonce.sequence, sequence);
        }
        assert_eq!(ring.draw(now.after(1_000)).unwrap_err(), Misuse::RotationPending);
        ring.commit_rotation(rotation);
        let ticket = ring.draw(now.after(1_000)).unwrap();
        assert_eq!((ticket.key.epoch.operational, ticket.nonce.sequence), (1, 107));
    }
}

#[test]
fn a_weaker_suite_is_refused_on_both_sides() {
    for suite in Suite::available() {
        let Some(to) = weaker(suite) else { continue };
        let ring = ring(&store_with_identity(suite), FAST);
        let refused = ring.prepare_rotation(to, false, &OsEntropy);
        let Err(Error::Misuse(Misuse::Downgrade { from, .. })) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(from, suite);
        assert!(
            ring.prepare_rotation(suite, false, &OsEntropy).is_ok(),
            "the refusal left no trace"
        );

        let keys = Keys::new(suite);
        let weak = keys.next(to);
        let bytes = keys.sealed(&keys.current, &weak);
        assert_eq!(keys.checked(&bytes).err(), Some(Refusal::Downgrade));

        // Unless both sides say so.
        let keys = Keys { directory: keys.directory.taking_downgrades(true), ..keys };
        assert!(keys.checked(&bytes).is_ok());
        let ring = super::ring(&store_with_identity(suite), FAST).allowing_downgrades(true);
        assert_eq!(ring.prepare_rotation(to, false, &OsEntropy).unwrap().suite(), to);
    }
}

/// Two members, the first of which rotates.
struct Keys {
    current: ActiveKey,
    /// What its key commits to.
    candidates: Vec<SigningKey>,
    directory: Directory,
}

fn active(suite: Suite, epoch: Epoch) -> ActiveKey {
    ActiveKey { epoch, key: SigningKey::generate(suite, &OsEntropy).unwrap() }
}

/// What a member's records of one recovery count name.
const RECOVERY: Digest = Digest::from_bytes([7; 32]);

fn record(of: &ActiveKey) -> KeyRecord {
    let next = Digest::from_bytes([8; 32]);
    KeyRecord { epoch: of.epoch, key: of.key.public_key().clone(), next, recovery: RECOVERY }
}

fn names(keys: &[SigningKey]) -> NextKeys {
    NextKeys::of(keys.iter().map(SigningKey::public_key))
}

impl Keys {
    const ONE: MemberIndex = MemberIndex(0);

    fn new(suite: Suite) -> Self {
        let [current, other] = [(); 2].map(|()| active(suite, Epoch::FIRST));
        let candidates: Vec<_> = Suite::available()
            .map(|suite| SigningKey::generate(suite, &OsEntropy).unwrap())
            .collect();
        let next = names(&candidates).commitment();
        let members = [(1, &current), (2, &other)].map(|(seed, of)| Member {
            key: Arc::new(KeyRecord { next, ..record(of) }),
            ..Member::new(id(seed), "x", of.key.public_key().clone())
        });
        let view = View::genesis(members.into()).unwrap();
        Self { current, candidates, directory: Directory::new(Arc::new(view), 4) }
    }

    /// The key that the current one commits to, at this epoch.
    fn candidate(&self, suite: Suite, epoch: Epoch) -> ActiveKey {
        let key = self.candidates.iter().find(|key| key.suite() == suite).unwrap();
        ActiveKey { epoch, key: clone_of(key) }
    }

    fn next(&self, suite: Suite) -> ActiveKey {
        self.candidate(suite, self.next_epoch())
    }

    fn claim(&self, to: &ActiveKey) -> RotationClaim {
        let opens = names(&self.candidates);
        RotationClaim { to: record(to), closing: CLOSING, opens, compromised: false }
    }

    fn next_epoch(&self) -> Epoch {
        self.current.epoch.next_operational().unwrap()
    }

    fn mesh(&self) -> MeshId {
        self.directory.view().mesh()
    }

    fn sealed(&self, from: &ActiveKey, to: &ActiveKey) -> Vec<u8> {
        self.sealed_as((self.mesh(), id(1)), from, (to, self.claim(to)))
    }

    fn sealed_as(
        &self,
        name: (MeshId, NodeId),
        from: &ActiveKey,
        (to, claim): (&ActiveKey, RotationClaim),
    ) -> Vec<u8> {
        seal_rotation(name, from, &to.key, claim, &OsEntropy).unwrap()
    }

    fn checked(&self, bytes: &[u8]) -> Result<RotationClaim, Refusal> {
        let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { panic!("a statement") };
        verify_rotation(&statement, &self.directory, Self::ONE, NOW)
    }
}

#[test]
fn a_rotation_holds_until_it_took_effect() {
    for suite in Suite::available() {
        let keys = Keys::new(suite);
        let next = keys.next(suite);
        let bytes = keys.sealed(&keys.current, &next);
        let claim = keys.checked(&bytes).unwrap();
        assert_eq!(claim, keys.claim(&next));

        let rotated = RotatedKey { to: claim.to, closing: CLOSING, grace_until: NOW.after(10) };
        assert!(keys.directory.rotate(Keys::ONE, Epoch::FIRST, rotated));
        assert_eq!(keys.checked(&bytes).err(), Some(Refusal::Duplicate));
        // A second rotation from the same key, within its grace period.
        let next = keys.next(suite);
        let other = RotationClaim { compromised: true, ..keys.claim(&next) };
        let second = KeyRecord { next: RECOVERY, ..record(&next) };
        let second = RotationClaim { to: second, ..other };
        let second = keys.sealed_as((keys.mesh(), id(1)), &keys.current, (&next, second));
        assert_eq!(keys.checked(&second).err(), Some(Refusal::RotationOrder));
    }
}

#[test]
fn a_rotation_leads_from_the_current_key_to_the_next_epoch() {
    for suite in Suite::available() {
        let keys = Keys::new(suite);
        let epoch = |recovery, operational| Epoch { recovery, operational };
        for wrong in [epoch(0, 0), epoch(0, 2), epoch(1, 0), epoch(1, 1), epoch(0, u32::MAX)] {
            let bytes = keys.sealed(&keys.current, &keys.candidate(suite, wrong));
            assert_eq!(keys.checked(&bytes).err(), Some(Refusal::RotationOrder), "{wrong}");
        }
        let next = keys.next(suite);
        let stranger = keys.sealed(&active(suite, Epoch::FIRST), &next);
        let unknown = Refusal::UnknownKey { origin: id(1), epoch: Epoch::FIRST };
        assert_eq!(keys.checked(&stranger).err(), Some(unknown));
    }
}

/// Promise P9, attacks K2 and K13: what the holder of the current key alone can sign.
#[test]
fn a_rotation_opens_the_commitment_and_carries_the_other_on() {
    for suite in Suite::available() {
        let keys = Keys::new(suite);
        let refused = |to: &ActiveKey, claim: RotationClaim| {
            let bytes = keys.sealed_as((keys.mesh(), id(1)), &keys.current, (to, claim));
            keys.checked(&bytes).err()
        };
        // A key of its own, whatever it says was committed to.
        let own = active(suite, keys.next_epoch());
        assert_eq!(refused(&own, keys.claim(&own)), Some(Refusal::Commitment));
        let opens = NextKeys::of([own.key.public_key()]);
        let claim = RotationClaim { opens, ..keys.claim(&own) };
        assert_eq!(refused(&own, claim), Some(Refusal::Commitment));
        // The true key, and not all that was committed to, or in another order of things.
        let next = keys.next(suite);
        let claim = RotationClaim { opens, ..keys.claim(&next) };
        assert_eq!(refused(&next, claim), Some(Refusal::Commitment));
        // All that is on the host, and another recovery key.
        for recovery in [own.key.public_key().digest(), NextKeys::NONE] {
            let to = KeyRecord { recovery, ..record(&next) };
            let claim = RotationClaim { to, ..keys.claim(&next) };
            assert_eq!(refused(&next, claim), Some(Refusal::RecoveryReplaced));
        }
        assert_eq!(refused(&next, keys.claim(&next)), None);
    }
}

/// A member that commits to nothing has the key that it has.
#[test]
fn nothing_follows_a_key_without_a_commitment() {
    for suite in Suite::available() {
        let [current, next] =
            [Epoch::FIRST, Epoch { recovery: 0, operational: 1 }].map(|epoch| active(suite, epoch));
        let member = Member::new(id(1), "x", current.key.public_key().clone());
        let view = View::genesis(vec![member]).unwrap();
        let keys =
            Keys { current, candidates: Vec::new(), directory: Directory::new(Arc::new(view), 4) };
        let to = KeyRecord { recovery: NextKeys::NONE, ..record(&next) };
        for opens in [NextKeys::of([]), NextKeys::of([next.key.public_key()])] {
            let claim = RotationClaim { to: to.clone(), opens, ..keys.claim(&next) };
            let bytes = keys.sealed_as((keys.mesh(), id(1)), &keys.current, (&next, claim));
            assert_eq!(keys.checked(&bytes).err(), Some(Refusal::Commitment));
        }
    }
}

#[test]
fn both_keys_must_have_signed_this_very_claim() {
    for suite in Suite::available() {
        let keys = Keys::new(suite);
        let [next, other] = [keys.next(suite), active(suite, keys.next_epoch())];
        let good = keys.sealed(&keys.current, &next);
        let signature_at = good.len() - suite.signature_len();
        // Anywhere in what the old key signed: the new epoch, the new key, the closing nonce, the
        // proof of possession.
        let inside = [200, 1000, 2100, 2400].into_iter().filter(|at| *at < signature_at);
        for at in inside.chain([signature_at - 1, signature_at, good.len() - 1]) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(keys.checked(&bad).is_err(), "{at}");
        }
        // Possession shown with another key than the one that is introduced.
        let impostor = ActiveKey { epoch: next.epoch, key: clone_of(&other.key) };
        let lent = sealed_with_possession_of(&keys, &next, &impostor);
        assert_eq!(keys.checked(&lent).err(), Some(Refusal::BadSignature));
        assert!(keys.checked(&good).is_ok());
    }
}

#[test]
fn a_possession_cannot_be_lent_to_another_member_or_mesh() {
    for suite in Suite::available() {
        let keys = Keys::new(suite);
        let next = keys.next(suite);
        for (mesh, node) in [(mesh(), id(1)), (keys.mesh(), id(2))] {
            let to = (&next, keys.claim(&next));
            let elsewhere = keys.sealed_as((mesh, node), &keys.current, to);
            let lent = with_possession_from(&keys, &elsewhere);
            assert_eq!(keys.checked(&lent).err(), Some(Refusal::BadSignature));
        }
        let own = with_possession_from(&keys, &keys.sealed(&keys.current, &next));
        assert!(keys.checked(&own).is_ok());
    }
}

#[test]
fn nothing_may_follow_a_rotation() {
    for suite in Suite::available() {
        let keys = Keys::new(suite);
        let next = keys.next(suite);
        let bytes = [keys.sealed(&keys.current, &next), vec![0; 2]].concat();
        let trailing = Refusal::Malformed(WireError::Trailing { extra: 2 });
        assert_eq!(keys.checked(&bytes).err(), Some(trailing));
    }
}

fn clone_of(key: &SigningKey) -> SigningKey {
    SigningKey::from_secret_bytes(key.suite(), &key.to_secret_bytes()).unwrap()
}

/// A rotation to `next` that shows possession of `shown` instead, signed by the current key.
fn sealed_with_possession_of(keys: &Keys, next: &ActiveKey, shown: &ActiveKey) -> Vec<u8> {
    let good = keys.sealed(&keys.current, next);
    let name = (keys.mesh(), id(1));
    let other = keys.sealed_as(name, &keys.current, (shown, keys.claim(next)));
    resealed(keys, &good, &other)
}

/// The claim of `elsewhere`, signed anew by the current key in this mesh, with the possession that
/// `elsewhere` carries.
fn with_possession_from(keys: &Keys, elsewhere: &[u8]) -> Vec<u8> {
    resealed(keys, elsewhere, elsewhere)
}

/// The claim of one statement beside the possession of another. The possession is the end of the
/// content, as long as a signature.
fn resealed(keys: &Keys, claim: &[u8], possession: &[u8]) -> Vec<u8> {
    let content = |bytes: &[u8]| {
        let Ok(Packet::Statement(read)) = Packet::parse(bytes) else { panic!("a statement") };
        read.content().to_vec()
    };
    let (claim, possession) = (content(claim), content(possession));
    let at = claim.len() - keys.current.key.suite().signature_len();
    let content = [&claim[..at], &possession[at..]].concat();
    let (from, key) = (&keys.current, &keys.current.key);
    let head = crate::wire::StatementHead::new(keys.mesh(), id(1), from.epoch, key.public_key());
    crate::wire::seal_statement(crate::wire::Tag::Rotation, &head, &content, key, &OsEntropy)
        .unwrap()
}
