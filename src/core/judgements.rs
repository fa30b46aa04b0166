//! What this node knows of the others, written down: their rotations; and what it holds against them:
//! proofs, standings, charged excesses.

use super::engine::Waiting;
use super::kept_rotations::Place;
use super::proofs::Name;
use super::tick::is_due;
use super::{Core, Output, excesses, standings, stored_proofs};
use crate::id::{Millis, NodeId};
use crate::reputation::ReputationConfig;
use crate::store::Batch;

/// The shortest pause between two writes, in milliseconds. Whoever burns key after key, or offends with
/// every frame, would otherwise keep the disks of everybody busy. A crash loses what was held against
/// somebody since the last write: proofs are shown again, and whoever goes on is charged again.
const PAUSE_MS: u64 = 1_000;

/// Standings are written down as they will stand so many milliseconds later: a minute, or a fifth of the
/// first quarantine where that is shorter than the five minutes of the default, so that a restart does not
/// pardon it whole. It is never less than six seconds.
pub(super) fn ahead_ms(config: &ReputationConfig) -> u64 {
    (config.first_quarantine_ms / 5).clamp(6_000, 60_000)
}

/// How often all of them are written down, in milliseconds, as long as there are any: time changes them, and
/// what was served is not to be served again. It leaves time for ticks that come late and for a slow disk.
const fn refresh_ms(ahead_ms: u64) -> u64 {
    ahead_ms.saturating_sub(ahead_ms / 6)
}

/// What a write holds, in case it fails.
#[derive(Debug)]
pub(super) struct Judgements {
    proofs: Vec<Name>,
    standings: Vec<NodeId>,
    excesses: Vec<NodeId>,
    rotations: Vec<Place>,
}

/// When they were last written down.
#[derive(Debug, Default)]
pub(super) struct LastWritten {
    any: Option<Millis>,
    all: Option<Millis>,
}

impl LastWritten {
    /// All of them at the start.
    pub(super) const fn at(now: Millis) -> Self {
        Self { any: None, all: Some(now) }
    }

    /// Whether to write now, and if so, whether everything. Then it was.
    fn is_due(
        &mut self,
        has_unsaved: bool,
        has_standings: bool,
        refresh_ms: u64,
        now: Millis,
    ) -> Option<bool> {
        let aged = |last: Millis| now < last || now.since(last) >= refresh_ms;
        let all = has_standings && self.all.is_none_or(aged);
        if !(has_unsaved || all) || !is_due(&mut self.any, PAUSE_MS, now) {
            return None;
        }
        if all {
            self.all = Some(now);
        }
        Some(all)
    }
}

impl Core {
    /// Writes down what is not in the store yet, together, seldom enough. Nothing waits for it: it binds
    /// others.
    ///
    /// Together, or a crash in between would leave a proof for which nobody has paid, or have somebody
    /// pay once more for what is news again.
    pub(super) fn save_judgements(&self, now: Millis, outputs: &mut Vec<Output>) {
        let members = &self.ledgers.members;
        let has_unsaved = members.has_unsaved()
            || self.proofs.lock().has_unsaved()
            || self.excesses.lock().has_unsaved()
            || self.kept_rotations.lock().has_unsaved();
        let (ahead_ms, has_standings) = (ahead_ms(&self.config.members), !members.is_empty());
        let due = self.timers.lock().judgements.is_due(
            has_unsaved,
            has_standings,
            refresh_ms(ahead_ms),
            now,
        );
        let Some(all) = due else { return };
        let (proofs, excesses, standings) = {
            // Who charges holds one of the two.
            let (mut proofs, mut excesses) = (self.proofs.lock(), self.excesses.lock());
            (proofs.unsaved(), excesses.unsaved(), members.unsaved(all, now, ahead_ms))
        };
        let rotations = self.kept_rotations.lock().unsaved();
        if proofs.is_empty() && excesses.is_empty() && standings.is_empty() && rotations.is_empty()
        {
            return;
        }
        let mut batch = Batch::new();
        self.put_rotations(&mut batch, &rotations);
        let written = stored_proofs::put(&mut batch, &proofs)
            .and_then(|()| excesses::put(&mut batch, &excesses))
            .and_then(|()| standings::put(&mut batch, &standings));
        if let Err(error) = written {
            tracing::error!(%error, "what is held against members cannot be written down");
            return;
        }
        let judgements = Judgements {
            proofs: proofs.into_iter().map(|(name, _)| name).collect(),
            standings: standings.into_iter().map(|(node, _)| node).collect(),
            excesses: excesses.into_iter().map(|(node, _)| node).collect(),
            rotations,
        };
        outputs.push(self.persist(batch, Waiting::Judgements(judgements)));
    }

    /// Nobody knows what of it reached the store, so it is written again.
    pub(super) fn judgements_not_written(&self, failed: Judgements) {
        self.proofs.lock().write_failed(failed.proofs);
        self.excesses.lock().write_failed(failed.excesses);
        self.kept_rotations.lock().write_failed(failed.rotations);
        self.ledgers.members.write_failed(failed.standings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_a_second_at_most_and_everything_before_it_is_out_of_date() {
        let mut last = LastWritten::at(Millis(0));
        let mut due = |unsaved, now| last.is_due(unsaved, true, 50_000, Millis(now));
        assert_eq!(due(false, 1), None);
        assert_eq!((due(true, 2), due(true, 1_001)), (Some(false), None));
        assert_eq!((due(true, 1_002), due(false, 49_999)), (Some(false), None));
        assert_eq!((due(false, 50_000), due(false, 50_001)), (Some(true), None));
        assert_eq!((due(true, 50_999), due(true, 51_000)), (None, Some(false)));
        assert_eq!(due(false, 100_000), Some(true));
        // A clock that went back.
        assert_eq!(due(false, 7), Some(true));
        assert_eq!(LastWritten::at(Millis(0)).is_due(false, false, 50_000, Millis(99_000)), None);
    }

    #[test]
    fn all_is_written_again_in_time_and_a_short_quarantine_is_not_pardoned_whole() {
        for (first_quarantine_ms, ahead) in
            [(300_000, 60_000), (u64::MAX, 60_000), (40_000, 8_000), (1, 6_000)]
        {
            let config = ReputationConfig { first_quarantine_ms, ..ReputationConfig::default() };
            assert_eq!(ahead_ms(&config), ahead);
            assert!(refresh_ms(ahead) + PAUSE_MS <= ahead);
        }
        assert_eq!(refresh_ms(60_000), 50_000);
    }
}
