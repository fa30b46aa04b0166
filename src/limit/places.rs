//! A fixed number of places, each with something of its own.

use std::collections::{BTreeMap, BTreeSet};

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
///
/// What a place comes with is the user's: a budget, or memory.
#[derive(Debug)]
pub(crate) struct Places<K, V> {
    capacity: usize,
    /// Use is dated by it: by a clock that steps back, places that nobody uses any more would seem the
    /// last used, and be kept until that clock is where it was.
    clock: SteadyClock,
    taken: BTreeMap<K, Place<V>>,
    /// Those that are not reserved, the first to go first: what was never of use, then what has not
    /// been of use for longest. An echo of a cookie, which costs its sender nothing, may look for a
    /// place, so it must not take a search.
    to_go: BTreeSet<(Use, K)>,
}

/// Whether a place was of use, and when it was given, or last of use.
type Use = (bool, u64);

#[derive(Debug)]
struct Place<V> {
    own: V,
    last_use: Use,
    reserved: bool,
}

impl<K: Ord + Copy, V: Clone> Places<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let clock = SteadyClock::default();
        Self { capacity, clock, taken: BTreeMap::new(), to_go: BTreeSet::new() }
    }

    /// The same places, reservations and all, each with `own` anew. Who has a place goes on under the
    /// name that `renamed` gives it, or loses it.
    pub(crate) fn succeed(&self, own: &V, renamed: impl Fn(K) -> Option<K>) -> Self {
        let taken = self.taken.iter().filter_map(|(who, place)| {
            let Place { last_use, reserved, .. } = *place;
            Some((renamed(*who)?, Place { own: own.clone(), last_use, reserved }))
        });
        let taken: BTreeMap<_, _> = taken.collect();
        let free = taken.iter().filter(|(_, place)| !place.reserved);
        let to_go = free.map(|(who, place)| (place.last_use, *who)).collect();
        Self { capacity: self.capacity, clock: self.clock.clone(), taken, to_go }
    }

    /// What `who` has of its own, if it has a place.
    pub(crate) fn get_mut(&mut self, who: &K) -> Option<&mut V> {
        self.taken.get_mut(who).map(|place| &mut place.own)
    }

    /// What all have of their own.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.taken.values_mut().map(|place| &mut place.own)
    }

    /// `who` was of use. Tells whether it has a place.
    pub(crate) fn was_of_use(&mut self, who: &K, now: Millis) -> bool {
        let at = self.clock.advance(now);
        let Some(place) = self.taken.get_mut(who) else { return false };
        let before = std::mem::replace(&mut place.last_use, (true, at));
        if self.to_go.remove(&(before, *who)) {
            self.to_go.insert((place.last_use, *who));
        }
        true
    }

    /// Gives `who` a place with `own`, unless it has one or there is none to be had.
    pub(crate) fn give(&mut self, who: K, own: &V, now: Millis) {
        let at = self.clock.advance(now);
        let is_to_be_had =
            |(was_of_use, since): Use| !was_of_use || at.saturating_sub(since) >= IDLE_MS;
        if self.taken.contains_key(&who) || !self.make_room(is_to_be_had) {
            return;
        }
        let last_use = (false, at);
        self.to_go.insert((last_use, who));
        self.taken.insert(who, Place { own: own.clone(), last_use, reserved: false });
    }

    /// Reserves a place for `who`, if need be that of another for whom none is reserved. Tells
    /// whether there was one.
    pub(crate) fn reserve(&mut self, who: K, own: &V, now: Millis) -> bool {
        let at = self.clock.advance(now);
        if !self.taken.contains_key(&who) && !self.make_room(|_| true) {
            return false;
        }
        let last_use = (false, at);
        let new = || Place { own: own.clone(), last_use, reserved: true };
        let place = self.taken.entry(who).or_insert_with(new);
        place.reserved = true;
        self.to_go.remove(&(place.last_use, who));
        true
    }

    /// The place of `who` is one like any other again.
    pub(crate) fn release(&mut self, who: &K) {
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

    fn full_purse() -> u32 {
        1
    }

    fn full() -> Places<u32, u32> {
        let mut places = Places::new(3);
        for who in 0..3 {
            places.give(who, &full_purse(), Millis(u64::from(who)));
        }
        places
    }

    fn taken(places: &Places<u32, u32>) -> Vec<u32> {
        places.taken.keys().copied().collect()
    }

    #[test]
    fn who_is_of_use_stays_however_many_come() {
        let mut places = full();
        for who in 0..3 {
            assert!(places.was_of_use(&who, Millis(10)));
        }
        for stranger in 100..10_000 {
            places.give(stranger, &full_purse(), Millis(11));
            assert!(!places.was_of_use(&stranger, Millis(11)));
        }
        assert_eq!(taken(&places), [0, 1, 2]);
    }

    #[test]
    fn what_was_never_of_use_goes_first_and_the_longest_idle_next() {
        let mut places = full();
        places.was_of_use(&2, Millis(5));
        places.was_of_use(&0, Millis(10));
        places.give(7, &full_purse(), Millis(20));
        assert_eq!(taken(&places), [0, 2, 7], "1 was never of use");
        places.was_of_use(&7, Millis(20));
        places.give(8, &full_purse(), Millis(5 + IDLE_MS - 1));
        assert_eq!(taken(&places), [0, 2, 7]);
        places.give(8, &full_purse(), Millis(5 + IDLE_MS));
        assert_eq!(taken(&places), [0, 7, 8]);
    }

    #[test]
    fn a_clock_that_steps_back_keeps_nobody_in_place() {
        let mut places = full();
        for who in 0..3 {
            places.was_of_use(&who, Millis(100 * IDLE_MS));
        }
        places.was_of_use(&2, Millis(10));
        places.give(7, &full_purse(), Millis(10 + IDLE_MS - 1));
        assert_eq!(taken(&places), [0, 1, 2], "the step itself is no idleness");
        places.was_of_use(&2, Millis(10 + IDLE_MS));
        for who in 7..10 {
            places.give(who, &full_purse(), Millis(10 + IDLE_MS));
            places.was_of_use(&who, Millis(10 + IDLE_MS));
        }
        assert_eq!(taken(&places), [2, 7, 8], "who is of use stays");
    }

    #[test]
    fn asking_again_brings_no_fresh_budget() {
        let mut places = full();
        *places.get_mut(&1).unwrap() -= 1;
        places.give(1, &full_purse(), Millis(9));
        assert_eq!(places.get_mut(&1), Some(&mut 0));
        assert!(places.get_mut(&5).is_none());
    }

    #[test]
    fn a_reserved_place_is_kept_until_it_is_released() {
        let mut places = full();
        assert!(
            places.reserve(0, &full_purse(), Millis(3))
                && places.reserve(9, &full_purse(), Millis(3))
        );
        assert_eq!(taken(&places), [0, 2, 9], "1 was there for longest");
        places.was_of_use(&2, Millis(4));
        places.give(7, &full_purse(), Millis(4 + IDLE_MS));
        places.give(8, &full_purse(), Millis(4 + IDLE_MS));
        assert_eq!(taken(&places), [0, 8, 9]);
        assert!(places.reserve(8, &full_purse(), Millis(5)));
        assert!(!places.reserve(7, &full_purse(), Millis(5)), "all are reserved");
        places.release(&9);
        assert!(places.reserve(7, &full_purse(), Millis(5)));
        assert_eq!(taken(&places), [0, 7, 8]);
    }
}
