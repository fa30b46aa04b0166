//! Meshes of up to a thousand honest nodes, with a signature scheme that costs nothing:
//!
//! `RUSTFLAGS="--cfg meshward_sim" MESHWARD_SIM_NODES=1000 cargo test --release --target-dir target/sim
//! --test sim large -- --ignored --nocapture`

use std::collections::BTreeMap;
use std::env;
use std::time::Instant;

use meshward::replay::WindowWidth;
use meshward::{Config, Suite};

use crate::mesh::{Dice, Fault, Hop, Kind, Plan, Shape, Sort};
use crate::scenario::Scenario;

/// A mesh of that size says less of each: a beacon in ten seconds.
const BEACON_MS: u64 = 10_000;
/// Hostile links for each honest one.
const HOSTILE: usize = 20;

fn scenario(nodes: usize) -> Scenario {
    let dice = &mut Dice::new(nodes as u64);
    let mut neighbours = Shape::Geometric.neighbours(nodes, dice);
    let links: usize = neighbours.iter().map(Vec::len).sum();
    // Each stranger has a link to every node, so that so many of them make the ratio.
    let strangers = HOSTILE * links.div_ceil(nodes);
    for stranger in nodes..nodes + strangers {
        (0..nodes).for_each(|node| neighbours[node].push(stranger));
        neighbours.push((0..nodes).collect());
    }
    let kinds = [Kind::Censor, Kind::Flood, Kind::Censor, Kind::Censor];
    let hostile =
        (nodes..nodes + strangers).map(|place| (place, vec![Kind::Censor, kinds[place % 4]]));
    let mut config = Config::default();
    config.quorum.suspicion_ms = 30_000;
    // What a thousand nodes in one process can afford to keep of each member.
    config.gossip.retained_bytes = 402;
    config.gossip.window = WindowWidth::new(64).unwrap();
    (config.gossip.claimed_pairs, config.quorum.slots_per_member) = (16, 4);
    config.prepared_keys = 1;
    let plan = Plan {
        seed: nodes as u64,
        sort: Sort::Meshward,
        suite: Suite::Simulated,
        config,
        members: nodes,
        neighbours,
        hostile: hostile.collect(),
        hostile_packets: 2 * nodes,
        usual: Hop { loss: 10, ..Hop::GOOD },
        hops: BTreeMap::new(),
        beacon_ms: BEACON_MS,
        // A true failure, too.
        faults: vec![(20_000, Fault::Crash { node: nodes / 2 })],
        proposals: Vec::new(),
        heap: || crate::HEAP.current_usage(),
    };
    let replay = format!(
        "RUSTFLAGS=\"--cfg meshward_sim\" MESHWARD_SIM_NODES={nodes} cargo test --release \
         --target-dir target/sim --test sim large -- --ignored --nocapture"
    );
    Scenario { shape: Shape::Geometric, plan, too_many: false, lasts_ms: 90_000, replay }
}

#[test]
#[ignore = "as many nodes as MESHWARD_SIM_NODES says, 100 if it says nothing"]
fn large() {
    let nodes = env::var("MESHWARD_SIM_NODES").map(|nodes| nodes.parse().unwrap()).unwrap_or(100);
    let (scenario, begun) = (scenario(nodes), Instant::now());
    let neighbours = scenario.plan.neighbours.iter().take(nodes).map(Vec::len).sum::<usize>();
    println!("{nodes} nodes, {neighbours} links");
    crate::HEAP.reset_peak_usage();
    let ran = crate::run(&scenario, false);
    println!("{ran:?}, {:?}, {} bytes at most", begun.elapsed(), crate::HEAP.peak_usage());
}
