//! The ledger: who stands how, for any number of threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::id::Millis;
use crate::reputation::records::Records;
use crate::reputation::{
    Charge, Offence, Record, Reputation, ReputationConfig, ReputationConfigError,
};

/// Keeps the standing of subjects (members, or proven links) by the
/// [model](crate::reputation) of this module.
///
/// Memory: at most `capacity` records of 80 bytes and the subject, and once more 16 bytes and the
/// subject, in trees that are at least half full. There is a record only for who was charged, until
/// it says nothing any more. When there is no room, the record with the fewest quarantines and among
/// those the one whose score will be full first leaves, never one in quarantine. So give it room for
/// everybody who can be charged: whoever commands more subjects than there are records could offend
/// with one after the other and have each one's offences forgotten.
///
/// All calls take one short lock and O(log n) comparisons, but for [`expire`](Self::expire) once a
/// minute, which looks at every record. [`is_quarantined`](Self::is_quarantined) takes no lock while
/// nobody is in quarantine.
#[derive(Debug)]
pub struct Ledger<S: Ord + Copy + Send> {
    records: Mutex<Records<S>>,
    /// How many are in quarantine, at the end of the last call that held the lock.
    quarantined: AtomicUsize,
}

impl<S: Ord + Copy + Send> Ledger<S> {
    /// An empty ledger: everybody stands at 1.0.
    ///
    /// `capacity` is the number of subjects with a record, at least 1. `most_quarantined` is how
    /// many may be in quarantine at once: for members the `f` that the mesh tolerates, 0 included;
    /// `None` for no limit.
    ///
    /// # Errors
    ///
    /// When the configuration is not [valid](ReputationConfig::validate) or `capacity` is 0.
    pub fn new(
        config: ReputationConfig,
        capacity: usize,
        most_quarantined: Option<usize>,
    ) -> Result<Self, ReputationConfigError> {
        config.validate()?;
        if capacity == 0 {
            return Err(ReputationConfigError::NoCapacity);
        }
        let records = Mutex::new(Records::new(config, capacity, most_quarantined));
        Ok(Self { records, quarantined: AtomicUsize::new(0) })
    }

    /// Changes how many records there may be, at least 1, and how many subjects may be in quarantine at
    /// once, when another view has followed. `is_here` tells who can be in quarantine there: a member.
    ///
    /// Nobody is pardoned by it. Where more are in quarantine than there may be from now on, all of them
    /// serve their time, and nobody else is put there until there is a place. Who is not here any more
    /// serves its time, too, but takes no place: who was put out of the mesh for what it did would
    /// otherwise have kept another from its quarantine. And where there are more records than there is
    /// room, the least bad ones leave, never one in quarantine.
    ///
    /// The record of who left is kept like any other, and stands when it joins again under the same id:
    /// were it dropped, leaving would launder it. So there should be room for those who left beside all
    /// who are here, or their records compete: twice as many as there are members will do.
    pub fn resize(
        &self,
        capacity: usize,
        most_quarantined: Option<usize>,
        is_here: impl Fn(&S) -> bool,
    ) {
        self.locked(|records| records.resize(capacity, most_quarantined, is_here));
    }

    /// Holds `offence` against `subject`.
    pub fn charge(&self, subject: S, offence: Offence, now: Millis) -> Charge {
        self.locked(|records| records.charge(subject, offence, now))
    }

    /// Takes back what was written down of `subject` in an earlier boot, unless something is known of it
    /// or there is no room. If it was in quarantine: the offence that led to it, and whether it is in
    /// quarantine again. Who is away takes no place there (see [`resize`](Self::resize)).
    ///
    /// What became of it is [unsaved](Self::unsaved) then.
    pub fn take_back(
        &self,
        subject: S,
        record: &Record,
        is_away: bool,
        now: Millis,
    ) -> Option<(Offence, Charge)> {
        self.locked(|records| records.take_back(subject, record, is_away, now))
    }

    /// The same ledger, which notes whose record changes, for [`unsaved`](Self::unsaved) to be called
    /// regularly. Between two calls it remembers every subject that was charged.
    #[must_use]
    pub fn noting_changes(self) -> Self {
        self.locked(Records::note_changes);
        self
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.locked(|records| records.is_empty())
    }

    /// Whether a record has changed since the last call of [`unsaved`](Self::unsaved).
    pub fn has_unsaved(&self) -> bool {
        self.locked(|records| records.has_unsaved())
    }

    /// What is to be written down, if it [notes](Self::noting_changes) that: the records that changed since
    /// the last call, or with `all` every one, for time changes them, too; each as it will stand in
    /// `ahead_ms` milliseconds, if nothing more happens. `None` stands for one that is gone.
    ///
    /// Whoever writes all of them more often than every `ahead_ms` never has anybody serve anything twice,
    /// and each restart pardons no more than `ahead_ms` of it.
    pub fn unsaved(&self, all: bool, now: Millis, ahead_ms: u64) -> Vec<(S, Option<Record>)> {
        self.locked(|records| records.unsaved(all, now, ahead_ms))
    }

    /// Nobody knows whether what [`unsaved`](Self::unsaved) gave of these was written down, so it is
    /// unsaved again.
    pub fn write_failed(&self, subjects: Vec<S>) {
        self.locked(|records| subjects.into_iter().for_each(|subject| records.changed(subject)));
    }

    /// The score of `subject` now. In quarantine: the score that led to it and its offences since.
    pub fn reputation(&self, subject: &S, now: Millis) -> Reputation {
        self.locked(|records| records.reputation(subject, now))
    }

    /// Whether `subject`'s ordinary frames are to be refused.
    pub fn is_quarantined(&self, subject: &S, now: Millis) -> bool {
        self.quarantine_ends(subject, now).is_some()
    }

    /// When `subject`'s quarantine ends on the caller's clock; `None` when it is in none.
    pub fn quarantine_ends(&self, subject: &S, now: Millis) -> Option<Millis> {
        if self.quarantined.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.locked(|records| records.quarantine_ends(subject, now))
    }

    /// Everybody in quarantine, in order.
    pub fn quarantined(&self, now: Millis) -> Vec<S> {
        self.locked(|records| records.quarantined(now))
    }

    /// Those whose quarantine ended since the last call, in order, so that each end is told once.
    /// Left out is who is in quarantine again by now, and whose record had to leave.
    ///
    /// To be called regularly (once a second does): it also drops the records that say nothing any
    /// more.
    #[must_use]
    pub fn expire(&self, now: Millis) -> Vec<S> {
        self.locked(|records| records.expire(now))
    }

    fn locked<T>(&self, call: impl FnOnce(&mut Records<S>) -> T) -> T {
        let mut records = self.records.lock();
        let answer = call(&mut records);
        self.quarantined.store(records.number_quarantined(), Ordering::Release);
        answer
    }
}

#[cfg(test)]
mod tests;
