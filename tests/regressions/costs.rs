//! Who pays for what, and who does not.

use meshward::gossip::GossipConfig;
use meshward::limit::Rate;
use meshward::membership::ViewError;
use meshward::reputation::Reputation;
use meshward::wire::{Container, Header, Tag};
use meshward::{Accepted, Config, Kind, Nonce, Refusal, SentAt, Suite, View};

use crate::support::{Mesh, certificate, failure, id, link};
use crate::{STRANGER, link_quarantined, proposal};

const ONE: Rate = Rate { per_second: 1, burst: 1 };

fn gossip(gossip: GossipConfig) -> Config {
    Config { gossip, ..Config::default() }
}

/// P10, P5: a member whose signed clock runs a thousand times too fast keeps to its rate by that
/// clock. Beyond 64 bursts ahead its frames are shed here; nobody pays, and later they may be taken.
#[test]
fn a_clock_that_runs_fast_gets_64_bursts() {
    for suite in Suite::available() {
        let origin_rate = Rate { per_second: 10, burst: 1 };
        let config = gossip(GossipConfig { origin_rate, ..GossipConfig::default() });
        let mut mesh = Mesh::with(suite, 4, config);
        let fast = mesh.steal(3);
        let frames: Vec<_> = (1..=75)
            .map(|sequence| {
                let header = fast.header(Kind::RouteUpdate, Nonce { boot: 1, sequence });
                let sent_at = SentAt(u64::from(sequence) * 1_000);
                fast.frame(Header { sent_at, ..header }, b"")
            })
            .collect();
        let shed: Vec<_> =
            frames.iter().filter(|frame| mesh.give(0, link(1), frame).is_err()).collect();
        assert_eq!(shed.len(), 10, "{suite}");
        for frame in &shed {
            assert_eq!(mesh.give(0, link(1), frame).unwrap_err(), Refusal::OriginRate);
        }
        assert_eq!(mesh.guard(0).core().reputation(&id(3), mesh.now), Reputation::FULL);
        assert_eq!(mesh.nodes[0].host.count(link_quarantined), 0);
        // Others are not shed for it, and it gets its share.
        let other = mesh.beacon(2);
        mesh.give(0, link(1), &other).unwrap();
        mesh.now = mesh.now.after(100);
        let taken = shed.iter().filter(|frame| mesh.give(0, link(1), frame).is_ok()).count();
        assert_eq!(taken, 3, "{suite}: thirty a second, besides what its clock is due");
    }
}

/// P3, P10: a relay holds back what an honest member sent in four seconds and releases it at once:
/// the member pays nothing, nothing is shed, and its next beacon is delivered.
#[test]
fn a_burst_that_was_held_back_costs_its_origin_nothing() {
    for suite in Suite::available() {
        let origin_rate = Rate { per_second: 10, burst: 5 };
        let config = gossip(GossipConfig { origin_rate, ..GossipConfig::default() });
        let mut mesh = Mesh::with(suite, 4, config);
        let held: Vec<_> = (0..40)
            .map(|_| {
                mesh.now = mesh.now.after(100);
                mesh.beacon(3)
            })
            .collect();
        for beacon in held.iter().rev() {
            mesh.give(0, link(1), beacon).unwrap();
        }
        assert_eq!(mesh.guard(0).stats(mesh.now).delivered, 40);
        mesh.now = mesh.now.after(100);
        let next = mesh.beacon(3);
        let taken = mesh.give(0, link(1), &next);
        assert!(matches!(taken, Ok(Accepted::Message(_))), "{suite}: {taken:?}");
        assert_eq!(mesh.guard(0).core().reputation(&id(3), mesh.now), Reputation::FULL);
        assert_eq!(mesh.nodes[0].host.count(link_quarantined), 0);
    }
}

/// P4: an honest neighbour passes on more true frames than are checked, for a minute. It is never in
/// quarantine for that.
#[test]
fn an_honest_relay_may_bring_more_than_is_checked() {
    let suite = Suite::available().next().unwrap();
    let mut mesh =
        Mesh::with(suite, 4, gossip(GossipConfig { link_checks: ONE, ..GossipConfig::default() }));
    // One more is checked each second, so some are left until the end.
    let origins = [mesh.steal(2), mesh.steal(3)];
    let said = |sequence| {
        let nonce = Nonce { boot: 1, sequence };
        origins.iter().map(move |origin| origin.beacon(nonce, b""))
    };
    let frames: Vec<_> = (1..=35).flat_map(said).collect();
    let mut over_budget = 0;
    for second in 0..60 {
        mesh.now = mesh.now.after(1000);
        for number in 0..2_000 {
            match mesh.give(0, link(1), &frames[number % frames.len()]) {
                Ok(_) | Err(Refusal::Duplicate) => {}
                Err(Refusal::CheckBudget) => over_budget += 1,
                other => panic!("second {second}: {other:?}"),
            }
        }
    }
    assert!(over_budget > 10_000, "{over_budget}");
    assert_eq!(mesh.nodes[0].host.count(link_quarantined), 0);
    assert!(mesh.guard(0).should_accept_message(link(1), &id(2), Kind::RouteUpdate, mesh.now));
}

/// P6, P7: a certificate is taken whatever budget of checks is set: its burst is at least a quorum.
#[test]
fn a_certificate_fits_the_smallest_budget() {
    for suite in Suite::available() {
        let config =
            GossipConfig { link_checks: ONE, claimed_checks: ONE, ..GossipConfig::default() };
        let mesh = Mesh::with(suite, 7, gossip(config));
        let event = proposal(1, 1);
        let votes: Vec<_> = (0..5).map(|of| (of, mesh.steal(of as usize).attest(&event))).collect();
        let made = certificate(&mesh.view, &votes);
        for (at, link) in [(5, link(1)), (6, STRANGER)] {
            let taken = mesh.give(at, link, &made);
            assert!(matches!(taken, Ok(Accepted::Certificate(_))), "{suite}: {taken:?}");
        }
    }
}

/// P4: what a later release may write is not understood, and costs a proven link nothing. Bytes that
/// mean nothing still do.
#[test]
fn values_of_later_releases_cost_a_link_nothing() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let (frame, vote) = (mesh.beacon(3), mesh.steal(3).attest(&failure(1, None)));
        let with = |bytes: &[u8], at: usize, value: u8| {
            let mut changed = bytes.to_vec();
            changed[at] = value;
            changed
        };
        let suite_at = 2 + 32;
        let kind_at = suite_at + 1 + 8 + 32 + 8 + 32 + 8 + 8;
        let event_at = suite_at + 1 + 32 + 8 + 32 + 4 + 32 + 8;
        let later = [
            with(&frame, 0, 2),
            with(&frame, 1, 200),
            with(&frame, suite_at, 3),
            with(&frame, kind_at, 6),
            with(&vote, suite_at, 3),
            with(&vote, event_at, 9),
        ];
        for _ in 0..50 {
            for (number, bytes) in later.iter().enumerate() {
                let refusal = mesh.give(0, link(1), bytes).unwrap_err();
                assert_eq!(refusal.reason(), "not_understood", "{suite}, {number}: {refusal}");
            }
        }
        assert_eq!(mesh.nodes[0].host.count(link_quarantined), 0);
        let garbage = [
            frame[..frame.len() - 1].to_vec(),
            frame[..100].to_vec(),
            vote[..vote.len() - 1].to_vec(),
            [frame.as_slice(), &[0]].concat(),
            // The discriminant of a mark that may be there or not.
            with(&vote, event_at + 4 + 32, 9),
        ];
        for (number, bytes) in garbage.iter().enumerate() {
            let refusal = mesh.give(0, link(1), bytes).unwrap_err();
            assert_eq!(refusal.reason(), "malformed", "{suite}, {number}: {refusal}");
        }
        for bytes in &garbage {
            mesh.give(0, link(1), bytes).unwrap_err();
        }
        assert_eq!(mesh.nodes[0].host.count(link_quarantined), 1);
        mesh.give(0, link(3), &frame).unwrap();
        mesh.give(0, link(3), &vote).unwrap();
    }
}

/// P6: a later view says which one it follows, and the first follows none.
#[test]
fn a_view_with_another_number_is_refused() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 2);
        let mut bytes = mesh.view.to_bytes().unwrap();
        assert_eq!(View::from_bytes(&bytes).unwrap().mesh(), mesh.view.mesh());
        bytes[0] = 1;
        let error = View::from_bytes(&bytes).unwrap_err();
        assert!(matches!(error, ViewError::Ancestry(number) if number.0 == 1), "{error}");
    }
}

/// A neighbour that is in a larger view passes on certificates that are too long for the view here. It was
/// charged for each as for garbage, and shut out for it, with the step that leads to its view.
#[test]
fn a_certificate_of_a_larger_view_costs_who_brings_it_nothing() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let of_many = Container::to_bytes(Tag::Certificate, mesh.view.mesh(), &[7; 40_000]);
        for _ in 0..10 {
            let refusal = mesh.give(0, link(1), &of_many).unwrap_err();
            assert!(matches!(refusal, Refusal::NotUnderstood(_)), "{suite}: {refusal}");
        }
        let reputation = mesh.guard(0).core().link_reputation(link(1).id(), mesh.now);
        assert_eq!(reputation, Reputation::FULL, "{suite}");
    }
}
