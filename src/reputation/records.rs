//! All records of one ledger and the limits on them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use crate::id::{Millis, SteadyClock};
use crate::reputation::standing::Standing;
use crate::reputation::{Charge, Offence, Reputation, ReputationConfig};

/// How often records that say nothing any more are looked for.
const SWEEP_MS: u64 = 60_000;

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
    /// Whose quarantine ended since the last `expire`. Each has a standing.
    ended: BTreeSet<S>,
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
            ended: BTreeSet::new(),
            next_sweep: 0,
        }
    }

    pub(super) fn charge(&mut self, subject: S, offence: Offence, now: Millis) -> Charge {
        let at = self.advance(now);
        if !self.standings.contains_key(&subject) && !self.make_room(at) {
            return Charge::Withheld;
        }
        let standing = self.standings.entry(subject).or_insert_with(|| Standing::new(at));
        standing.charge(offence, at, &self.config);
        if standing.quarantine_ends().is_some() {
            return Charge::Already;
        }
        let score = standing.score(at, &self.config);
        if score >= self.config.quarantine_below {
            return Charge::Noted(score);
        }
        if self.most_quarantined.is_some_and(|most| self.ends.len() >= most) {
            return Charge::Withheld;
        }
        let length = standing.begin_quarantine(at, &self.config);
        self.ends.insert((at.saturating_add(length), subject));
        self.ended.remove(&subject);
        Charge::Quarantined { until: now.after(length), times: standing.times() }
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
    pub(super) fn places_taken(&self) -> usize {
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
            self.ended.insert(subject);
        }
    }

    /// Whether there is room for one more record, if need be after the least bad one has left: one
    /// with fewer quarantines before one with a better score, or time alone would launder it.
    fn make_room(&mut self, at: u64) -> bool {
        if self.standings.len() < self.capacity {
            return true;
        }
        self.sweep(at);
        if self.standings.len() < self.capacity {
            return true;
        }
        let heard = self.standings.iter().filter(|(_, s)| s.quarantine_ends().is_none());
        let least_bad = heard.max_by_key(|(_, s)| (Reverse(s.times()), s.score(at, &self.config)));
        let Some(subject) = least_bad.map(|(subject, _)| *subject) else { return false };
        self.standings.remove(&subject);
        self.ended.remove(&subject);
        true
    }

    /// Drops the records that say nothing any more.
    fn sweep(&mut self, at: u64) {
        let Self { standings, ended, config, .. } = self;
        standings.retain(|subject, standing| {
            ended.contains(subject) || !standing.is_neutral(at, config)
        });
    }
}
