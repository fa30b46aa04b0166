//! P10: how long a quarantine lasts that restarts interrupt, and what a rotation does to it.

use meshward::reputation::Offence;
use meshward::store::{Batch, Table};
use meshward::{Accepted, Event, Nonce, Refusal, Store, Suite};

use super::{STRANGER, found, halves, held, id, is_quarantined, link, proof, with_liar};
use crate::support::Mesh;

const MINUTE: u64 = 60_000;

/// How long node 3 is in quarantine at node 1, which starts anew after each `uptime_ms`.
fn served(mesh: &mut Mesh, uptime_ms: Pace) -> u64 {
    let mut served = 0;
    for boot in 0..40 {
        let mut left = uptime_ms(boot);
        while left > 0 && is_quarantined(mesh, 1) {
            let step = left.min(250);
            mesh.now = mesh.now.after(step);
            mesh.guard(1).tick(mesh.now).unwrap();
            (served, left) = (served + step, left - step);
        }
        mesh.restart(1);
    }
    assert!(!is_quarantined(mesh, 1), "after 40 restarts");
    served
}

/// How long the judge is up in each of its boots, in milliseconds.
type Pace = fn(u64) -> u64;

/// P10: a judge that restarts again and again, at whatever pace, holds a member for twice the length of
/// its quarantine at the most; one that restarts once, for no less than it had left or half of it.
#[test]
fn p10_restarts_do_not_prolong_a_quarantine_for_ever() {
    let suite = Suite::available().next().unwrap();
    let length = 5 * MINUTE;
    // Each just before it would be over; steadily; all at once.
    let just_before = |boot: u64| ((5 * MINUTE) >> boot.min(20)).saturating_sub(1).max(1);
    let paces: [(Pace, u64, u64); 3] = [
        (just_before, 2 * length - 5_000, 2 * length),
        (|_| MINUTE, length / 2, 2 * length),
        (|_| 1, 1, 40),
    ];
    for (uptime_ms, least, most) in paces {
        let (mut mesh, liar) = with_liar(suite);
        mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
        let served = served(&mut mesh, uptime_ms);
        assert!((least..=most).contains(&served), "{served} ms, not {least} to {most}");
    }
    let (mut mesh, liar) = with_liar(suite);
    mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
    mesh.now = mesh.now.after(MINUTE);
    mesh.restart(1);
    mesh.now = mesh.now.after(length / 2 - 1);
    assert!(is_quarantined(&mesh, 1));
    mesh.now = mesh.now.after(1);
    assert!(!is_quarantined(&mesh, 1));
}

/// P10: what was served is not served again, however often the judge restarts after it.
#[test]
fn p10_a_quarantine_that_ended_does_not_come_back() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
        mesh.now = mesh.now.after(5 * MINUTE);
        mesh.guard(1).tick(mesh.now).unwrap();
        let released =
            |event: &Event| matches!(event, Event::MemberReleased { node } if *node == id(3));
        assert_eq!(mesh.nodes[1].host.count(released), 1);
        for _ in 0..3 {
            mesh.restart(1);
            assert_eq!((held(&mesh, 1).len(), is_quarantined(&mesh, 1)), (1, false));
            assert_eq!(mesh.give(1, STRANGER, &proof(&liar, 1)).unwrap_err(), Refusal::Duplicate);
        }
    }
}

/// P10: more members than may be faulty have something left to serve. As many as may be go back into
/// quarantine, and there is an alarm for the others.
#[test]
fn p10_no_more_than_f_go_back_into_quarantine() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        for place in [4, 5] {
            mesh.give(1, link(2), &proof(&mesh.steal(place), 1)).unwrap();
        }
        mesh.pass(5_000);
        let before = mesh.nodes[1].disk.scan(Table::Standing).unwrap();
        assert_eq!(before.len(), 2);
        // Their quarantine is over, and that does not reach the disk before the third lies.
        mesh.now = mesh.now.after(5 * MINUTE);
        mesh.give(1, link(2), &proof(&mesh.steal(6), 1)).unwrap();
        mesh.pass(5_000);
        assert_eq!(mesh.guard(1).stats(mesh.now).quarantined_nodes, [id(6)]);
        let mut lost = Batch::new();
        for (place, stored) in &before {
            lost.put(Table::Standing, place, stored);
        }
        mesh.nodes[1].disk.apply(&lost).unwrap();
        mesh.restart(1);
        mesh.guard(1).tick(mesh.now).unwrap();
        assert_eq!(mesh.guard(1).stats(mesh.now).quarantined_nodes, [id(4), id(5)]);
        let alarm = |event: &Event| matches!(event, Event::QuarantineWithheld { node, .. } if *node == id(6));
        assert_eq!(mesh.nodes[1].host.count(alarm), 1);
        assert_eq!(held(&mesh, 1).len(), 3);
    }
}

/// Whoever is near to quarantine for something that no proof tells is as near to it after a restart of
/// who judges, and whoever is in it stays there.
#[test]
fn p10_a_restart_does_not_launder() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        // Faster than it may speak, by its own clock.
        let too_fast = |mesh: &Mesh, from: u32, count: u32| {
            for sequence in from..from + count {
                let nonce = Nonce { boot: 9, sequence };
                let _charged_or_not = mesh.give(1, link(3), &liar.beacon(nonce, b"fast"));
            }
        };
        too_fast(&mesh, 1, 23);
        let reputation = |mesh: &Mesh| mesh.guard(1).core().reputation(&id(3), mesh.now).as_ppm();
        let before = reputation(&mesh);
        assert!(before < 1_000_000 && !is_quarantined(&mesh, 1), "{before}");
        mesh.pass(5_000);
        let lost = 1_000_000 - reputation(&mesh);
        mesh.restart(1);
        let after = 1_000_000 - reputation(&mesh);
        assert!(after + 1_000 >= lost / 2 && after < lost, "{lost} {after}");

        too_fast(&mesh, 100, 40);
        assert!(is_quarantined(&mesh, 1));
        mesh.pass(5_000);
        mesh.restart(1);
        assert!(is_quarantined(&mesh, 1), "{suite}");
        let told = |event: &Event| matches!(event, Event::MemberQuarantined { node, offence: Offence::OverRate, .. } if *node == id(3));
        mesh.pass(500);
        assert_eq!(mesh.nodes[1].host.count(told), 1);
        mesh.pass(5 * MINUTE / 2);
        assert!(!is_quarantined(&mesh, 1));
    }
}

/// What a rotation clears, and what it does not: the new key is not condemned and shows that its member
/// lives; the quarantine goes on to its end, also over a restart of the judge; a contradiction under the
/// new key is a new one; what is shown late of the key before costs once, of those before that nothing.
#[test]
fn p11_a_rotation_leaves_the_condemned_key_behind() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(5_000);
        let before = mesh.steal(3);
        for judge in [1, 2] {
            mesh.give(judge, link(3), &proof(&before, 1)).unwrap();
        }
        mesh.guard(3).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(1_000);
        let now = mesh.steal(3);
        assert_eq!(now.epoch.operational, 1);
        for judge in [1, 2] {
            assert!(is_quarantined(&mesh, judge), "a thief could have signed that rotation, too");
        }
        mesh.restart(2);
        mesh.pass(20_000);
        assert!(is_quarantined(&mesh, 2));
        for judge in [0, 1, 2] {
            assert!(!mesh.guard(judge).core().overdue(mesh.now).contains(&id(3)));
            assert!(!mesh.certified(judge, 3));
        }
        mesh.pass(5 * MINUTE);
        mesh.nodes.iter_mut().for_each(|node| node.inbox.clear());
        mesh.pass(3_000);
        for judge in [0, 1, 2] {
            let heard = mesh.nodes[judge].inbox.iter().filter(|message| message.origin == id(3));
            assert_eq!(heard.count(), 3, "an ordinary member again, under its new key");
            assert_eq!(held(&mesh, judge).len(), 1, "the proof stands");
        }
        // The key before: 0 was shown its proof by the others, while it was the previous one.
        let quarantines = |mesh: &Mesh, at: usize| {
            let own = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
            mesh.nodes[at].host.count(own)
        };
        assert_eq!((found(&mesh, 0), quarantines(&mesh, 0)), (1, 1));
        let [left, right] = halves(&now, 500);
        mesh.give(1, link(3), &left).unwrap();
        assert_eq!(mesh.give(1, link(2), &right).unwrap_err(), Refusal::Equivocation);
        assert!(is_quarantined(&mesh, 1));
        mesh.now = mesh.now.after(10 * MINUTE - 1);
        assert!(is_quarantined(&mesh, 1), "twice as long");
        mesh.now = mesh.now.after(1);
        assert!(!is_quarantined(&mesh, 1));
        // Two keys on, nothing that is shown of the first costs anything.
        let mut late = Mesh::new(suite, 4);
        let first = late.steal(3);
        for _ in 0..2 {
            late.guard(3).rotate_keys(suite, late.now).unwrap();
            late.run();
        }
        let taken = late.give(1, STRANGER, &proof(&first, 1));
        assert!(matches!(taken, Ok(Accepted::Proof(_))), "{taken:?}");
        assert!(!is_quarantined(&late, 1));
        late.restart(1);
        assert_eq!((held(&late, 1).len(), is_quarantined(&late, 1)), (1, false));
    }
}
