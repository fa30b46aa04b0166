//! Frames around a change of keys, and whose headers are kept.

use super::*;

/// A frame under `key`, the key of the epoch that is so many rotations from the first.
fn under(mesh: &Mesh, (key, rotations): (&SigningKey, u32), sequence: u32) -> Vec<u8> {
    let epoch = Epoch { recovery: 0, operational: rotations };
    seal_frame(Header { epoch, ..mesh.header(sequence) }, b"", key, &OsEntropy).unwrap()
}

/// Promise P2: the windows of all keys in force stay, whichever key was heard first.
#[test]
fn windows_of_keys_in_force_stay_in_whatever_order_they_are_heard() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let until = NOW.after(1_000);
        let second = mesh.rotate(300, until);
        // The second key first, then a late frame of the first, then the third key.
        let current = under(&mesh, (&second, 1), 1);
        let previous = mesh.frame(1);
        for bytes in [&current, &previous] {
            assert!(mesh.take(bytes).is_ok());
        }
        let third = mesh.rotate(300, until);
        let next = under(&mesh, (&third, 2), 1);
        assert!(mesh.take(&next).is_ok());
        for bytes in [&current, &next] {
            assert_eq!(mesh.refusal(bytes), Some(Refusal::Duplicate), "it was delivered before");
        }
        let unknown = Refusal::UnknownKey { origin: id(2), epoch: Epoch::FIRST };
        assert_eq!(mesh.refusal(&previous), Some(unknown));
        let fourth = mesh.rotate(300, until);
        assert!(mesh.take(&under(&mesh, (&third, 2), 2)).is_ok(), "late");
        assert!(mesh.take(&under(&mesh, (&fourth, 3), 1)).is_ok());
        assert_eq!(mesh.refusal(&next), Some(Refusal::Duplicate));
    }
}

/// Promise P9: a frame that was screened before the rotation is held to the closing nonce, too.
#[test]
fn the_closing_nonce_is_looked_at_again_in_commit() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let [last, beyond] = [300, 301].map(|sequence| mesh.frame(sequence));
        let verified = |bytes| mesh.receiver.screen(LINK, bytes, NOW).unwrap().verify().unwrap();
        let (last, beyond) = (verified(&last), verified(&beyond));
        mesh.rotate(300, NOW.after(1_000));
        let refused = mesh.receiver.commit(beyond, NOW).unwrap_err().refusal;
        assert_eq!(refused, Refusal::ClosedEpoch);
        assert!(mesh.receiver.commit(last, NOW).is_ok());
    }
}

/// Promise P11: what one member says does not shorten the time for which another is held to its word.
#[test]
fn a_flood_of_one_member_leaves_the_headers_of_another() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, GossipConfig { retained_bytes: 8_000, ..plenty() });
        assert!(mesh.take(&mesh.sealed(mesh.header(1), b"yes")).is_ok());
        let flood = mesh.senders[1].active();
        for sequence in 1..=10 {
            let header = Header { origin: id(3), ..mesh.header(sequence) };
            let bytes = seal_frame(header, b"", &flood.key, &OsEntropy).unwrap();
            assert!(mesh.take(&bytes).is_ok());
        }
        let second = mesh.sealed(mesh.header(1), b"no");
        let refused = mesh.receiver.verify_message(LINK, &second, NOW).unwrap_err();
        assert_eq!(refused.refusal, Refusal::Equivocation);
        assert!(refused.contradiction.is_some());
    }
}
