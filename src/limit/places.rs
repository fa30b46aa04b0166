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
    ///
    /// Each packet is a use, so a use moves nothing here but the first one. Others are seen when a place's
    /// turn to go comes, which is then put back to where it belongs.
    to_go: BTreeSet<(Use, K)>,
}

/// Places that are put back at most in one search for a place that was not reserved.
const MOST_PUT_BACK: usize = 64;

/// Whether a place was of use, and when it was given, or last of use.
type Use = (bool, u64);

#[derive(Debug)]
struct Place<V> {
    own: V,
    last_use: Use,
    /// Where it stands among those to go, at its last use or an earlier one; `None` if it is reserved.
    queued: Option<Use>,
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
            let Place { last_use, queued, .. } = *place;
            Some((renamed(*who)?, Place { own: own.clone(), last_use, queued }))
        });
        let taken: BTreeMap<_, _> = taken.collect();
        let to_go = taken.iter().filter_map(|(who, place)| Some((place.queued?, *who))).collect();
        Self { capacity: self.capacity, clock: self.clock.clone(), taken, to_go }
    }

    /// What `who` has of its own, if it has a place.
    pub(crate) fn get_mut(&mut self, who: &K) -> Option<&mut V> {
        self.taken.get_mut(who).map(|place| &mut place.own)
    }

    /// The same, to look at.
    pub(crate) fn get(&self, who: &K) -> Option<&V> {
        self.taken.get(who).map(|place| &place.own)
    }

    /// What all have of their own.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.taken.values_mut().map(|place| &mut place.own)
    }

    /// `who` was of use. Tells whether it has a place.
    pub(crate) fn was_of_use(&mut self, who: &K, now: Millis) -> bool {
        let at = self.clock.advance(now);
        let Some(place) = self.taken.get_mut(who) else { return false };
        place.last_use = (true, at);
        if let Some(queued @ (false, _)) = place.queued {
            place.queued = Some(place.last_use);
            self.to_go.remove(&(queued, *who));
            self.to_go.insert((place.last_use, *who));
        }
        true
    }

    /// Gives `who` a place with `own`, unless it has one or there is none to be had.
    pub(crate) fn give(&mut self, who: K, own: &V, now: Millis) {
        let at = self.clock.advance(now);
        let is_to_be_had =
            |(was_of_use, since): Use| !was_of_use || at.saturating_sub(since) >= IDLE_MS;
        if self.taken.contains_key(&who) || !self.make_room(MOST_PUT_BACK, is_to_be_had) {
            return;
        }
        let last_use = (false, at);
        self.to_go.insert((last_use, who));
        self.taken.insert(who, Place { own: own.clone(), last_use, queued: Some(last_use) });
    }

    /// Reserves a place for `who`, if need be that of another for whom none is reserved. Tells
    /// whether there was one. O(n log n) in the places that were of use since one was last looked for.
    pub(crate) fn reserve(&mut self, who: K, own: &V, now: Millis) -> bool {
        let at = self.clock.advance(now);
        if !self.taken.contains_key(&who) && !self.make_room(usize::MAX, |_| true) {
            return false;
        }
        let last_use = (false, at);
        let new = || Place { own: own.clone(), last_use, queued: None };
        let place = self.taken.entry(who).or_insert_with(new);
        if let Some(queued) = place.queued.take() {
            self.to_go.remove(&(queued, who));
        }
        true
    }

    /// The place of `who` is one like any other again.
    pub(crate) fn release(&mut self, who: &K) {
        if let Some(place) = self.taken.get_mut(who)
            && place.queued.is_none()
        {
            place.queued = Some(place.last_use);
            self.to_go.insert((place.last_use, *who));
        }
    }

    /// Whether there is room for one more, if need be after the first to go has gone, which it does
    /// if it `may`: if its use allows it, and every earlier one would, too. At most so many are put back.
    fn make_room(&mut self, most: usize, may: impl Fn(Use) -> bool) -> bool {
        if self.taken.len() < self.capacity {
            return true;
        }
        for _ in 0..=most {
            // All others were of use at this one's time, or later.
            let Some((queued, first)) = self.to_go.first().copied() else { return false };
            if !may(queued) {
                return false;
            }
            self.to_go.pop_first();
            let Some(place) = self.taken.get_mut(&first) else { return false };
            if place.last_use == queued {
                return self.taken.remove(&first).is_some();
            }
            place.queued = Some(place.last_use);
            self.to_go.insert((place.last_use, first));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    #[test]
    fn a_search_puts_back_no_more_than_its_part() {
        let count = u32::try_from(MOST_PUT_BACK).unwrap() + 2;
        let mut places = Places::new(MOST_PUT_BACK + 2);
        for who in 0..count {
            places.give(who, &full_purse(), Millis(0));
            places.was_of_use(&who, Millis(1));
        }
        // All but the last of them again, so that the last is the one to go.
        for who in 0..count - 1 {
            places.was_of_use(&who, Millis(IDLE_MS));
        }
        places.give(1_000, &full_purse(), Millis(2 * IDLE_MS - 1));
        assert!(places.get_mut(&1_000).is_none(), "it was not reached");
        places.give(1_000, &full_purse(), Millis(2 * IDLE_MS - 1));
        assert!(places.get_mut(&1_000).is_some());
        assert!(places.get_mut(&(count - 1)).is_none());
    }

    proptest! {
        /// The model looks through all places for the one to go.
        #[test]
        fn goes_who_would_go_in_a_search_of_all(
            capacity in 1_usize..6,
            steps in prop::collection::vec((0_u8..8, 0_u32..9, 0_u64..IDLE_MS), 0..200),
        ) {
            let mut places = Places::new(capacity);
            // Who, its last use, whether it is reserved.
            let mut model: Vec<(u32, Use, bool)> = Vec::new();
            let mut now = 0;
            for (step, who, passed) in steps {
                now += passed;
                let at = model.iter().position(|place| place.0 == who);
                let first = model.iter().filter(|place| !place.2).map(|place| (place.1, place.0)).min();
                let has_room = model.len() < capacity;
                match (step, at) {
                    (0, Some(at)) => model[at].2 = true,
                    (0, None) if has_room || first.is_some() => {
                        if !has_room {
                            model.retain(|place| Some((place.1, place.0)) != first);
                        }
                        model.push((who, (false, now), true));
                    }
                    (1, Some(at)) => model[at].2 = false,
                    (2 | 3, None) => {
                        let may = |((used, since), _): (Use, u32)| !used || now - since >= IDLE_MS;
                        if !has_room && first.is_some_and(may) {
                            model.retain(|place| Some((place.1, place.0)) != first);
                        }
                        if model.len() < capacity {
                            model.push((who, (false, now), false));
                        }
                    }
                    (4.., Some(at)) => model[at].1 = (true, now),
                    _ => {}
                }
                match step {
                    0 => assert_eq!(places.reserve(who, &full_purse(), Millis(now)), taken(&places).contains(&who)),
                    1 => places.release(&who),
                    2 | 3 => places.give(who, &full_purse(), Millis(now)),
                    _ => assert_eq!(places.was_of_use(&who, Millis(now)), at.is_some()),
                }
                let mut expected: Vec<_> = model.iter().map(|place| place.0).collect();
                expected.sort_unstable();
                prop_assert_eq!(taken(&places), expected);
            }
        }
    }
}
