//! What a link may cost, and who waits in quarantine.

use super::*;

fn claimed(id: u64) -> Link {
    Link::Claimed(LinkId(id))
}

#[test]
fn claimed_links_share_one_budget_and_a_proven_link_has_its_own() {
    for suite in Suite::available() {
        let three = Rate { per_second: 1, burst: 3 };
        let config = GossipConfig { claimed_checks: three, link_checks: three, ..plenty() };
        let mesh = Mesh::new(suite, config);
        let good: Vec<_> = (1..=9).map(|sequence| mesh.frame(sequence)).collect();
        let mut good = good.iter();
        let mut take = |link, now| mesh.take_over(link, good.next().unwrap(), now).err();
        for link in [claimed(1), claimed(2), claimed(1)] {
            assert_eq!(take(link, NOW), None);
        }
        for link in [claimed(1), claimed(3)] {
            assert_eq!(take(link, NOW), Some(Refusal::CheckBudget));
        }
        // The same handle, vouched for by the transport.
        assert_eq!(take(Link::Proven(LinkId(1)), NOW), None);
        assert_eq!(take(claimed(4), NOW.after(1_000)), None);
    }
}

#[test]
fn packets_are_counted_before_anything_is_looked_up() {
    for suite in Suite::available() {
        let one = Rate { per_second: 1, burst: 1 };
        let mesh =
            Mesh::new(suite, GossipConfig { link_packets: one, origin_rate: one, ..plenty() });
        // Twice what four members may send at once, which an honest neighbour may all pass on.
        for _ in 0..8 {
            assert!(matches!(mesh.refusal(b"junk"), Some(Refusal::NotUnderstood(_))));
        }
        let good = mesh.frame(1);
        assert_eq!(mesh.refusal(b"junk"), Some(Refusal::LinkBudget));
        assert_eq!(mesh.refusal(&good), Some(Refusal::LinkBudget));
        assert!(mesh.take_over(OTHER_LINK, &good, NOW).is_ok());
    }
}

#[test]
fn a_member_in_quarantine_shows_life_by_one_beacon_in_an_interval() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let interval = plenty().quarantine_beacon_ms;
        mesh.quarantine_the_sender();
        let quarantined = Some(Refusal::OriginQuarantined);
        assert_eq!(mesh.refusal(&mesh.frame(1)), quarantined);
        // A forged beacon does not take the place of the true one.
        assert_eq!(mesh.refusal(&with_bad_signature(mesh.beacon(2))), Some(Refusal::BadSignature));
        let beacon = mesh.beacon(2);
        let admitted = mesh.take(&beacon).unwrap();
        assert_eq!((admitted.member, admitted.message), (SENDER, None));
        assert_eq!(mesh.refusal(&mesh.beacon(3)), quarantined);
        let later = |sequence, on| {
            mesh.take_over(LINK, &mesh.beacon(sequence), NOW.after(on)).map(|_| ()).err()
        };
        assert_eq!(later(3, interval - 1), quarantined);
        assert_eq!(later(3, interval), None);
        // The others are not touched by it.
        let own = mesh.senders[1].active();
        let header = Header { origin: id(3), ..mesh.header(1) };
        let bytes = seal_frame(header, b"", &own.key, &OsEntropy).unwrap();
        assert!(mesh.take(&bytes).unwrap().message.is_some());
    }
}

#[test]
fn a_header_that_is_over_the_rate_counts_once() {
    for suite in Suite::available() {
        let origin_rate = Rate { per_second: 10, burst: 5 };
        let mesh = Mesh::new(suite, GossipConfig { origin_rate, ..plenty() });
        let at = |sequence, sent_at| {
            mesh.sealed(Header { sent_at: SentAt(sent_at), ..mesh.header(sequence) }, b"")
        };
        assert!(mesh.take(&at(1, 0)).is_ok());
        assert!(mesh.take(&at(6, 0)).is_ok(), "a burst later at the same time");
        let excess = at(8, 0);
        assert_eq!(mesh.refusal(&excess), Some(Refusal::OverRate));
        assert_eq!(mesh.refusal(&excess), Some(Refusal::Duplicate));
        assert!(mesh.take(&at(9, 100)).is_ok());
    }
}

#[test]
fn frames_dated_ahead_are_shed_and_taken_later() {
    for suite in Suite::available() {
        let origin_rate = Rate { per_second: 1, burst: 2 };
        let mesh = Mesh::new(suite, GossipConfig { origin_rate, ..plenty() });
        // A message a second, all at once: each is a second ahead of the one before.
        let ahead: Vec<_> = (1..=150).map(|sequence| mesh.frame(sequence)).collect();
        let (taken, shed): (Vec<_>, Vec<_>) =
            ahead.iter().partition(|bytes| mesh.take(bytes).is_ok());
        assert_eq!(taken.len(), 1 + 128, "64 bursts");
        assert_eq!(mesh.refusal(shed[0]), Some(Refusal::OriginRate));
        let later = NOW.after(1_000);
        let shed: Vec<_> =
            shed.into_iter().filter(|b| mesh.take_over(OTHER_LINK, b, later).is_err()).collect();
        assert_eq!(shed.len(), 150 - 1 - 128 - 4, "one for the second, and three more");
        // Held back, they are free, whatever their order.
        let later = NOW.after(150_000);
        assert!(shed.iter().rev().all(|bytes| mesh.take_over(LINK, bytes, later).is_ok()));
    }
}
