//! Floods, crowds and borrowed addresses: what the links of others can do to honest ones.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use meshward::gossip::GossipConfig;
use meshward::limit::Rate;
use meshward::wire::{Header, Kind};
use meshward::{Accepted, Config, Event, Link, LinkId, Millis, Nonce, Refusal, Suite};

use super::{hostile, nonce, spoofed};
use crate::support::{Liar, Mesh, link, with_signature};

/// Junk that is as costly as can be: a fresh nonce of a member, everything right but the signature.
fn junk(victim: &Liar, signature: &[u8], number: u32) -> Vec<u8> {
    let header = victim.header(Kind::Beacon, Nonce { boot: 7, sequence: number });
    with_signature(Header { sent_at: meshward::SentAt(0), ..header }, signature, b"junk")
}

fn delivered(taken: &Result<Accepted, Refusal>) -> bool {
    matches!(taken, Ok(Accepted::Message(_)))
}

/// Carries cookies to the nodes they were sent to, and their echoes back, until there are none.
fn answer_cookies(mesh: &Mesh, judge: usize) -> usize {
    let passed_on = mesh.nodes[judge].host.sent().len();
    assert!(passed_on > 0, "what was taken before");
    let asked = std::mem::take(&mut *mesh.nodes[judge].host.replies.lock());
    for (over, cookie) in &asked {
        let place = over.id().0 as usize;
        if place >= mesh.nodes.len() {
            continue;
        }
        let answer = mesh.give(place, spoofed(judge), cookie);
        assert!(matches!(answer, Ok(Accepted::Cookie)), "{answer:?}");
        for (_, echo) in std::mem::take(&mut *mesh.nodes[place].host.replies.lock()) {
            let taken = mesh.give(judge, *over, &echo);
            assert!(matches!(taken, Ok(Accepted::CookieEcho(_))), "{taken:?}");
        }
    }
    assert_eq!(mesh.nodes[judge].host.sent().len(), 0, "neither is passed on");
    asked.len()
}

/// G23, promise P4: one proven link and one claimed one send garbage as fast as a core can make it,
/// while twenty honest links bring frames at their full rate. All of those are delivered; the flood
/// costs no more checks than its budgets.
#[test]
fn g23_honest_links_deliver_while_others_flood() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 22);
        let (victim, captured) = (mesh.steal(21), mesh.beacon(21));
        let signature = captured[meshward::wire::HEADER_LEN..][..suite.signature_len()].to_vec();
        let start = mesh.now;
        let rounds: Vec<Vec<_>> = (0..30)
            .map(|_| {
                mesh.now = mesh.now.after(100);
                (1..=20).map(|place| mesh.beacon(place)).collect()
            })
            .collect();
        let (guard, time, over) = (mesh.guard(0), AtomicU64::new(start.0), AtomicBool::new(false));
        let sent = [0, 1].map(|_| AtomicU64::new(0));
        let flood = |link: Link, count: &AtomicU64| {
            for sent in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let packet = match sent % 4 {
                    0 => captured.clone(),
                    1 => vec![1; 2_000],
                    _ => junk(&victim, &signature, sent),
                };
                let now = Millis(time.load(Ordering::Relaxed));
                let _refused = guard.handle_frame(link, &packet, now);
                count.fetch_add(1, Ordering::Relaxed);
            }
        };
        let taken = std::thread::scope(|scope| {
            let flood = &flood;
            for (link, count) in [hostile(0), spoofed(3)].into_iter().zip(&sent) {
                scope.spawn(move || flood(link, count));
            }
            let mut taken = 0;
            for (number, round) in (1..).zip(&rounds) {
                while sent.iter().any(|sent| sent.load(Ordering::Relaxed) < 500 * number) {
                    std::thread::yield_now();
                }
                let now = time.fetch_add(100, Ordering::Relaxed) + 100;
                for (place, frame) in (1..).zip(round) {
                    taken += usize::from(delivered(&guard.handle_frame(
                        link(place),
                        frame,
                        Millis(now),
                    )));
                }
            }
            over.store(true, Ordering::Relaxed);
            taken
        });
        let [proven, claimed] = sent.map(AtomicU64::into_inner);
        println!("{suite}: {proven} packets over a proven link, {claimed} over a claimed one");
        assert_eq!(taken, 30 * 20);
        // What the claimed links have for three seconds, and what a proven one gets to spend until
        // it is in quarantine.
        let checks = guard.stats(mesh.now).signature_checks;
        assert!(checks <= 600 + 1_000 + 3 * 500 + 20, "{checks} checks");
        let charged = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
        assert_eq!(mesh.nodes[0].host.count(charged), 0);
        mesh.assert_unharmed(0, 3);
    }
}

fn crowded(links: usize) -> Config {
    let gossip = GossipConfig {
        links,
        newcomer_checks: Rate { per_second: 1, burst: 100 },
        ..GossipConfig::default()
    };
    Config { gossip, ..Config::default() }
}

/// G24, promise P5: a hundred thousand proven links, of which each first carries a captured valid
/// frame, some even one that is new here, and then garbage. There are places for 64. The honest
/// links keep theirs, a reserved one that never spoke has its own, and all strangers together spend
/// one budget.
#[test]
fn g24_a_crowd_of_links_takes_no_place_from_those_of_use() {
    for suite in Suite::available() {
        let mut mesh = Mesh::with(suite, 23, crowded(64));
        for place in 1..=20 {
            assert!(delivered(&mesh.give(0, link(place), &mesh.beacon(place))));
        }
        mesh.guard(0).reserve_link(link(21).id(), mesh.now).unwrap();
        let captured = mesh.beacon(22);
        // Half a minute of one member's beacons, all held back: each earns a link of the crowd a place.
        let held: Vec<_> = (0..300)
            .map(|_| {
                mesh.now = mesh.now.after(100);
                mesh.beacon(22)
            })
            .collect();
        let victim = mesh.steal(22);
        let signature = &captured[meshward::wire::HEADER_LEN..][..suite.signature_len()];
        let before = mesh.guard(0).stats(mesh.now).signature_checks;
        for number in 0..100_000_u32 {
            let over = hostile(number.into());
            let first = held.get(number as usize).unwrap_or(&captured);
            let _first_of_its_kind_or_not = mesh.give(0, over, first);
            if number < 5_000 {
                let _refused = mesh.give(0, over, &junk(&victim, signature, number));
            }
        }
        let spent = mesh.guard(0).stats(mesh.now).signature_checks - before;
        // The places that were free, two checks each, and the budget of all newcomers.
        assert!(spent <= 2 * 64 + 100, "{spent} checks");
        let strangers = mesh.give(0, hostile(200_000), &junk(&victim, signature, 1 << 30));
        assert_eq!(strangers.unwrap_err(), Refusal::CheckBudget);
        for place in 1..=21 {
            let taken = mesh.give(0, link(place), &mesh.beacon(place));
            assert!(delivered(&taken), "{suite}: link {place}: {taken:?}");
        }
    }
}

fn scarce() -> Config {
    let gossip = GossipConfig {
        claimed_checks: Rate { per_second: 10, burst: 20 },
        ..GossipConfig::default()
    };
    Config { gossip, ..Config::default() }
}

/// G25, promises P3 and P4: over claimed links alone. An outsider floods from the addresses of honest
/// neighbours, under one name and under all, and from addresses where nobody answers. Whoever echoed
/// a cookie before is delivered whole; without one, most is lost, which the docs say. Only who hits
/// the very address and name of a pair spends its part, and then that member is heard elsewhere.
#[test]
fn g25_claimed_links_that_echoed_a_cookie_outlive_a_flood() {
    for suite in Suite::available() {
        let mut shares = Vec::new();
        for echoed in [true, false] {
            let mut mesh = Mesh::with(suite, 8, scarce());
            let victims: Vec<_> = (0..8).map(|place| mesh.steal(place)).collect();
            let captured = mesh.beacon(7);
            let signature = &captured[meshward::wire::HEADER_LEN..][..suite.signature_len()];
            for place in 1..=5 {
                assert!(delivered(&mesh.give(0, spoofed(place), &mesh.beacon(place))));
            }
            if echoed {
                assert_eq!(answer_cookies(&mesh, 0), 5);
            }
            let (mut sent, mut taken) = (0, 0);
            for round in 0..40_u32 {
                mesh.now = mesh.now.after(250);
                for number in 0..60 {
                    let number = round * 60 + number;
                    // One name from everywhere; other names from the neighbours' addresses.
                    let (over, name) = match number % 3 {
                        0 => (Link::Claimed(LinkId(50_000 + u64::from(number))), 1),
                        1 => (Link::Claimed(LinkId(60_000)), 1 + number as usize % 5),
                        _ => (spoofed(1 + number as usize % 5), 6 + number as usize % 2),
                    };
                    let _refused = mesh.give(0, over, &junk(&victims[name], signature, number));
                }
                for place in 1..=5 {
                    sent += 1;
                    let frame = mesh.beacon(place);
                    taken += usize::from(delivered(&mesh.give(0, spoofed(place), &frame)));
                }
            }
            println!("{suite}: {taken} of {sent} delivered, cookies echoed: {echoed}");
            if echoed {
                assert_eq!(taken, sent);
            }
            shares.push(taken);
            for place in 1..=5 {
                mesh.now = mesh.now.after(2000);
                mesh.assert_unharmed(0, place);
            }
        }
        assert!(shares[1] < shares[0] / 2, "the flood was no flood");
    }
}

/// G25, promise P3: a member sends at its full rate over an address that is only claimed. Whether or not
/// somebody brought it about that it was asked for an echo, and got a part of its own, all is delivered.
#[test]
fn g25_who_echoes_a_cookie_has_no_less_than_before() {
    for suite in Suite::available() {
        for echoed in [true, false] {
            let mut mesh = Mesh::new(suite, 4);
            assert!(delivered(&mesh.give(0, spoofed(1), &mesh.beacon(1))));
            if echoed {
                assert_eq!(answer_cookies(&mesh, 0), 1);
            }
            for number in 0..1_200 {
                mesh.now = mesh.now.after(100);
                let taken = mesh.give(0, spoofed(1), &mesh.beacon(1));
                assert!(delivered(&taken), "{suite}: {number}: {taken:?}, echoed: {echoed}");
            }
        }
    }
}

/// G25, promise P3: what is sent under the address and the name of one pair alone. Its part is spent,
/// and what all claimed links share, which anybody can spend; the same member over a proven link, or
/// from another address, and everybody else are heard.
#[test]
fn g25_a_borrowed_address_spends_that_pair_alone() {
    for suite in Suite::available() {
        let mesh = Mesh::with(suite, 6, scarce());
        let victim = mesh.steal(1);
        for over in [1, 4] {
            assert!(delivered(&mesh.give(0, spoofed(over), &mesh.beacon(1))));
        }
        assert!(delivered(&mesh.give(0, spoofed(2), &mesh.beacon(2))));
        assert_eq!(answer_cookies(&mesh, 0), 3);
        let captured = mesh.beacon(5);
        let signature = &captured[meshward::wire::HEADER_LEN..][..suite.signature_len()];
        for number in 0..1_200 {
            let copy = if number % 3 == 0 { &captured } else { &junk(&victim, signature, number) };
            let _refused_or_first = mesh.give(0, spoofed(1), copy);
        }
        let [first, second, third] = [1, 1, 1].map(|place| mesh.beacon(place));
        assert_eq!(mesh.give(0, spoofed(1), &first).unwrap_err(), Refusal::CheckBudget);
        assert!(delivered(&mesh.give(0, link(1), &first)), "the transport vouches for it");
        assert!(delivered(&mesh.give(0, spoofed(4), &second)), "from another address");
        assert!(delivered(&mesh.give(0, spoofed(2), &mesh.beacon(2))), "another member");
        assert!(delivered(&mesh.give(0, link(2), &third)), "nor is the relay's link spent");
        let paid = |event: &Event| matches!(event, Event::LinkQuarantined { .. });
        assert_eq!(mesh.nodes[0].host.count(paid), 0, "nobody pays for an address");
    }
}

/// G25: echoes that are made up, come from elsewhere, come late, or for who is no member earn nothing;
/// a cookie is far smaller than what brings it about, and there are no more than a thousand a second.
#[test]
fn g25_cookies_are_not_to_be_forged_or_amplified() {
    // Small signatures make small frames, and of those no cookie is a fortieth.
    let suite = Suite::available().last().unwrap();
    let mut mesh = Mesh::with(suite, 4, scarce());
    let frame = mesh.beacon(1);
    mesh.give(0, spoofed(1), &frame).unwrap();
    let (over, cookie) = mesh.nodes[0].host.replies.lock().pop().unwrap();
    assert_eq!(over, spoofed(1));
    assert!(cookie.len() * 40 < frame.len(), "{} bytes for {}", cookie.len(), frame.len());
    mesh.give(1, spoofed(0), &cookie).unwrap();
    let (_, echo) = mesh.nodes[1].host.replies.lock().pop().unwrap();
    assert_eq!(echo.len(), cookie.len());
    for bit in 34 * 8..echo.len() * 8 {
        let mut forged = echo.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(mesh.give(0, spoofed(1), &forged).unwrap_err(), Refusal::BadCookie);
    }
    assert_eq!(mesh.give(0, spoofed(2), &echo).unwrap_err(), Refusal::BadCookie);
    mesh.now = mesh.now.after(120_000);
    assert_eq!(mesh.give(0, spoofed(1), &echo).unwrap_err(), Refusal::BadCookie);

    let (victim, signature) = (mesh.steal(2), vec![0; suite.signature_len()]);
    for number in 0..3_000 {
        let over = Link::Claimed(LinkId(70_000 + u64::from(number)));
        mesh.give(0, over, &junk(&victim, &signature, number)).unwrap_err();
    }
    let asked = mesh.nodes[0].host.replies.lock().len();
    assert!((900..=1_000).contains(&asked), "{asked} cookies for 3000 packets at once");
    let own = victim.beacon(nonce(1), b"");
    assert_eq!(mesh.give(0, spoofed(3), &own).unwrap_err(), Refusal::CheckBudget);
    mesh.assert_unharmed(0, 1);
}
