//! A grid that a stranger floods.

use std::time::Instant;

use crate::field::Field;
use crate::plan::{BEACON_MS, Plan};
use crate::said::Said;
use crate::space::turn;

/// A stranger with cables to three nodes sends each of them garbage, what it hears from others, both under
/// its own name and under those of neighbours, and altered. All members are heard as before, nobody is blamed
/// but the stranger's cables, and nobody is taken for dead.
#[test]
#[ignore = "needs root and network namespaces"]
fn a_stranger_that_floods_and_replays_disturbs_nobody() {
    let Some(_turn) = turn() else { return };
    let victims = [0, 4, 8];
    // Over cables that lose nothing, so that whatever is missing the stranger took.
    let plan = Plan { loss: 0, ..Plan::grid() };
    let mut field = Field::start(plan.with_stranger(&victims));
    let stranger = field.plan.nodes;
    let begin = Instant::now();
    field.run(stranger);
    let heard = share_heard(&field, begin);
    println!("{heard:.3} of all beacons were heard by all");
    assert!(heard > 0.97, "{heard}");
    let log = field.since(begin);
    let sent = log.iter().rev().find(|one| matches!(one.said, Said::Sent { .. })).unwrap();
    println!("the stranger: {:?}", sent.said);
    let Said::Sent { garbage, replayed, spoiled, spoofed } = sent.said else { unreachable!() };
    assert!([garbage, replayed, spoiled, spoofed].iter().all(|count| *count > 1_000));
    let is_refused =
        |said: &Said| matches!(said, Said::LinkQuarantined { to, .. } if *to == stranger);
    field.wait("the victims refuse the stranger's cables", 10_000, |_| {
        victims.iter().all(|victim| field.said(*victim, begin, is_refused))
    });
    let log = field.since(begin);
    assert!(!log.iter().any(|one| matches!(one.said, Said::Certified { .. } | Said::NoQuorum)));
    field.assert_nobody_is_blamed();
}

/// Which share of all beacons is heard by all, from `begin` on for a while.
fn share_heard(field: &Field, begin: Instant) -> f64 {
    field.go_on(14 * BEACON_MS);
    let beacons = begin.elapsed().as_secs_f64() * 1_000.0 / BEACON_MS as f64;
    let nodes = 0..field.plan.nodes;
    let pairs = nodes.clone().flat_map(|at| nodes.clone().map(move |of| (at, of)));
    let pairs = pairs.filter(|(at, of)| at != of);
    let heard: Vec<_> = pairs.map(|(at, of)| field.heard(at, of, begin)).collect();
    // Nobody in particular is silenced.
    assert!(heard.iter().all(|count| *count as f64 > beacons * 0.5), "{heard:?} of {beacons}");
    heard.iter().sum::<usize>() as f64 / heard.len() as f64 / beacons
}
