//! K10: who signs is never taken unsigned again, and nothing forged says that somebody does.

use meshward::store::Table;
use meshward::suite::Purpose;
use meshward::wire::{Kind, Tag, seal_statement};
use meshward::{
    Accepted, Event, Link, LinkId, Millis, Nonce, OsEntropy, Reason, Rule, Said, Stage, Store,
    Suite, Tally, Verdict,
};

use super::{
    HEARD_SIGNED, N, config, enforce, in_the_name_of, mesh, nonce, own, second, standing, unsigned,
};
use crate::support::{Disk, Fault, Liar, Mesh, failure, id, link, with_signature};

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
                    assert_eq!(
                        mesh.guard(0).may_act_on_report(id(3), &said, mesh.now),
                        HEARD_SIGNED
                    );
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
                outsider.forge(true_header.clone(), b"down", Purpose::Frame),
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
                let taken = mesh.give(0, over, packet);
                // It is taken for the header beside it, whoever brings it.
                assert_eq!(taken.is_ok(), *packet == forged[4], "{taken:?}");
            }
            second(&mut mesh);
        }
        let why = mesh.guard(0).why(Rule::Signatures, id(2)).unwrap();
        assert!(!why.heard_signed);
        assert_eq!(mesh.guard(0).rollout_stats(mesh.now).unwrap().heard_signed, 0);
        assert_eq!(unsigned(&mesh, own(2)), Verdict::WouldRefuse(Reason::Unsigned));
        assert!(
            mesh.nodes[0].disk.scan(Table::Rollout).unwrap().iter().all(|(key, _)| key.len() != 32)
        );
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
            assert_eq!(
                mesh.nodes[0].host.count(|event| matches!(event, Event::Promoted { .. })),
                0
            );
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
            let told = |event: &Event| matches!(event, Event::Promoted { rule: Rule::Signatures, stage, by_itself: false } if *stage == first);
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
        // Nor is a frame of another mesh one of this.
        let elsewhere = Mesh::new(suite, 4).beacon(1);
        let refused = mesh.guard(0).judge_refused(&elsewhere, Some(id(1)), mesh.now);
        assert_eq!(refused, Verdict::Refuse(Reason::NoFrame));
        // The first one that is signed is the first that counts.
        let taken = mesh.give(0, link(11), &mesh.steal(1).attest(&event));
        let Ok(Accepted::Attestation { tally: Tally::Pending { attestations, .. }, .. }) = taken
        else {
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
