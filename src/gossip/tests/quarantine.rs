//! A quarantine that begins between the screening of a frame and its commit.

use super::*;

/// Promise P10: of two beacons of a member in quarantine that were both screened in time, one shows
/// life; the other may be taken once the interval is over.
#[test]
fn of_two_beacons_in_one_interval_one_shows_life() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        mesh.quarantine_the_sender();
        let (first, second) = (mesh.beacon(1), mesh.beacon(2));
        let verified = |bytes| mesh.receiver.screen(LINK, bytes, NOW).unwrap().verify().unwrap();
        let (one, other) = (verified(&first), verified(&second));
        assert_eq!(mesh.receiver.commit(one, NOW).unwrap().message, None);
        let refused = mesh.receiver.commit(other, NOW).unwrap_err().refusal;
        assert_eq!(refused, Refusal::OriginQuarantined);

        let later = NOW.after(mesh.receiver.config.quarantine_beacon_ms);
        let admitted = mesh.take_over(LINK, &second, later).unwrap();
        assert_eq!(admitted.message, None, "its nonce was not spent");
    }
}

/// Promise P10: what is no beacon is refused at the commit, too; it shows no life and leaves no mark.
#[test]
fn what_is_no_beacon_waits_for_the_end_of_the_quarantine() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let (update, beacon) = (mesh.frame(1), mesh.beacon(2));
        let verified = mesh.receiver.screen(LINK, &update, NOW).unwrap().verify().unwrap();
        mesh.quarantine_the_sender();
        let refused = mesh.receiver.commit(verified, NOW).unwrap_err().refusal;
        assert_eq!(refused, Refusal::OriginQuarantined);
        assert!(mesh.take(&beacon).is_ok(), "no sign of life came before it");

        let end = mesh.ledgers.members.quarantine_ends(&id(2), NOW).unwrap();
        assert!(mesh.take_over(LINK, &update, end).unwrap().message.is_some());
    }
}

/// What was taken before the quarantine is still told from what is refused for it.
#[test]
fn a_copy_is_a_duplicate_in_quarantine_too() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let bytes = mesh.frame(1);
        let verified = || mesh.receiver.screen(LINK, &bytes, NOW).unwrap().verify().unwrap();
        let (one, other) = (verified(), verified());
        assert!(mesh.receiver.commit(one, NOW).is_ok());
        mesh.quarantine_the_sender();
        assert_eq!(mesh.receiver.commit(other, NOW).unwrap_err().refusal, Refusal::Duplicate);
    }
}
