use std::thread;

use proptest::prelude::*;

use super::*;

mod restart;

const DAY: u64 = 86_400_000;
const FIRST: u64 = 300_000;

fn ledger(capacity: usize, most_quarantined: Option<usize>) -> Ledger<u8> {
    Ledger::new(ReputationConfig::default(), capacity, most_quarantined).unwrap()
}

/// How many records there are; only `Debug` tells.
fn records(ledger: &Ledger<u8>) -> usize {
    format!("{ledger:?}").matches("Standing").count()
}

/// Charges until quarantine, `gap` milliseconds apart; how many offences it took.
fn offences_until_quarantine(offence: Offence, gap: u64) -> Option<u32> {
    let ledger = ledger(4, None);
    (1..200).zip((0..).step_by(gap as usize)).find_map(|(count, now)| {
        let charge = ledger.charge(1, offence, Millis(now));
        matches!(charge, Charge::Quarantined { times: 1, .. }).then_some(count)
    })
}

#[test]
fn numbers_in_the_module_documentation() {
    let table = [
        (Offence::BadSignature, 2, 2),
        (Offence::Malformed, 8, 14),
        (Offence::BodyMismatch, 4, 5),
        (Offence::OverRate, 4, 5),
        (Offence::RefutedCertificate, 2, 2),
        (Offence::Equivocation, 1, 1),
    ];
    for (offence, at_once, with_pauses) in table {
        assert_eq!(offences_until_quarantine(offence, 1), Some(at_once), "{}", offence.name());
        assert_eq!(offences_until_quarantine(offence, FIRST), Some(with_pauses));
    }
    assert_eq!(offences_until_quarantine(Offence::OverBudget, 1000), Some(36));
    assert_eq!(offences_until_quarantine(Offence::OverBudget, FIRST), None);
}

#[test]
fn nobody_is_charged_for_anybody_else() {
    let ledger = ledger(4, None);
    assert_eq!(
        ledger.charge(1, Offence::Malformed, Millis(0)),
        Charge::Noted(Reputation::from_ppm(900_000))
    );
    assert_eq!(ledger.reputation(&2, Millis(0)), Reputation::FULL);
    let until = Millis(FIRST);
    assert_eq!(
        ledger.charge(1, Offence::Equivocation, Millis(0)),
        Charge::Quarantined { until, times: 1 }
    );
    assert_eq!(ledger.quarantined(Millis(0)), [1]);
    assert!(!ledger.is_quarantined(&2, Millis(0)));
    assert_eq!(ledger.charge(1, Offence::OverRate, Millis(1)), Charge::Already);
}

#[test]
fn what_has_healed_makes_room_before_what_has_not() {
    let ledger = ledger(2, None);
    let _ = ledger.charge(1, Offence::Malformed, Millis(0));
    let _ = ledger.charge(2, Offence::Malformed, Millis(500_000));
    // Ten minutes repay the first; the second is still on record.
    let _ = ledger.charge(3, Offence::Malformed, Millis(600_000));
    assert!(ledger.reputation(&2, Millis(600_000)) < Reputation::FULL);
    assert!(ledger.reputation(&3, Millis(600_000)) < Reputation::FULL);
}

#[test]
fn quarantine_ends_to_the_millisecond_and_is_told_once() {
    let ledger = ledger(4, None);
    let _ = ledger.charge(1, Offence::Equivocation, Millis(1000));
    assert_eq!(ledger.quarantine_ends(&1, Millis(2000)), Some(Millis(1000 + FIRST)));
    assert!(ledger.is_quarantined(&1, Millis(1000 + FIRST - 1)));
    assert!(ledger.expire(Millis(1000 + FIRST - 1)).is_empty());
    assert!(!ledger.is_quarantined(&1, Millis(1000 + FIRST)));
    assert_eq!(ledger.expire(Millis(1000 + FIRST)), [1]);
    assert!(ledger.expire(Millis(1000 + FIRST)).is_empty());
    assert_eq!(ledger.reputation(&1, Millis(1000 + FIRST)).to_string(), "0.500");
    assert_eq!(
        ledger.charge(1, Offence::Equivocation, Millis(DAY)),
        Charge::Quarantined { until: Millis(DAY + 2 * FIRST), times: 2 }
    );
}

#[test]
fn a_clock_that_steps_a_day_back_does_not_prolong() {
    let ledger = ledger(4, None);
    let _ = ledger.charge(1, Offence::Equivocation, Millis(2 * DAY));
    assert!(ledger.is_quarantined(&1, Millis(2 * DAY + 100_000)));
    assert_eq!(ledger.quarantine_ends(&1, Millis(DAY)), Some(Millis(DAY + 200_000)));
    assert!(ledger.is_quarantined(&1, Millis(DAY + 199_999)));
    assert!(!ledger.is_quarantined(&1, Millis(DAY + 200_000)));
}

#[test]
fn a_clock_that_steps_a_day_on_ends_it_but_is_not_forgiven() {
    let ledger = ledger(4, None);
    let _ = ledger.charge(1, Offence::Equivocation, Millis(0));
    assert!(!ledger.is_quarantined(&1, Millis(DAY)));
    let charge = ledger.charge(1, Offence::Equivocation, Millis(DAY));
    assert!(matches!(charge, Charge::Quarantined { times: 2, .. }));
}

#[test]
fn one_more_than_allowed_is_withheld_until_a_place_is_free() {
    let ledger = ledger(4, Some(1));
    let _ = ledger.charge(1, Offence::Equivocation, Millis(0));
    assert_eq!(ledger.charge(2, Offence::Equivocation, Millis(0)), Charge::Withheld);
    assert_eq!(ledger.quarantined(Millis(FIRST - 1)), [1]);
    let charge = ledger.charge(2, Offence::Equivocation, Millis(FIRST));
    assert!(matches!(charge, Charge::Quarantined { .. }));
    assert_eq!(ledger.quarantined(Millis(FIRST)), [2]);
}

#[test]
fn a_full_ledger_drops_the_least_bad_and_never_a_quarantine() {
    let ledger = ledger(3, None);
    let _ = ledger.charge(1, Offence::Equivocation, Millis(0));
    let _ = ledger.charge(2, Offence::Malformed, Millis(0));
    let _ = ledger.charge(3, Offence::BodyMismatch, Millis(0));
    let _ = ledger.charge(4, Offence::BodyMismatch, Millis(0));
    assert_eq!(ledger.reputation(&2, Millis(0)), Reputation::FULL);
    assert!(ledger.is_quarantined(&1, Millis(0)));
    let _ = ledger.charge(3, Offence::Equivocation, Millis(0));
    let _ = ledger.charge(4, Offence::Equivocation, Millis(0));
    assert_eq!(ledger.charge(5, Offence::Equivocation, Millis(0)), Charge::Withheld);
    assert_eq!(ledger.quarantined(Millis(0)), [1, 3, 4]);
}

#[test]
fn a_record_with_repetitions_stays_before_a_worse_score_without() {
    let ledger = ledger(2, None);
    let _ = ledger.charge(1, Offence::Equivocation, Millis(0));
    let _ = ledger.charge(2, Offence::RefutedCertificate, Millis(DAY));
    let _ = ledger.charge(3, Offence::Malformed, Millis(DAY));
    let charge = ledger.charge(1, Offence::Equivocation, Millis(DAY));
    assert!(matches!(charge, Charge::Quarantined { times: 2, .. }));
}

#[test]
fn the_end_of_a_quarantine_is_not_told_without_its_record() {
    for later in [DAY, 30 * DAY] {
        let ledger = ledger(1, None);
        let _ = ledger.charge(1, Offence::Equivocation, Millis(0));
        let _ = ledger.charge(2, Offence::Malformed, Millis(later));
        assert!(ledger.expire(Millis(later)).is_empty());
    }
}

#[test]
fn records_that_say_nothing_are_dropped() {
    let ledger = ledger(100, None);
    for subject in 0..50 {
        let _ = ledger.charge(subject, Offence::Malformed, Millis(0));
    }
    assert_eq!(records(&ledger), 50);
    let _ = ledger.expire(Millis(DAY));
    assert_eq!(records(&ledger), 0);
}

#[test]
fn a_ledger_without_room_or_sense_is_refused() {
    let config = ReputationConfig::default();
    let refused = Ledger::<u8>::new(config.clone(), 0, None).unwrap_err();
    assert_eq!(refused, ReputationConfigError::NoCapacity);
    let config = ReputationConfig { first_quarantine_ms: 0, ..config };
    assert!(Ledger::<u8>::new(config, 1, None).is_err());
}

#[test]
fn threads_agree_on_one_quarantine() {
    let ledger = ledger(4, Some(1));
    let begun: usize = thread::scope(|scope| {
        let charge = || ledger.charge(1, Offence::Equivocation, Millis(0));
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(charge)).collect();
        let charges = threads.into_iter().map(|thread| thread.join().unwrap());
        charges.filter(|charge| matches!(charge, Charge::Quarantined { .. })).count()
    });
    assert_eq!(begun, 1);
    assert!(ledger.is_quarantined(&1, Millis(0)));
}

const OFFENCES: [Offence; 7] = [
    Offence::BadSignature,
    Offence::Malformed,
    Offence::BodyMismatch,
    Offence::OverBudget,
    Offence::Equivocation,
    Offence::OverRate,
    Offence::RefutedCertificate,
];

#[test]
fn under_a_lower_limit_all_serve_their_time_and_nobody_else_is_put_there() {
    let ledger = ledger(6, Some(2));
    for subject in [1, 2] {
        let _ = ledger.charge(subject, Offence::Equivocation, Millis(0));
    }
    ledger.resize(6, Some(1), |_| true);
    assert_eq!(ledger.quarantined(Millis(0)), [1, 2]);
    assert_eq!(ledger.charge(3, Offence::Equivocation, Millis(1)), Charge::Withheld);
    for subject in [1, 2] {
        assert_eq!(ledger.quarantine_ends(&subject, Millis(1)), Some(Millis(FIRST)));
    }
    let then = Millis(FIRST);
    let again = ledger.charge(3, Offence::Equivocation, then);
    assert!(matches!(again, Charge::Quarantined { .. }), "{again:?}");
    assert_eq!(ledger.charge(4, Offence::Equivocation, then), Charge::Withheld);
    ledger.resize(6, Some(2), |_| true);
    let more = ledger.charge(4, Offence::Equivocation, then);
    assert!(matches!(more, Charge::Quarantined { .. }), "{more:?}");
}

#[test]
fn with_less_room_the_least_bad_leave_and_never_one_in_quarantine() {
    let ledger = ledger(5, None);
    for subject in [1, 2] {
        let _ = ledger.charge(subject, Offence::Equivocation, Millis(0));
    }
    for (subject, offence) in
        [(3, Offence::BodyMismatch), (4, Offence::Malformed), (5, Offence::RefutedCertificate)]
    {
        let _ = ledger.charge(subject, offence, Millis(0));
    }
    ledger.resize(3, None, |_| true);
    assert_eq!(records(&ledger), 3);
    for subject in [3, 4] {
        assert_eq!(ledger.reputation(&subject, Millis(0)), Reputation::FULL, "{subject}");
    }
    assert_ne!(ledger.reputation(&5, Millis(0)), Reputation::FULL);
    ledger.resize(0, None, |_| true);
    assert_eq!(ledger.quarantined(Millis(0)), [1, 2]);
    assert_eq!(records(&ledger), 2);
    assert_eq!(ledger.charge(6, Offence::Equivocation, Millis(0)), Charge::Withheld, "no room");
    // Afterwards there is room for one.
    let _ = ledger.charge(6, Offence::Equivocation, Millis(FIRST));
    assert_eq!((ledger.quarantined(Millis(FIRST)), records(&ledger)), (vec![6], 1));
}

/// An expelled member must not shield the others; nor may its leave be a pardon.
#[test]
fn who_is_away_serves_its_time_and_takes_no_place() {
    let ledger = ledger(4, Some(1));
    let _ = ledger.charge(1, Offence::Equivocation, Millis(0));
    let score = ledger.reputation(&1, Millis(0));
    ledger.resize(4, Some(1), |subject| *subject != 1);
    assert_eq!(ledger.reputation(&1, Millis(0)), score);
    let charge = ledger.charge(2, Offence::Equivocation, Millis(1));
    assert!(matches!(charge, Charge::Quarantined { .. }), "{charge:?}");
    assert_eq!(ledger.charge(3, Offence::Equivocation, Millis(1)), Charge::Withheld);
    assert_eq!(ledger.quarantined(Millis(1)), [1, 2]);
    // It joins again.
    ledger.resize(4, Some(2), |_| true);
    assert_eq!(ledger.charge(4, Offence::Equivocation, Millis(2)), Charge::Withheld);
    assert_eq!(ledger.quarantine_ends(&1, Millis(2)), Some(Millis(FIRST)));
    // Away or not, the next one lasts longer.
    ledger.resize(4, Some(2), |subject| *subject != 1);
    assert_eq!(ledger.expire(Millis(FIRST)), [1]);
    ledger.resize(4, Some(2), |_| true);
    let charge = ledger.charge(1, Offence::Equivocation, Millis(FIRST + 1));
    assert!(matches!(charge, Charge::Quarantined { times: 2, .. }), "{charge:?}");
}

proptest! {
    #[test]
    fn limits_hold_whatever_happens(
        capacity in 1_usize..6,
        most in prop::option::of(0_usize..4),
        steps in prop::collection::vec(
            (
                0_u8..9,
                prop::sample::select(OFFENCES.to_vec()),
                prop_oneof![0_u64..2_000_000, Just(0), Just(u64::MAX), any::<u64>()],
            ),
            1..200,
        ),
    ) {
        let ledger = ledger(capacity, most);
        for (subject, offence, now) in steps {
            let now = Millis(now);
            let before = ledger.quarantined(now);
            let charge = ledger.charge(subject, offence, now);
            let after = ledger.quarantined(now);
            prop_assert!(ledger.reputation(&subject, now) <= Reputation::FULL);
            prop_assert!(after.len() <= most.unwrap_or(capacity).min(capacity));
            prop_assert!(before.iter().all(|subject| after.contains(subject)));
            prop_assert!(records(&ledger) <= capacity);
            prop_assert_eq!(ledger.is_quarantined(&subject, now), after.contains(&subject));
            match charge {
                Charge::Quarantined { until, times } => {
                    prop_assert!(times >= 1 && !before.contains(&subject));
                    prop_assert_eq!(ledger.quarantine_ends(&subject, now), Some(until));
                }
                Charge::Already => prop_assert!(before.contains(&subject)),
                Charge::Withheld | Charge::Noted(_) => prop_assert!(!after.contains(&subject)),
            }
            let ended = ledger.expire(now);
            prop_assert!(ended.iter().all(|subject| !after.contains(subject)));
        }
    }

    /// However it spaces its offences and whatever it is asked between, up to five minutes apart
    /// the fourteenth malformed packet at the latest leads to quarantine.
    #[test]
    fn nothing_is_laundered(
        gaps in prop::collection::vec((0..=FIRST, 0_u64..5), 14),
        kinds in prop::collection::vec(
            prop::sample::select(vec![
                Offence::Malformed,
                Offence::BodyMismatch,
                Offence::OverRate,
                Offence::RefutedCertificate,
            ]),
            14,
        ),
    ) {
        let ledger = ledger(4, Some(1));
        let mut now = 0;
        let mut quarantined = false;
        for ((gap, looks), offence) in gaps.into_iter().zip(kinds) {
            for _ in 0..looks {
                now += gap / looks.max(1);
                let _ = ledger.expire(Millis(now));
                let _ = ledger.reputation(&1, Millis(now));
            }
            let charge = ledger.charge(1, offence, Millis(now));
            quarantined |= matches!(charge, Charge::Quarantined { .. });
        }
        prop_assert!(quarantined);
    }

    /// Each quarantine lasts as long as it says, from whatever end of the clock it is measured.
    #[test]
    fn a_quarantine_lasts_its_length_on_a_clock_that_steps(
        start in any::<u64>(),
        steps in prop::collection::vec((any::<u32>(), 101_u64..DAY), 1..20),
    ) {
        let ledger = ledger(4, None);
        let start = start.clamp(40 * DAY, u64::MAX - 40 * DAY);
        let _ = ledger.charge(1, Offence::Equivocation, Millis(start));
        let (mut now, mut served) = (start, 0);
        for (on, back) in steps {
            let on = u64::from(on) % 60_000;
            now += on;
            served += on;
            prop_assert_eq!(ledger.is_quarantined(&1, Millis(now)), served < FIRST);
            now -= back;
            prop_assert_eq!(ledger.is_quarantined(&1, Millis(now)), served < FIRST);
        }
    }
}
