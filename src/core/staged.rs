//! What a node that enforces in stages does beside the rest: it notes who signs, and judges what does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::engine::Waiting;
use super::{Core, Event, Output, Step};
use crate::id::{Millis, NodeId};
use crate::keyring::{Error, Misuse};
use crate::membership::{MemberIndex, View};
use crate::quorum::FailureStatus;
use crate::rollout::{
    Cause, Reason, Rollout, RolloutStats, Rule, Said, Stage, Verdict, Why, Write,
};
use crate::wire::Frame;

/// A rollout, with what spares the frames of members that were heard signed before its lock.
#[derive(Debug)]
pub(super) struct Staged {
    rollout: Arc<Mutex<Rollout>>,
    /// Of each member of this core's view, whether its mark is set.
    is_marked: Vec<AtomicBool>,
}

impl Staged {
    pub(super) fn new(rollout: Rollout, view: &View) -> Self {
        Self::of(Arc::new(Mutex::new(rollout)), view)
    }

    fn of(rollout: Arc<Mutex<Rollout>>, view: &View) -> Self {
        Self { rollout, is_marked: view.indices().map(|_| AtomicBool::new(false)).collect() }
    }

    /// The same rollout in the next view.
    pub(super) fn succeed(&self, view: &Arc<View>) -> Self {
        self.rollout.lock().succeed(Arc::clone(view));
        Self::of(Arc::clone(&self.rollout), view)
    }
}

impl Core {
    /// What becomes of an unsigned message: whether the host may take it as one of an old node. Without a
    /// [rollout](super::Config::rollout) it is refused. The host judges first and acts then; what is let
    /// through is no more than the word of whoever sent it.
    pub fn judge_unsigned(&self, said: &Said, now: Millis) -> Verdict {
        self.judge(said, Reason::Unsigned, now)
    }

    /// What becomes of a frame that was refused: whether the host may take its body as an unsigned message of
    /// the origin that it names. It may only if that member was never heard signed, where an unsigned message
    /// of it would be taken, too. `neighbour` is as in [`Said::Unsigned`].
    pub fn judge_refused(&self, packet: &[u8], neighbour: Option<NodeId>, now: Millis) -> Verdict {
        let Some(frame) = Frame::parse(packet).ok().filter(|it| it.header().mesh == self.mesh())
        else {
            return Verdict::Refuse(Reason::NoFrame);
        };
        let said = Said::Unsigned { origin: frame.header().origin, neighbour };
        self.judge(&said, Reason::FrameRefused, now)
    }

    fn judge(&self, said: &Said, reason: Reason, now: Millis) -> Verdict {
        match (&self.staged, said) {
            (Some(staged), _) => staged.rollout.lock().judge(said, reason, now),
            (None, Said::Signed(_)) => Verdict::LetThrough,
            (None, Said::Unsigned { .. }) => Verdict::Refuse(Reason::NoRollout),
        }
    }

    /// Whether the host may act on a report that `subject` has failed. It may if that is certified; if not,
    /// the stage of [`Rule::Quorum`] for `subject` decides. Whether the message with the report is taken at
    /// all is asked [before](Self::judge_unsigned). Votes are counted elsewhere, and only if they are signed.
    pub fn may_act_on_report(&self, subject: NodeId, said: &Said, now: Millis) -> Verdict {
        let certified = self.validate_node_failure(&subject);
        let certified = matches!(certified, FailureStatus::Certified(_));
        match &self.staged {
            Some(staged) => staged.rollout.lock().judge_report(subject, said, certified, now),
            None if certified => Verdict::LetThrough,
            None => Verdict::Refuse(Reason::NoRollout),
        }
    }

    /// Begins the stage after the one of `rule`, once that is durable; after the last there is none. Returns
    /// the stage.
    ///
    /// # Errors
    /// As for [`set_stage`](Self::set_stage).
    pub fn promote(&self, rule: Rule, now: Millis) -> Result<Step<Stage>, Error> {
        let rollout = self.staged.as_ref().ok_or(Misuse::NoRollout)?.rollout.lock();
        let to = rollout.next(rule);
        drop(rollout);
        self.set_stage(rule, to, now)
    }

    /// Begins a stage of `rule`, any one, once that is durable. Returns the stage.
    ///
    /// # Errors
    /// [`Misuse::NoRollout`]; [`Misuse::StageChanging`] while another change of it is being written.
    pub fn set_stage(&self, rule: Rule, to: Stage, now: Millis) -> Result<Step<Stage>, Error> {
        let mut rollout = self.staged.as_ref().ok_or(Misuse::NoRollout)?.rollout.lock();
        let mut outputs = Vec::new();
        if rollout.stage(rule) != to {
            let write = rollout.set_stage(rule, to, now).ok_or(Misuse::StageChanging)?;
            self.persist_staged(&mut rollout, write, &mut outputs);
        }
        Ok(Step { result: to, outputs })
    }

    /// Why `node` fares as it does under `rule`; `None` without a rollout. Nothing is counted.
    pub fn why(&self, rule: Rule, node: NodeId) -> Option<Why> {
        self.staged.as_ref().map(|staged| staged.rollout.lock().why(rule, node))
    }

    /// Where the rollout stands; `None` without one. O(n).
    pub fn rollout_stats(&self, now: Millis) -> Option<RolloutStats> {
        self.staged.as_ref().map(|staged| staged.rollout.lock().stats(now))
    }

    /// A signature of `member` held. One load, but for the first time in a view.
    pub(super) fn heard_signed(&self, member: MemberIndex, outputs: &mut Vec<Output>) {
        let Some(staged) = &self.staged else { return };
        let Some(is_marked) = staged.is_marked.get(member.place()) else { return };
        if is_marked.load(Ordering::Relaxed) {
            return;
        }
        let Some(node) = self.view().member(member).map(|member| member.id) else { return };
        let mut rollout = staged.rollout.lock();
        if let Some(write) = rollout.heard_signed(node) {
            self.persist_staged(&mut rollout, write, outputs);
        }
        is_marked.store(true, Ordering::Relaxed);
    }

    /// Who reported what a quorum has certified was right.
    pub(super) fn settle_reports(&self, subject: &NodeId) {
        if let Some(staged) = &self.staged {
            staged.rollout.lock().settle(subject);
        }
    }

    pub(super) fn tick_stages(&self, now: Millis, outputs: &mut Vec<Output>) {
        let Some(staged) = &self.staged else { return };
        let mut rollout = staged.rollout.lock();
        for write in rollout.tick(now) {
            self.persist_staged(&mut rollout, write, outputs);
        }
    }

    fn persist_staged(&self, rollout: &mut Rollout, write: Write, outputs: &mut Vec<Output>) {
        match rollout.batch(&write) {
            Ok(batch) => outputs.push(self.persist(batch, Waiting::Staged(write))),
            Err(error) => {
                tracing::error!(%error, "a stage or mark cannot be written");
                rollout.not_written(write);
            }
        }
    }

    pub(super) fn staged_written(&self, write: &Write, now: Millis, outputs: &mut Vec<Output>) {
        let Some(staged) = &self.staged else { return };
        let Some((turn, before)) = staged.rollout.lock().written(write, now) else { return };
        let (rule, stage) = (turn.rule, turn.to);
        let by_itself = turn.cause != Cause::Host;
        if stage > before {
            tracing::info!(rule = rule.name(), %stage, by_itself, "a stage has begun");
            outputs.push(Output::Event(Event::Promoted { rule, stage, by_itself }));
        } else if stage < before {
            let members = if let Cause::Refusals(members) = turn.cause { members } else { 0 };
            tracing::warn!(rule = rule.name(), %stage, members, "a stage was rolled back");
            outputs.push(Output::Event(Event::RolledBack { rule, stage, members }));
        }
    }

    pub(super) fn staged_not_written(&self, write: Write) {
        if let Some(staged) = &self.staged {
            staged.rollout.lock().not_written(write);
        }
    }
}
