//! K7: what rolls a stage back, and what does not.

use meshward::suite::Purpose;
use meshward::wire::Kind;
use meshward::{Link, LinkId, NodeId, Reason, Rule, Said, Stage, Suite, Verdict};

use super::{
    FAULTS, HEARD_SIGNED, N, config, enforce, in_the_name_of, mesh, nonce, own, rollbacks, second,
    standing, unsigned,
};
use crate::support::{Liar, Mesh, id, link, with_signature};

/// K7: whatever outsiders send in the names of all members, and f members with it in theirs, over whatever
/// links, unsigned, forged, replayed, rolls nothing back.
#[test]
fn k07_outsiders_and_f_liars_roll_nothing_back() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        enforce(&mesh, Stage::ENFORCED);
        let outsider = Liar::impostor(suite, NodeId::from_bytes([99; 32]), &mesh.view);
        let liars: Vec<_> = (1..=FAULTS).map(|place| mesh.steal(place)).collect();
        let mut sent = 0;
        for round in 0..120_u32 {
            for victim in 1..N {
                let header = mesh.steal(victim).header(Kind::Beacon, nonce(round));
                let stranger = outsider.header(Kind::Beacon, nonce(round));
                let packets = match round % 10 {
                    0 => vec![
                        outsider.forge(header.clone(), b"down", Purpose::Frame),
                        with_signature(header, &[0; 3309], b"down"),
                        with_signature(stranger, &[0; 3309], b"down"),
                    ],
                    _ => Vec::new(),
                };
                for by in [None, Some(id(1)), Some(id(0)), Some(outsider.id)] {
                    let over = by.map_or(Link::Claimed(LinkId(77)), |_| link(1));
                    for said in [
                        in_the_name_of(victim, by),
                        Said::Unsigned { origin: outsider.id, neighbour: by },
                    ] {
                        sent += usize::from(!unsigned(&mesh, said).lets_through());
                        let report = mesh.guard(0).may_act_on_report(id(4), &said, mesh.now);
                        assert!(!report.lets_through());
                    }
                    for packet in &packets {
                        assert!(mesh.give(0, over, packet).is_err());
                        let refused = mesh.guard(0).judge_refused(packet, by, mesh.now);
                        assert!(!refused.lets_through());
                    }
                }
                // Honest old nodes say over their own links what they were told; no signature, no count.
                let report = mesh.guard(0).may_act_on_report(id(4), &own(victim), mesh.now);
                assert!(!report.lets_through());
            }
            for liar in &liars {
                let (unsigned_word, signed) = (
                    Said::Unsigned { origin: liar.id, neighbour: Some(liar.id) },
                    Said::Signed(liar.id),
                );
                for _ in 0..5 {
                    assert!(!unsigned(&mesh, unsigned_word).lets_through());
                    let report = mesh.guard(0).may_act_on_report(id(5), &signed, mesh.now);
                    assert_eq!(report, Verdict::Refuse(Reason::Uncertified));
                }
            }
            second(&mut mesh);
        }
        assert!(sent > 8_000, "{sent}");
        assert_eq!(rollbacks(&mesh), []);
        for &rule in Rule::ALL {
            assert_eq!(standing(&mesh, rule), (Stage::ENFORCED, FAULTS));
        }
        // The one honest member that is refused as well is what it takes: the bound is tight.
        for _ in 0..12 {
            let _ = unsigned(&mesh, own(9));
            for liar in 1..=FAULTS {
                let _ = unsigned(&mesh, own(liar));
            }
            second(&mut mesh);
        }
        assert_eq!(rollbacks(&mesh), [(Rule::Signatures, Stage::canary(50).unwrap(), FAULTS + 1)]);
    }
}

/// K7, the other way: ten thousand messages of old nodes were let through, then a stage begins for which
/// they are not ready. 500 failures on end bring it back, as far as the trouble goes, and a restart knows it.
#[test]
fn k07_a_bad_stage_is_rolled_back_whatever_went_well_before() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        for number in 0..10_000 {
            let verdict = unsigned(&mesh, own(1 + number % (N - 1)));
            assert_eq!(verdict, Verdict::WouldRefuse(Reason::Unsigned));
            if number % 100 == 0 {
                second(&mut mesh);
            }
        }
        // Long enough ago that nothing of it is in the window.
        mesh.now = mesh.now.after(60_000);
        enforce(&mesh, Stage::ENFORCED);
        let mut failures = 0;
        while failures < 500 && rollbacks(&mesh).is_empty() {
            for place in 1..N {
                failures += usize::from(!unsigned(&mesh, own(place)).lets_through());
            }
            second(&mut mesh);
        }
        let before = Stage::canary(50).unwrap();
        let expected = vec![(Rule::Signatures, before, N - 1)];
        assert_eq!((rollbacks(&mesh), standing(&mesh, Rule::Signatures)), (expected, (before, 0)));
        assert!(failures < 150, "{failures}");
        assert_eq!(
            standing(&mesh, Rule::Quorum).0,
            Stage::ENFORCED,
            "the other rule is not touched"
        );
        // And on, as long as more than f are refused.
        let is_in = |place: &usize| !unsigned(&mesh, own(*place)).lets_through();
        let in_cohort = (1..N).filter(is_in).count();
        for _ in 0..15 {
            for place in 1..N {
                let _ = unsigned(&mesh, own(place));
            }
            second(&mut mesh);
        }
        let stage = standing(&mesh, Rule::Signatures).0;
        assert_eq!(stage < before, in_cohort > FAULTS, "{in_cohort} in the cohort");
        mesh.restart(0);
        assert_eq!(standing(&mesh, Rule::Signatures).0, stage);
        assert_eq!(standing(&mesh, Rule::Quorum).0, Stage::ENFORCED);
    }
}

/// K7: members that are ahead go on speaking unsigned for the old ones. That is refused, and is no failure of
/// any stage, however many they are.
#[test]
fn k07_members_that_sign_and_speak_unsigned_too_roll_nothing_back() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        enforce(&mesh, Stage::ENFORCED);
        for round in 0..60 {
            for place in 1..N {
                // Its unsigned copy is the faster one.
                let refused = unsigned(&mesh, own(place));
                assert!(!refused.lets_through());
                if round > 0 {
                    assert_eq!(refused, HEARD_SIGNED);
                }
                let beacon = mesh.beacon(place);
                assert!(mesh.give(0, link(place), &beacon).is_ok());
            }
            second(&mut mesh);
        }
        assert_eq!(
            (rollbacks(&mesh), standing(&mesh, Rule::Signatures)),
            (vec![], (Stage::ENFORCED, 0))
        );
    }
}

/// K7: f liars do not hold up a stage that begins by itself. One more member for which it is too early does.
#[test]
fn k07_f_liars_do_not_hold_up_what_begins_by_itself() {
    for suite in Suite::available() {
        for speakers in [FAULTS, FAULTS + 1] {
            let mut config = config();
            config.rollout.as_mut().unwrap().canary_percent = vec![1];
            let mut mesh = Mesh::with(suite, N, config);
            mesh.nodes.iter_mut().skip(1).for_each(|node| node.down = true);
            enforce(&mesh, Stage::canary(1).unwrap());
            // They are in the next cohort, and not in this one.
            let is_late = |place: &usize| unsigned(&mesh, own(*place)).lets_through();
            let mut late: Vec<_> = (1..N).filter(is_late).collect();
            late.extend((1..N).filter(|place| !is_late(place)));
            let start = mesh.now;
            while mesh.now.since(start) < 605_000 {
                for place in late.iter().take(speakers) {
                    let _ = unsigned(&mesh, own(*place));
                }
                second(&mut mesh);
            }
            let has_begun = standing(&mesh, Rule::Signatures).0 == Stage::ENFORCED;
            assert_eq!(has_begun, speakers == FAULTS);
            assert_eq!(rollbacks(&mesh), []);
        }
    }
}

/// K7: a failure that is real is reported by everybody before it is certified, which is no failure of the
/// rule. That members who sign report for long what no quorum certifies is one.
#[test]
fn k07_quorum_is_rolled_back_for_what_is_never_certified_alone() {
    for suite in Suite::available() {
        let mut mesh = Mesh::with(suite, N, config());
        mesh.pass(3_000);
        enforce(&mesh, Stage::ENFORCED);
        mesh.nodes[9].down = true;
        let (start, mut acted) = (mesh.now, false);
        while mesh.now.since(start) < 60_000 {
            for reporter in 1..9 {
                let said = Said::Signed(id(reporter));
                let verdict = mesh.guard(0).may_act_on_report(id(9), &said, mesh.now);
                assert_eq!(verdict.lets_through(), mesh.certified(0, 9));
                acted |= verdict.lets_through();
            }
            mesh.pass(1_000);
        }
        assert!(acted, "it is certified");
        assert_eq!(
            (rollbacks(&mesh), standing(&mesh, Rule::Quorum)),
            (vec![], (Stage::ENFORCED, 0))
        );
        for _ in 0..12 {
            for reporter in 1..=FAULTS + 1 {
                let said = Said::Signed(id(reporter));
                let _ = mesh.guard(0).may_act_on_report(id(8), &said, mesh.now);
            }
            mesh.pass(1_000);
        }
        assert_eq!(rollbacks(&mesh), [(Rule::Quorum, Stage::canary(50).unwrap(), FAULTS + 1)]);
    }
}
