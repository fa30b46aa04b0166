//! One rule: its stage, what it refuses, and when it goes on or back.

use super::window::{Counted, Window};
use super::{Reason, RolloutConfig, Rule, RuleStats, Stage, Verdict};
use crate::id::NodeId;

/// How often the time spent in a stage is written down where nothing is begun by it.
const SAVED_EVERY_MS: u64 = 3_600_000;

/// A change of a rule that is to be made durable. Until then the rule stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) rule: Rule,
    pub(crate) to: Stage,
    pub(crate) cause: Cause,
    pub(super) soaked_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The host wants it.
    Host,
    /// The soak time has passed.
    Soaked,
    /// So many members were refused.
    Refusals(usize),
    /// It stays where it is: the time in the stage is written down.
    Kept,
}

/// All points in time are on a steady clock, which began at 0 with this start.
#[derive(Debug)]
pub(super) struct RuleState {
    rule: Rule,
    stage: Stage,
    /// When the stage began in this start.
    since: u64,
    /// For how long it was the stage in the starts before.
    soaked_before: u64,
    saved_at: u64,
    window: Window,
    would_refuse: u64,
    refused: u64,
    /// A turn is on its way to the disk; no other begins before it is there.
    is_turning: bool,
    /// A write failed: nobody knows what the disk holds, so it is written again.
    is_unsaved: bool,
}

impl RuleState {
    pub(super) fn new(rule: Rule, stage: Stage, soaked_before: u64) -> Self {
        Self {
            rule,
            stage,
            since: 0,
            soaked_before,
            saved_at: 0,
            window: Window::default(),
            would_refuse: 0,
            refused: 0,
            is_turning: false,
            is_unsaved: false,
        }
    }

    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    pub(super) const fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    /// `who` falls short at first hand, in a matter of a node and its place.
    pub(super) fn note(
        &mut self,
        who: NodeId,
        about: (NodeId, u16),
        config: &RolloutConfig,
        now: u64,
    ) {
        self.window.note(who, about, now, config.window_ms);
    }

    /// What becomes of what falls short of the rule, in a matter of the node at `place`.
    pub(super) fn verdict(&self, place: u16, reason: Reason) -> Verdict {
        match place < self.stage.share() {
            true => Verdict::Refuse(reason),
            false => Verdict::WouldRefuse(reason),
        }
    }

    pub(super) fn counted(&mut self, verdict: Verdict) -> Verdict {
        let count = match verdict {
            Verdict::LetThrough => return verdict,
            Verdict::WouldRefuse(_) => &mut self.would_refuse,
            Verdict::Refuse(_) => &mut self.refused,
        };
        *count = count.saturating_add(1);
        verdict
    }

    fn soaked_ms(&self, now: u64) -> u64 {
        self.soaked_before.saturating_add(now.saturating_sub(self.since))
    }

    /// How many members this stage refuses.
    fn members_refused(&self, config: &RolloutConfig, now: u64) -> usize {
        self.window.count(Counted { config, stage: self.stage, since: self.since, now })
    }

    /// How many members a later stage would refuse.
    fn members_in(&self, stage: Stage, config: &RolloutConfig, now: u64) -> usize {
        self.window.count(Counted { config, stage, since: 0, now })
    }

    /// A turn to the stage `to`, which begins once it is [made](Self::made); `None` while another is on its
    /// way.
    pub(super) fn turn(&mut self, to: Stage, cause: Cause, now: u64) -> Option<Turn> {
        if std::mem::replace(&mut self.is_turning, true) {
            return None;
        }
        let soaked_ms = if cause == Cause::Kept { self.soaked_ms(now) } else { 0 };
        Some(Turn { rule: self.rule, to, cause, soaked_ms })
    }

    /// What is due, where `faults` members may lie; `may_go_on` unless something else is waited for.
    pub(super) fn due(
        &mut self,
        config: &RolloutConfig,
        faults: usize,
        may_go_on: bool,
        now: u64,
    ) -> Option<Turn> {
        let most = config.rollback_above.map_or(usize::MAX, |above| faults.saturating_add(above));
        let refused = self.members_refused(config, now);
        if refused > most {
            return self.turn(config.before(self.stage), Cause::Refusals(refused), now);
        }
        if let Some(next) = config.next(self.stage).filter(|_| may_go_on)
            && config.soak_ms.is_some_and(|soak_ms| self.soaked_ms(now) >= soak_ms)
            && self.members_in(next, config, now) <= most
        {
            return self.turn(next, Cause::Soaked, now);
        }
        let every_ms = config.soak_ms.map_or(SAVED_EVERY_MS, |soak_ms| soak_ms / 8);
        let is_due = self.is_unsaved || now.saturating_sub(self.saved_at) >= every_ms;
        is_due.then(|| self.turn(self.stage, Cause::Kept, now)).flatten()
    }

    /// The turn is durable. Returns the stage before.
    pub(super) fn made(&mut self, turn: Turn, now: u64) -> Stage {
        (self.is_turning, self.is_unsaved, self.saved_at) = (false, false, now);
        if turn.cause != Cause::Kept {
            (self.since, self.soaked_before) = (now, 0);
        }
        std::mem::replace(&mut self.stage, turn.to)
    }

    /// The turn may be durable or not. The stage stays what it is, and is written again.
    pub(super) const fn not_made(&mut self) {
        (self.is_turning, self.is_unsaved) = (false, true);
    }

    pub(super) fn stats(&self, config: &RolloutConfig, now: u64) -> RuleStats {
        let next = config.next(self.stage);
        RuleStats {
            rule: self.rule,
            stage: self.stage,
            soaked_ms: self.soaked_ms(now),
            would_refuse: self.would_refuse,
            refused: self.refused,
            members_refused: self.members_refused(config, now),
            members_next: next.map_or(0, |next| self.members_in(next, config, now)),
        }
    }
}
