use proptest::prelude::*;

use super::*;
use crate::id::Millis;
use crate::limit::TokenBucket;

const RATE: Rate = Rate { per_second: 10, burst: 5 };

fn observe(watch: &mut SentRate, sequence: u32, sent_at: u64) -> Result<(), OverRate> {
    watch.observe(Nonce { boot: 1, sequence }, SentAt(sent_at))
}

fn against(sequence: u32) -> Result<(), OverRate> {
    Err(OverRate { earlier: Nonce { boot: 1, sequence } })
}

#[test]
fn a_burst_is_allowed_and_one_more_is_proof() {
    let mut watch = SentRate::new(RATE);
    for sequence in 0..=5 {
        assert_eq!(observe(&mut watch, sequence, 700), Ok(()));
    }
    assert_eq!(observe(&mut watch, 6, 700), against(0));
}

#[test]
fn time_between_them_excuses() {
    let mut watch = SentRate::new(RATE);
    assert_eq!(observe(&mut watch, 0, 0), Ok(()));
    assert_eq!(observe(&mut watch, 15, 1000), Ok(()));
    assert_eq!(observe(&mut watch, 16, 1000), against(0));
}

#[test]
fn the_order_of_arrival_changes_nothing() {
    let mut watch = SentRate::new(RATE);
    assert_eq!(observe(&mut watch, 6, 0), Ok(()));
    assert_eq!(observe(&mut watch, 0, 0), against(6));
}

#[test]
fn a_burst_after_a_pause_is_found_backwards_too() {
    let mut watch = SentRate::new(RATE);
    assert_eq!(observe(&mut watch, 0, 0), Ok(()));
    assert_eq!(observe(&mut watch, 300, 60_000), Ok(()));
    assert_eq!(observe(&mut watch, 400, 60_000), against(300));
    let mut watch = SentRate::new(RATE);
    assert_eq!(observe(&mut watch, 0, 0), Ok(()));
    assert_eq!(observe(&mut watch, 400, 60_000), Ok(()));
    assert_eq!(observe(&mut watch, 300, 60_000), against(400));
}

#[test]
fn a_late_header_is_compared_with_the_peak_after_the_anchor() {
    let mut watch = SentRate::new(RATE);
    assert_eq!(observe(&mut watch, 0, 0), Ok(()));
    assert_eq!(observe(&mut watch, 15, 1000), Ok(()));
    assert_eq!(observe(&mut watch, 8, 1000), against(15));
}

#[test]
fn the_peak_moves_on_with_the_anchor() {
    let mut watch = SentRate::new(RATE);
    assert_eq!(observe(&mut watch, 0, 0), Ok(()));
    assert_eq!(observe(&mut watch, 5, 0), Ok(()));
    assert_eq!(observe(&mut watch, 10, 10_000), Ok(()));
    assert_eq!(observe(&mut watch, 25, 11_000), Ok(()));
    assert_eq!(observe(&mut watch, 18, 11_000), against(25));
}

#[test]
fn of_equal_excess_the_first_is_the_anchor_and_the_last_the_peak() {
    for equal in [[(0, 0), (10, 1000)], [(10, 1000), (0, 0)]] {
        let mut watch = SentRate::new(RATE);
        for (sequence, sent_at) in equal {
            assert_eq!(observe(&mut watch, sequence, sent_at), Ok(()));
        }
        assert_eq!(observe(&mut watch, 6, 0), against(0));
    }
    for equal in [[(15, 1000), (25, 2000)], [(25, 2000), (15, 1000)]] {
        let mut watch = SentRate::new(RATE);
        assert_eq!(observe(&mut watch, 0, 0), Ok(()));
        for (sequence, sent_at) in equal {
            assert_eq!(observe(&mut watch, sequence, sent_at), Ok(()));
        }
        assert_eq!(observe(&mut watch, 19, 1901), against(25));
    }
}

#[test]
fn the_peak_stays_the_highest_of_those_after_the_anchor() {
    let mut watch = SentRate::new(RATE);
    for (sequence, sent_at) in [(10, 1000), (25, 2000), (29, 2600), (6, 0)] {
        // The second is the peak; the third lies lower, the fourth before the anchor.
        assert_eq!(observe(&mut watch, sequence, sent_at), Ok(()));
    }
    assert_eq!(observe(&mut watch, 19, 1901), against(25));
}

#[test]
fn a_sent_at_that_goes_back_excuses_nothing() {
    let mut watch = SentRate::new(RATE);
    assert_eq!(observe(&mut watch, 0, u64::MAX), Ok(()));
    assert_eq!(observe(&mut watch, 5, 0), Ok(()));
    assert_eq!(observe(&mut watch, 6, 0), against(0));
}

#[test]
fn one_excess_is_one_offence() {
    let mut watch = SentRate::new(RATE);
    assert_eq!(observe(&mut watch, 0, 0), Ok(()));
    assert_eq!(observe(&mut watch, 6, 0), against(0));
    assert_eq!(observe(&mut watch, 3, 0), Ok(()));
    assert_eq!(observe(&mut watch, 11, 0), Ok(()));
    assert_eq!(observe(&mut watch, 12, 0), against(6));
}

#[test]
fn boots_are_never_compared() {
    let mut watch = SentRate::new(RATE);
    assert_eq!(watch.observe(Nonce { boot: 1, sequence: 0 }, SentAt(0)), Ok(()));
    assert_eq!(watch.observe(Nonce { boot: 2, sequence: 900 }, SentAt(0)), Ok(()));
    assert_eq!(watch.observe(Nonce { boot: 1, sequence: 900 }, SentAt(0)), Ok(()));
    assert_eq!(watch.observe(Nonce { boot: 2, sequence: 895 }, SentAt(0)), Ok(()));
    assert!(watch.observe(Nonce { boot: 2, sequence: 901 }, SentAt(0)).is_err());
}

/// What an honest signer signs: as fast as its bucket allows, at the times it wants to.
fn honest(rate: Rate, wants: &[(u64, u32)]) -> Vec<(u32, u64)> {
    let mut bucket = TokenBucket::new(rate);
    let (mut now, mut sequence, mut signed) = (0, 0, Vec::new());
    for (on, messages) in wants {
        now += on;
        for _ in 0..*messages {
            if bucket.try_take(Millis(now), 1).is_ok() {
                signed.push((sequence, now));
                sequence += 1;
            }
        }
    }
    signed
}

proptest! {
    #[test]
    fn an_honest_signer_is_never_accused(
        per_second in 1_u32..3000,
        burst in 1_u32..100,
        wants in prop::collection::vec((0_u64..400, 0_u32..120), 1..40),
        order in any::<u64>(),
    ) {
        let rate = Rate { per_second, burst };
        let mut signed = honest(rate, &wants);
        let mut seed = order;
        for last in (1..signed.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            signed.swap(last, (seed >> 33) as usize % (last + 1));
        }
        let mut watch = SentRate::new(rate);
        for (sequence, sent_at) in signed {
            prop_assert_eq!(observe(&mut watch, sequence, sent_at), Ok(()));
        }
    }

    /// In order, an excess is found exactly when some pair proves one.
    #[test]
    fn in_order_every_excess_is_found(
        steps in prop::collection::vec((1_u32..10, 0_u64..900), 1..60),
    ) {
        let mut watch = SentRate::new(RATE);
        let mut all: Vec<(u32, u64)> = Vec::new();
        for (messages, on) in steps {
            let (sequence, sent_at) = all.last().copied().unwrap_or_default();
            let (sequence, sent_at) = (sequence + messages, sent_at + on);
            let proven = all.iter().any(|(s, t)| {
                u64::from(sequence - s) * 1000 > 5 * 1000 + 10 * (sent_at - t)
            });
            prop_assert_eq!(observe(&mut watch, sequence, sent_at).is_err(), proven);
            if proven {
                break;
            }
            all.push((sequence, sent_at));
        }
    }

    /// Whatever is accused, the two headers named do prove it.
    #[test]
    fn every_accusation_holds(
        per_second in any::<u32>(),
        burst in any::<u32>(),
        headers in prop::collection::vec((0_u32..3, any::<u32>(), any::<u64>()), 1..60),
    ) {
        let mut watch = SentRate::new(Rate { per_second, burst });
        let mut seen = Vec::new();
        for (boot, sequence, sent_at) in headers {
            let nonce = Nonce { boot, sequence };
            if let Err(OverRate { earlier }) = watch.observe(nonce, SentAt(sent_at)) {
                let of_this_boot = |(n, _): &&(Nonce, u64)| n.boot == boot;
                let holds = seen.iter().filter(of_this_boot).any(|(n, t)| {
                    let (first, second) = if *n < nonce {
                        ((*n, *t), (nonce, sent_at))
                    } else {
                        ((nonce, sent_at), (*n, *t))
                    };
                    let sent = u128::from(second.0.sequence - first.0.sequence) * 1000;
                    let time = u128::from(second.1.saturating_sub(first.1));
                    let allowed = u128::from(burst) * 1000 + u128::from(per_second) * time;
                    *n == earlier && sent > allowed
                });
                prop_assert!(holds);
            }
            seen.push((nonce, sent_at));
        }
    }
}
