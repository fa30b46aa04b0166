//! How often a node asks for memory, beside what the signature scheme takes for a check: for a beacon that
//! it admits once, for the body that it delivers; for what it refuses never.
//!
//! `cargo test --test allocations -- --nocapture` prints what was counted. That what it holds stays
//! bounded is another matter, see `memory`.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[path = "../benches/common/mod.rs"]
mod common;

use allocation_counter::{AllocationInfo, measure};
use common::{BODY, Mesh, Stage, admit_over, generous, raw_check};
use meshward::{Config, Link, LinkId, RolloutConfig, Suite};

/// More than a node of a tree has room for.
const LINKS: u64 = 40;
/// The retained headers of a member are full after 37, and each link has its place after 40.
const WARM: usize = 100;
const COUNTED: usize = 1_000;

/// How often memory was asked for, and for how many bytes.
fn asked(run: impl FnOnce()) -> (u64, u64) {
    let AllocationInfo { count_total, bytes_total, .. } = measure(run);
    (count_total, bytes_total)
}

/// What `run` asked for beyond what the bare check does. `ml-dsa` puts a decoded signature on the heap.
fn beyond(check: (u64, u64), run: impl FnOnce()) -> (u64, u64) {
    let (times, bytes) = asked(run);
    (times - check.0, bytes - check.1)
}

#[test]
fn an_admitted_beacon_allocates_the_delivered_body_and_nothing_else() {
    let with_rollout = Config { rollout: Some(RolloutConfig::default()), ..generous() };
    let configs = [generous(), with_rollout];
    for (suite, config) in
        Suite::available().flat_map(|suite| configs.iter().map(move |it| (suite, it)))
    {
        let (node, mut speaker) = Mesh::pair(suite, config);
        let key = speaker.key.public_key().prepare().unwrap();
        for number in 0..WARM + COUNTED {
            let (beacon, now) = (speaker.beacon(), speaker.now());
            let check = asked(|| assert!(raw_check(&key, &beacon)));
            let link = Link::Proven(LinkId(number as u64 % LINKS));
            let found = beyond(check, || admit_over(&node, link, &beacon, now));
            if number < WARM {
                continue;
            }
            if number == WARM {
                println!("{suite}: the check {check:?}, beside it {found:?}");
            }
            assert_eq!(found, (1, BODY.len() as u64), "{suite}: beacon {number}");
        }
    }
}

#[test]
fn what_is_refused_allocates_nothing() {
    for suite in Suite::available() {
        for stage in Stage::ALL {
            let case = stage.case(suite);
            let key = case.speaker.key.public_key().prepare().unwrap();
            // The first of a kind gets its place among the counters.
            case.refuse();
            let check = match stage.is_checked() {
                true => asked(|| {
                    assert_eq!(raw_check(&key, &case.packet), stage != Stage::BadSignature)
                }),
                false => (0, 0),
            };
            let found = beyond(check, || case.refuse());
            println!("{suite}: {}: the check {check:?}, beside it {found:?}", case.reason);
            assert_eq!(found, (0, 0), "{suite}: {}", case.reason);
        }
    }
}
