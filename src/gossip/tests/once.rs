//! Promise P2, once; and what a second content under one nonce leads to.

use super::*;
use crate::wire::SignedHeader;

#[test]
fn used_late_and_stale_nonces() {
    for suite in Suite::available() {
        let window = WindowWidth::new(64).unwrap();
        let mesh = Mesh::new(suite, GossipConfig { window, ..plenty() });
        let [newest, late, oldest, stale] = [100, 60, 37, 36].map(|sequence| mesh.frame(sequence));
        assert!(mesh.take(&newest).is_ok());
        assert!(mesh.take(&late).is_ok(), "reordering within the window");
        assert!(mesh.take(&oldest).is_ok());
        assert_eq!(mesh.refusal(&stale), Some(Refusal::Replay));
        for bytes in [&newest, &late, &oldest] {
            assert_eq!(mesh.refusal(bytes), Some(Refusal::Duplicate));
        }
        let other_boot = |boot| Header { nonce: Nonce { boot, sequence: 1 }, ..mesh.header(1) };
        assert!(mesh.take(&mesh.sealed(other_boot(2), b"")).is_ok());
        assert_eq!(mesh.refusal(&mesh.frame(101)), Some(Refusal::Replay), "an earlier boot");
    }
}

#[test]
fn of_two_verified_copies_the_first_is_taken() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let bytes = mesh.frame(1);
        let verified = || mesh.receiver.screen(LINK, &bytes, NOW).unwrap().verify().unwrap();
        let (one, other) = (verified(), verified());
        assert!(mesh.receiver.commit(one, NOW).is_ok());
        let refused = mesh.receiver.commit(other, NOW).unwrap_err();
        assert_eq!((refused.refusal, refused.origin), (Refusal::Duplicate, Some(id(2))));
    }
}

#[test]
fn of_any_number_of_threads_one_delivers() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let frames: Vec<_> = (1..=20).map(|sequence| mesh.frame(sequence)).collect();
        let all = || frames.iter().filter(|bytes| mesh.take(bytes).is_ok()).count();
        let delivered: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(all)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(delivered, frames.len());
    }
}

#[test]
fn a_key_that_went_between_screen_and_commit_is_looked_up_again() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let bytes = mesh.frame(1);
        let verified = mesh.receiver.screen(LINK, &bytes, NOW).unwrap().verify().unwrap();
        mesh.rotate(300, NOW);
        let refused = mesh.receiver.commit(verified, NOW).unwrap_err().refusal;
        assert_eq!(refused, Refusal::UnknownKey { origin: id(2), epoch: Epoch::FIRST });
    }
}

#[test]
fn two_keys_have_windows_of_their_own() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let old = mesh.frame(5);
        assert!(mesh.take(&old).is_ok());
        let key = mesh.rotate(5, NOW.after(1_000));
        let epoch = Epoch::FIRST.next_operational().unwrap();
        let new = seal_frame(Header { epoch, ..mesh.header(5) }, b"", &key, &OsEntropy).unwrap();
        assert!(mesh.take(&new).is_ok(), "the same number under another key");
        for bytes in [&old, &new] {
            assert_eq!(mesh.refusal(bytes), Some(Refusal::Duplicate));
        }
        assert!(mesh.take(&mesh.frame(4)).is_ok(), "late, within the grace period");
        assert_eq!(mesh.refusal(&mesh.frame(6)), Some(Refusal::ClosedEpoch));
    }
}

fn contradiction(mesh: &Mesh, bytes: &[u8]) -> (Refusal, Option<[Box<[u8]>; 2]>) {
    let refused = mesh.receiver.verify_message(LINK, bytes, NOW).unwrap_err();
    (refused.refusal, refused.contradiction)
}

#[test]
fn a_contradiction_is_found_once_and_shown_by_both_headers() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let said = |body: &[u8]| mesh.sealed(mesh.header(1), body);
        let (first, second, third) = (said(b"yes"), said(b"no"), said(b"perhaps"));
        assert!(mesh.take(&first).is_ok());
        // Somebody else's invention is no contradiction.
        let invented = contradiction(&mesh, &with_bad_signature(second.clone()));
        assert_eq!(invented, (Refusal::BadSignature, None));

        let (refusal, halves) = contradiction(&mesh, &second);
        assert_eq!(refusal, Refusal::Equivocation);
        let header_of = |bytes: &[u8]| SignedHeader::parse(bytes).unwrap().header().clone();
        let halves = halves.unwrap().map(|half| header_of(&half).body);
        assert_eq!(halves, [b"yes".as_slice(), b"no"].map(Header::digest_body));

        let before = mesh.directory.signature_checks();
        for bytes in [&second, &third] {
            assert_eq!(contradiction(&mesh, bytes), (Refusal::Replay, None));
        }
        assert_eq!(mesh.directory.signature_checks(), before, "it is not looked at again");
        assert!(mesh.take(&mesh.frame(2)).is_ok());
    }
}

#[test]
fn what_is_no_longer_retained_cannot_be_proven() {
    for suite in Suite::available() {
        // Room for one signed header, not for two.
        let retained_bytes = 2 * (crate::wire::HEADER_LEN + suite.signature_len()) - 1;
        let mesh = Mesh::new(suite, GossipConfig { retained_bytes, ..plenty() });
        assert!(mesh.take(&mesh.sealed(mesh.header(1), b"yes")).is_ok());
        assert!(mesh.take(&mesh.frame(2)).is_ok());
        let refused = contradiction(&mesh, &mesh.sealed(mesh.header(1), b"no"));
        assert_eq!(refused, (Refusal::Replay, None));
    }
}

/// A hedged signature differs each time, which contradicts nothing.
#[test]
fn the_same_header_signed_twice_is_a_duplicate() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        assert!(mesh.take(&mesh.frame(1)).is_ok());
        assert_eq!(contradiction(&mesh, &mesh.frame(1)), (Refusal::Duplicate, None));
    }
}
