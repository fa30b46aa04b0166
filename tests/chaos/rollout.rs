//! K7, K10: a rollout in a mesh with old nodes. Node 0 enforces in stages; the others have keys in the view,
//! and speak unsigned until a test has them sign.

use meshward::store::Table;
use meshward::suite::Purpose;
use meshward::wire::{Kind, Tag, seal_statement};
use meshward::{
    Accepted, Config, Event, Link, LinkId, Millis, NodeId, Nonce, OsEntropy, Reason, RolloutConfig, Rule,
    Said, Stage, Store, Suite, Tally, Verdict,
};

use crate::support::{Disk, Fault, Liar, Mesh, failure, id, link, with_signature};

/// Members, of which f = 3 may lie.
const N: usize = 10;
const FAULTS: usize = 3;
const HEARD_SIGNED: Verdict = Verdict::Refuse(Reason::HeardSigned);

fn config() -> Config {
    let rollout = RolloutConfig {
        soak_ms: Some(600_000),
        window_ms: 60_000,
        patience_ms: 5_000,
        ..RolloutConfig::default()
    };
    Config { rollout: Some(rollout), ..Config::default() }
}

fn mesh(suite: Suite) -> Mesh {
    let mut mesh = Mesh::with(suite, N, config());
    mesh.nodes.iter_mut().skip(1).for_each(|node| node.down = true);
    mesh
}

/// Over the member's own link.
fn own(place: usize) -> Said {
    Said::Unsigned { origin: id(place), neighbour: Some(id(place)) }
}

/// In its name, over a link of `by`.
fn in_the_name_of(place: usize, by: Option<NodeId>) -> Said {
    Said::Unsigned { origin: id(place), neighbour: by }
}

fn unsigned(mesh: &Mesh, said: Said) -> Verdict {
    mesh.guard(0).judge_unsigned(&said, mesh.now)
}

fn enforce(mesh: &Mesh, stage: Stage) {
    for rule in Rule::ALL {
        assert_eq!(mesh.guard(0).set_stage(rule, stage, mesh.now).unwrap(), stage);
    }
}

/// The stage of a rule, and how many members it has refused.
fn standing(mesh: &Mesh, rule: Rule) -> (Stage, usize) {
    let stats = mesh.guard(0).rollout_stats(mesh.now).unwrap();
    let of_rule = stats.rules.iter().find(|stats| stats.rule == rule).unwrap();
    (of_rule.stage, of_rule.members_refused)
}

fn rollbacks(mesh: &Mesh) -> Vec<(Rule, Stage, usize)> {
    let events = mesh.nodes[0].host.events.lock();
    let back = events.iter().filter_map(|event| match event {
        Event::RolledBack { rule, stage, members } => Some((*rule, *stage, *members)),
        _ => None,
    });
    back.collect()
}

/// A second passes for node 0.
fn second(mesh: &mut Mesh) {
    for _ in 0..4 {
        mesh.now = mesh.now.after(250);
        mesh.guard(0).tick(mesh.now).unwrap();
    }
}

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
                let forged = outsider.forge(header, b"down", Purpose::Message);
                let stripped = with_signature(outsider.header(Kind::Beacon, nonce(round)), &[0; 3309], b"");
                for by in [None, Some(id(1)), Some(id(0)), Some(outsider.id)] {
                    let over = by.map_or(Link::Claimed(LinkId(77)), |_| link(1));
                    for said in [in_the_name_of(victim, by), Said::Unsigned { origin: outsider.id, neighbour: by }] {
                        sent += usize::from(!unsigned(&mesh, said).lets_through());
                        let report = mesh.guard(0).may_act_on_report(id(4), &said, mesh.now);
                        assert!(!report.lets_through());
                    }
                    if round % 10 == 0 {
                        for packet in [&forged, &stripped] {
                            assert!(mesh.give(0, over, packet).is_err());
                            assert!(!mesh.guard(0).judge_refused(packet, by, mesh.now).lets_through());
                        }
                    }
                }
                // Honest old nodes say over their own links what they were told; no signature, no count.
                let report = mesh.guard(0).may_act_on_report(id(4), &own(victim), mesh.now);
                assert!(!report.lets_through());
            }
            for liar in &liars {
                for _ in 0..5 {
                    assert!(!unsigned(&mesh, Said::Unsigned { origin: liar.id, neighbour: Some(liar.id) }).lets_through());
                    let report = mesh.guard(0).may_act_on_report(id(5), &Said::Signed(liar.id), mesh.now);
                    assert_eq!(report, Verdict::Refuse(Reason::Uncertified));
                }
            }
            second(&mut mesh);
        }
        assert!(sent > 8_000, "{sent}");
        assert_eq!(rollbacks(&mesh), []);
        for rule in Rule::ALL {
            assert_eq!(standing(&mesh, rule), (Stage::ENFORCED, FAULTS));
        }
        // The one honest member that is refused as well is what it takes: the bound is tight.
        for _ in 0..7 {
            let _ = unsigned(&mesh, own(9));
            let _ = (1..=FAULTS).map(|liar| unsigned(&mesh, own(liar))).collect::<Vec<_>>();
            second(&mut mesh);
        }
        assert_eq!(rollbacks(&mesh), [(Rule::Signatures, Stage::canary(50).unwrap(), FAULTS + 1)]);
    }
}

fn nonce(sequence: u32) -> Nonce {
    Nonce { boot: 1, sequence: sequence + 1 }
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
        assert!(failures < 100, "{failures}");
        assert_eq!(standing(&mesh, Rule::Quorum).0, Stage::ENFORCED, "the other rule is not touched");
        // And on, as long as more than f are refused.
        let is_in = |place: &usize| !unsigned(&mesh, own(*place)).lets_through();
        let in_cohort = (1..N).filter(is_in).count();
        for _ in 0..10 {
            (1..N).for_each(|place| drop(unsigned(&mesh, own(place)).lets_through()));
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
        assert_eq!((rollbacks(&mesh), standing(&mesh, Rule::Signatures)), (vec![], (Stage::ENFORCED, 0)));
    }
}

/// K7: f liars do not hold up a stage that begins by itself. One more member for which it is too early does.
#[test]
fn k07_f_liars_do_not_hold_up_what_begins_by_itself() {
    for suite in Suite::available() {
        for speakers in [FAULTS, FAULTS + 1] {
            let mut mesh = mesh(suite);
            enforce(&mesh, Stage::canary(50).unwrap());
            // They are told as liars that are in the next cohort, and not in this one.
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
        assert_eq!((rollbacks(&mesh), standing(&mesh, Rule::Quorum)), (vec![], (Stage::ENFORCED, 0)));
        for _ in 0..7 {
            for reporter in 1..=FAULTS + 1 {
                let said = Said::Signed(id(reporter));
                let _ = mesh.guard(0).may_act_on_report(id(8), &said, mesh.now);
            }
            mesh.pass(1_000);
        }
        assert_eq!(rollbacks(&mesh), [(Rule::Quorum, Stage::canary(50).unwrap(), FAULTS + 1)]);
    }
}

/// K10: a frame of a member that signs is stripped of its signature, and its body passed as what an old node
/// says, over any link, in every stage, before and after a restart, in a later start with another disk state.
#[test]
fn k10_a_member_that_signed_is_never_taken_unsigned_again() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        assert_eq!(unsigned(&mesh, own(1)), Verdict::WouldRefuse(Reason::Unsigned));
        assert!(mesh.give(0, link(1), &mesh.beacon(1)).is_ok());
        // What is on the disk by now is what a crash leaves.
        let crashed = mesh.nodes[0].disk.copied();
        for start in 0..3 {
            let next = mesh.steal(1).header(Kind::Beacon, Nonce { boot: 1, sequence: 50 + start });
            let stripped = with_signature(next, &[0; 3309], b"here");
            for stage in [0, 1, 10, 50, 100] {
                match Stage::canary(stage) {
                    Some(canary) => enforce(&mesh, canary),
                    None if stage == 0 => enforce(&mesh, Stage::OBSERVE),
                    None => enforce(&mesh, Stage::ENFORCED),
                }
                for by in [None, Some(id(2)), Some(id(1))] {
                    let said = in_the_name_of(1, by);
                    assert_eq!(unsigned(&mesh, said), HEARD_SIGNED);
                    assert_eq!(mesh.guard(0).may_act_on_report(id(3), &said, mesh.now), HEARD_SIGNED);
                    let over = by.map_or(Link::Claimed(LinkId(77)), |_| link(2));
                    assert!(mesh.give(0, over, &stripped).is_err());
                    assert_eq!(mesh.guard(0).judge_refused(&stripped, by, mesh.now), HEARD_SIGNED);
                    // Nor is anything in this node's own name.
                    assert_eq!(unsigned(&mesh, in_the_name_of(0, by)), HEARD_SIGNED);
                }
            }
            let why = mesh.guard(0).why(Rule::Signatures, id(1)).unwrap();
            assert_eq!((why.heard_signed, why.verdict), (true, HEARD_SIGNED));
            if start == 1 {
                mesh.nodes[0].disk = crashed.copied();
            }
            mesh.restart(0);
        }
        let full = meshward::reputation::Reputation::FULL;
        assert_eq!(mesh.guard(0).core().reputation(&id(1), mesh.now), full);
    }
}

/// K10: a statement under a signature that held is as good as a frame.
#[test]
fn k10_statements_set_the_mark_too() {
    for suite in Suite::available() {
        let mut mesh = Mesh::with(suite, N, config());
        mesh.tapped = Some(Vec::new());
        mesh.pass(3_000);
        let said = mesh.tapped.take().unwrap();
        let bare = |tag| said.iter().filter(move |bytes| Tag::of(bytes) == Ok(tag));
        mesh.start_for_the_first_time(0);
        for place in 1..N {
            assert!(!mesh.guard(0).why(Rule::Signatures, id(place)).unwrap().heard_signed);
        }
        for hello in bare(Tag::Hello) {
            let _ = mesh.give(0, link(1), hello);
        }
        for place in 1..N {
            assert!(mesh.guard(0).why(Rule::Signatures, id(place)).unwrap().heard_signed);
            assert_eq!(unsigned(&mesh, own(place)), HEARD_SIGNED);
        }
    }
}

/// K10, P3: nothing that is forged in the name of an old node marks it as one that signs, which would shut it
/// out: it is heard on.
#[test]
fn k10_what_is_forged_sets_no_mark() {
    for suite in Suite::available() {
        let mut mesh = mesh(suite);
        let outsider = Liar::impostor(suite, id(2), &mesh.view);
        let victim = mesh.steal(2);
        // A true header of this node's, to stand beside a witness that nobody signed.
        let ours = mesh.beacon(0);
        let header = &ours[..ours.len() - 4];
        for number in 0..50_u32 {
            let true_header = victim.header(Kind::Beacon, nonce(number));
            let said = number.to_le_bytes();
            let content = [mesh.view.digest().as_bytes().as_slice(), &1_u64.to_le_bytes()].concat();
            let content = [&content[..], &[0; 4], &[7; 16], &said].concat();
            let witness = victim_named(&outsider, &victim, Tag::Witness, &content);
            let forged = [
                outsider.forge(true_header.clone(), b"down", Purpose::Message),
                with_signature(true_header, &[7; 3309], b"down"),
                outsider.beacon(nonce(number), b"down"),
                outsider.attest_as(id(2), &failure(3, None)),
                [witness.as_slice(), header].concat(),
                victim_named(&outsider, &victim, Tag::Hello, &content),
                victim_named(&outsider, &victim, Tag::Challenge, &content),
            ];
            for (over, packet) in forged.iter().enumerate() {
                // Each over a link of its own, so that none is in quarantine too soon.
                let over = Link::Proven(LinkId(1_000 + u64::from(number) * 10 + over as u64));
                let _ = mesh.give(0, over, packet);
            }
            second(&mut mesh);
        }
        let why = mesh.guard(0).why(Rule::Signatures, id(2)).unwrap();
        assert!(!why.heard_signed);
        assert_eq!(mesh.guard(0).rollout_stats(mesh.now).unwrap().heard_signed, 0);
        assert_eq!(unsigned(&mesh, own(2)), Verdict::WouldRefuse(Reason::Unsigned));
        assert!(mesh.nodes[0].disk.scan(Table::Rollout).unwrap().iter().all(|(key, _)| key.len() != 32));
        mesh.assert_unharmed(0, 2);
    }
}

/// A statement that says it is by the victim, under another's signature.
fn victim_named(by: &Liar, victim: &Liar, tag: Tag, content: &[u8]) -> Vec<u8> {
    seal_statement(tag, &victim.head(), content, &by.key, &OsEntropy).unwrap()
}

/// K10: the mark is durable before anything else comes of the frame. While the disk fails it holds for as long
/// as the node runs, and is written as soon as it can be; a stage that cannot be written does not begin.
#[test]
fn k10_the_mark_is_on_the_disk_first() {
    for suite in Suite::available() {
        for fault in [Fault::Refuses, Fault::WritesAndDenies] {
            let mut mesh = mesh(suite);
            let has_mark = |disk: &Disk, place| {
                disk.get(Table::Rollout, id(place).as_bytes()).unwrap().is_some()
            };
            assert!(mesh.give(0, link(1), &mesh.beacon(1)).is_ok());
            assert!(has_mark(&mesh.nodes[0].disk, 1));
            mesh.nodes[0].disk.fault(fault);
            assert!(mesh.give(0, link(2), &mesh.beacon(2)).is_ok());
            assert_eq!(unsigned(&mesh, own(2)), HEARD_SIGNED);
            assert!(mesh.guard(0).promote(Rule::Signatures, mesh.now).is_err());
            assert_eq!(standing(&mesh, Rule::Signatures).0, Stage::OBSERVE);
            assert_eq!(mesh.nodes[0].host.count(|event| matches!(event, Event::Promoted { .. })), 0);
            mesh.now = mesh.now.after(250);
            assert!(mesh.guard(0).tick(mesh.now).is_err());
            mesh.nodes[0].disk.fault(Fault::None);
            second(&mut mesh);
            assert!(has_mark(&mesh.nodes[0].disk, 2));
            mesh.restart(0);
            assert_eq!(standing(&mesh, Rule::Signatures).0, Stage::OBSERVE);
            assert_eq!(unsigned(&mesh, own(2)), HEARD_SIGNED);
            let first = Stage::canary(1).unwrap();
            assert_eq!(mesh.guard(0).promote(Rule::Signatures, mesh.now).unwrap(), first);
            let told = |event: &Event| {
                matches!(event, Event::Promoted { rule: Rule::Signatures, stage, by_itself: false } if *stage == first)
            };
            assert_eq!(mesh.nodes[0].host.count(told), 1);
        }
    }
}

/// K10: votes that nobody signed are no votes, not even where everything is let through: neither the quorum
/// nor a certificate sees them, and no frame is made of them.
#[test]
fn k10_unsigned_votes_never_count() {
    for suite in Suite::available() {
        let mesh = mesh(suite);
        let event = failure(9, None);
        for place in 1..9 {
            let mut vote = mesh.steal(place).attest(&event);
            let end = vote.len();
            vote[end - 3309..].fill(0);
            for packet in [&vote[..], &vote[..end - 3309]] {
                let taken = mesh.give(0, link(place), packet);
                assert!(taken.is_err(), "{taken:?}");
                let refused = mesh.guard(0).judge_refused(packet, Some(id(place)), mesh.now);
                assert_eq!(refused, Verdict::Refuse(Reason::NoFrame));
            }
            // What the host may act on while it observes is a word, and stays one.
            let report = mesh.guard(0).may_act_on_report(id(9), &own(place), mesh.now);
            assert_eq!(report, Verdict::WouldRefuse(Reason::Uncertified));
        }
        assert!(!mesh.certified(0, 9) && !mesh.guard(0).is_validated(&event));
        // The first one that is signed is the first that counts.
        let taken = mesh.give(0, link(11), &mesh.steal(1).attest(&event));
        let Ok(Accepted::Attestation { tally: Tally::Pending { attestations, .. }, .. }) = taken else {
            panic!("{taken:?}")
        };
        assert_eq!(attestations, 1);
    }
}

/// Without a rollout nothing unsigned is taken, and there is no stage to set.
#[test]
fn k10_without_a_rollout_nothing_unsigned_is_taken() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let guard = mesh.guard(0);
        let refused = Verdict::Refuse(Reason::NoRollout);
        assert_eq!(unsigned(&mesh, own(1)), refused);
        assert_eq!(guard.judge_refused(&mesh.beacon(1), Some(id(1)), Millis(0)), refused);
        assert_eq!(guard.may_act_on_report(id(2), &Said::Signed(id(1)), Millis(0)), refused);
        assert!(guard.promote(Rule::Quorum, mesh.now).is_err());
        assert_eq!((guard.why(Rule::Quorum, id(1)), guard.rollout_stats(mesh.now)), (None, None));
        assert!(mesh.give(0, link(1), b"an old beacon").is_err());
    }
}
