//! A fixed number of places, each with a budget of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::budget::Budget;
use crate::id::{Millis, SteadyClock};

/// How long a place is kept without having been of use, in milliseconds.
const IDLE_MS: u64 = 600_000;

/// Who has a place keeps it for as long as it is of use: it brought something that was new and true
/// within the last ten minutes. However many others come, they take only what is free, what was
/// never of use, and what has not been of use for so long.
///
/// A least-recently-used table would not do: a crowd that each brings one packet turns it over.
///
/// A reserved place is kept until it is released.
#[derive(Debug)]
pub(super) struct Places<K> {
    capacity: usize,
    /// Use is dated by it: by a clock that steps back, places that nobody uses any more would seem the
    /// last used, and be kept until that clock is where it was.
    clock: SteadyClock,
    taken: BTreeMap<K, Place>,
    /// Those that are not reserved, the first to go first: what was never of use, then what has not
    /// been of use for longest. An echo of a cookie, which costs its sender nothing, may look for a
    /// place, so it must not take a search.
    to_go: BTreeSet<(Use, K)>,
}

/// Whether a place was of use, and when it was given, or last of use.
type Use = (bool, u64);

#[derive(Debug)]
struct Place {
    budget: Budget,
    last_use: Use,
    reserved: bool,
}

impl<K: Ord + Copy> Places<K> {
    pub(super) fn new(capacity: usize) -> Self {
        let clock = SteadyClock::default();
        Self { capacity, clock, taken: BTreeMap::new(), to_go: BTreeSet::new() }
    }

    /// The same places, reservations and all, each with `budget` anew. Who has a place goes on under the
    /// name that `renamed` gives it, or loses it.
    pub(super) fn succeed(&self, budget: &Budget, renamed: impl Fn(K) -> Option<K>) -> Self {
        let taken = self.taken.iter().filter_map(|(who, place)| {
            let Place { last_use, reserved, .. } = *place;
            Some((renamed(*who)?, Place { budget: budget.clone(), last_use, reserved }))
        });
        let taken: BTreeMap<_, _> = taken.collect();
        let free = taken.iter().filter(|(_, place)| !place.reserved);
        let to_go = free.map(|(who, place)| (place.last_use, *who)).collect();
        Self { capacity: self.capacity, clock: self.clock.clone(), taken, to_go }
    }

    /// The budget of `who`, if it has a place.
    pub(super) fn budget(&mut self, who: &K) -> Option<&mut Budget> {
        self.taken.get_mut(who).map(|place| &mut place.budget)
    }

    /// `who` was of use. Tells whether it has a place.
    pub(super) fn was_of_use(&mut self, who: &K, now: Millis) -> bool {
        let at = self.clock.advance(now);
        let Some(place) = self.taken.get_mut(who) else { return false };
        let before = std::mem::replace(&mut place.last_use, (true, at));
        if self.to_go.remove(&(before, *who)) {
            self.to_go.insert((place.last_use, *who));
        }
        true
    }

    /// Gives `who` a place with `budget`, unless it has one or there is none to be had.
    pub(super) fn give(&mut self, who: K, budget: &Budget, now: Millis) {
        let at = self.clock.advance(now);
        let is_to_be_had =
            |(was_of_use, since): Use| !was_of_use || at.saturating_sub(since) >= IDLE_MS;
        if self.taken.contains_key(&who) || !self.make_room(is_to_be_had) {
            return;
        }
        let last_use = (false, at);
        self.to_go.insert((last_use, who));
        self.taken.insert(who, Place { budget: budget.clone(), last_use, reserved: false });
    }

    /// Reserves a place for `who`, if need be that of another for whom none is reserved. Tells
    /// whether there was one.
    pub(super) fn reserve(&mut self, who: K, budget: &Budget, now: Millis) -> bool {
        let at = self.clock.advance(now);
        if !self.taken.contains_key(&who) && !self.make_room(|_| true) {
            return false;
        }
        let last_use = (false, at);
        let new = || Place { budget: budget.clone(), last_use, reserved: true };
        let place = self.taken.entry(who).or_insert_with(new);
        place.reserved = true;
        self.to_go.remove(&(place.last_use, who));
        true
    }

    /// The place of `who` is one like any other again.
    pub(super) fn release(&mut self, who: &K) {
        if let Some(place) = self.taken.get_mut(who) {
            place.reserved = false;
            self.to_go.insert((place.last_use, *who));
        }
    }

    /// Whether there is room for one more, if need be after the first to go has gone, which it does
    /// if it `may`.
    fn make_room(&mut self, may: impl Fn(Use) -> bool) -> bool {
        if self.taken.len() < self.capacity {
            return true;
        }
        let Some((last_use, first)) = self.to_go.first().copied() else { return false };
        if !may(last_use) {
            return false;
        }
        self.to_go.remove(&(last_use, first));
        self.taken.remove(&first).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Rate;

    fn budget() -> Budget {
        let one = Rate { per_second: 1, burst: 1 };
        Budget::new(one, one)
    }

    fn full() -> Places<u32> {
        let mut places = Places::new(3);
        for who in 0..3 {
            places.give(who, &budget(), Millis(u64::from(who)));
        }
        places
    }

    fn taken(places: &Places<u32>) -> Vec<u32> {
        places.taken.keys().copied().collect()
    }

    #[test]
    fn who_is_of_use_stays_however_many_come() {
        let mut places = full();
        for who in 0..3 {
            assert!(places.was_of_use(&who, Millis(10)));
        }
        for stranger in 100..10_000 {
            places.give(stranger, &budget(), Millis(11));
            assert!(!places.was_of_use(&stranger, Millis(11)));
        }
        assert_eq!(taken(&places), [0, 1, 2]);
    }

    #[test]
    fn what_was_never_of_use_goes_first_and_the_longest_idle_next() {
        let mut places = full();
        places.was_of_use(&2, Millis(5));
        places.was_of_use(&0, Millis(10));
        places.give(7, &budget(), Millis(20));
        assert_eq!(taken(&places), [0, 2, 7], "1 was never of use");
        places.was_of_use(&7, Millis(20));
        places.give(8, &budget(), Millis(5 + IDLE_MS - 1));
        assert_eq!(taken(&places), [0, 2, 7]);
        places.give(8, &budget(), Millis(5 + IDLE_MS));
        assert_eq!(taken(&places), [0, 7, 8]);
    }

    #[test]
    fn a_clock_that_steps_back_keeps_nobody_in_place() {
        let mut places = full();
        for who in 0..3 {
            places.was_of_use(&who, Millis(100 * IDLE_MS));
        }
        places.was_of_use(&2, Millis(10));
        places.give(7, &budget(), Millis(10 + IDLE_MS - 1));
        assert_eq!(taken(&places), [0, 1, 2], "the step itself is no idleness");
        places.was_of_use(&2, Millis(10 + IDLE_MS));
        for who in 7..10 {
            places.give(who, &budget(), Millis(10 + IDLE_MS));
            places.was_of_use(&who, Millis(10 + IDLE_MS));
        }
        assert_eq!(taken(&places), [2, 7, 8], "who is of use stays");
    }

    #[test]
    fn asking_again_brings_no_fresh_budget() {
        let mut places = full();
        assert!(places.budget(&1).unwrap().take_packet(Millis(9)));
        places.give(1, &budget(), Millis(9));
        assert!(!places.budget(&1).unwrap().take_packet(Millis(9)));
        assert!(places.budget(&5).is_none());
    }

    #[test]
    fn a_reserved_place_is_kept_until_it_is_released() {
        let mut places = full();
        assert!(places.reserve(0, &budget(), Millis(3)) && places.reserve(9, &budget(), Millis(3)));
        assert_eq!(taken(&places), [0, 2, 9], "1 was there for longest");
        places.was_of_use(&2, Millis(4));
        places.give(7, &budget(), Millis(4 + IDLE_MS));
        places.give(8, &budget(), Millis(4 + IDLE_MS));
        assert_eq!(taken(&places), [0, 8, 9]);
        assert!(places.reserve(8, &budget(), Millis(5)));
        assert!(!places.reserve(7, &budget(), Millis(5)), "all are reserved");
        places.release(&9);
        assert!(places.reserve(7, &budget(), Millis(5)));
        assert_eq!(taken(&places), [0, 7, 8]);
    }
}
