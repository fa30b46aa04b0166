//! Whom a rule refuses lately, each member once.

use std::collections::BTreeMap;

use super::{RolloutConfig, Stage};
use crate::id::NodeId;

/// The members that fell short of a rule of late, whatever the stage was. One entry for a member.
#[derive(Debug, Default)]
pub(super) struct Window(BTreeMap<NodeId, Refused>);

#[derive(Debug, Clone, Copy)]
struct Refused {
    /// What it was refused about: itself, or the subject of a report.
    subject: NodeId,
    /// The subject's place among all nodes.
    place: u16,
    first: u64,
    last: u64,
}

/// Which refusals count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) config: &'a RolloutConfig,
    /// Only those in the cohort of this stage.
    pub(super) stage: Stage,
    /// Only from here on.
    pub(super) since: u64,
    pub(super) now: u64,
}

impl Window {
    /// `who` fell short in a matter of `subject`. Of several subjects the first counts, until it is settled or
    /// forgotten.
    pub(super) fn note(
        &mut self,
        who: NodeId,
        (subject, place): (NodeId, u16),
        now: u64,
        window_ms: u64,
    ) {
        let new = Refused { subject, place, first: now, last: now };
        let entry = self.0.entry(who).or_insert(new);
        if now.saturating_sub(entry.last) >= window_ms {
            *entry = new;
        } else if entry.subject == subject {
            entry.last = now;
        }
    }

    /// What falls short no more: `who` was heard signed.
    pub(super) fn forget(&mut self, who: &NodeId) {
        self.0.remove(who);
    }

    /// Who reported on `subject` was right.
    pub(super) fn settle(&mut self, subject: &NodeId) {
        self.0.retain(|_, refused| refused.subject != *subject);
    }

    pub(super) fn retain(&mut self, is_here: impl Fn(&NodeId) -> bool) {
        self.0.retain(|who, refused| is_here(who) && is_here(&refused.subject));
    }

    /// How many members count.
    pub(super) fn count(&self, Counted { config, stage, since, now }: Counted<'_>) -> usize {
        let counts = |refused: &&Refused| {
            let from = refused.first.max(since);
            let lasts =
                refused.last >= from && refused.last.saturating_sub(from) >= config.patience_ms;
            let is_recent = now.saturating_sub(refused.last) < config.window_ms;
            refused.place < stage.share() && is_recent && lasts
        };
        self.0.values().filter(counts).count()
    }
}
