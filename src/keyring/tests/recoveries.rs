//! Taking an identity back, and the secrets that are handed out for it.

use super::*;
use crate::membership::MemberIndex;
use crate::wire::{Packet, Refusal};

fn created(store: &dyn Store, suite: Suite) -> (Identity, RecoveryKey) {
    let mut made = Identity::create(store, id(1), suite, &OsEntropy).unwrap();
    let recovery = made.recovery_key().unwrap();
    assert!(made.recovery_key().is_none(), "it is handed out once");
    (made, recovery)
}

fn recovered(store: &dyn Store, mesh: MeshId, with: &RecoveryKey) -> (Identity, RecoveryKey) {
    let suite = with.public_key().suite();
    let mut made = Identity::recover(store, mesh, with, [], suite, &OsEntropy).unwrap();
    let recovery = made.recovery_key().unwrap();
    (made, recovery)
}

fn view_of(identity: &Identity) -> Arc<View> {
    Arc::new(View::genesis(vec![identity.member("x")]).unwrap())
}

fn follow(directory: &Directory, statement: &[u8]) -> Result<(), Refusal> {
    let Ok(Packet::Statement(read)) = Packet::parse(statement) else { panic!("a statement") };
    let change = KeyChange::screen(&read, directory, MemberIndex(0), NOW)?.verify(directory)?;
    assert!(change.apply(directory, (MemberIndex(0), read.head().epoch), NOW));
    Ok(())
}

/// Whether a secret is somewhere in a store.
fn holds(store: &dyn Store, secret: &[u8]) -> bool {
    let tables = Table::ALL.iter().flat_map(|table| store.scan(*table).unwrap());
    tables.into_iter().any(|(_, value)| value.windows(32).any(|part| part == &secret[..32]))
}

/// Promise P9, attack K13: the recovery key is in no store, nor in what is written of it.
#[test]
fn the_recovery_key_is_handed_out_once_and_is_not_stored() {
    for suite in Suite::available() {
        let store = MemoryStore::new();
        let (made, recovery) = created(&store, suite);
        let secret = recovery.key.to_secret_bytes();
        assert!(
            holds(&store, &made.active.key.to_secret_bytes()),
            "the search finds what is there"
        );
        assert!(!holds(&store, &secret));
        assert_eq!(made.member("x").key.recovery, recovery.public_key().digest());
        let ring = ring(&store, FAST);
        let rotation = ring.prepare_rotation(suite, false, &OsEntropy).unwrap();
        store.apply(&rotation.batch).unwrap();
        assert!(!holds(&store, &secret));
        assert!(Identity::load(&store).unwrap().recovery_key().is_none());

        let bytes = recovery.to_secret_bytes().unwrap();
        let back = RecoveryKey::from_secret_bytes(&bytes).unwrap();
        assert_eq!((back.node(), back.count()), (id(1), 0));
        assert_eq!(back.public_key(), recovery.public_key());
        assert!(RecoveryKey::from_secret_bytes(&bytes[1..]).is_err());
        let hex = |bytes: &[u8]| format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
        let shown = format!("{back:?} {made:?}");
        assert!(!shown.contains(&hex(&secret[..8])), "{shown}");
    }
}

/// Promise P9: a recovery onto an empty disk begins at the first boot, of a key that has signed nothing.
#[test]
fn an_identity_is_taken_back_onto_an_empty_disk() {
    for suite in Suite::available() {
        let (lost, fresh) = (MemoryStore::new(), MemoryStore::new());
        let (made, recovery) = created(&lost, suite);
        let view = view_of(&made);
        for _ in 0..3 {
            let before = ring(&lost, FAST);
            assert!(before.draw(NOW).is_ok());
        }
        let (back, next) = recovered(&fresh, view.mesh(), &recovery);
        assert_eq!(back.record.epoch, Epoch { recovery: 1, operational: 0 });
        assert_ne!(back.record.key, made.record.key);
        assert_eq!((next.count(), back.record.recovery), (1, next.public_key().digest()));
        let directory = Directory::new(Arc::clone(&view), 4);
        follow(&directory, &back.rotations()[0]).unwrap();
        assert_eq!(*directory.current(MemberIndex(0)).unwrap(), back.record);

        let again = ring(&fresh, FAST);
        let ticket = again.draw(NOW).unwrap();
        assert_eq!((ticket.nonce.boot, ticket.key.epoch), (1, back.record.epoch));
        assert_eq!(again.record(), back.record);
        assert_eq!(again.rotations(), back.rotations());
    }
}

/// The disk is still there, and what it knows goes on: its boots, its rotations.
#[test]
fn an_identity_is_taken_back_onto_its_own_disk_and_no_other() {
    for suite in Suite::available() {
        let store = MemoryStore::new();
        let (made, recovery) = created(&store, suite);
        let mesh = view_of(&made).mesh();
        let before = Keyring::start(made, &store, mesh, FAST, NOW).unwrap();
        let rotation = before.prepare_rotation(suite, false, &OsEntropy).unwrap();
        store.apply(&rotation.batch).unwrap();
        let (back, next) = recovered(&store, mesh, &recovery);
        let epochs = [Epoch { recovery: 0, operational: 1 }, Epoch { recovery: 1, operational: 0 }];
        assert_eq!(back.rotations().len(), epochs.len());
        assert_eq!(ring(&store, FAST).boot(), 2);
        // Once more, with the next key, onto an empty disk that is told what was before.
        let fresh = MemoryStore::new();
        let known = back.rotations().iter().map(AsRef::as_ref);
        let twice = Identity::recover(&fresh, mesh, &next, known, suite, &OsEntropy).unwrap();
        assert_eq!(twice.rotations().len(), 3);
        assert_eq!(twice.record.epoch.recovery, 2);

        let other = MemoryStore::new();
        Identity::create(&other, id(2), suite, &OsEntropy).unwrap();
        let refused = Identity::recover(&other, mesh, &next, [], suite, &OsEntropy);
        let Err(Error::Misuse(Misuse::IdentityExists(found))) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(found, id(2));
    }
}

#[test]
fn a_recovery_does_not_go_back_to_a_weaker_suite() {
    for suite in Suite::available() {
        let Some(weak) = Suite::available().find(|other| *other < suite) else { continue };
        let (_, recovery) = created(&MemoryStore::new(), suite);
        let store = MemoryStore::new();
        let refused = Identity::recover(&store, mesh(), &recovery, [], weak, &OsEntropy);
        assert!(matches!(refused, Err(Error::Misuse(Misuse::Downgrade { .. }))), "{refused:?}");
        assert!(matches!(Identity::load(&store), Err(Error::Misuse(Misuse::NoIdentity))));
    }
}

/// All that a backup has to hold of an identity comes back the same.
#[test]
fn an_identity_survives_as_bytes() {
    for suite in Suite::available() {
        let (made, _) = created(&MemoryStore::new(), suite);
        let bytes = made.to_secret_bytes().unwrap();
        let back = Identity::from_secret_bytes(&bytes).unwrap();
        assert_eq!((back.node(), &back.record), (id(1), &made.record));
        for suite in Suite::available() {
            let [one, other] = [&made, &back].map(|of| of.next.copy(suite).unwrap());
            assert_eq!(*one.to_secret_bytes(), *other.to_secret_bytes());
        }
        for cut in [0, 31, bytes.len() - 1] {
            assert!(Identity::from_secret_bytes(&bytes[..cut]).is_err());
        }
        // A record that does not belong to the keys.
        let (other, _) = created(&MemoryStore::new(), suite);
        let mixed = Identity { record: other.record, ..made };
        assert!(Identity::from_secret_bytes(&mixed.to_secret_bytes().unwrap()).is_err());
    }
}

/// Promise P9: a rotation of a key that is in other hands ends it where it stands.
#[test]
fn a_compromised_key_signs_nothing_more() {
    for suite in Suite::available() {
        let store = MemoryStore::new();
        let (made, _) = created(&store, suite);
        let view = view_of(&made);
        let ring = Keyring::start(made, &store, view.mesh(), FAST, NOW).unwrap();
        let last = ring.draw(NOW).unwrap().nonce;
        let rotation = ring.prepare_rotation(suite, true, &OsEntropy).unwrap();
        assert_eq!(rotation.closing, last);
        assert_eq!(ring.draw(NOW).unwrap_err(), Misuse::RotationPending);
        let directory = Directory::new(view, 4);
        let before = directory.current(MemberIndex(0)).unwrap();
        follow(&directory, &rotation.statement).unwrap();
        let name = (before.epoch, before.key.digest(), before.key.suite());
        assert!(directory.key(MemberIndex(0), name, Millis(0)).is_none(), "no grace at all");
        ring.commit_rotation(rotation);
        assert!(ring.draw(NOW).is_ok());
    }
}
