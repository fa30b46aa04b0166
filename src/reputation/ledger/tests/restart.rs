//! What is written down of a ledger, and what comes back from it.

use super::*;
use crate::reputation::Sentence;

/// Promise P10: what is written down and taken back at any moment says the same as what went on.
#[test]
fn p10_a_record_that_is_taken_back_says_the_same() {
    let ledger = ledger(8, None).noting_changes();
    let offend = |subject, offence, now| {
        let _ = ledger.charge(subject, offence, Millis(now));
    };
    offend(1, Offence::OverRate, 1_000);
    offend(2, Offence::Equivocation, 2_000);
    offend(3, Offence::Equivocation, 3_000);
    let later = 3_000 + FIRST + 5_000;
    offend(4, Offence::Equivocation, later);
    offend(4, Offence::OverRate, later);
    let written = ledger.unsaved(false, Millis(later), 0);
    assert_eq!(written.iter().map(|(subject, _)| *subject).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(ledger.unsaved(false, Millis(later), 0).is_empty(), "and that was all");
    assert_eq!(ledger.unsaved(true, Millis(later), 0).len(), 4);

    // Another boot, another clock.
    let restarted = super::ledger(8, None);
    for (subject, record) in &written {
        let _told = restarted.take_back(*subject, record.as_ref().unwrap(), false, Millis(7));
    }
    for passed in [0, 1_000, FIRST, FIRST + 3_600_000, 7 * DAY, 8 * DAY] {
        for subject in 1..=4 {
            let (then, now) = (Millis(later + passed), Millis(7 + passed));
            let [one, other] = [(&restarted, now), (&ledger, then)]
                .map(|(ledger, at)| ledger.reputation(&subject, at).as_ppm());
            assert!(one.abs_diff(other) <= 1, "{one} {other}");
            let left = |ledger: &Ledger<u8>, now: Millis| {
                ledger.quarantine_ends(&subject, now).map(|ends| ends.since(now))
            };
            assert_eq!(left(&restarted, now), left(&ledger, then), "{subject} {passed}");
        }
    }
    let gone = ledger.expire(Millis(later + 9 * DAY));
    assert!(gone.contains(&4));
    let _swept = ledger.expire(Millis(later + 9 * DAY + 60_000));
    assert!(ledger.unsaved(false, Millis(later + 9 * DAY + 60_000), 0).contains(&(4, None)));
}

/// Promise P10: what is written ahead is what will be; and as long as it is written again before that, a
/// restart at any moment has nobody serve anything twice, and pardons no more than it was written ahead.
#[test]
fn p10_what_is_written_ahead_is_how_it_will_stand() {
    let stands = |ledger: &Ledger<u8>, at| {
        let left = ledger.quarantine_ends(&1, Millis(at)).map(|ends| ends.since(Millis(at)));
        (left, ledger.reputation(&1, Millis(at)).as_ppm())
    };
    // Before the end of the quarantine, at it, after it, and when probation and its rise are over.
    for begun in [1, FIRST - 60_000, FIRST - 1, FIRST + 5_000, FIRST + 3_590_000, 2 * DAY] {
        let ledger = ledger(4, None).noting_changes();
        let _ = ledger.charge(1, Offence::Equivocation, Millis(0));
        let _ = ledger.charge(1, Offence::OverRate, Millis(1));
        let [(1, Some(record))] = &ledger.unsaved(true, Millis(begun), 60_000)[..] else {
            panic!("one record")
        };
        let restarted = super::ledger(4, None);
        let _told = restarted.take_back(1, record, false, Millis(7));
        for passed in [0, 1, 1_000, FIRST, 3_600_000, DAY] {
            let (now, then) = (7 + passed, begun + 60_000 + passed);
            let (left, score) = stands(&restarted, now);
            let (expected, other) = stands(&ledger, then);
            assert_eq!(left, expected, "{begun} {passed}");
            assert!(score.abs_diff(other) <= 1, "{begun} {passed}: {score} {other}");
        }
        let charge =
            |ledger: &Ledger<u8>, at| match ledger.charge(1, Offence::Equivocation, Millis(at)) {
                Charge::Quarantined { until, times } => (until.since(Millis(at)), times),
                other => panic!("{other:?}"),
            };
        let again = charge(&restarted, 7 + 2 * DAY);
        assert_eq!(again, charge(&ledger, begun + 60_000 + 2 * DAY));
        assert_eq!(again, (2 * FIRST, 2), "the repetition stands");
    }
}

#[test]
fn who_is_away_is_taken_back_and_takes_no_place() {
    let before = ledger(4, None).noting_changes();
    for subject in [1, 2, 3] {
        let _ = before.charge(subject, Offence::Equivocation, Millis(0));
    }
    let written = before.unsaved(false, Millis(0), 0);
    let ledger = ledger(2, Some(1)).noting_changes();
    let take_back = |subject: u8, is_away| {
        let record = written[usize::from(subject) - 1].1.as_ref().unwrap();
        ledger.take_back(subject, record, is_away, Millis(0)).map(|(_, charge)| charge)
    };
    let until = Some(Charge::Quarantined { until: Millis(FIRST), times: 1 });
    assert_eq!((take_back(2, false), take_back(1, true)), (until, until));
    assert_eq!(take_back(3, false), None, "no room");
    let unsaved = ledger.unsaved(false, Millis(0), 0);
    let gone: Vec<_> =
        unsaved.iter().map(|(subject, record)| (*subject, record.is_none())).collect();
    assert_eq!(gone, [(1, false), (2, false), (3, true)]);
    assert!(!ledger.has_unsaved());
    ledger.write_failed(vec![3]);
    assert_eq!(ledger.unsaved(false, Millis(0), 0), [(3, None)]);
    assert_eq!(ledger.quarantined(Millis(FIRST - 1)), [1, 2]);
}

#[test]
fn what_is_resumed_lasts_as_long_as_is_left_and_counts_as_one() {
    let ledger = ledger(4, Some(2));
    let take_back = |subject, left_ms| {
        let offence = Offence::Equivocation;
        let sentence = Sentence { offence, left_ms, then: Reputation::from_ppm(500_000) };
        let (score, sentence) = (Reputation::ZERO, Some(sentence));
        let record = Record { score, probation_ms: 0, clean_ms: 0, times: 1, sentence };
        let (found, charge) = ledger.take_back(subject, &record, false, Millis(0))?;
        assert_eq!(found, offence);
        Some(charge)
    };
    let until = |until| Some(Charge::Quarantined { until: Millis(until), times: 1 });
    assert_eq!(take_back(1, 7_000), until(7_000));
    assert_eq!(take_back(1, 9_000), None, "it is known");
    // Whatever a disk says, no longer than the longest.
    assert_eq!(take_back(2, u64::MAX), until(DAY));
    assert_eq!(take_back(3, 7_000), Some(Charge::Withheld), "no more than may be faulty");
    assert_eq!(ledger.quarantine_ends(&1, Millis(6_999)), Some(Millis(7_000)));
    assert_eq!(ledger.quarantine_ends(&1, Millis(7_000)), None);
    let charge = ledger.charge(1, Offence::Equivocation, Millis(7_000));
    assert_eq!(charge, Charge::Quarantined { until: Millis(7_000 + 2 * FIRST), times: 2 });
}

/// Whatever a disk says, probation is not for ever.
#[test]
fn what_is_stored_cannot_exceed_what_is_configured() {
    let ledger = ledger(1, None);
    let (score, probation_ms) = (Reputation::ZERO, u64::MAX);
    let record =
        Record { score, probation_ms, clean_ms: u64::MAX, times: u32::MAX, sentence: None };
    assert_eq!(ledger.take_back(1, &record, false, Millis(0)), None);
    assert_eq!(ledger.reputation(&1, Millis(2 * 3_600_000)).as_ppm(), 600_000);
}
