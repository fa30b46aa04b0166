//! Frames that are refused at each stage.

use meshward::gossip::Stage;
use meshward::wire::Tag;
use meshward::{Accepted, Blame, Core, Explanation, Finding, Millis, Refusal, Suite};

use crate::common::{Mesh, NEIGHBOUR, STRANGER, Stage as Case, admit, generous};

/// All that a node holds, but for what stands behind a lock that somebody holds.
pub(crate) fn shown(node: &Core, now: Millis) -> String {
    format!("{node:?} {}", serde_json::to_string(&node.stats(now)).unwrap())
}

/// The stage at which a case is refused.
fn stage(case: Case) -> Stage {
    match case {
        Case::NotUnderstood | Case::Malformed => Stage::Form,
        Case::OtherMesh => Stage::Mesh,
        Case::LinkQuarantined => Stage::LinkQuarantine,
        Case::LinkBudget => Stage::LinkBudget,
        Case::Own | Case::UnknownOrigin => Stage::Origin,
        Case::OtherView => Stage::View,
        Case::UnknownKey => Stage::Key,
        Case::Unproven => Stage::Opening,
        Case::Duplicate => Stage::Seen,
        Case::OriginQuarantined => Stage::OriginQuarantine,
        Case::Replay => Stage::Window,
        Case::BodyMismatch => Stage::Body,
        Case::CheckBudget => Stage::CheckBudget,
        Case::BadSignature => Stage::Signature,
        Case::OriginRate => Stage::ClockLead,
    }
}

fn stages(told: &Explanation, found: Finding) -> Vec<Stage> {
    let stages = told.stages.iter().filter(|it| it.finding == found);
    stages.map(|it| it.stage).collect()
}

#[test]
fn each_refusal_of_a_frame_is_told_at_its_stage_and_changes_nothing() {
    for (suite, case) in Suite::available().flat_map(|suite| Case::ALL.map(|case| (suite, case))) {
        let at = stage(case);
        let case = case.case(suite);
        let before = shown(&case.node, case.now);
        let told = case.node.explain(case.link, &case.packet, case.now);
        assert_eq!(told, case.node.explain(case.link, &case.packet, case.now));
        assert!(shown(&case.node, case.now) == before, "{told}");
        assert_eq!(told.refused_at(), Some(at), "{told}");
        let step = case.node.handle_frame(case.link, &case.packet, case.now);
        assert_eq!(told.refusal, step.result.err(), "{told}");
        assert!(shown(&case.node, case.now) != before, "it is seen when something changes");
        let Some(refusal) = &told.refusal else { panic!("{told}") };
        assert_eq!(refusal.reason(), case.reason);
        let falls = Blame::of(refusal);
        let pays = matches!(falls, Blame::Link(_)) && case.link.proven().is_some();
        assert_eq!(told.blame, if pays { falls } else { Blame::Nobody }, "{told}");
        if at == Stage::Form {
            let paid = [Stage::LinkQuarantine, Stage::LinkBudget];
            assert_eq!(stages(&told, Finding::Passed), paid, "{told}");
        } else {
            // The order in which the cases stand is the one of the pipeline.
            let order = Stage::of(Tag::Frame);
            let place = order.iter().position(|stage| *stage == at).unwrap();
            assert_eq!(stages(&told, Finding::Passed), order[..place], "{told}");
            assert_eq!(stages(&told, Finding::NotReached), order[place + 1..], "{told}");
        }
    }
}

#[test]
fn what_would_be_taken_passes_every_stage_and_is_taken_once() {
    for suite in Suite::available() {
        let (node, mut speaker) = Mesh::pair(suite, &generous());
        let beacon = speaker.beacon();
        let before = shown(&node, speaker.now());
        let told = node.explain(NEIGHBOUR, &beacon, speaker.now());
        assert!(told.is_taken(), "{told}");
        assert_eq!(stages(&told, Finding::Passed), Stage::of(Tag::Frame));
        assert_eq!(told.stages.len(), Stage::of(Tag::Frame).len());
        assert!(shown(&node, speaker.now()) == before);
        let checks = node.stats(speaker.now()).signature_checks;
        admit(&node, &beacon, speaker.now());
        assert_eq!(node.stats(speaker.now()).signature_checks, checks + 1);
        let told = node.explain(NEIGHBOUR, &beacon, speaker.now());
        assert_eq!(told.refusal, Some(Refusal::Duplicate));
    }
}

/// Whom a proof finds is told too, and only the packet itself pays for it.
#[test]
fn what_costs_its_origin_is_told_before_it_does() {
    for suite in Suite::available() {
        let (node, mut speaker) = Mesh::pair(suite, &generous());
        let first = speaker.beacon();
        let now = speaker.now();
        admit(&node, &first, now);
        let other = speaker.say(&speaker.header, b"something else");
        let full = node.reputation(&speaker.id(), now);
        for _ in 0..3 {
            let told = node.explain(NEIGHBOUR, &other, now);
            assert_eq!(told.refused_at(), Some(Stage::Contradiction), "{told}");
            assert_eq!(told.blame, Blame::of(&Refusal::Equivocation), "{told}");
            assert_eq!(node.reputation(&speaker.id(), now), full);
            assert!(node.equivocation_proofs().is_empty());
        }
        let step = node.handle_frame(NEIGHBOUR, &other, now);
        assert_eq!(step.result.err(), Some(Refusal::Equivocation));
        assert!(node.reputation(&speaker.id(), now) < full);
        let told = node.explain(NEIGHBOUR, &other, now);
        assert_ne!(told.refusal, Some(Refusal::Equivocation), "once is enough");
        assert_eq!(told.refusal, node.handle_frame(NEIGHBOUR, &other, now).result.err());
    }
}

/// Changed in one place, whatever that is, by flips of bits and cuts.
#[test]
fn what_is_changed_on_its_way_is_refused_as_told() {
    for suite in Suite::available() {
        let (node, mut speaker) = Mesh::pair(suite, &generous());
        let mut refused = std::collections::BTreeMap::new();
        for round in 0..600_usize {
            let mut frame = speaker.beacon();
            let now = speaker.now();
            match round % 3 {
                0 => frame.truncate(round * 7 % frame.len()),
                // All of the header, then some of the rest.
                1 => frame[round / 3] ^= 1 << (round % 8),
                _ => {
                    let at = round * 31 % frame.len();
                    frame[at] ^= 1 << (round % 8);
                }
            }
            let told = node.explain(STRANGER, &frame, now);
            let result = node.handle_frame(STRANGER, &frame, now).result;
            assert!(!matches!(result, Ok(Accepted::SignOfLife(_))));
            assert_eq!(told.refusal, result.err(), "{told}");
            let reason = told.refusal.as_ref().map_or("taken", Refusal::reason);
            *refused.entry(reason).or_insert(0) += 1;
        }
        println!("{suite}: {refused:?}");
        assert!(refused.len() >= 4, "{refused:?}");
    }
}
