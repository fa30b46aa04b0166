//! Members whose frames are refused, shed or late, and that live all the same; or do not.

use meshward::gossip::GossipConfig;
use meshward::limit::Rate;
use meshward::wire::{HEADER_LEN, Kind, Tag};
use meshward::{Config, CriticalEvent, Event, Link, Nonce, Refusal, Suite};

use super::{SUSPICION_MS, certified_within, challenge, ever_certified, said};
use crate::support::{Liar, Mesh, id, link, with_signature};

/// The member that it is about, of seven.
const X: usize = 6;

/// Everybody hears X over a link that is only claimed, and an outsider that sends under the very
/// address and in X's name uses up whatever such links may cost.
fn flooded(suite: Suite) -> (Mesh, Vec<u8>) {
    let few = Rate { per_second: 20, burst: 20 };
    let none = Rate { per_second: 1, burst: 1 };
    let gossip =
        GossipConfig { claimed_checks: few, link_packets: none, ..GossipConfig::default() };
    let mut config = Config { gossip, ..Config::default() };
    config.quorum.slots_per_member = 1;
    let mut mesh = Mesh::with(suite, 7, config);
    mesh.relays = false;
    mesh.claimed = [X].into();
    mesh.pass(5_000);
    let captured = mesh.beacon(X);
    let signature = &captured[HEADER_LEN..][..suite.signature_len()];
    let x = mesh.steal(X);
    let junk =
        with_signature(x.header(Kind::Beacon, Nonce { boot: 1, sequence: 900 }), signature, b"");
    (mesh, junk)
}

/// Time passes, and before anything of X arrives there is nothing left to check it with, nor even to look
/// at it.
fn pass_flooded(mesh: &mut Mesh, junk: &[u8], ms: u64) {
    for step in 0..ms / 250 {
        // The clock of the next step, at which budgets have come back a little.
        mesh.now = mesh.now.after(250);
        let packets = if step == 0 { 6_000 } else { 1_000 };
        for at in 0..X {
            (0..packets).for_each(|_| drop(mesh.give(at, Link::Claimed(link(X).id()), junk)));
        }
        mesh.now = meshward::Millis(mesh.now.0 - 250);
        mesh.pass(250);
    }
}

/// Q19, promises P3 and P8: an outsider floods everybody in X's name, from X's address, until no beacon
/// of X gets through anywhere. X is asked, answers, and its answers do: nobody reports it, for a minute.
/// When it dies under the flood, it is certified.
#[test]
fn q19_a_flood_in_the_name_of_a_live_member_does_not_kill_it() {
    for suite in Suite::available() {
        let (mut mesh, junk) = flooded(suite);
        pass_flooded(&mut mesh, &junk, 2_000);
        mesh.nodes.iter_mut().for_each(|node| node.inbox.clear());
        pass_flooded(&mut mesh, &junk, 60_000);
        for at in 0..X {
            let heard = mesh.nodes[at].inbox.iter().filter(|message| message.origin == id(X));
            assert_eq!(heard.count(), 0, "{suite}: every beacon of X is shed");
            assert_eq!(mesh.reports_of(at), 0, "{suite}: {:?}", mesh.reports);
            assert!(!ever_certified(&mesh, at, X), "{suite}: {at}");
            let refused = mesh.guard(at).stats(mesh.now).refused;
            assert!(refused["link_budget"] > 1_000 && refused["check_budget"] > 1_000);
            let score = mesh.guard(at).core().reputation(&id(X), mesh.now);
            assert_eq!(score, meshward::reputation::Reputation::FULL);
        }
        let answers = said(&mesh, X, Tag::Answer);
        assert!(answers <= 67_000 / 333, "{suite}: {answers} answers");
        mesh.nodes[X].down = true;
        let from = mesh.now;
        while !(0..X).all(|at| mesh.certified(at, X)) {
            pass_flooded(&mut mesh, &junk, 250);
            assert!(mesh.now.since(from) <= 3 * SUSPICION_MS, "{suite}: the flood keeps it alive");
        }
        println!("{suite}: {answers} answers; dead and certified in {} ms", mesh.now.since(from));
    }
}

/// Q20, promises P7 and P8: the host of X is paused for ten minutes, and its clock with it. The others
/// certify its end; when it goes on, all it says is ten minutes late by its own clock, and it is back
/// within two seconds all the same, for good.
#[test]
fn q20_who_was_paused_with_its_clock_comes_back() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(30_000);
        mesh.nodes[X].down = true;
        mesh.pass(600_000);
        assert!((0..X).all(|at| mesh.certified(at, X)), "{suite}");
        mesh.behind = [(X, 600_000)].into();
        mesh.nodes[X].down = false;
        mesh.pass(3_000);
        for at in 0..X {
            assert!(!mesh.certified(at, X), "{suite}: {at}");
            let back = |event: &Event| matches!(event, Event::NodeReturned { .. });
            assert_eq!(mesh.nodes[at].host.count(back), 1, "{suite}: {at}");
        }
        let before: usize = (0..7).map(|at| mesh.reports_of(at)).sum();
        mesh.pass(60_000);
        assert_eq!((0..7).map(|at| mesh.reports_of(at)).sum::<usize>(), before, "{suite}");
        assert!(
            (0..X).all(|at| mesh.guard(X).core().silent_for(&id(at), mesh.clock(X)) < Some(1_500))
        );
    }
}

/// Q20, the same for a host that is paused for a second, and again and again: that adds up to more than
/// a late frame may be late.
#[test]
fn q20_a_short_pause_with_its_clock_is_no_death() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(30_000);
        for pause in 1..20_u64 {
            mesh.nodes[X].down = true;
            mesh.pass(1_000);
            mesh.behind = [(X, 1_000 * pause)].into();
            mesh.nodes[X].down = false;
            mesh.pass(4_000);
        }
        for at in 0..X {
            assert_eq!(mesh.reports_of(at), 0, "{suite}: {at}");
        }
    }
}

/// Q20, promise P7: a member that is in quarantine everywhere dies, and is certified in the time it
/// takes for anybody.
#[test]
fn q20_a_quarantined_member_dies_and_is_certified() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(3_000);
        let liar = mesh.steal(X);
        for body in [b"left", b"rite"] {
            let nonce = Nonce { boot: 1, sequence: 900 };
            (0..X).for_each(|at| drop(mesh.give(at, link(X), &liar.beacon(nonce, body))));
        }
        mesh.pass(10_000);
        for at in 0..X {
            assert_eq!(mesh.guard(at).stats(mesh.now).quarantined_nodes, [id(X)], "{suite}");
            assert!(!ever_certified(&mesh, at, X), "{suite}: its answers are heard");
        }
        mesh.nodes[X].down = true;
        let took = certified_within(&mut mesh, 0..X, X, 2 * SUSPICION_MS);
        println!("{suite}: certified in {took:?} ms");
        assert!(took.is_some(), "{suite}");
    }
}

/// Q20, promise P7: the whole mesh starts anew, and one member never comes back. Nobody has ever heard
/// it: it is certified without a mark.
#[test]
fn q20_who_never_comes_back_is_certified_without_a_mark() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(10_000);
        mesh.nodes[X].down = true;
        (0..X).for_each(|place| mesh.restart(place));
        let took = certified_within(&mut mesh, 0..X, X, 2 * SUSPICION_MS);
        println!("{suite}: certified in {took:?} ms");
        assert!(took.is_some(), "{suite}");
        for at in 0..X {
            let none = CriticalEvent::NodeFailure { subject: id(X), mark: None };
            assert!(mesh.guard(at).is_validated(&none), "{suite}");
        }
    }
}

/// A flood of challenges, by two liars in their own names and by an outsider in others', costs the one
/// that is asked a bounded number of signatures; what is old or forged does nothing.
#[test]
fn q03_challenges_cost_who_is_asked_a_bounded_number_of_answers() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.pass(10_000);
        let liars = [4, 5].map(|place| mesh.steal(place));
        let outsider = Liar::impostor(suite, id(1), &mesh.view);
        let forged = Liar { epoch: meshward::Epoch::FIRST, ..outsider };
        let before = said(&mesh, X, Tag::Answer);
        let (mut number, mut taken) = (0, 0);
        let mut recorded = Vec::new();
        for _ in 0..240 {
            for _ in 0..3 {
                number += 1;
                for (place, liar) in [4, 5].into_iter().zip(&liars) {
                    let asked = challenge(liar, 6, number);
                    taken += usize::from(mesh.give(X, link(place), &asked).is_ok());
                    recorded.push((place, asked));
                }
                let refusal = mesh.give(X, link(2), &challenge(&forged, 6, number)).unwrap_err();
                assert_eq!(refusal.reason(), "unknown_key");
                // The newest is known; all before it are older.
                let (place, old) = &recorded[number as usize % recorded.len()];
                assert!(mesh.give(X, link(*place), old).is_err());
            }
            mesh.pass(250);
        }
        let answers = said(&mesh, X, Tag::Answer) - before;
        println!("{suite}: {taken} challenges taken of {} in 60 s, {answers} answers", 2 * number);
        assert!(answers <= 60_000 / 333 + 9, "{suite}: {answers}");
        assert!(taken <= 2 * (60_000 / 333 + 8), "{suite}: {taken}");
        for at in 0..4 {
            mesh.assert_unharmed(at, X);
            assert_eq!(mesh.reports_of(at), 0);
        }
        let again = mesh.give(X, link(4), &recorded[0].1).unwrap_err();
        assert!([Refusal::Duplicate, Refusal::AttestorRate].contains(&again), "{again}");
    }
}
