//! P10: how long a quarantine lasts that restarts interrupt, and what a rotation does to it.

use std::ops::RangeInclusive;

use meshward::reputation::Offence;
use meshward::store::{Batch, Change, Table};
use meshward::suite::Purpose;
use meshward::wire::{Header, Kind};
use meshward::{Accepted, Event, Link, Nonce, Output, Refusal, SentAt, Store, Suite};

use super::{STRANGER, found, halves, held, id, is_quarantined, link, proof, proposal, with_liar};
use crate::support::{Liar, Mesh, riddle};

const MINUTE: u64 = 60_000;

/// How long node 3 is in quarantine at node 1, which starts anew after each `uptime_ms`, and at how many
/// starts it was in it.
fn served(mesh: &mut Mesh, uptime_ms: Pace) -> (u64, u64) {
    let (mut served, mut starts) = (0, 0);
    while is_quarantined(mesh, 1) {
        let mut left = uptime_ms(starts);
        while left > 0 && is_quarantined(mesh, 1) {
            let step = left.min(250);
            mesh.now = mesh.now.after(step);
            mesh.guard(1).tick(mesh.now).unwrap();
            (served, left) = (served + step, left - step);
        }
        mesh.restart(1);
        starts += 1;
        assert!(starts < 40, "after {served} ms");
    }
    (served, starts)
}

/// How long the judge is up in each of its boots, in milliseconds.
type Pace = fn(u64) -> u64;

/// P10: a judge that restarts again and again, at whatever pace, never has a member serve more than its
/// quarantine, and each restart takes a minute off it at the most.
#[test]
fn p10_restarts_do_not_prolong_a_quarantine_nor_launder_it() {
    let suite = Suite::available().next().unwrap();
    let length = 5 * MINUTE;
    let paces: [Pace; 7] = [
        |_| 1,
        |_| 900,
        |_| 10_000,
        // Just before all is written down again, and just after.
        |_| 49_750,
        |_| 50_250,
        |_| MINUTE,
        |_| 5 * MINUTE - 1,
    ];
    for uptime_ms in paces {
        let (mut mesh, liar) = with_liar(suite);
        mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
        let (served, starts) = served(&mut mesh, uptime_ms);
        let least = length.saturating_sub(starts * MINUTE);
        assert!((least..=length).contains(&served), "{served} ms of {length}, {starts} starts");
    }
    let (mut mesh, liar) = with_liar(suite);
    mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
    mesh.restart(1);
    mesh.now = mesh.now.after(length - MINUTE - 1);
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

/// Frames of node 3, signed faster than it may speak by its own clock.
pub(crate) fn too_fast(liar: &Liar, boot: u32, sequences: RangeInclusive<u32>) -> Vec<Vec<u8>> {
    let frame = |sequence| {
        let header = liar.header(Kind::Beacon, Nonce { boot, sequence });
        liar.frame(Header { sent_at: SentAt(5_000), ..header }, b"")
    };
    sequences.map(frame).collect()
}

/// Has node 1 hear them a second apart, so that all that is too fast is what was signed. Tells how many
/// were.
fn hear(mesh: &mut Mesh, frames: &[Vec<u8>]) -> usize {
    let over_rate = |frame: &Vec<u8>| {
        mesh.now = mesh.now.after(1_000);
        mesh.give(1, link(2), frame).err() == Some(Refusal::OverRate)
    };
    frames.iter().map(over_rate).filter(|over| *over).count()
}

/// Node 1, which starts anew, asks node 3 where it stands, and is told.
fn answers(mesh: &mut Mesh, liar: &Liar) {
    for _ in 0..4 {
        mesh.now = mesh.now.after(250);
        mesh.guard(1).tick(mesh.now).unwrap();
    }
    let asked = mesh.nodes[1].host.sent().into_iter().find_map(|(packet, _)| riddle(&packet));
    mesh.give(1, link(3), &liar.answer((1, asked.unwrap()), 0)).unwrap();
}

fn lost(mesh: &Mesh) -> u32 {
    1_000_000 - mesh.guard(1).core().reputation(&id(3), mesh.now).as_ppm()
}

/// G17, P10: whoever is near to quarantine for something that no proof tells is as near to it after a
/// restart of who judges, and whoever is in it stays there; each but for a minute.
#[test]
fn p10_a_restart_does_not_launder() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        assert_eq!(hear(&mut mesh, &too_fast(&liar, 9, 1..=22)), 1);
        let before = lost(&mesh);
        assert_eq!(before, 200_000);
        mesh.guard(1).tick(mesh.now).unwrap();
        for restarts in 1..=3 {
            mesh.restart(1);
            // 0.6 an hour is 0.01 a minute.
            assert_eq!(lost(&mesh), before - restarts * 10_000, "{suite}");
        }
        answers(&mut mesh, &liar);
        assert_eq!(hear(&mut mesh, &too_fast(&liar, 10, 1..=85)), 4);
        assert!(is_quarantined(&mesh, 1), "{suite}");
        mesh.guard(1).tick(mesh.now).unwrap();
        mesh.restart(1);
        mesh.guard(1).tick(mesh.now).unwrap();
        let told = |event: &Event| matches!(event, Event::MemberQuarantined { node, offence: Offence::OverRate, .. } if *node == id(3));
        assert_eq!(mesh.nodes[1].host.count(told), 1);
        mesh.now = mesh.now.after(3 * MINUTE);
        assert!(is_quarantined(&mesh, 1), "{suite}");
        mesh.now = mesh.now.after(MINUTE);
        assert!(!is_quarantined(&mesh, 1));
        // And the next one is twice as long.
        mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
        mesh.now = mesh.now.after(10 * MINUTE - 1);
        assert!(is_quarantined(&mesh, 1));
    }
}

/// P3: whoever has recorded what a member signed too fast plays it at each start of the judge, which has
/// forgotten that it took it. It was paid for. What is new is not.
#[test]
fn p3_a_recorded_excess_is_charged_once_over_restarts() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        let played = [too_fast(&liar, 8, 1..=22), too_fast(&liar, 9, 1..=22)].concat();
        assert_eq!(hear(&mut mesh, &played), 2);
        mesh.guard(1).tick(mesh.now).unwrap();
        let mut before = lost(&mesh);
        for _ in 0..5 {
            mesh.restart(1);
            answers(&mut mesh, &liar);
            assert_eq!(hear(&mut mesh, &played), 0, "{suite}");
            let after = lost(&mesh);
            assert!(after < before, "{suite}: {before} {after}");
            before = after;
        }
        mesh.restart(1);
        answers(&mut mesh, &liar);
        assert_eq!(hear(&mut mesh, &too_fast(&liar, 10, 1..=22)), 1);
        assert!(lost(&mesh) > before);
    }
}

/// P3: strangers, and neighbours without its key, forge what a member would pay for. Nothing of it is
/// written down: neither against who stands well, nor against who does not.
#[test]
fn p3_nobody_else_changes_what_is_stored_of_a_member() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        hear(&mut mesh, &too_fast(&liar, 9, 1..=22));
        mesh.guard(1).tick(mesh.now).unwrap();
        let on_disk = |mesh: &Mesh| {
            [Table::Standing, Table::Excess, Table::Proof]
                .map(|table| mesh.nodes[1].disk.scan(table).unwrap())
        };
        let before = on_disk(&mesh);
        assert_eq!(before.each_ref().map(Vec::len), [1, 1, 0]);
        for victim in [0, 3] {
            let forger = Liar::impostor(suite, id(victim), &mesh.view);
            let mut forged = too_fast(&forger, 11, 1..=30);
            forged.extend(halves(&forger, 1));
            forged.push(proof(&forger, 1));
            forged.extend([1, 2].map(|content| forger.attest(&proposal(content))));
            // And with the name of the true key.
            let true_key = mesh.steal(victim);
            forged.extend((1..30).map(|sequence| {
                let header = true_key.header(Kind::Beacon, Nonce { boot: 11, sequence });
                forger.forge(Header { sent_at: SentAt(5), ..header }, b"", Purpose::Frame)
            }));
            for packet in &forged {
                for over in [STRANGER, link(2), Link::Claimed(link(victim).id())] {
                    let _refused = mesh.give(1, over, packet).unwrap_err();
                }
            }
            mesh.now = mesh.now.after(1_000);
            mesh.guard(1).tick(mesh.now).unwrap();
            assert!(on_disk(&mesh) == before, "{suite}");
        }
        mesh.restart(1);
        assert_eq!(mesh.guard(1).core().reputation(&id(0), mesh.now).as_ppm(), 1_000_000);
        assert!((1..200_000).contains(&lost(&mesh)));
    }
}

/// P4: a member that offends with every frame has one write a second made of it, and while it is quiet one
/// in 50 seconds, until nothing is left to be written down.
#[test]
fn p4_a_flood_of_offences_is_few_writes() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        let mut writes = Vec::new();
        let mut step = |mesh: &mut Mesh, ms: u64, packet: Option<&Vec<u8>>| {
            mesh.now = mesh.now.after(ms);
            let core = mesh.guard(1).core();
            let mut outputs = core.tick(mesh.now);
            outputs.extend(
                packet
                    .map(|it| core.handle_frame(link(2), it, mesh.now).outputs)
                    .into_iter()
                    .flatten(),
            );
            for output in outputs {
                if let Output::Persist { write, batch } = output {
                    mesh.nodes[1].disk.apply(&batch).unwrap();
                    let _nothing_waited = core.persisted(write, mesh.now);
                    // How old this node's key is has its own times.
                    let judges = |change: &Change| matches!(change, Change::Put { table, .. } | Change::Delete { table, .. } if *table != Table::Identity);
                    writes.extend(batch.changes().any(judges).then_some(mesh.now.0));
                }
            }
        };
        // Each frame an excess: the numbers run ahead of the signed time.
        let flood: Vec<_> = (1..=200)
            .map(|number| {
                let nonce = Nonce { boot: 9, sequence: number * 30 };
                let header = liar.header(Kind::Beacon, nonce);
                liar.frame(Header { sent_at: SentAt(5_000), ..header }, b"")
            })
            .collect();
        let begun = mesh.now.0;
        flood.iter().for_each(|frame| step(&mut mesh, 50, Some(frame)));
        assert!(is_quarantined(&mesh, 1));
        let lasted = (mesh.now.0 - begun) / 1_000;
        for _ in 0..2_000 {
            step(&mut mesh, 250, None);
        }
        let (flooded, quiet) =
            writes.iter().partition::<Vec<u64>, _>(|at| **at <= begun + lasted * 1_000);
        assert!((2..=lasted as usize + 1).contains(&flooded.len()), "{suite}: {}", flooded.len());
        assert!((10..=12).contains(&quiet.len()), "{suite}: {} in 500 s", quiet.len());
        assert!(writes.windows(2).all(|pair| pair[1] - pair[0] >= 1_000));
    }
}

/// What a crash before the first write loses is what the last second brought, and nothing else.
#[test]
fn p10_a_crash_loses_a_second_of_charges() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        hear(&mut mesh, &too_fast(&liar, 9, 1..=22));
        mesh.guard(1).tick(mesh.now).unwrap();
        mesh.now = mesh.now.after(999);
        let frames = too_fast(&liar, 10, 1..=22);
        for frame in &frames {
            let _taken_or_not = mesh.give(1, link(2), frame);
        }
        mesh.guard(1).tick(mesh.now).unwrap();
        mesh.restart(1);
        assert!((180_000..=190_000).contains(&lost(&mesh)), "{}", lost(&mesh));
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
