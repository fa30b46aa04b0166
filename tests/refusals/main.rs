//! Every error a host can meet is provoked, with real nodes and keys: each says what was wrong, and
//! costs whom it should.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod frames;
mod misuse;
mod payment;
mod provoked;
mod statements;
#[path = "../support/mod.rs"]
mod support;

use meshward::Suite;

use provoked::Provoked;

/// Every variant of `Refusal` was met, but for one that needs a build with one suite.
#[test]
fn every_refusal_is_provoked() {
    for suite in Suite::available() {
        let mut met = Provoked::of("Refusal", include_str!("../../src/wire/refusal.rs"));
        frames::refused(suite, &mut met);
        statements::refused(suite, &mut met);
        if Suite::available().count() == Suite::ALL.len() {
            met.elsewhere("SuiteUnavailable", "a build without one of the suites");
        }
        met.assert_all();
    }
}
