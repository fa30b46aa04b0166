//! From one key to the next: on the side that rotates, and on the side that hears of it.

use super::*;
use crate::id::Nonce;
use crate::membership::{KeyRecord, MemberIndex, RotatedKey};
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
        let rotation = ring.prepare_rotation(suite, &OsEntropy).unwrap();
        assert_eq!(rotation.epoch(), Epoch { recovery: 0, operational: 1 });
        let pending = ring.prepare_rotation(suite, &OsEntropy);
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
            let rotation = ring.prepare_rotation(suite, &OsEntropy).unwrap();
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
        drop(ring.prepare_rotation(suite, &OsEntropy).unwrap());
        ring.abandon_rotation();
        assert!(Arc::ptr_eq(&ring.active(), &old) && ring.rotations().is_empty());
        assert_eq!(ring.prepare_rotation(suite, &OsEntropy).unwrap().epoch().operational, 1);
    }
}

#[test]
fn nothing_is_signed_beyond_the_closing_nonce() {
    for suite in Suite::available() {
        let rate = Rate { per_second: 10, burst: 5 };
        let ring = ring(&store_with_identity(suite), rate);
        let rotation = ring.prepare_rotation(suite, &OsEntropy).unwrap();
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
        let refused = ring.prepare_rotation(to, &OsEntropy);
        let Err(Error::Misuse(Misuse::Downgrade { from, .. })) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(from, suite);
        assert!(ring.prepare_rotation(suite, &OsEntropy).is_ok(), "the refusal left no trace");

        let keys = Keys::new(suite);
        let weak = active(to, keys.next_epoch());
        let bytes = keys.sealed(&keys.current, &weak);
        assert_eq!(keys.checked(&bytes).err(), Some(Refusal::RotationOrder));
    }
}

/// Two members, the first of which rotates.
struct Keys {
    current: ActiveKey,
    directory: Directory,
}

fn active(suite: Suite, epoch: Epoch) -> ActiveKey {
    ActiveKey { epoch, key: SigningKey::generate(suite, &OsEntropy).unwrap() }
}

fn record(of: &ActiveKey) -> KeyRecord {
    KeyRecord { epoch: of.epoch, key: of.key.public_key().clone() }
}

impl Keys {
    const ONE: MemberIndex = MemberIndex(0);

    fn new(suite: Suite) -> Self {
        let [current, other] = [(); 2].map(|()| active(suite, Epoch::FIRST));
        let members = [(1, &current), (2, &other)]
            .map(|(seed, of)| Member::new(id(seed), "x", of.key.public_key().clone()));
        let view = View::genesis(members.into()).unwrap();
        Self { current, directory: Directory::new(Arc::new(view), 4) }
    }

    fn next_epoch(&self) -> Epoch {
        self.current.epoch.next_operational().unwrap()
    }

    fn mesh(&self) -> MeshId {
        self.directory.view().mesh()
    }

    fn sealed(&self, from: &ActiveKey, to: &ActiveKey) -> Vec<u8> {
        seal_rotation((self.mesh(), id(1)), from, to, CLOSING, &OsEntropy).unwrap()
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
        let next = active(suite, keys.next_epoch());
        let bytes = keys.sealed(&keys.current, &next);
        let claim = keys.checked(&bytes).unwrap();
        assert_eq!(claim, RotationClaim { to: record(&next), closing: CLOSING });

        let rotated = RotatedKey { to: claim.to, closing: CLOSING, grace_until: NOW.after(10) };
        assert!(keys.directory.rotate(Keys::ONE, Epoch::FIRST, rotated));
        assert_eq!(keys.checked(&bytes).err(), Some(Refusal::Duplicate));
        // A second rotation from the same key, within its grace period.
        let second = keys.sealed(&keys.current, &active(suite, keys.next_epoch()));
        assert_eq!(keys.checked(&second).err(), Some(Refusal::RotationOrder));
    }
}

#[test]
fn a_rotation_leads_from_the_current_key_to_the_next_epoch() {
    for suite in Suite::available() {
        let keys = Keys::new(suite);
        let epoch = |recovery, operational| Epoch { recovery, operational };
        for wrong in [epoch(0, 0), epoch(0, 2), epoch(1, 0), epoch(1, 1), epoch(0, u32::MAX)] {
            let bytes = keys.sealed(&keys.current, &active(suite, wrong));
            assert_eq!(keys.checked(&bytes).err(), Some(Refusal::RotationOrder), "{wrong}");
        }
        let next = active(suite, keys.next_epoch());
        let stranger = keys.sealed(&active(suite, Epoch::FIRST), &next);
        let unknown = Refusal::UnknownKey { origin: id(1), epoch: Epoch::FIRST };
        assert_eq!(keys.checked(&stranger).err(), Some(unknown));
    }
}

#[test]
fn both_keys_must_have_signed_this_very_claim() {
    for suite in Suite::available() {
        let keys = Keys::new(suite);
        let [next, other] = [(); 2].map(|()| active(suite, keys.next_epoch()));
        let good = keys.sealed(&keys.current, &next);
        let signature_at = good.len() - suite.signature_len();
        // Anywhere in what the old key signed: the new epoch, the new key, the closing nonce, the
        // proof of possession.
        for at in [200, 1000, 2100, 2400, signature_at - 1, signature_at, good.len() - 1] {
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
        let next = active(suite, keys.next_epoch());
        for (mesh, node) in [(mesh(), id(1)), (keys.mesh(), id(2))] {
            let elsewhere =
                seal_rotation((mesh, node), &keys.current, &next, CLOSING, &OsEntropy).unwrap();
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
        let next = active(suite, keys.next_epoch());
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
    let other = keys.sealed(&keys.current, shown);
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
