//! A receiver that starts anew: what of a member it takes, before and after the member answered.

use super::super::opening::{Opening, tag_of};
use super::*;
use crate::id::Digest;
use crate::membership::Change;

impl Mesh {
    /// The receiver's process ends and starts again on its store; memory is gone.
    fn restart(&mut self) {
        let mesh = self.directory.view().mesh();
        let identity = Identity::load(&self.store).unwrap();
        let own = Keyring::start(identity, &self.store, mesh, PLENTY, NOW).unwrap();
        let view = Arc::clone(self.directory.view());
        self.directory = Arc::new(Directory::new(view, 8));
        let receiver = SignedGossip::new(
            Arc::clone(&self.directory),
            Arc::new(own),
            Arc::clone(&self.ledgers),
            Arc::new(OsEntropy),
            plenty(),
        );
        self.receiver = receiver.unwrap();
    }

    /// The first sender answers under its key, having numbered its messages up to `sequence`.
    fn answers(&self, sequence: u32) -> bool {
        let key = self.key();
        let named = (key.epoch, key.key.public_key().digest());
        self.receiver.opens(SENDER, named, Nonce { boot: 1, sequence })
    }

    /// The sender goes on under another key, which the receiver knows of.
    fn sender_rotates(&mut self) -> Vec<u8> {
        let suite = self.key().key.suite();
        let rotation = self.senders[0].prepare_rotation(suite, false, &OsEntropy).unwrap();
        let statement = rotation.statement.to_vec();
        self.senders[0].commit_rotation(rotation);
        self.learn(&statement);
        statement
    }

    fn learn(&self, rotation: &[u8]) {
        let Ok(crate::wire::Packet::Statement(statement)) = crate::wire::Packet::parse(rotation)
        else {
            panic!("a rotation is a statement")
        };
        let claim =
            crate::keyring::verify_rotation(&statement, &self.directory, SENDER, NOW).unwrap();
        let grace_until = NOW.after(60_000);
        let rotated = RotatedKey { to: claim.to, closing: claim.closing, grace_until };
        assert!(self.directory.rotate(SENDER, statement.head().epoch, rotated));
    }

    fn shut(&self) -> Vec<u32> {
        self.receiver.unproven().map(|member| member.0).collect()
    }
}

#[test]
fn g11_after_a_restart_nothing_is_taken_before_an_answer_and_nothing_twice_after() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, plenty());
        assert!(mesh.shut().is_empty(), "a first start has no past");
        let old: Vec<_> = (1..5).map(|sequence| mesh.frame(sequence)).collect();
        old.iter().for_each(|frame| drop(mesh.take(frame).unwrap()));
        mesh.restart();
        assert_eq!(mesh.shut(), [1, 2, 3]);
        let checks = mesh.directory.signature_checks();
        let late = mesh.frame(5);
        for frame in old.iter().chain([&late, &mesh.frame(6)]) {
            assert_eq!(mesh.refusal(frame), Some(Refusal::Unproven));
        }
        assert!(mesh.answers(5));
        assert_eq!(mesh.shut(), [2, 3]);
        for frame in old.iter().chain([&late]) {
            assert_eq!(mesh.refusal(frame), Some(Refusal::Replay));
        }
        assert_eq!(mesh.directory.signature_checks(), checks, "{suite}: and costs no check");
        assert!(mesh.take(&mesh.frame(7)).is_ok());
        assert!(mesh.take(&mesh.frame(6)).is_ok(), "reordered as ever");
        assert_eq!(mesh.refusal(&mesh.frame(8)[..9]), mesh.refusal(&late[..9]));
        // Another answer, delayed or a lie, moves nothing.
        assert!(!mesh.answers(0) && !mesh.answers(1_000));
        assert_eq!(mesh.refusal(&late), Some(Refusal::Replay));
        assert!(mesh.take(&mesh.frame(8)).is_ok());
    }
}

/// Beacons of a member in quarantine show that it lives, but not before it has answered.
#[test]
fn g11_quarantine_lets_no_old_beacon_through() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, plenty());
        let old = mesh.beacon(3);
        assert!(mesh.take(&old).is_ok());
        mesh.quarantine_the_sender();
        mesh.restart();
        assert_eq!(mesh.refusal(&old), Some(Refusal::Unproven));
        assert!(mesh.answers(3));
        assert_eq!(mesh.refusal(&old), Some(Refusal::Replay));
        assert!(mesh.take(&mesh.beacon(4)).unwrap().message.is_none());
    }
}

#[test]
fn g11_what_was_screened_before_the_answer_is_looked_at_again() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, plenty());
        let frame = mesh.frame(3);
        mesh.restart();
        let before = mesh.receiver.screen(LINK, &frame, NOW);
        assert_eq!(before.unwrap_err().refusal, Refusal::Unproven);
        assert!(mesh.answers(2));
        let verified = mesh.receiver.screen(LINK, &frame, NOW).unwrap().verify().unwrap();
        assert!(mesh.receiver.commit(verified, NOW).is_ok());
    }
}

/// The member starts anew in the meantime: its boot is higher, so what it says is new; what it said in
/// the boot before it answered in is not.
#[test]
fn g11_an_origin_that_restarts_meanwhile_is_fresh() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, plenty());
        mesh.restart();
        let in_boot = |boot, sequence| {
            let nonce = Nonce { boot, sequence };
            mesh.sealed(Header { nonce, ..mesh.header(sequence) }, b"body")
        };
        assert!(mesh.answers(40));
        assert_eq!(mesh.refusal(&in_boot(0, 900)), Some(Refusal::Replay));
        assert!(mesh.take(&in_boot(2, 1)).is_ok());
        assert_eq!(mesh.refusal(&in_boot(1, 41)), Some(Refusal::Replay), "as ever");
    }
}

/// Keys before the one that the member answered with stay shut, keys after it are fresh.
#[test]
fn g11_an_answer_opens_its_key_and_those_to_come() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, plenty());
        let [first, other] = [1, 2].map(|sequence| mesh.frame(sequence));
        let rotation = mesh.sender_rotates();
        let second = mesh.frame(3);
        for frame in [&first, &second] {
            assert!(mesh.take(frame).is_ok());
        }
        mesh.restart();
        // It is not known here yet how the member came to its key.
        assert!(!mesh.answers(3));
        assert!(matches!(mesh.refusal(&second), Some(Refusal::UnknownKey { .. })));
        mesh.learn(&rotation);
        assert_eq!(mesh.refusal(&second), Some(Refusal::Unproven));
        assert!(mesh.answers(3));
        for frame in [&first, &other] {
            assert_eq!(mesh.refusal(frame), Some(Refusal::Unproven), "{suite}: the key before");
        }
        assert_eq!(mesh.refusal(&second), Some(Refusal::Replay));
        assert!(mesh.take(&mesh.frame(4)).is_ok());
        // It rotates under the receiver's eyes: nothing is lost.
        mesh.sender_rotates();
        assert_eq!(mesh.shut(), [2, 3]);
        assert!(mesh.take(&mesh.frame(5)).is_ok());
        assert!(!mesh.answers(5), "{suite}: there is nothing to open");
        assert!(mesh.take(&mesh.frame(1)).is_ok(), "{suite}: numbers belong to keys");
    }
}

/// Whoever stole a key that was rotated away answers with it: that opens neither the one key nor the
/// other.
#[test]
fn g11_an_answer_under_a_key_before_the_newest_opens_nothing() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, plenty());
        let stolen = mesh.key();
        let first = mesh.frame(1);
        let rotation = mesh.sender_rotates();
        let second = mesh.frame(2);
        mesh.restart();
        mesh.learn(&rotation);
        let named = (stolen.epoch, stolen.key.public_key().digest());
        assert!(!mesh.receiver.opens(SENDER, named, Nonce { boot: 0, sequence: 0 }));
        assert!(!mesh.receiver.opens(SENDER, (mesh.key().epoch, named.1), Nonce::default()));
        for frame in [&first, &second] {
            assert_eq!(mesh.refusal(frame), Some(Refusal::Unproven));
        }
    }
}

/// A member answered under one key, and the quorum then decided for another of the same epoch: of that
/// one nobody knows what was taken before the start.
#[test]
fn g11_another_key_of_the_same_epoch_is_shut() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, plenty());
        let (epoch, key) = (mesh.key().epoch, mesh.key().key.public_key().digest());
        let later = epoch.next_operational().unwrap();
        let other = Digest::from_bytes([9; 32]);
        mesh.restart();
        assert!(mesh.answers(0));
        let opening = mesh.receiver.peers[SENDER.place()].lock().opening;
        assert!(opening.takes(epoch, &key) && opening.takes(later, &other));
        assert!(!opening.takes(epoch, &other), "{suite}");
        let newest = Nonce::default();
        let above = Opening::Above { epoch: later, key: tag_of(&key), newest };
        assert!(!above.takes(epoch, &key), "{suite}");
    }
}

/// Who joins after the start may have been a member before it, in a later view than this node's disk
/// knew of; who stays is remembered.
#[test]
fn g11_who_joins_later_has_to_answer_too() {
    for suite in Suite::available() {
        for restarted in [false, true] {
            let mut mesh = Mesh::new(suite, plenty());
            if restarted {
                mesh.restart();
                assert!(mesh.answers(3));
            }
            let view = mesh.directory.view();
            let key = crate::suite::PublicKey::from_bytes(Suite::MlDsa65, &[7; 1952]).unwrap();
            let joins = Change::of(view).join(crate::membership::Member::new(id(9), "new", key));
            let view = Arc::new(view.changed(&joins, Vec::new()).unwrap());
            let directory = Arc::new(mesh.directory.succeed(view, NOW));
            let next = mesh.receiver.succeed(directory, plenty());
            let shut: Vec<_> = next.unproven().map(|member| member.0).collect();
            assert_eq!(shut, if restarted { vec![2, 3, 4] } else { vec![] }, "{suite}");
        }
    }
}
