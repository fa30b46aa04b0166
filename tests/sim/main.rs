//! The whole mesh under attack, in virtual time: the whole library in every node, real signatures, and
//! everything else as a seed says. `cargo test --test sim` runs a spread of seeds;
//! `MESHWARD_SIM_SEED=7 cargo test --test sim one_seed -- --ignored --nocapture` replays one and tells
//! what became of each packet.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod compared;
mod invariants;
#[cfg(meshward_sim)]
mod large;
#[allow(dead_code, unused_imports, reason = "the example chaos_report uses the rest")]
mod mesh;
mod scenario;
mod trace;

use std::collections::BTreeSet;
use std::env;

use peak_alloc::PeakAlloc;
use scenario::Scenario;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// One run at a time, so that what is on the heap is its own.
static RUN: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// What a clean run was like.
#[derive(Default, Debug)]
struct Ran {
    steps: u64,
    virtual_ms: u64,
    /// The most that the software of a node held, in bytes.
    most_held: isize,
}

/// Runs a scenario until its end, and panics at the first invariant that does not hold.
fn run(scenario: &Scenario, explains: bool) -> Ran {
    let _alone = RUN.lock();
    let mut world = scenario.plan.world();
    let mut invariants = match scenario.too_many {
        true => invariants::whoever_lies(),
        false => invariants::all(),
    };
    let mut trace = trace::Trace::new(explains);
    let fail = |trace: &trace::Trace, world: &mesh::World, name: &str, why: String| -> ! {
        panic!(
            "{name} does not hold: {why}\nafter step {} at {} ms of {scenario}\n{trace}\n\
             replay: {}",
            world.steps, world.now, scenario.replay
        )
    };
    let mut most_held = 0;
    while let Some(step) = world.step(scenario.lasts_ms) {
        if let mesh::Happened::Woke { at } = step.0 {
            most_held = most_held.max(world.members.get(at).map_or(0, |node| node.holds));
        }
        let broken = invariants.iter_mut().find_map(|invariant| {
            let why = invariant.after(&world, &step).err()?;
            Some((invariant.name(), why))
        });
        trace.add(world.now, step);
        if let Some((name, why)) = broken {
            fail(&trace, &world, name, why);
        }
    }
    for invariant in &mut invariants {
        if let Err(why) = invariant.at_end(&world) {
            fail(&trace, &world, invariant.name(), why);
        }
    }
    Ran { steps: world.steps, virtual_ms: world.now, most_held }
}

fn spread(seeds: impl Iterator<Item = u64>) {
    let (mut count, mut all) = (0, Ran::default());
    for seed in seeds {
        if count > 0 && count % 50 == 0 {
            println!("{count} seeds, {} steps", all.steps);
        }
        let ran = run(&Scenario::of(seed), false);
        (count, all.steps) = (count + 1, all.steps + ran.steps);
        all.virtual_ms += ran.virtual_ms;
        all.most_held = all.most_held.max(ran.most_held);
    }
    let Ran { steps, virtual_ms, most_held } = all;
    println!(
        "{count} seeds, {steps} steps, {} s of virtual time; a node held {most_held} bytes at most",
        virtual_ms / 1000
    );
}

#[test]
fn a_spread_of_seeds() {
    spread(0..16);
}

#[test]
#[ignore = "from MESHWARD_SIM_FIRST on as many as MESHWARD_SIM_SEEDS says, 2000 if it says nothing"]
fn many_seeds() {
    let number = |name, default| env::var(name).map_or(default, |given| given.parse().unwrap());
    let first = number("MESHWARD_SIM_FIRST", 1_000);
    spread(first..first + number("MESHWARD_SIM_SEEDS", 2_000));
}

#[test]
#[ignore = "replays MESHWARD_SIM_SEED"]
fn one_seed() {
    let seed = env::var("MESHWARD_SIM_SEED").map(|seed| seed.parse().unwrap()).unwrap_or(0);
    let scenario = Scenario::of(seed);
    println!("{scenario}\n{:?}", run(&scenario, true));
}

/// What a run did: when what came from whom to whom, and what became of it. Not the bytes themselves:
/// the C code of Dilithium3 makes its keys from random bytes of its own.
fn digest(seed: u64) -> blake3::Hash {
    let _alone = RUN.lock();
    let (scenario, mut hasher) = (Scenario::of(seed), blake3::Hasher::new());
    let mut world = scenario.plan.world();
    while let Some((happened, told)) = world.step(40_000) {
        let what = match &happened {
            mesh::Happened::Took { at, from, bytes, heard } => {
                let became = match heard {
                    mesh::Heard::Refused(why) => why.reason(),
                    mesh::Heard::Taken => "taken",
                    mesh::Heard::Delivered(_) => "delivered",
                };
                format!("{from} {at} {:?} {} {became}", bytes.first(), bytes.len())
            }
            other => format!("{other:?}"),
        };
        hasher.update(format!("{} {what} {}", world.now, told.len()).as_bytes());
    }
    hasher.finalize()
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    let digests: Vec<_> = (0..4).map(|seed| (digest(seed), digest(seed))).collect();
    assert!(digests.iter().all(|(first, second)| first == second), "{digests:?}");
    let different: BTreeSet<_> = digests.iter().map(|(first, _)| *first.as_bytes()).collect();
    assert_eq!(different.len(), digests.len());
}
