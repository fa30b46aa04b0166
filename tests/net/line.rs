//! Three nodes in a line.

use std::time::Instant;

use crate::field::{Field, Plug};
use crate::plan::Plan;
use crate::said::Said;
use crate::space::turn;

/// The ends hear each other through the middle. With both cables pulled each is alone, says so, and nothing is
/// certified; with one pulled two certify that the third is not heard, which is so, and it certifies nothing.
/// Then all is as it was.
#[test]
#[ignore = "needs root and network namespaces"]
fn a_line_of_three_is_cut_and_heals() {
    let Some(_turn) = turn() else { return };
    let field = Field::start(Plan::line(3));
    let no_quorum = |node, since| field.said(node, since, |said| *said == Said::NoQuorum);
    let is_certificate =
        |said: &Said| matches!(said, Said::Certified { .. } | Said::CertifiedOther { .. });

    let alone = Instant::now();
    field.plug(&[(0, 1), (1, 2)], Plug::Out);
    let took =
        field.wait("each alone says so", 25_000, |_| (0..3).all(|node| no_quorum(node, alone)));
    println!("each alone says so after {} ms", took.as_millis());
    assert!((0..3).all(|node| !field.said(node, alone, is_certificate)));
    heal(&field, &[(0, 1), (1, 2)]);
    field.go_on(1_000);
    // Two that missed the third for so long say the truth, if they hear each other before they hear it; it is
    // back with its next beacon.
    field.wait("nobody is known to have failed", 10_000, |_| field.none_failed());

    let parted = Instant::now();
    field.plug(&[(1, 2)], Plug::Out);
    let certified = Said::Certified { unheard: vec![2] };
    let two = |node: usize| field.said(node, parted, |said| *said == certified);
    field.wait("two miss the third", 25_000, |_| two(0) && two(1));
    field.wait("the third is alone", 25_000, |_| no_quorum(2, parted));
    assert!(
        !field.said(2, parted, is_certificate) && !no_quorum(0, parted) && !no_quorum(1, parted)
    );
    let healed = heal(&field, &[(1, 2)]);
    let returned = |node| field.said(node, healed, |said| *said == Said::Returned { of: 2 });
    field.wait("the third is back", 10_000, |_| returned(0) && returned(1));
    field.wait("nobody is known to have failed", 10_000, |_| field.none_failed());
    for one in field.since(parted).iter().filter(|one| is_certificate(&one.said)) {
        assert_eq!(one.said, certified, "{}", one.by);
    }
    field.assert_nobody_is_blamed();
}

fn heal(field: &Field, cables: &[(usize, usize)]) -> Instant {
    let healed = Instant::now();
    field.plug(cables, Plug::In);
    let restored = |node| field.said(node, healed, |said| *said == Said::QuorumRestored);
    let took =
        field.wait("all hear each other again", 15_000, |_| field.all_hear(healed) && restored(2));
    println!("all hear each other again after {} ms", took.as_millis());
    healed
}
