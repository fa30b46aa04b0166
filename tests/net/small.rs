//! Whether these cables are what the other tests take them for.

use std::time::Instant;

use crate::field::Field;
use crate::plan::Plan;
use crate::space::turn;

/// A signed beacon does not fit an MTU of 1280: sent as it is it is lost, cut it arrives.
#[test]
#[ignore = "needs root and network namespaces"]
fn a_frame_that_is_not_cut_does_not_pass() {
    let Some(_turn) = turn() else { return };
    let begin = Instant::now();
    let field = Field::build(Plan { uncut: Some(0), ..Plan::line(2) });
    field.wait("beacons that are cut arrive", 10_000, |_| field.heard(0, 1, begin) >= 5);
    assert_eq!(field.heard(1, 0, begin), 0, "beacons that are not cut");
    assert!(field.fragments_refused() >= 5 * 3);
}
