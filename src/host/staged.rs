//! Rules that are enforced in stages, as a host sees them.

use super::MeshByzantineProtection;
use crate::id::{Millis, NodeId};
use crate::keyring::Error;
use crate::rollout::{RolloutStats, Rule, Said, Stage, Verdict, Why};

/// With [`Config::rollout`](crate::Config::rollout): see [`rollout`](crate::rollout).
impl MeshByzantineProtection {
    /// Whether the host may take an unsigned message as one of an old node: see
    /// [`Core::judge_unsigned`](crate::Core::judge_unsigned).
    pub fn judge_unsigned(&self, said: &Said, now: Millis) -> Verdict {
        self.core().judge_unsigned(said, now)
    }

    /// Whether the host may take a frame that was refused as an unsigned message: see
    /// [`Core::judge_refused`](crate::Core::judge_refused).
    pub fn judge_refused(&self, packet: &[u8], neighbour: Option<NodeId>, now: Millis) -> Verdict {
        self.core().judge_refused(packet, neighbour, now)
    }

    /// Whether the host may act on a report that `subject` has failed: see
    /// [`Core::may_act_on_report`](crate::Core::may_act_on_report).
    pub fn may_act_on_report(&self, subject: NodeId, said: &Said, now: Millis) -> Verdict {
        self.core().may_act_on_report(subject, said, now)
    }

    /// Begins the next stage of `rule`, and returns it.
    ///
    /// # Errors
    /// As for [`set_stage`](Self::set_stage).
    pub fn promote(&self, rule: Rule, now: Millis) -> Result<Stage, Error> {
        let step = self.core().promote(rule, now)?;
        self.carry_out(step.outputs, now)?;
        Ok(step.result)
    }

    /// Begins a stage of `rule`, any one, and returns it.
    ///
    /// # Errors
    /// As for [`Core::set_stage`](crate::Core::set_stage), or a fault of the store; the stage is what it was
    /// then.
    pub fn set_stage(&self, rule: Rule, to: Stage, now: Millis) -> Result<Stage, Error> {
        let step = self.core().set_stage(rule, to, now)?;
        self.carry_out(step.outputs, now)?;
        Ok(step.result)
    }

    /// Why `node` fares as it does under `rule`; `None` without a rollout.
    pub fn why(&self, rule: Rule, node: NodeId) -> Option<Why> {
        self.core().why(rule, node)
    }

    /// Where the rollout stands; `None` without one.
    pub fn rollout_stats(&self, now: Millis) -> Option<RolloutStats> {
        self.core().rollout_stats(now)
    }
}
