//! Nine nodes in a grid, of which two may be faulty, over cables that lose 5 % and reorder.

use std::time::{Duration, Instant};

use meshward::Suite;

use crate::field::{Entry, Field};
use crate::plan::{BEACON_MS, Plan, SUSPICION_MS};
use crate::said::Said;
use crate::space::turn;

const NODES: usize = 9;

/// Whom these certificates name as not heard.
fn unheard(log: &[Entry]) -> impl Iterator<Item = (usize, &Vec<usize>)> {
    log.iter().filter_map(|one| match &one.said {
        Said::Certified { unheard } => Some((one.by, unheard)),
        _ => None,
    })
}

/// A node that gets SIGKILL is certified as failed at all others within three beacon intervals and the
/// suspicion time. It starts again on what is on its disk, and is heard by all.
#[test]
#[ignore = "needs root and network namespaces"]
fn a_killed_node_is_certified_as_failed_and_comes_back() {
    let Some(_turn) = turn() else { return };
    for suite in Suite::available() {
        println!("{suite}:");
        kill_and_restart(Field::start(Plan { suite, ..Plan::grid() }));
    }
}

fn kill_and_restart(mut field: Field) {
    let begin = Instant::now();
    field.go_on(3_000);
    assert_eq!(unheard(&field.since(begin)).count(), 0, "nobody is dead");
    let (lost, all) = field.lost();
    println!("{lost} of {all} datagrams were lost");
    assert!(all > 5_000 && (30..70).contains(&(lost * 1_000 / all)), "{lost} of {all}");
    // The one in the middle: the others have to go round it.
    let victim = 4;
    field.kill(victim);
    let killed = Instant::now();
    let others = || (0..NODES).filter(|node| *node != victim);
    let certified = Said::Certified { unheard: vec![victim] };
    let knows = |node| field.said(node, killed, |said| *said == certified);
    let took = field.wait("all certify it", 15_000, |_| others().all(knows));
    println!("certified by all others after {} ms", took.as_millis());
    assert!(took <= Duration::from_millis(3 * BEACON_MS + SUSPICION_MS), "{took:?}");
    let again = Instant::now();
    field.run(victim);
    let returned = |node| field.said(node, again, |said| *said == Said::Returned { of: victim });
    let took = field.wait("all readmit it", 10_000, |_| others().all(returned));
    println!("readmitted by all others {} ms after its start", took.as_millis());
    field.wait("it hears and is heard", 10_000, |_| field.all_hear(again));
    assert!(unheard(&field.since(begin)).all(|(by, who)| by != victim && *who == [victim]));
    field.assert_nobody_is_blamed();
}

/// The upper row is cut off. The six below certify that the three are not heard; the three certify nothing, and
/// say that they have no quorum. Healed, everybody hears everybody, nobody is known to have failed, and
/// nobody is blamed.
#[test]
#[ignore = "needs root and network namespaces"]
fn a_mesh_parts_into_three_and_six_and_heals() {
    let Some(_turn) = turn() else { return };
    let field = Field::start(Plan::grid());
    let parted = Instant::now();
    field.cut(&[(0, 3), (1, 4), (2, 5)]);
    let took = field.wait("six know of the three, who are alone", 30_000, |_| {
        let few = (0..3).all(|node| field.said(node, parted, |said| *said == Said::NoQuorum));
        few && (3..NODES).all(|node| (0..3).all(|of| names(&field.since(parted), node, of)))
    });
    println!("six know of the three, who are alone, after {} ms", took.as_millis());
    for (by, who) in unheard(&field.since(parted)) {
        assert!(by >= 3 && who.iter().all(|of| *of < 3), "{by}: {who:?}");
    }
    let healed = Instant::now();
    field.heal();
    field.wait("all hear each other again", 15_000, |_| field.all_hear(healed));
    let took = field.wait("nobody is known to have failed", 15_000, |_| field.none_failed());
    println!("nobody is known to have failed, {} ms after all were heard", took.as_millis());
    // What was said while they were apart must not add up afterwards.
    let after = Instant::now();
    field.go_on(2 * SUSPICION_MS);
    assert_eq!(unheard(&field.since(after)).count(), 0);
    assert!((0..3).all(|node| field.said(node, healed, |said| *said == Said::QuorumRestored)));
    assert!(field.all_hear(after) && field.none_failed());
    field.assert_nobody_is_blamed();
}

/// Whether a certificate at `by` names `of`.
fn names(log: &[Entry], by: usize, of: usize) -> bool {
    unheard(log).any(|(at, who)| at == by && who.contains(&of))
}
