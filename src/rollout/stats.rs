//! What is known of a rollout.

use serde::Serialize;

use super::{Rule, Stage};

/// A snapshot of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RolloutStats {
    /// The members that were once heard signed, this node left out.
    pub heard_signed: usize,
    /// Each rule, in the order of [`Rule::ALL`].
    pub rules: Vec<RuleStats>,
}

/// A snapshot of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RuleStats {
    /// The rule.
    pub rule: Rule,
    /// Its stage.
    pub stage: Stage,
    /// For how long it has been in it, in milliseconds of running time. A crash takes off up to an eighth of
    /// the soak time, or an hour if there is none.
    pub soaked_ms: u64,
    /// What was let through since the start and falls short of the rule.
    pub would_refuse: u64,
    /// What was refused since the start for falling short of it.
    pub refused: u64,
    /// The members that this stage refuses, as the rollback counts them.
    pub members_refused: usize,
    /// The members that the next stage would refuse. While they are too many it is not begun by itself.
    pub members_next: usize,
}
