//! What the victim signed, kept back and let out at once; and who is really too fast.

use meshward::limit::Rate;
use meshward::reputation::Reputation;
use meshward::wire::{Header, Kind};
use meshward::{
    Accepted, Config, CriticalEvent, Digest, Epoch, Event, GossipConfig, Link, LinkId, Refusal,
    SentAt, Suite,
};

use super::{hostile, nonce};
use crate::support::{Mesh, failure, id, link};

/// An incident a key epoch: each is a matter of its own.
fn incident(operational: u32) -> CriticalEvent {
    let epoch = Epoch { recovery: 0, operational };
    CriticalEvent::SecurityIncident { offender: id(1), epoch, key: Digest::from_bytes([1; 32]) }
}

/// In an order that looks like none: every number below a prime, by steps of another.
fn shuffled(frames: &[Vec<u8>]) -> Vec<&Vec<u8>> {
    (0..frames.len()).map(|place| &frames[place * 1009 % frames.len()]).collect()
}

/// G6, promise P3: a relay holds back 2399 frames of an honest origin, four minutes of them, and lets
/// them out at once: in order, backwards, shuffled; over a proven link and a claimed one. That proves
/// nothing against the origin; it costs nobody anything, the origin's next frames are heard, and what
/// the link's budget shed is still taken from another.
#[test]
fn g06_held_back_burst_costs_nobody() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 5);
        let first = mesh.beacon(0);
        for at in 1..=3 {
            mesh.give(at, link(0), &first).unwrap();
        }
        let held: Vec<_> = (0..2399)
            .map(|_| {
                mesh.now = mesh.now.after(100);
                mesh.beacon(0)
            })
            .collect();
        let orders = [held.iter().collect(), held.iter().rev().collect(), shuffled(&held)];
        let links = [hostile(0), Link::Claimed(LinkId(60_000)), hostile(1)];
        for ((at, over), order) in [1, 2, 3].into_iter().zip(links).zip(orders) {
            mesh.now = mesh.now.after(100);
            mesh.give(at, link(4), &mesh.beacon(4)).unwrap();
            let (mut taken, mut shed) = (0, Vec::new());
            for frame in order {
                match mesh.give(at, over, frame) {
                    Ok(_) => taken += 1,
                    Err(Refusal::CheckBudget) => shed.push(frame),
                    // What lies further behind than the window is wide.
                    Err(refusal) => assert_eq!(refusal, Refusal::Replay),
                }
            }
            assert!(taken >= 500 && shed.len() >= 20, "{taken} taken, {} shed", shed.len());
            let again = shed.iter().filter(|frame| match mesh.give(at, link(4), frame) {
                Ok(Accepted::Message(_)) => true,
                other => {
                    let expected = [Refusal::Replay, Refusal::CheckBudget];
                    assert!(expected.contains(&other.clone().unwrap_err()), "{other:?}");
                    false
                }
            });
            assert!(again.count() >= 20, "{suite}: nothing shed was taken from another link");
            assert_eq!(mesh.nodes[at].host.events.lock().len(), 0);
            mesh.assert_unharmed(at, 0);
            mesh.assert_unharmed(at, 4);
        }
    }
}

/// G6, promise P3: a receiver that has just started, and knows nothing of the origin's clock, is first
/// played an hour of what the origin said, as fast as it takes it. Of the origin's live beacons among
/// that, one may be shed, not more.
#[test]
fn g06_a_stock_played_to_a_fresh_receiver_does_not_mute_the_origin() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.give(1, link(0), &mesh.beacon(0)).unwrap();
        mesh.restart(1);
        mesh.settle(1);
        let stock: Vec<_> = (0..1_800)
            .map(|_| {
                mesh.now = mesh.now.after(2_000);
                mesh.beacon(0)
            })
            .collect();
        let (mut stock, mut heard, mut shed) = (stock.iter(), 0, 0);
        for _ in 0..30 {
            for frame in stock.by_ref().take(60) {
                let _taken_or_shed = mesh.give(1, hostile(0), frame);
            }
            mesh.now = mesh.now.after(1_000);
            match mesh.give(1, link(0), &mesh.beacon(0)) {
                Ok(Accepted::Message(_)) => heard += 1,
                other => {
                    assert_eq!(other.unwrap_err(), Refusal::OriginRate);
                    shed += 1;
                }
            }
        }
        assert!(shed <= 1 && heard >= 29, "{suite}: {heard} heard, {shed} shed");
        assert_eq!(mesh.nodes[1].host.events.lock().len(), 0);
        mesh.assert_unharmed(1, 0);
    }
}

/// G6, promises P3 and P7: a receiver that has just started is played what an origin stated before, far
/// more than its share and as fast as the link takes it. What the origin states live, and repeats every
/// second as honest nodes do, counts the second time at the latest. Numbers that the origin never gave,
/// under broken signatures, do not take its turn.
#[test]
fn g06_old_statements_leave_the_newest_its_share() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let origin = mesh.steal(0);
        let stock: Vec<_> = (0..600).map(|epoch| origin.attest(&incident(epoch))).collect();
        let live = [1, 2].map(|place| origin.attest(&failure(place, None)));
        let mut made_up = origin.attest(&incident(1_000));
        *made_up.last_mut().unwrap() ^= 1;
        mesh.restart(3);
        let mut stock = stock.iter();
        let mut play = |mesh: &Mesh| {
            let mut refused = 0;
            for statement in stock.by_ref().take(60) {
                let taken = mesh.give(3, hostile(0), statement);
                refused +=
                    usize::from(taken.is_err_and(|refusal| refusal == Refusal::AttestorRate));
            }
            refused
        };
        assert!(play(&mesh) > 20, "{suite}: the share was not spent");
        let (mut counted, mut strangers) = ([false; 2], 1..);
        for (live, counted) in live.iter().zip(&mut counted) {
            for _ in 0..2 {
                let over = hostile(strangers.next().unwrap());
                assert_eq!(mesh.give(3, over, &made_up).unwrap_err(), Refusal::BadSignature);
                let taken = mesh.give(3, link(0), live);
                *counted |= matches!(taken, Ok(Accepted::Attestation { .. }));
                mesh.now = mesh.now.after(1_000);
                play(&mesh);
            }
        }
        assert_eq!(counted, [true; 2], "{suite}");
        assert_eq!(mesh.nodes[3].host.events.lock().len(), 0);
        mesh.settle(3);
        mesh.assert_unharmed(3, 0);
    }
}

/// G6, promise P3: whoever signs more than a burst within no time of its own clock is over its rate,
/// whoever relays it and whenever. Each excess is charged once, however often it is shown again, and
/// the relay pays nothing.
#[test]
fn g06_its_own_clock_alone_convicts_an_origin() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let hasty = mesh.steal(0);
        let at_once = |number| {
            let header = hasty.header(Kind::Beacon, nonce(number));
            hasty.frame(Header { sent_at: SentAt(5_000), ..header }, b"")
        };
        for number in 1..=21 {
            mesh.give(1, link(2), &at_once(number)).unwrap();
            mesh.now = mesh.now.after(60_000);
        }
        let excess = at_once(22);
        assert_eq!(mesh.give(1, link(2), &excess).unwrap_err(), Refusal::OverRate);
        let after = mesh.guard(1).core().reputation(&id(0), mesh.now);
        assert!(after < Reputation::FULL);
        for number in 0..1200 {
            let over = [hostile(number), link(2), link(0)][number as usize % 3];
            assert_eq!(mesh.give(1, over, &excess).unwrap_err(), Refusal::Duplicate);
        }
        assert_eq!(mesh.guard(1).core().reputation(&id(0), mesh.now), after);
        // From the excess on it has a burst once more.
        for number in 23..=42 {
            mesh.give(1, link(2), &at_once(number)).unwrap();
            mesh.now = mesh.now.after(60_000);
        }
        let before = mesh.guard(1).core().reputation(&id(0), mesh.now);
        assert_eq!(mesh.give(1, link(2), &at_once(43)).unwrap_err(), Refusal::OverRate);
        assert!(mesh.guard(1).core().reputation(&id(0), mesh.now) < before);
        assert_eq!(
            mesh.nodes[1].host.count(|event| matches!(event, Event::LinkQuarantined { .. })),
            0
        );
        mesh.assert_unharmed(1, 2);
    }
}

/// G6, promise P4: a member signs at its rate by a clock that leaps, and brings what it dates into the
/// time leapt over after the leap. What is taken of it at once is what a window holds, as of everybody
/// who is heard for the first time, and 64 bursts; a leap buys no further window.
#[test]
fn g06_a_clock_that_leaps_does_not_buy_a_window_with_each_leap() {
    for suite in Suite::available() {
        let link_checks = Rate { per_second: 10_000, burst: 10_000 };
        let gossip = GossipConfig { link_checks, ..GossipConfig::default() };
        let mut mesh = Mesh::with(suite, 4, Config { gossip, ..Config::default() });
        let liar = mesh.steal(0);
        mesh.guard(1).reserve_link(link(0).id(), mesh.now).unwrap();
        let said = |number| {
            let header = liar.header(Kind::RouteUpdate, nonce(number));
            liar.frame(Header { sent_at: SentAt(u64::from(number) * 100), ..header }, b"")
        };
        let mut taken = 0;
        for end in [1_000, 2_000, 3_000, 4_000] {
            for number in std::iter::once(end).chain(end - 999..end) {
                taken += usize::from(mesh.give(1, link(0), &said(number)).is_ok());
            }
        }
        assert!(taken <= 1_000 + 1 + 64 * 20, "{suite}: {taken} of 4000 taken");
        assert_eq!(mesh.guard(1).core().reputation(&id(0), mesh.now), Reputation::FULL);
        mesh.assert_unharmed(1, 2);
    }
}
