//! A node that doubts itself before it accuses.

use proptest::prelude::*;

use super::super::health::Health;
use super::*;

/// The configured suspicion time.
const S: u64 = 3_000;

fn times(health: &Health, members: u32, at: u64) -> Vec<u64> {
    let patience = health.patience(at);
    (0..members).map(|member| patience.with(MemberIndex(member))).collect()
}

#[test]
fn a_late_tick_is_no_silence_and_doubles_the_time_until_it_is_long_ago() {
    let health = Health::new(4, 1, S, 1_000);
    assert_eq!(health.tick(1_000 + S / 2), 0, "half a suspicion time is late and not absent");
    assert_eq!(health.patience(2_500).with_everyone(), S);
    let back = 2_500 + 600_000;
    assert_eq!(health.tick(back), 600_000);
    assert_eq!(health.tick(back), 0);
    assert_eq!(times(&health, 4, back), [2 * S; 4]);
    let calm = back + 20 * S;
    assert_eq!(health.patience(calm - 1).with_everyone(), 2 * S);
    assert_eq!(health.patience(calm).with_everyone(), S);
}

#[test]
fn who_is_always_late_misses_somebody_in_the_end() {
    let health = Health::new(4, 1, S, 0);
    let excused: Vec<_> = (1..=5).map(|tick| health.tick(tick * 2_000)).collect();
    assert_eq!(excused, [2_000, 2_000, 2_000, 2_000 - S / 4, 2_000 - S / 4]);
    assert_eq!(health.patience(10_000).with_everyone(), 8 * S);
}

#[test]
fn what_happens_with_as_many_as_may_lie_is_held_against_them_alone() {
    let health = Health::new(7, 2, S, 0);
    for (member, missed) in [(1, 9), (2, 2)] {
        (0..missed).for_each(|_| health.missed_a_live_one(MemberIndex(member), 0));
    }
    assert_eq!(times(&health, 4, 0), [S, 8 * S, 4 * S, S]);
    health.missed_a_live_one(MemberIndex(5), 0);
    assert_eq!(times(&health, 4, 0), [2 * S, 8 * S, 4 * S, 2 * S], "one of three is honest");
    assert_eq!(health.patience(0).with_everyone(), 2 * S);
    assert_eq!(times(&health, 4, 20 * S), [S, 4 * S, 2 * S, S]);
    assert_eq!(times(&health, 4, 60 * S), [S; 4]);
}

/// How many quarters of a suspicion time pass between ticks, and who was missed and lived.
fn lives() -> impl Strategy<Value = Vec<(u64, Option<u32>)>> {
    let gap = prop_oneof![1..S / 2, S / 2..20 * S, 1..10_000_000_u64];
    prop::collection::vec((gap, prop::option::of(0..7_u32)), 1..200)
}

proptest! {
    /// Whatever happens, the time stays within its bounds, and two liars of seven do not touch that
    /// of the others.
    #[test]
    fn the_time_is_bounded_and_liars_move_their_own_alone(lives in lives()) {
        let (health, liars_apart) = (Health::new(7, 2, S, 0), Health::new(7, 2, S, 0));
        let mut at = 0;
        for (gap, missed) in lives {
            at += gap;
            prop_assert_eq!(health.tick(at), liars_apart.tick(at));
            if let Some(member) = missed.map(MemberIndex) {
                health.missed_a_live_one(MemberIndex(member.0 % 2), at);
            }
            let (found, without) = (times(&health, 7, at), times(&liars_apart, 7, at));
            prop_assert!(found.iter().all(|time| (S..=8 * S).contains(time)));
            prop_assert_eq!(&found[2..], &without[2..]);
        }
    }

    /// Promise P7: who is silent for good is overdue after eight suspicion times that were counted,
    /// and after 36 ticks that are late at the latest.
    #[test]
    fn the_dead_are_overdue_in_the_end(lives in lives()) {
        let health = Health::new(7, 2, S, 0);
        let (mut at, mut silent, mut late, mut prompt) = (0, 0, 0, 0);
        for (gap, missed) in lives {
            at += gap;
            let excused = health.tick(at);
            silent += gap - excused;
            if gap > S / 2 { late += 1 } else { prompt += gap }
            if let Some(member) = missed.map(MemberIndex) {
                health.missed_a_live_one(member, at);
            }
            let overdue = silent >= health.patience(at).with(MemberIndex(6));
            prop_assert!(overdue || (late < 36 && prompt < 8 * S), "{late} late, {prompt} ms");
        }
    }
}

/// The members of `mesh` that this node would report after `ticks` each a quarter of a suspicion time
/// apart, hearing those at `heard` all the time.
fn reports_after(mesh: &Mesh, heard: &[usize], ticks: u32) -> (Millis, Vec<NodeId>) {
    let mut now = NOW;
    for tick in 1..=ticks {
        now = now.after(S / 4);
        let _late = mesh.quorum.tick(now);
        for place in heard {
            mesh.hear(*place, tick, now);
        }
    }
    (now, mesh.quorum.to_report(now))
}

fn awake(suite: Suite, members: usize) -> Mesh {
    let mesh = Mesh::new(suite, members);
    // From the start to here it was away.
    assert_eq!(mesh.quorum.tick(NOW), NOW.0);
    assert_eq!(mesh.quorum.suspicion_ms(NOW), 2 * S);
    mesh
}

#[test]
fn an_absence_is_not_the_silence_of_others() {
    for suite in Suite::available().take(1) {
        let mesh = awake(suite, 4);
        mesh.hear(1, 1, NOW);
        let (asleep, back) = (NOW.after(500), NOW.after(500 + 300_000));
        let _prompt = mesh.quorum.tick(asleep);
        // A frame that is looked at before the tick was heard all the same.
        mesh.hear(2, 1, back);
        assert_eq!(mesh.quorum.tick(back), 300_000);
        let silent = [1, 2, 3].map(|place| mesh.quorum.silent_for(MemberIndex(place), back));
        assert_eq!(silent, [500, 0, 500]);
        assert_eq!(mesh.quorum.suspicion_ms(back), 4 * S, "the second time");
    }
}

#[test]
fn who_misses_more_than_a_third_doubts_itself_first() {
    for suite in Suite::available().take(1) {
        let mesh = awake(suite, 7);
        // Two of seven: beyond doubt, as soon as the time that was doubled is over.
        assert_eq!(reports_after(&mesh, &[1, 2, 3, 4], 8).1, [id(5), id(6)]);
        // Three: only after the longest time, and never more than can be certified.
        let mesh = awake(suite, 7);
        assert_eq!(reports_after(&mesh, &[1, 2, 3], 31).1, []);
        let mesh = awake(suite, 7);
        assert_eq!(reports_after(&mesh, &[1, 2, 3], 32).1, [id(4), id(5), id(6)]);
        // It hears itself and another, no more than a third: never.
        let mesh = awake(suite, 7);
        assert_eq!(reports_after(&mesh, &[1], 200).1, []);
    }
}

#[test]
fn of_too_many_those_come_first_that_honest_ones_report() {
    for suite in Suite::available().take(1) {
        let mesh = awake(suite, 10);
        mesh.hear(9, 1, NOW.after(1));
        // Three liars of ten are not worth a place, a fourth is.
        for reporter in [1, 2, 3] {
            assert!(mesh.count(reporter, &failure(9, mark(1))).is_ok());
        }
        let (now, reports) = reports_after(&mesh, &[1, 2, 3, 4], 33);
        assert_eq!(reports, [id(5), id(6), id(7), id(8)]);
        for node in &reports {
            let event = CriticalEvent::NodeFailure { subject: *node, mark: None };
            mesh.quorum.report_critical_event(event, &mesh.rings[0], &OsEntropy, now).unwrap();
        }
        mesh.quorum.withdraw_excess(now);
        assert_eq!(mesh.quorum.to_report(now), [], "all are reported");
        assert!(mesh.count(4, &failure(9, mark(1))).is_ok());
        assert_eq!(mesh.quorum.to_report(now), [id(9)]);
        mesh.quorum
            .report_critical_event(failure(9, None), &mesh.rings[0], &OsEntropy, now)
            .unwrap();
        assert_eq!(mesh.quorum.state.lock().mine.len(), 5);
        mesh.quorum.withdraw_excess(now);
        assert_eq!(mesh.quorum.state.lock().mine.len(), 4, "one had to give way");
        assert!(mesh.quorum.state.lock().mine.contains_key(&Slot::Failure(id(9))));
    }
}

#[test]
fn an_accusation_that_turns_out_wrong_is_held_against_this_node() {
    for suite in Suite::available().take(1) {
        let mesh = Mesh::new(suite, 4);
        let report = |now: Millis| {
            let (ring, event) = (&mesh.rings[0], failure(3, None));
            mesh.quorum.report_critical_event(event, ring, &OsEntropy, now)
        };
        let needed = |now: Millis| match report(now) {
            Err(Error::Misuse(Misuse::NotSilent { needed_ms, .. })) => needed_ms,
            other => panic!("{other:?}"),
        };
        // Never heard before: it started late.
        report(NOW).unwrap();
        mesh.hear(3, 5, NOW);
        assert_eq!(needed(NOW), S);
        let now = NOW.after(S);
        report(now).unwrap();
        mesh.hear(3, 4, now);
        assert_eq!(mesh.quorum.to_report(now), [], "what is old takes nothing back");
        mesh.hear(3, 6, now);
        assert_eq!((needed(now), mesh.quorum.suspicion_ms(now)), (2 * S, S));
        // Once more, with a certificate.
        let now = now.after(2 * S);
        report(now).unwrap();
        for place in [0, 1, 2] {
            assert!(mesh.count_bytes(&mesh.attest(place, &failure(3, mark(6))), now).is_ok());
        }
        assert!(mesh.quorum.is_validated(&failure(3, mark(6))));
        assert!(mesh.hear(3, 7, now));
        assert_eq!(needed(now), 4 * S);
        // A restart shows that it was away.
        let now = now.after(4 * S);
        report(now).unwrap();
        let restarted = mesh.signed_header_of(3, Nonce { boot: 2, sequence: 0 }, SentAt(0));
        mesh.quorum.heard(MemberIndex(3), &SignedHeader::parse(&restarted).unwrap(), now);
        assert_eq!(needed(now), 4 * S);
    }
}
