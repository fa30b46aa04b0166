//! Promise P3 as a property: whatever adversaries do who hold every key but X's and can send from
//! X's own address, at V everything about X is as it is at a twin of V that they leave alone.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod acts;
mod arsenal;
mod attack;
mod payers;
#[path = "../support/mod.rs"]
mod support;

use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use acts::{Act, MOST_ACTS, acts};
use attack::{World, play};

fn run(cases: u32, most_acts: usize) {
    let config = Config {
        cases,
        // Long inputs of which most acts do not matter: shrinking pays.
        max_shrink_iters: 2_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    };
    let world = std::cell::RefCell::new(World::new());
    let result = TestRunner::new(config).run(&acts(most_acts), |acts| {
        play(&mut world.borrow_mut(), &acts);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn p03_nobody_pays_for_what_others_do() {
    run(96, MOST_ACTS);
}

/// The receiver shed the second one: it took for old what came late.
#[test]
fn p03_who_is_late_after_a_stock_was_played_is_taken() {
    let beacon = || Act::Beacon { arrives: true };
    let late = [Act::Stock { over: 0 }, beacon(), Act::Wait { ms: 9_801 }, beacon()];
    play(&mut World::new(), &late);
}

/// `cargo test --release --test blame -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn p03_nobody_pays_for_what_others_do_in_a_hundred_thousand_cases() {
    std::thread::scope(|scope| {
        scope.spawn(|| run(80_000, 16));
        scope.spawn(|| run(20_000, MOST_ACTS));
    });
}
