use proptest::prelude::*;

use super::*;

/// Ten a second, twenty at once: a burst takes two seconds.
const RATE: Rate = Rate { per_second: 10, burst: 20 };
const DAY: u64 = 86_400_000;

fn nonce(boot: u32) -> Nonce {
    Nonce { boot, sequence: 0 }
}

/// The number of what is said then in boot 1, at the full rate.
fn numbered(sent_at: u64) -> Nonce {
    Nonce { boot: 1, sequence: u32::try_from(sent_at / 100).unwrap() }
}

/// How many messages are taken of a stream in boot 1, given as (sent at, now).
fn taken(lead: &mut ClockLead, stream: impl IntoIterator<Item = (u64, u64)>) -> usize {
    let stream = stream.into_iter();
    stream.filter(|(sent, now)| lead.try_take(numbered(*sent), SentAt(*sent), Millis(*now))).count()
}

#[test]
fn what_was_held_back_is_free_in_whatever_order_it_comes() {
    let held = || (0..5_000_u64).map(|number| (number * 100, 600_000));
    for backwards in [false, true] {
        let mut lead = ClockLead::new(RATE);
        assert_eq!(taken(&mut lead, [(0, 0), (590_000, 590_000)]), 2);
        let stock: Vec<_> = if backwards { held().rev().collect() } else { held().collect() };
        assert_eq!(taken(&mut lead, stock), 5_000);
        assert!(lead.spare.peek(Millis(600_000), 64 * 20 * MESSAGE), "nothing was drawn");
        assert_eq!(taken(&mut lead, [(600_000, 600_000)]), 1, "the next live one");
    }
}

#[test]
fn a_fast_clock_gets_64_bursts_and_then_at_most_four_times_its_rate() {
    let burst = || (0..=1 + 64 * 20_u64).map(|number| (number * 100, 0));
    // At the rate, by clocks that run four and ten times as fast as the receiver's, for a minute.
    for (every_ms, of_them) in [(25, 2_400..=2_400), (10, 1..=2_400)] {
        let mut lead = ClockLead::new(RATE);
        assert_eq!(taken(&mut lead, burst()), 1 + 64 * 20);
        let fast = 60_000 / every_ms;
        let fast = (1..=fast).map(|number| (128_000 + number * 100, number * every_ms));
        let taken = taken(&mut lead, fast);
        assert!(of_them.contains(&taken), "{taken} at one in {every_ms} ms");
    }
}

#[test]
fn who_jumped_pays_for_each_message_at_its_full_rate_for_as_long_as_it_likes() {
    let mut lead = ClockLead::new(RATE);
    assert_eq!(taken(&mut lead, [(0, 0)]), 1);
    // The receiver slept for a day by its own clock, and hears an hour of what comes then.
    let after = (0..36_000).map(|number| (DAY + number * 100, number * 100));
    assert_eq!(taken(&mut lead, after), 36_000);
    // A relay held back as much as a window holds meanwhile, and lets it out.
    let now = 3_600_000;
    let held = (1..1024).map(|number| (DAY + now - number * 100 + 50, now));
    assert_eq!(taken(&mut lead, held), 1023);
    assert_eq!(taken(&mut lead, [(DAY + now, now)]), 1, "the next live one");
}

/// For the price of a jump, or of a boot, an origin must not get all that it says it said before.
#[test]
fn what_is_dated_into_the_time_that_a_clock_jumped_over_is_not_free() {
    let window = |end: u64| (1..1024).map(move |number| (end - number * 100, 0));
    let mut jumps = ClockLead::new(RATE);
    assert_eq!(taken(&mut jumps, [(0, 0)]), 1);
    let all = (1..=10).flat_map(|jump| [(jump * DAY, 0)].into_iter().chain(window(jump * DAY)));
    assert_eq!(taken(&mut jumps, all), 64 * 20);

    let mut boots = ClockLead::new(RATE);
    assert!(boots.try_take(nonce(1), SentAt(0), Millis(0)));
    let mut count = 0;
    for boot in 2..12 {
        let said = [(DAY, 0)].into_iter().chain(window(DAY));
        count += said.filter(|(at, _)| boots.try_take(nonce(boot), SentAt(*at), Millis(0))).count();
    }
    assert!(count <= 64 * 20, "{count} in ten boots");
}

#[test]
fn a_boot_costs_a_burst() {
    let mut lead = ClockLead::new(RATE);
    assert!(lead.try_take(nonce(1), SentAt(0), Millis(DAY)));
    let boots = (2..66).filter(|boot| lead.try_take(nonce(*boot), SentAt(0), Millis(DAY)));
    assert_eq!(boots.count(), 64);
    let mut spent = lead.clone();
    assert!(!lead.try_take(nonce(1), SentAt(0), Millis(DAY)), "nothing is left");
    assert!(lead.try_take(nonce(1), SentAt(0), Millis(DAY + 34)), "one message's worth is");
    assert!(!spent.try_take(nonce(66), SentAt(0), Millis(DAY)));
    assert!(!spent.try_take(nonce(1), SentAt(0), Millis(DAY + 34)), "a newer boot waits");
}

/// As many as the budget holds, a tenth of a second apart by the origin's clock.
fn spent() -> ClockLead {
    let mut lead = ClockLead::new(RATE);
    assert_eq!(taken(&mut lead, (0..=1_280).map(|number| (number * 100, 0))), 1_281);
    lead
}

#[test]
fn what_is_too_far_ahead_changes_nothing_and_is_taken_later() {
    let mut lead = spent();
    assert_eq!(taken(&mut lead, [(128_100, 0), (128_133, 33)]), 0);
    assert_eq!(taken(&mut lead, [(128_033, 33)]), 1, "as far ahead as before is free");
    assert_eq!(taken(&mut lead, [(128_134, 34)]), 1);
}

#[test]
fn a_stock_that_is_played_first_does_not_keep_the_live_message_out() {
    // Ten hours of messages, one a second, and then as many as the attacker wants to send.
    let mut lead = ClockLead::new(RATE);
    let mut stock = (0..36_000_u64).map(|number| number * 1000);
    let mut now = 36_000_000;
    let mut refused = 0;
    for live in 0..60_u64 {
        for _ in 0..200 {
            let old = stock.next().unwrap_or(0);
            let _drawn = lead.try_take(numbered(old), SentAt(old), Millis(now));
        }
        // It comes a little later or earlier than those before, and once a second.
        let jitter = [0, 7, 3][live as usize % 3];
        let sent = 36_000_000 + live * 1000 - jitter;
        refused += u32::from(!lead.try_take(numbered(sent), SentAt(sent), Millis(now)));
        now += 1000;
    }
    assert!(refused <= 1, "{refused} live messages were refused");
}

#[test]
fn who_waits_keeps_older_ones_out_for_a_minute_and_no_longer() {
    let mut lead = spent();
    assert_eq!(taken(&mut lead, [(900_000, 0)]), 0);
    // Said eight seconds before the one that waits, and more.
    let [near, far] = [900_000 - 8_000, 900_000 - 8_100];
    assert_eq!(taken(&mut lead, [(far, 59_999)]), 0);
    assert_eq!(taken(&mut lead, [(900_000, 0), (far, 60_000)]), 1, "it waits no more");
    let mut lead = spent();
    assert_eq!(taken(&mut lead, [(900_000, 0), (near, 0), (near, 59_999)]), 1);
}

#[test]
fn what_is_said_after_the_one_that_waits_may_take_as_long_as_it_likes() {
    let mut lead = spent();
    assert_eq!(taken(&mut lead, [(900_000, 0), (900_100, 40_000)]), 1);
}

proptest! {
    /// Whatever is signed, whenever it comes and in whatever order: no more than the documented bound
    /// is taken of an origin that keeps to its rate by its own clock.
    #[test]
    fn never_more_than_the_bound(
        steps in prop::collection::vec((0_u64..5_000, 0_u64..20, any::<bool>()), 1..2_000),
        turned in 1_usize..500,
    ) {
        let rate = Rate { per_second: 10, burst: 2 };
        let mut lead = ClockLead::new(rate);
        let mut own = TokenBucket::new(rate);
        let (mut boot, mut sent, mut signed) = (1, 0, Vec::new());
        for (on, _, restarts) in &steps {
            if *restarts && *on < 50 {
                (boot, sent, own) = (boot + 1, 0, TokenBucket::new(rate));
            }
            sent += on;
            if own.try_take(Millis(sent), 1).is_ok() {
                signed.push((boot, sent));
            }
        }
        // What was said before the first that is heard is its own matter, so that comes first.
        let (first, others) = signed.split_first().unwrap();
        prop_assert!(lead.try_take(nonce(first.0), SentAt(first.1), Millis(0)));
        let order = others.chunks(turned).flat_map(|part| part.iter().rev());
        let (mut now, mut count) = (0, 1_u64);
        for ((boot, sent), (_, passed, _)) in order.zip(&steps) {
            now += passed;
            count += u64::from(lead.try_take(nonce(*boot), SentAt(*sent), Millis(now)));
        }
        prop_assert!(count * 1000 <= 65 * 2_000 + 40 * now + 1_000, "{} in {} ms", count, now);
    }
}
