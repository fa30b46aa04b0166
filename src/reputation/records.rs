//! All records of one ledger and the limits on them.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use crate::id::{Millis, SteadyClock};
use crate::reputation::standing::Standing;
use crate::reputation::{Charge, Offence, Record, Reputation, ReputationConfig};

/// How often records that say nothing any more are looked for.
const SWEEP_MS: u64 = 60_000;

/// See [`Standing::rank`].
type Rank = (u32, u64);

/// The records, as one thread at a time sees them.
#[derive(Debug)]
pub(super) struct Records<S> {
    config: ReputationConfig,
    capacity: usize,
    most_quarantined: Option<usize>,
    clock: SteadyClock,
    standings: BTreeMap<S, Standing>,
    /// Who is in quarantine, by its end. Always those whose standing says so.
    ends: BTreeSet<(u64, S)>,
    /// Those of them who are away, and take none of the places.
    away: BTreeSet<S>,
    /// Who is not, by rank: the first leaves when there is no room. A search through all of them would
    /// be a thousand times dearer than the packet that brings it about.
    heard: BTreeSet<(Rank, S)>,
    /// Whose quarantine ended since the last `expire`. Each has a standing.
    ended: BTreeSet<S>,
    /// Whose record is not as it was last written down, or is gone; `None` if nobody writes them down.
    unsaved: Option<BTreeSet<S>>,
    next_sweep: u64,
}

impl<S: Ord + Copy> Records<S> {
    pub(super) fn new(
        config: ReputationConfig,
        capacity: usize,
        most_quarantined: Option<usize>,
    ) -> Self {
        Self {
            config,
            capacity,
            most_quarantined,
            clock: SteadyClock::default(),
            standings: BTreeMap::new(),
            ends: BTreeSet::new(),
            away: BTreeSet::new(),
            heard: BTreeSet::new(),
            ended: BTreeSet::new(),
            unsaved: None,
            next_sweep: 0,
        }
    }

    /// Changes the limits, and looks anew who of those in quarantine is away.
    pub(super) fn resize(
        &mut self,
        capacity: usize,
        most_quarantined: Option<usize>,
        is_here: impl Fn(&S) -> bool,
    ) {
        (self.capacity, self.most_quarantined) = (capacity.max(1), most_quarantined);
        let quarantined = self.ends.iter().map(|(_, subject)| *subject);
        self.away = quarantined.filter(|subject| !is_here(subject)).collect();
        while self.standings.len() > self.capacity && self.drop_least_bad() {}
    }

    pub(super) fn charge(&mut self, subject: S, offence: Offence, now: Millis) -> Charge {
        let at = self.advance(now);
        if !self.standings.contains_key(&subject) && !self.make_room() {
            return Charge::Withheld;
        }
        self.changed(subject);
        let standing = self.standings.entry(subject).or_insert_with(|| Standing::new(at));
        self.heard.remove(&(standing.rank(&self.config), subject));
        standing.charge(offence, at, &self.config);
        if standing.quarantine_ends().is_some() {
            return Charge::Already;
        }
        self.heard.insert((standing.rank(&self.config), subject));
        let score = standing.score(at, &self.config);
        if score >= self.config.quarantine_below {
            return Charge::Noted(score);
        }
        if !self.is_place_free() {
            let Some(standing) = self.standings.get_mut(&subject) else { return Charge::Withheld };
            return if standing.raises_alarm(at) { Charge::Withheld } else { Charge::Noted(score) };
        }
        let Some(standing) = self.standings.get_mut(&subject) else { return Charge::Withheld };
        self.heard.remove(&(standing.rank(&self.config), subject));
        let length = standing.begin_quarantine(offence, at, &self.config);
        self.ends.insert((at.saturating_add(length), subject));
        self.ended.remove(&subject);
        Charge::Quarantined { until: now.after(length), times: standing.times() }
    }

    /// Notes from now on whose record changes.
    pub(super) fn note_changes(&mut self) {
        self.unsaved = Some(BTreeSet::new());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.standings.is_empty()
    }

    pub(super) fn has_unsaved(&self) -> bool {
        self.unsaved.as_ref().is_some_and(|unsaved| !unsaved.is_empty())
    }

    /// Its record is to be written down, if records are.
    pub(super) fn changed(&mut self, subject: S) {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.insert(subject);
        }
    }

    fn is_place_free(&self) -> bool {
        let places_taken = self.ends.len().saturating_sub(self.away.len());
        self.most_quarantined.is_none_or(|most| places_taken < most)
    }

    /// Takes back what was written down of `subject`, of whom nothing is known yet. Tells what became of
    /// its quarantine, if it was in one.
    pub(super) fn take_back(
        &mut self,
        subject: S,
        record: &Record,
        is_away: bool,
        now: Millis,
    ) -> Option<(Offence, Charge)> {
        let at = self.advance(now);
        self.changed(subject);
        if self.standings.contains_key(&subject) || !self.make_room() {
            return None;
        }
        let mut standing = Standing::of_record(record, at, &self.config);
        let resumed = record.sentence.as_ref().map(|sentence| {
            let charge = match is_away || self.is_place_free() {
                true => {
                    if is_away {
                        self.away.insert(subject);
                    }
                    let length = standing.resume(sentence, at, &self.config);
                    self.ends.insert((at.saturating_add(length), subject));
                    Charge::Quarantined { until: now.after(length), times: standing.times() }
                }
                false => Charge::Withheld,
            };
            (sentence.offence, charge)
        });
        if standing.quarantine_ends().is_none() {
            self.heard.insert((standing.rank(&self.config), subject));
        }
        self.standings.insert(subject, standing);
        resumed
    }

    /// What is to be written down since the last call, or all there is, as it will stand in `ahead_ms`;
    /// `None` for what is gone.
    pub(super) fn unsaved(
        &mut self,
        all: bool,
        now: Millis,
        ahead_ms: u64,
    ) -> Vec<(S, Option<Record>)> {
        let at = self.advance(now).saturating_add(ahead_ms);
        let Some(unsaved) = &mut self.unsaved else { return Vec::new() };
        let mut subjects = mem::take(unsaved);
        if all {
            subjects.extend(self.standings.keys());
        }
        let record = |subject| {
            let standing = self.standings.get(&subject);
            (subject, standing.map(|standing| standing.to_record(at, &self.config)))
        };
        subjects.into_iter().map(record).collect()
    }

    pub(super) fn reputation(&mut self, subject: &S, now: Millis) -> Reputation {
        let at = self.advance(now);
        let standing = self.standings.get(subject);
        standing.map_or(Reputation::FULL, |standing| standing.score(at, &self.config))
    }

    pub(super) fn quarantine_ends(&mut self, subject: &S, now: Millis) -> Option<Millis> {
        let at = self.advance(now);
        let ends = self.standings.get(subject)?.quarantine_ends()?;
        Some(now.after(ends.saturating_sub(at)))
    }

    pub(super) fn quarantined(&mut self, now: Millis) -> Vec<S> {
        self.advance(now);
        let subjects: BTreeSet<S> = self.ends.iter().map(|(_, subject)| *subject).collect();
        subjects.into_iter().collect()
    }

    /// How many are in quarantine as of the last call that was given a time.
    pub(super) fn number_quarantined(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn expire(&mut self, now: Millis) -> Vec<S> {
        let at = self.advance(now);
        let ended = mem::take(&mut self.ended);
        if at >= self.next_sweep {
            self.next_sweep = at.saturating_add(SWEEP_MS);
            self.sweep(at);
        }
        ended.into_iter().collect()
    }

    /// Moves the clock and ends every quarantine that is over.
    fn advance(&mut self, now: Millis) -> u64 {
        let at = self.clock.advance(now);
        while let Some((ends, _)) = self.ends.first()
            && *ends <= at
        {
            self.end_first(*ends);
        }
        at
    }

    /// Ends the quarantine that has the least time left, as of `at`.
    fn end_first(&mut self, at: u64) {
        if let Some((_, subject)) = self.ends.pop_first()
            && let Some(standing) = self.standings.get_mut(&subject)
        {
            standing.end_quarantine(at, &self.config);
            self.heard.insert((standing.rank(&self.config), subject));
            self.ended.insert(subject);
            self.changed(subject);
            self.away.remove(&subject);
        }
    }

    /// Whether there is room for one more record, if need be after the least bad ones have left.
    fn make_room(&mut self) -> bool {
        while self.standings.len() >= self.capacity {
            if !self.drop_least_bad() {
                return false;
            }
        }
        true
    }

    /// Drops a record, unless all are of subjects in quarantine: one with fewer quarantines before one
    /// with a better score, or time alone would launder it.
    fn drop_least_bad(&mut self) -> bool {
        let Some((_, subject)) = self.heard.pop_first() else { return false };
        self.standings.remove(&subject);
        self.ended.remove(&subject);
        self.changed(subject);
        true
    }

    /// Drops the records that say nothing any more.
    fn sweep(&mut self, at: u64) {
        let Self { standings, heard, ended, unsaved, config, .. } = self;
        standings.retain(|subject, standing| {
            let stays = ended.contains(subject) || !standing.is_neutral(at, config);
            if !stays {
                heard.remove(&(standing.rank(config), *subject));
                if let Some(unsaved) = unsaved {
                    unsaved.insert(*subject);
                }
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever happens, the two orders hold each record once, the one it belongs to; and the
        /// first to leave is what a search through all would find.
        #[test]
        fn every_record_stands_where_it_is_looked_for(
            steps in prop::collection::vec((0_u16..40, 0_u8..15, 0_u64..700_000), 1..400),
        ) {
            let mut records = Records::new(ReputationConfig::default(), 12, Some(3));
            let (mut now, mut most, mut limit) = (Millis(0), 3, 12);
            for (subject, what, passed) in steps {
                now = now.after(passed);
                let mut charged = None;
                match what {
                    0..=5 => drop(records.charge(subject, Offence::Malformed, now)),
                    6..=8 => {
                        charged = Some(records.charge(subject, Offence::Equivocation, now));
                    }
                    9 => drop(records.expire(now.after(6 * 86_400_000))),
                    10 => now = now.after(86_400_000),
                    12..=14 => {
                        (most, limit) = (usize::from(subject) % 5, usize::from(subject % 16));
                        records.resize(limit, Some(most), |other| other % 3 != subject % 3);
                    }
                    _ => drop(records.expire(now)),
                }
                let Records { standings, heard, ends, away, config, .. } = &records;
                let ranked = |(subject, standing): (&u16, &Standing)| {
                    let is_heard = standing.quarantine_ends().is_none();
                    is_heard.then(|| (standing.rank(config), *subject))
                };
                prop_assert_eq!(heard, &standings.iter().filter_map(ranked).collect());
                prop_assert_eq!(heard.len() + ends.len(), standings.len());
                prop_assert!(standings.len() <= 15);
                // A new limit is kept as far as it can be without a pardon.
                prop_assert!(standings.len() <= limit.max(1).max(ends.len()) || what < 12);
                let quarantined: BTreeSet<_> = ends.iter().map(|(_, subject)| *subject).collect();
                prop_assert!(away.is_subset(&quarantined));
                if matches!(charged, Some(Charge::Quarantined { .. })) {
                    prop_assert!(ends.len() - away.len() <= most);
                }
            }
        }
    }
}
