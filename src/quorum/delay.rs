//! How late a member's frames are, by the member's own clock.
//!
//! A recorded beacon looks like a live one to whoever has not heard it before. A relay that lets X's
//! beacons through ever more slowly saves up a stock of new ones, and can play it when X is dead (attack
//! G27). But it cannot change what X signed beside them: X's own clock. So a node keeps, for each
//! member, the least that its own clock was ever ahead of the member's, and a frame with much more
//! than that is *late*: it is delivered, and shows no life.
//!
//! | what happens | what comes of it |
//! |---|---|
//! | all frames are delayed by one constant | the least holds that constant; none is late |
//! | delays grow, by a relay, a longer way, clocks that drift apart | frames become late; the member is asked ([`super::asking`]), and its answer sets the least anew |
//! | the member's clock stood still while its host was paused | the same |
//! | the member started anew, and so did its clock | a new least; the member is asked |
//! | the member's clock jumps on | the least falls; it alone can do that |
//!
//! Nothing is ever forgotten by time alone: whatever a least may rise by unasked, a patient relay
//! turns into a stock. It rises by answers alone, and an answer is tied to the moment of the question,
//! before which it cannot have been said. Hosts whose clocks drift apart by 200 ppm ask each other once
//! in two hours for it (half of a suspicion time of 3 s).
//!
//! Whoever delays frames of X makes X be asked, which X answers; only who delays the answers, too, does
//! X harm, and that is a party on the only path, which can silence it altogether.

/// The least that this node's steady clock was seen ahead of a member's, in one boot of the member.
/// It takes the same few bytes whatever arrives, and only what the member signed changes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Delay {
    least: Option<Least>,
    /// That rests on frames alone, which may all have been recorded long before.
    unproven: Option<Unproven>,
}

#[derive(Debug, Clone, Copy)]
struct Unproven {
    since: u64,
    /// When the member was asked for the first time since.
    asked: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Least {
    boot: u32,
    ahead: i128,
}

/// When something was said on the member's clock, and when it arrived on this node's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) boot: u32,
    pub(super) sent_at: u64,
    pub(super) at: u64,
}

impl Arrival {
    fn least(self) -> Least {
        let ahead = i128::from(self.at).saturating_sub(i128::from(self.sent_at));
        Least { boot: self.boot, ahead }
    }
}

impl Delay {
    /// Whether a frame is in time: not more than `slack_ms` later than the earliest of its boot, nor
    /// of a boot before. What was never proven by an answer counts for `trust_ms` after the member was
    /// asked and no longer, in however many boots: to a node that has just started, a stock looks like
    /// a life.
    pub(super) fn is_in_time(&mut self, frame: Arrival, slack_ms: u64, trust_ms: u64) -> bool {
        let found = frame.least();
        let least = match self.least {
            Some(least) if found.boot < least.boot => return false,
            Some(least) if found.boot == least.boot => {
                Least { ahead: least.ahead.min(found.ahead), ..least }
            }
            _ => {
                self.unproven.get_or_insert(Unproven { since: frame.at, asked: None });
                found
            }
        };
        self.least = Some(least);
        let asked = self.unproven.and_then(|unproven| unproven.asked);
        let is_trusted = asked.is_none_or(|asked| frame.at.saturating_sub(asked) < trust_ms);
        is_trusted && found.ahead <= least.ahead.saturating_add(i128::from(slack_ms))
    }

    /// The member answered what it was asked at `asked_at`, so it said that between then and now. Of
    /// the time in between no more than `slack_ms` is granted, or whoever delays an answer could build
    /// up a stock with it.
    pub(super) fn prove(&mut self, answer: Arrival, asked_at: u64, slack_ms: u64) {
        let at = answer.at.min(asked_at.saturating_add(slack_ms));
        let found = Arrival { at, ..answer }.least();
        if self.least.is_none_or(|least| least.boot <= found.boot) {
            self.least = Some(found);
            self.unproven = None;
        }
    }

    /// The member was asked at `at`.
    pub(super) fn asked(&mut self, at: u64) {
        if let Some(unproven) = &mut self.unproven {
            unproven.asked.get_or_insert(at);
        }
    }

    /// The node was away, and may have missed the answer: what it asked counts as asked as much later
    /// as `later` says.
    pub(super) fn excuse(&mut self, later: impl Fn(u64) -> u64) {
        if let Some(unproven) = &mut self.unproven {
            unproven.asked = unproven.asked.map(later);
        }
    }

    /// For how long this has rested on frames alone.
    pub(super) fn unproven_for(&self, at: u64) -> Option<u64> {
        self.unproven.map(|unproven| at.saturating_sub(unproven.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLACK: u64 = 1_500;
    const TRUST: u64 = 3_000;

    fn in_time(delay: &mut Delay, boot: u32, sent_at: u64, at: u64) -> bool {
        delay.is_in_time(Arrival { boot, sent_at, at }, SLACK, TRUST)
    }

    fn prove(delay: &mut Delay, boot: u32, sent_at: u64, (asked_at, at): (u64, u64)) {
        delay.prove(Arrival { boot, sent_at, at }, asked_at, SLACK);
    }

    /// Proven in boot 1, whose clock began when this node's showed 10 s.
    fn proven() -> Delay {
        let mut delay = Delay::default();
        assert!(in_time(&mut delay, 1, 0, 10_000));
        prove(&mut delay, 1, 10, (10_000, 10_010));
        delay
    }

    #[test]
    fn a_constant_delay_is_none_and_more_than_the_slack_is_late() {
        let mut delay = proven();
        for second in 1..10_000 {
            assert!(in_time(&mut delay, 1, second * 1_000, 10_000 + second * 1_000 + second % 900));
        }
        assert!(in_time(&mut delay, 1, 20_000_000, 20_010_000 + SLACK));
        assert!(!in_time(&mut delay, 1, 20_000_000, 20_010_001 + SLACK));
    }

    #[test]
    fn a_delay_that_creeps_up_is_late_all_the_same() {
        let mut delay = proven();
        let late = (1..10_000).find(|&second: &u64| {
            let sent_at = second * 1_000;
            !in_time(&mut delay, 1, sent_at, 10_000 + sent_at + second)
        });
        assert_eq!(late, Some(SLACK + 1));
    }

    /// 200 ppm: an answer every two hours keeps every frame in time, for a year.
    #[test]
    fn drifting_clocks_are_set_right_by_answers() {
        let mut delay = proven();
        let (mut asked, mut late) = (0, 0);
        for minute in 1..525_600_u64 {
            let at = 10_000 + minute * 60_000;
            let sent_at = minute * 60_000 - minute * 12;
            if !in_time(&mut delay, 1, sent_at, at) {
                late += 1;
                asked += 1;
                prove(&mut delay, 1, sent_at, (at - 20, at));
            }
        }
        assert_eq!(late, asked);
        assert!((4_000..4_400).contains(&asked), "{asked} times in a year");
    }

    #[test]
    fn an_answer_that_was_held_back_builds_up_no_stock() {
        let mut delay = proven();
        // Said at once when it was asked at 100 s, and held back for ten more.
        prove(&mut delay, 1, 90_010, (100_000, 110_000));
        assert!(in_time(&mut delay, 1, 91_000, 101_000 + 2 * SLACK - 10));
        assert!(!in_time(&mut delay, 1, 91_000, 101_000 + 2 * SLACK));
    }

    #[test]
    fn a_new_boot_counts_anew_and_an_old_one_for_nothing() {
        let mut delay = proven();
        assert!(in_time(&mut delay, 2, 0, 500_000));
        assert_eq!(delay.unproven_for(500_100), Some(100));
        assert!(!in_time(&mut delay, 1, 490_100, 500_100));
        prove(&mut delay, 1, 490_200, (500_200, 500_200));
        assert_eq!(delay.unproven_for(500_200), Some(200), "an answer of the boot before");
        prove(&mut delay, 2, 300, (500_250, 500_300));
        assert_eq!(delay.unproven_for(500_400), None);
        assert!(in_time(&mut delay, 2, 9_000_000, 9_500_000));
    }

    #[test]
    fn what_no_answer_proves_is_trusted_once_in_however_many_boots() {
        let mut delay = Delay::default();
        let counted = (0..100_u32).filter(|number| {
            delay.asked(0);
            in_time(
                &mut delay,
                number / 2,
                u64::from(number % 2) * 1_000,
                u64::from(*number) * 1_000,
            )
        });
        assert_eq!(counted.count(), 3);
    }

    #[test]
    fn the_ends_of_the_range_are_no_matter() {
        let mut delay = Delay::default();
        assert!(in_time(&mut delay, 0, u64::MAX, 0));
        assert!(!in_time(&mut delay, 0, 0, u64::MAX));
        prove(&mut delay, u32::MAX, u64::MAX, (u64::MAX, u64::MAX));
        assert!(in_time(&mut delay, u32::MAX, u64::MAX, u64::MAX));
    }
}
