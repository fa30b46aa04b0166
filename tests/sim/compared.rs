//! A naive gossip under the same attacks: it is what the library is compared with, and shows that the
//! invariants can fail.

use std::collections::{BTreeMap, BTreeSet};

use meshward::{Config, Suite};

use crate::invariants;
use crate::mesh::{Dice, Happened, Heard, Hop, Kind, Plan, Shape, Sort, World};
use crate::scenario::Scenario;

/// Which invariants do not hold in a run.
fn broken(scenario: &Scenario) -> BTreeSet<&'static str> {
    let _alone = crate::RUN.lock();
    let (mut world, mut invariants) = (scenario.plan.world(), invariants::all());
    let mut broken = BTreeSet::new();
    while let Some(step) = world.step(scenario.lasts_ms) {
        invariants.retain_mut(|invariant| {
            let holds = invariant.after(&world, &step).is_ok();
            holds || !broken.insert(invariant.name())
        });
    }
    invariants.retain_mut(|invariant| invariant.at_end(&world).is_err());
    broken.extend(invariants.iter().map(|invariant| invariant.name()));
    broken
}

#[test]
fn a_naive_gossip_breaks_what_is_promised() {
    let scenarios = [3, 21].map(|seed| {
        let mut scenario = Scenario::of(seed);
        scenario.plan.sort = Sort::Naive;
        scenario
    });
    let broken: BTreeSet<_> = scenarios.iter().flat_map(broken).collect();
    let expected = [
        "bounded work (P4)",
        "heard (P4, P7)",
        "no framing (P3)",
        "once (P2)",
        "proportion (P10)",
        "rebuttal (P8)",
        "truth (P6)",
    ];
    assert_eq!(broken, BTreeSet::from(expected));
}

/// A naive mesh of four and an outsider, after twenty seconds; and how many messages were delivered.
fn ran(kinds: &[Kind]) -> (World, usize) {
    let plan = Plan {
        seed: 1,
        sort: Sort::Naive,
        suite: Suite::available().next().unwrap(),
        config: Config::default(),
        members: 4,
        neighbours: Shape::Full.neighbours(5, &mut Dice::new(1)),
        hostile: BTreeMap::from([(4, kinds.to_vec())]),
        hostile_packets: 100,
        usual: Hop::GOOD,
        hops: BTreeMap::new(),
        beacon_ms: 1_000,
        faults: Vec::new(),
        proposals: Vec::new(),
        heap: || 0,
    };
    let _alone = crate::RUN.lock();
    let (mut world, mut delivered) = (plan.world(), 0);
    while let Some((happened, _)) = world.step(20_000) {
        let took = matches!(happened, Happened::Took { heard: Heard::Delivered(_), .. });
        delivered += usize::from(took);
    }
    (world, delivered)
}

fn in_quarantine(world: &World) -> usize {
    let held = world.members.iter().filter_map(|node| {
        let peer = node.peer.as_ref()?;
        Some(peer.in_quarantine(node.clock(world.now)))
    });
    held.sum()
}

#[test]
fn a_naive_gossip_delivers_while_nobody_lies_and_condemns_whoever_is_framed() {
    let (calm, delivered) = ran(&[Kind::Censor]);
    assert_eq!(in_quarantine(&calm), 0);
    assert!(delivered > 4 * 3 * 17, "{delivered}");
    let (framed, _) = ran(&[Kind::Frame]);
    assert_eq!(in_quarantine(&framed), 4 * 3);
}

#[test]
fn a_naive_gossip_believes_votes_that_nobody_cast() {
    let (world, _) = ran(&[Kind::Accuse, Kind::Frame]);
    let node = &world.members[0];
    assert!(!node.peer.as_ref().unwrap().failed(node.clock(world.now)).is_empty());
}
