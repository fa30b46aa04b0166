//! Recorded frames: a dead member is not kept alive with what it said before.

use std::collections::VecDeque;
use std::sync::Arc;

use meshward::wire::{Packet, Tag};
use meshward::{CriticalEvent, Event, Nonce, Suite};

use super::{SUSPICION_MS, certified_within, ever_certified, said};
use crate::support::{Mesh, failure, id, link};

/// The member that dies, of seven.
const X: usize = 6;

/// A mesh in which a relay lets through every second beacon of X, and keeps the rest for later.
fn slowed(suite: Suite) -> Mesh {
    let mut mesh = Mesh::new(suite, 7);
    mesh.pass(3_000);
    mesh.slow = (0..X).map(|to| ((X, to), 2_000)).collect();
    mesh.pass(120_000);
    mesh
}

fn returned(mesh: &Mesh, at: usize) -> usize {
    mesh.nodes[at].host.count(|event| matches!(event, Event::NodeReturned { .. }))
}

/// G27, promise P7: for two minutes a relay before X lets one beacon of X through in two seconds and
/// keeps as many; then X dies, and the relay plays what it has, in order, for a minute more, each of
/// them new to everybody. While X lives nobody misses it, since it answers; when it is dead it is
/// certified within three suspicion times, and the rest of the stock brings it back nowhere.
#[test]
fn g27_a_stock_of_beacons_does_not_outlive_who_sent_them() {
    for suite in Suite::available() {
        let mut mesh = slowed(suite);
        assert!(mesh.stock[&(X, 0)].len() >= 60, "a minute of beacons");
        for at in 0..X {
            assert!(!ever_certified(&mesh, at, X), "{suite}: it lives");
            assert_eq!(mesh.reports_of(at), 0, "{suite}");
        }
        mesh.nodes[X].down = true;
        let took = certified_within(&mut mesh, 0..X, X, 3 * SUSPICION_MS);
        println!("{suite}: certified {took:?} ms after the end, with a minute of beacons in stock");
        assert!(took.is_some(), "{suite}");
        mesh.pass(120_000);
        for at in 0..X {
            assert!(mesh.stock[&(X, at)].is_empty(), "{suite}: all of it was played");
            assert!(mesh.certified(at, X), "{suite}: {at}");
            assert_eq!(returned(&mesh, at), 0, "{suite}: {at}");
            assert!((0..X).all(|of| !ever_certified(&mesh, at, of)));
        }
    }
}

/// G27, and P8: the same relay, and X lives on. A relay that keeps beacons does not get it certified,
/// nor even reported.
#[test]
fn g27_who_lives_behind_such_a_relay_is_not_missed() {
    for suite in Suite::available() {
        let mut mesh = slowed(suite);
        mesh.pass(60_000);
        for at in 0..X {
            assert_eq!(mesh.reports_of(at), 0, "{suite}, {at}");
        }
        let (asked, answers) = (said(&mesh, 0, Tag::Challenge), said(&mesh, X, Tag::Answer));
        println!("{suite}: in 180 s one asked {asked} times, X answered {answers} times");
        assert!(asked <= 180_000 / 1_500 + 8, "{suite}: one in half a suspicion time");
        assert!(answers <= 180_000 / 333, "{suite}: three in a second");
    }
}

/// G27 with challenges: a relay records all that members ask each other while they start, and plays it to
/// everybody once in a suspicion time. Nobody is missed, so nobody has anything to say.
#[test]
fn g27_recorded_challenges_get_no_answers_while_nobody_is_missed() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.tapped = Some(Vec::new());
        mesh.pass(10_000);
        let mut challenges = mesh.tapped.take().unwrap();
        challenges.retain(|bytes| Tag::of(bytes) == Ok(Tag::Challenge));
        challenges.sort();
        challenges.dedup();
        assert!(challenges.len() >= 4, "each has asked");
        let answers = |mesh: &Mesh| (0..4).map(|at| said(mesh, at, Tag::Answer)).sum::<usize>();
        let before = answers(&mesh);
        assert!(before > 0);
        for _ in 0..20 {
            mesh.pass(SUSPICION_MS);
            for bytes in &challenges {
                (0..4).for_each(|at| drop(mesh.give(at, link((at + 1) % 4), bytes)));
            }
        }
        mesh.pass(SUSPICION_MS);
        assert_eq!(answers(&mesh), before, "{suite}");
    }
}

/// G27 with liars: before it dies X, a liar itself, leaves sixty headers that nobody has heard to another
/// one of seven, which attaches them to its accusations, one after the other. Each voids what was said
/// before, and only once: at the latest when there are no more X is certified, and none brings it back.
#[test]
fn g27_liars_with_a_stock_void_reports_only_while_it_lasts() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(10_000);
        let [x, liar] = [X, 5].map(|place| mesh.steal(place));
        mesh.nodes[X].down = true;
        mesh.nodes[5].down = true;
        mesh.pass(SUSPICION_MS - 500);
        let from = mesh.now;
        for sequence in 100..160 {
            let beacon = x.beacon(Nonce { boot: 1, sequence }, b"");
            let Ok(Packet::Frame(frame)) = Packet::parse(&beacon) else { panic!("a frame") };
            let signed = frame.signed_header();
            let event = failure(X, Some(signed.header().mark()));
            let report = [&liar.attest(&event), signed.as_bytes()].concat();
            (0..5).for_each(|at| drop(mesh.give(at, link(5), &report)));
            mesh.pass(250);
        }
        let used_up = mesh.now.since(from);
        let took = certified_within(&mut mesh, 0..5, X, SUSPICION_MS);
        println!("{suite}: 60 headers lasted {used_up} ms; then certified {took:?} ms later");
        assert!(took.is_some(), "{suite}");
        for at in 0..5 {
            assert_eq!(returned(&mesh, at), 0, "{suite}: no header is a return");
            assert!(mesh.nodes[at].host.isolated.lock().contains(&id(X)), "{suite}");
        }
    }
}

/// G27 and Q20: a node starts anew after X has died, and a relay plays to it all that X ever said, at
/// the pace at which it was said. It reports X like the others, and in bounded time.
#[test]
fn g27_a_stock_is_no_life_to_who_starts_anew() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(3_000);
        mesh.tapped = Some(Vec::new());
        mesh.pass(60_000);
        let tapped = mesh.tapped.take().unwrap();
        let of_x = |bytes: &Arc<[u8]>| {
            matches!(Packet::parse(bytes), Ok(Packet::Frame(frame))
                if frame.header().origin == id(3))
        };
        let mut stock: VecDeque<_> = tapped.into_iter().filter(of_x).collect();
        mesh.nodes[3].down = true;
        (0..3).for_each(|place| mesh.restart(place));
        let from = mesh.now;
        while !(0..3).all(|at| mesh.certified(at, 3)) {
            let beacon = stock.pop_front().expect("it lasts longer than X's life");
            (0..3).for_each(|at| drop(mesh.give(at, link(3), &beacon)));
            mesh.pass(1_000);
        }
        let took = mesh.now.since(from);
        println!("{suite}: certified {took} ms after all had started anew");
        assert!(took <= 4 * SUSPICION_MS, "{suite}: {took}");
        while let Some(beacon) = stock.pop_front() {
            (0..3).for_each(|at| drop(mesh.give(at, link(3), &beacon)));
            mesh.pass(1_000);
        }
        assert!((0..3).all(|at| mesh.certified(at, 3) && returned(&mesh, at) == 0), "{suite}");
    }
}

/// All that X says takes a constant time, from some time on a longer one: a long way, or a relay. Nobody
/// misses it, and when it dies it is certified that much later.
#[test]
fn a_constant_delay_is_no_lateness() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.relays = false;
        mesh.pass(3_000);
        for ms in [500, 1_000, 1_250] {
            mesh.delay = (0..X).map(|to| ((X, to), ms)).collect();
            mesh.pass(60_000);
            let reports: usize = (0..X).map(|at| mesh.reports_of(at)).sum();
            assert_eq!(reports, 0, "{suite}: {ms} ms");
        }
        mesh.nodes[X].down = true;
        let took = certified_within(&mut mesh, 0..X, X, 3 * SUSPICION_MS);
        println!("{suite}: certified after {took:?} ms");
        assert!(took.is_some(), "{suite}");
    }
}

/// The clock of X loses as much as a bad crystal does in two and a half hours, 200 ppm, and that of another
/// gains as much, here in a minute and a half. Both are asked now and then, and nobody misses them; when X
/// dies it is certified in the usual time.
#[test]
fn clocks_that_drift_apart_are_no_lateness() {
    for suite in Suite::available().take(1) {
        let mut mesh = Mesh::new(suite, 4);
        mesh.relays = false;
        mesh.behind = [(0, 10_000), (1, 10_000), (2, 10_000), (3, 0)].into();
        (0..4).for_each(|place| mesh.restart(place));
        for second in 0..90_u64 {
            mesh.pass(1_000);
            *mesh.behind.get_mut(&3).unwrap() = second * 20;
            *mesh.behind.get_mut(&2).unwrap() = 10_000 - second * 20;
        }
        let reports: usize = (0..4).map(|at| mesh.reports_of(at)).sum();
        assert_eq!(reports, 0, "{suite}: {:?}", mesh.reports);
        mesh.nodes[3].down = true;
        let took = certified_within(&mut mesh, 0..3, 3, 2 * SUSPICION_MS);
        assert!(took.is_some(), "{suite}");
    }
}

/// Who starts anew has a new clock, and is heard at once; who it was before is not.
#[test]
fn a_new_boot_is_heard_at_once() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(60_000);
        for _ in 0..5 {
            mesh.nodes[3].down = true;
            assert!(certified_within(&mut mesh, 0..3, 3, 2 * SUSPICION_MS).is_some(), "{suite}");
            mesh.restart(3);
            mesh.pass(1_250);
            assert!((0..3).all(|at| !mesh.certified(at, 3)), "{suite}: back with its first beacon");
            mesh.pass(30_000);
            let event = CriticalEvent::NodeFailure { subject: id(3), mark: None };
            let live = |at| mesh.guard(at).report_critical_event(event.clone(), mesh.now).is_err();
            assert!((0..3).all(live), "{suite}: nobody misses it");
        }
    }
}
