//! Every error a host can meet is provoked, with real nodes and keys: each says what was wrong, and
//! costs whom it should.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod faults;
mod frames;
mod misuse;
mod one_suite;
mod payment;
mod provoked;
mod small;
mod statements;
mod store;
#[path = "../support/mod.rs"]
mod support;

use meshward::Suite;

use provoked::Provoked;

/// Every variant of `Refusal` is met, `SuiteUnavailable` in a build with one suite.
#[test]
fn every_refusal_is_provoked() {
    for suite in Suite::available() {
        let mut met = Provoked::of("Refusal", include_str!("../../src/wire/refusal.rs"));
        frames::refused(suite, &mut met);
        statements::refused(suite, &mut met);
        #[cfg(not(all(feature = "dilithium3", feature = "ml-dsa-65")))]
        one_suite::refused(suite, &mut met);
        #[cfg(all(feature = "dilithium3", feature = "ml-dsa-65"))]
        met.elsewhere("SuiteUnavailable", "a build without one of the suites");
        met.assert_all();
    }
}
