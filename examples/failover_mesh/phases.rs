//! The phases of the MAPE-K loop in which the mesh dealt with a failure.

use std::time::{Duration, Instant};

use crate::plan::Plan;
use crate::protocol::Phase;
use crate::seen::Seen;

/// A node told that it came to a phase with another one.
pub(crate) struct Told {
    pub(crate) by: usize,
    pub(crate) phase: Phase,
    pub(crate) about: usize,
    pub(crate) at: Instant,
    /// How long that step of the loop took, in microseconds; none leads to agreement.
    pub(crate) took_us: Option<u64>,
}

/// When the survivors came to one phase, after the kill.
pub(crate) struct Reached {
    pub(crate) phase: Phase,
    pub(crate) nodes: usize,
    pub(crate) first: Duration,
    pub(crate) last: Duration,
    /// The longest that the step took, in microseconds.
    pub(crate) took_us: Option<u64>,
}

/// What the survivors did about the node that was killed, while it was dead.
pub(crate) fn of_the_kill(plan: &Plan, seen: &Seen) -> Vec<Reached> {
    let Some(killed) = seen.killed else { return Vec::new() };
    let until = seen.restarted;
    let is_of_it = |told: &&Told| {
        told.about == plan.victim
            && plan.survivors().any(|node| node == told.by)
            && until.is_none_or(|until| told.at < until)
    };
    let reached = |phase| {
        let told: Vec<_> =
            seen.phases.iter().filter(|told| told.phase == phase).filter(is_of_it).collect();
        let after = |told: &&Told| told.at.saturating_duration_since(killed);
        Some(Reached {
            phase,
            nodes: told.len(),
            first: told.iter().map(after).min()?,
            last: told.iter().map(after).max()?,
            took_us: told.iter().filter_map(|told| told.took_us).max(),
        })
    };
    Phase::ALL.into_iter().filter_map(reached).collect()
}
