//! Stages, cohorts, windows, and what the store holds of them.

use std::sync::Arc;

use super::cohort::place;
use super::judge::{Rollout, Write};
use super::rule::Cause;
use super::{Reason, RolloutConfig, Rule, Said, Stage, Verdict};
use crate::id::{Digest, MeshId, Millis, NodeId};
use crate::membership::{Change, Member, View};
use crate::store::{Batch, MemoryStore, Store, Table};
use crate::suite::{OsEntropy, SigningKey, Suite};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

fn id(seed: u8) -> NodeId {
    NodeId::from_bytes([seed; 32])
}

/// Members 0 to n − 1, of which 0 is this node; f is 3 of ten.
fn view(n: u8) -> Arc<View> {
    let suite = Suite::available().next().unwrap();
    let member = |seed| {
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        Member::new(id(seed), "", key.public_key().clone())
    };
    Arc::new(View::genesis((0..n).map(member).collect()).unwrap())
}

fn config() -> RolloutConfig {
    RolloutConfig { soak_ms: Some(60 * MINUTE), ..RolloutConfig::default() }
}

fn load(config: RolloutConfig, view: &Arc<View>, store: &MemoryStore) -> Rollout {
    Rollout::load(config, (Arc::clone(view), id(0)), store, Millis(0)).unwrap()
}

/// A new one.
fn started(config: RolloutConfig) -> (Rollout, MemoryStore, Arc<View>) {
    let (store, view) = (MemoryStore::new(), view(10));
    (load(config, &view, &store), store, view)
}

fn own(seed: u8) -> Said {
    Said::Unsigned { origin: id(seed), neighbour: Some(id(seed)) }
}

fn relayed(seed: u8) -> Said {
    Said::Unsigned { origin: id(seed), neighbour: Some(id(9)) }
}

/// Makes it durable, and says so.
fn write(rollout: &mut Rollout, store: &MemoryStore, write: &Write, now: Millis) {
    store.apply(&rollout.batch(write).unwrap()).unwrap();
    rollout.written(write, now);
}

fn set(rollout: &mut Rollout, store: &MemoryStore, stage: Stage, now: Millis) {
    for &rule in Rule::ALL {
        let turn = rollout.set_stage(rule, stage, now).unwrap();
        write(rollout, store, &turn, now);
    }
}

/// Ticks, and does what is due. Returns the stages that were begun, and why.
fn tick(rollout: &mut Rollout, store: &MemoryStore, now: Millis) -> Vec<(Rule, Stage, Cause)> {
    let mut begun = Vec::new();
    for due in rollout.tick(now) {
        write(rollout, store, &due, now);
        if let Write::Turn(turn) = due
            && turn.cause != Cause::Kept
        {
            begun.push((turn.rule, turn.to, turn.cause));
        }
    }
    begun
}

/// Each of `members` speaks unsigned for a minute.
fn speak(rollout: &mut Rollout, members: impl Iterator<Item = u8> + Clone, from: Millis) {
    for second in 0..=60 {
        for member in members.clone() {
            let _ = rollout.judge(&own(member), Reason::Unsigned, from.after(second * SECOND));
        }
    }
}

#[test]
fn cohorts_are_nested_even_and_of_one_mesh() {
    let mesh = |seed: u8| MeshId::from_bytes([seed; 32]);
    let nodes = (0..20_000_u32)
        .map(|number| NodeId::from_bytes(*Digest::of("a test", &number.to_le_bytes()).as_bytes()));
    let places: Vec<_> = nodes.clone().map(|node| place(mesh(1), &node)).collect();
    assert!(places.iter().all(|place| *place < 10_000));
    for percent in [1, 10, 50] {
        let share = Stage::canary(percent).unwrap().share();
        let held = places.iter().filter(|place| **place < share).count();
        let expected = 200 * usize::from(percent);
        assert!(held.abs_diff(expected) < expected / 5 + 20, "{percent} %: {held}");
    }
    assert_eq!((Stage::OBSERVE.share(), Stage::ENFORCED.share()), (0, 10_000));
    let elsewhere = nodes.zip(&places).filter(|(node, here)| place(mesh(2), node) != **here);
    assert!(elsewhere.count() > 19_900);
    // It is part of what nodes of all releases have to agree on.
    assert_eq!(place(mesh(1), &id(1)), 502);
}

#[test]
fn a_stage_refuses_its_cohort_and_counts_the_rest() {
    let (mut rollout, store, view) = started(config());
    let now = Millis(5);
    for percent in [0, 1, 10, 50, 99, 100] {
        let stage = Stage::of_percent(percent).unwrap();
        for &rule in Rule::ALL.iter().filter(|_| percent > 0) {
            let turn = rollout.set_stage(rule, stage, now).unwrap();
            write(&mut rollout, &store, &turn, now);
        }
        for member in 1..10 {
            let is_in = place(view.mesh(), &id(member)) < u16::from(percent) * 100;
            let expected = |reason| match is_in {
                true => Verdict::Refuse(reason),
                false => Verdict::WouldRefuse(reason),
            };
            let why = rollout.why(Rule::Signatures, id(member));
            assert_eq!(why.verdict, expected(Reason::Unsigned));
            assert_eq!((why.share, why.heard_signed), (u16::from(percent) * 100, false));
            assert_eq!(rollout.judge(&relayed(member), Reason::Unsigned, now), why.verdict);
            let report = rollout.judge_report(id(member), &own(1), false, now);
            assert_eq!(report, expected(Reason::Uncertified));
            assert_eq!(report, rollout.why(Rule::Quorum, id(member)).verdict);
            let certified = rollout.judge_report(id(member), &own(1), true, now);
            assert_eq!(certified, Verdict::LetThrough);
        }
    }
    let stats = rollout.stats(now);
    for rule in &stats.rules {
        assert_eq!(rule.would_refuse + rule.refused, 6 * 9);
        assert!(rule.would_refuse >= 9 && rule.refused >= 9);
    }
}

#[test]
fn some_are_never_taken_unsigned() {
    let (mut rollout, store, _) = started(config());
    let marked = rollout.heard_signed(id(3)).unwrap();
    assert_eq!(marked, Write::Marks(vec![id(3)]));
    write(&mut rollout, &store, &marked, Millis(1));
    assert_eq!(rollout.heard_signed(id(3)), None, "it is written once");
    assert_eq!((rollout.heard_signed(id(0)), rollout.heard_signed(id(77))), (None, None));
    for (node, reason) in
        [(3, Reason::HeardSigned), (0, Reason::HeardSigned), (77, Reason::NotAMember)]
    {
        for said in [own(node), relayed(node)] {
            let refused = Verdict::Refuse(reason);
            assert_eq!(rollout.judge(&said, Reason::Unsigned, Millis(1)), refused);
            assert_eq!(rollout.judge_report(id(5), &said, false, Millis(1)), refused);
        }
    }
    let said = Said::Signed(id(3));
    assert_eq!(rollout.judge(&said, Reason::Unsigned, Millis(1)), Verdict::LetThrough);
    let report = rollout.judge_report(id(77), &said, false, Millis(1));
    assert_eq!(report, Verdict::Refuse(Reason::NotAMember));
    assert_eq!(rollout.stats(Millis(1)).heard_signed, 1);
}

#[test]
fn members_count_once_in_a_window_and_after_the_patience() {
    let (mut rollout, store, _) = started(config());
    let mut now = Millis(MINUTE);
    set(&mut rollout, &store, Stage::ENFORCED, now);
    let refused = |rollout: &Rollout, now| rollout.stats(now).rules[0].members_refused;
    speak(&mut rollout, 1..=3, now);
    assert_eq!(refused(&rollout, now.after(29 * SECOND)), 3, "a snapshot changes nothing");
    now = now.after(MINUTE);
    for _ in 0..500 {
        let _ = rollout.judge(&own(4), Reason::Unsigned, now);
    }
    assert_eq!(refused(&rollout, now), 3, "500 at once are not what lasts");
    assert_eq!(tick(&mut rollout, &store, now), [], "f may lie");
    now = now.after(31 * SECOND);
    let _ = rollout.judge(&own(4), Reason::Unsigned, now);
    let back = (Rule::Signatures, Stage::canary(50).unwrap(), Cause::Refusals(4));
    assert_eq!(tick(&mut rollout, &store, now), [back]);
    // What the stage before had refused is not held against this one.
    assert_eq!(refused(&rollout, now), 0);
    // The window slides.
    set(&mut rollout, &store, Stage::ENFORCED, now);
    speak(&mut rollout, 1..=2, now);
    now = now.after(MINUTE + 600 * SECOND - 1);
    assert_eq!(refused(&rollout, now), 2);
    speak(&mut rollout, 3..=4, now);
    assert_eq!(refused(&rollout, now.after(1)), 2);
    now = now.after(MINUTE);
    assert_eq!(tick(&mut rollout, &store, now), []);
    // Who is heard signed falls short no more.
    drop(rollout.heard_signed(id(4)));
    assert_eq!(refused(&rollout, now), 1);
}

#[test]
fn stages_begin_by_themselves_after_the_soak_time() {
    let (mut rollout, store, _) = started(config());
    let (hour, mut now) = (60 * MINUTE, Millis(0));
    assert_eq!(tick(&mut rollout, &store, now.after(hour - 1)), []);
    for percent in [1, 10, 50, 100] {
        now = now.after(hour);
        let stage = Stage::of_percent(percent).unwrap();
        assert_eq!(
            tick(&mut rollout, &store, now),
            [(Rule::Signatures, stage, Cause::Soaked)],
            "no quorum was heard signed"
        );
        assert_eq!(rollout.stats(now).rules[0].soaked_ms, 0);
    }
    for member in 1..=6 {
        drop(rollout.heard_signed(id(member)));
    }
    let first = (Rule::Quorum, Stage::canary(1).unwrap(), Cause::Soaked);
    assert_eq!(tick(&mut rollout, &store, now), [first], "seven of ten are a quorum");
    // By hand only, if there is no soak time.
    let (mut rollout, store, _) =
        started(RolloutConfig { soak_ms: None, ..RolloutConfig::default() });
    assert_eq!(tick(&mut rollout, &store, Millis(1_000 * hour)), []);
}

#[test]
fn a_stage_that_would_be_rolled_back_is_not_begun_by_itself() {
    let (mut rollout, store, _) = started(config());
    let stage = Stage::canary(50).unwrap();
    set(&mut rollout, &store, stage, Millis(0));
    let now = Millis(59 * MINUTE);
    speak(&mut rollout, 1..=9, now);
    let stats = rollout.stats(now.after(MINUTE)).rules[0].clone();
    assert_eq!(stats.members_next, 9);
    let begun = tick(&mut rollout, &store, now.after(MINUTE));
    assert!(begun.iter().all(|(_, to, _)| *to < stage), "{begun:?}");
    // f that go on for ever hold up nothing.
    let now = now.after(120 * MINUTE);
    speak(&mut rollout, 1..=3, now);
    let begun = tick(&mut rollout, &store, now.after(MINUTE));
    assert!(begun.iter().all(|(_, _, cause)| *cause == Cause::Soaked) && begun.len() == 1);
}

#[test]
fn a_restart_keeps_stages_soak_time_and_marks() {
    let (mut rollout, store, view) = started(config());
    let stage = Stage::canary(10).unwrap();
    set(&mut rollout, &store, stage, Millis(0));
    let mark = rollout.heard_signed(id(4)).unwrap();
    write(&mut rollout, &store, &mark, Millis(0));
    for minute in 0..=40 {
        tick(&mut rollout, &store, Millis(minute * MINUTE));
    }
    let before = rollout.stats(Millis(40 * MINUTE));
    let mut again = load(config(), &view, &store);
    let stats = again.stats(Millis(0));
    assert_eq!((stats.rules[0].stage, stats.heard_signed), (stage, 1));
    let lost = before.rules[0].soaked_ms - stats.rules[0].soaked_ms;
    assert!(lost <= 60 * MINUTE / 8, "{lost}");
    assert_eq!(
        again.judge(&own(4), Reason::Unsigned, Millis(0)),
        Verdict::Refuse(Reason::HeardSigned)
    );
    let begun = tick(&mut again, &store, Millis(20 * MINUTE + lost));
    assert_eq!(begun[0], (Rule::Signatures, Stage::canary(50).unwrap(), Cause::Soaked));
}

#[test]
fn what_cannot_be_written_does_not_begin_and_is_written_again() {
    let (mut rollout, store, _) = started(config());
    let turn = rollout.set_stage(Rule::Signatures, Stage::ENFORCED, Millis(0)).unwrap();
    assert_eq!(rollout.stage(Rule::Signatures), Stage::OBSERVE, "not before it is durable");
    assert_eq!(rollout.set_stage(Rule::Signatures, Stage::OBSERVE, Millis(0)), None);
    // The disk took it, and said that it did not.
    store.apply(&rollout.batch(&turn).unwrap()).unwrap();
    rollout.not_written(turn);
    assert_eq!(rollout.stage(Rule::Signatures), Stage::OBSERVE);
    let mark = rollout.heard_signed(id(4)).unwrap();
    rollout.not_written(mark);
    let refused = rollout.judge(&own(4), Reason::Unsigned, Millis(0));
    assert_eq!(refused, Verdict::Refuse(Reason::HeardSigned), "the mark holds all the same");
    assert_eq!(tick(&mut rollout, &store, Millis(1)), []);
    let again = load(config(), &view(10), &store);
    assert_eq!(
        (again.stage(Rule::Signatures), again.stats(Millis(1)).heard_signed),
        (Stage::OBSERVE, 1)
    );
}

#[test]
fn marks_are_bounded_by_the_view() {
    let (mut rollout, store, view) = started(config());
    for member in 1..=5 {
        let mark = rollout.heard_signed(id(member)).unwrap();
        write(&mut rollout, &store, &mark, Millis(0));
    }
    let next = Change::of(&view).leave(id(2)).leave(id(9));
    rollout.succeed(Arc::new(view.changed(&next, Vec::new()).unwrap()));
    assert_eq!(rollout.stats(Millis(0)).heard_signed, 4);
    let left = rollout.judge(&own(2), Reason::Unsigned, Millis(0));
    assert_eq!(left, Verdict::Refuse(Reason::NotAMember), "leaving is no way back");
    tick(&mut rollout, &store, Millis(0));
    let marks = store.scan(Table::Rollout).unwrap();
    assert_eq!(marks.iter().filter(|(key, _)| key.len() == 32).count(), 4);
}

#[test]
fn a_stage_that_cannot_be_read_starts_no_node() {
    let (store, view) = (MemoryStore::new(), view(4));
    let start = || Rollout::load(config(), (Arc::clone(&view), id(0)), &store, Millis(0));
    for bytes in [&[101, 0, 0, 0, 0, 0, 0, 0, 0][..], &[1, 0], b""] {
        let mut batch = Batch::new();
        batch.put(Table::Rollout, b"quorum", bytes);
        store.apply(&batch).unwrap();
        assert!(start().is_err());
    }
    let mut batch = Batch::new();
    batch.delete(Table::Rollout, b"quorum").put(Table::Rollout, b"of a later release", b"1");
    store.apply(&batch).unwrap();
    assert!(start().is_ok());
}
