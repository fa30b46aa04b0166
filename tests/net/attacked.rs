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
    let mut field = Field::start(Plan::grid().with_stranger(&victims));
    let (nodes, stranger) = (field.plan.nodes, field.plan.nodes);
    let begin = Instant::now();
    field.run(stranger);
    field.go_on(6_000);
    let log = field.since(begin);
    let beacons = begin.elapsed().as_millis() as usize / BEACON_MS as usize;
    let sent = log.iter().rev().find(|one| matches!(one.said, Said::Sent { .. })).unwrap();
    println!("the stranger: {:?}", sent.said);
    let Said::Sent { garbage, replayed, spoiled, spoofed } = sent.said else { unreachable!() };
    assert!([garbage, replayed, spoiled, spoofed].iter().all(|count| *count > 1_000));
    let pairs = || (0..nodes).flat_map(|at| (0..nodes).map(move |of| (at, of)));
    let heard = |(at, of)| field.heard(at, of, begin);
    let least = pairs().filter(|(at, of)| at != of).map(heard).min().unwrap();
    println!("of {beacons} beacons at least {least} were heard of everybody by everybody");
    // Those that are lost on their way to a corner, at its two cables, among them.
    assert!(least * 4 >= beacons * 3, "{least} of {beacons}");
    let is_refused =
        |said: &Said| matches!(said, Said::LinkQuarantined { to, .. } if *to == stranger);
    for victim in victims {
        assert!(field.said(victim, begin, is_refused), "{victim} refuses the stranger's cable");
    }
    assert!(!log.iter().any(|one| matches!(one.said, Said::Certified { .. } | Said::NoQuorum)));
    field.assert_nobody_is_blamed();
}
