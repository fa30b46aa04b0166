//! `Rollout`: who is judged how, and what has to be written for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cohort::place;
use super::rule::{Cause, RuleState, Turn};
use super::{Reason, RolloutConfig, RolloutStats, Rule, Said, Stage, Verdict, Why};
use crate::id::{Millis, NodeId, SteadyClock};
use crate::membership::View;

/// The stages of all rules and the members that were heard signed, sans-IO. Memory: under 300 bytes of each
/// member of the view.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(super) config: RolloutConfig,
    pub(super) me: NodeId,
    pub(super) view: Arc<View>,
    pub(super) clock: SteadyClock,
    pub(super) heard: BTreeSet<NodeId>,
    /// Those of whom the store, as far as is known, holds something else than `heard`.
    pub(super) unsaved: BTreeSet<NodeId>,
    pub(super) signatures: RuleState,
    pub(super) quorum: RuleState,
}

/// Something that is to be made durable; then it is [done](Rollout::written).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// Whether these members were heard signed.
    Marks(Vec<NodeId>),
    /// A stage.
    Turn(Turn),
}

impl Rollout {
    /// `node` was heard under a signature that held. Returns the mark that is to be written before anything
    /// else comes of it, if that is news.
    pub(crate) fn heard_signed(&mut self, node: NodeId) -> Option<Write> {
        if node == self.me || !self.is_member(&node) || !self.heard.insert(node) {
            return None;
        }
        self.signatures.window().forget(&node);
        self.unsaved.insert(node);
        self.unsaved_marks()
    }

    fn unsaved_marks(&mut self) -> Option<Write> {
        let unsaved = std::mem::take(&mut self.unsaved);
        (!unsaved.is_empty()).then(|| Write::Marks(unsaved.into_iter().collect()))
    }

    /// What becomes of a message that falls short of [`Rule::Signatures`] for `reason`.
    pub(crate) fn judge(&mut self, said: &Said, reason: Reason, now: Millis) -> Verdict {
        let at = self.clock.advance(now);
        let origin = said.origin();
        let verdict = self.verdict(said, reason);
        // Whoever is never taken unsigned may well speak so, for the old nodes: no stage is to blame.
        if said.is_at_first_hand() && self.never_taken(said).is_none() {
            let place = self.place(&origin);
            self.signatures.note(origin, (origin, place), &self.config, at);
        }
        self.signatures.counted(verdict)
    }

    fn verdict(&self, said: &Said, reason: Reason) -> Verdict {
        match (said, self.never_taken(said)) {
            (_, Some(never)) => Verdict::Refuse(never),
            (Said::Signed(_), None) => Verdict::LetThrough,
            (Said::Unsigned { origin, .. }, None) => {
                self.signatures.verdict(self.place(origin), reason)
            }
        }
    }

    /// What becomes of a report about `subject`; `certified` tells whether its failure is.
    pub(crate) fn judge_report(
        &mut self,
        subject: NodeId,
        said: &Said,
        certified: bool,
        now: Millis,
    ) -> Verdict {
        let at = self.clock.advance(now);
        if certified {
            self.settle(&subject);
            return Verdict::LetThrough;
        }
        let verdict = match self.never_taken(said) {
            Some(never) => Verdict::Refuse(never),
            None => self.report_verdict(&subject),
        };
        if let (Said::Signed(reporter), true) = (said, self.is_member(&subject))
            && self.is_member(reporter)
        {
            let place = self.place(&subject);
            self.quorum.note(*reporter, (subject, place), &self.config, at);
        }
        self.quorum.counted(verdict)
    }

    fn report_verdict(&self, subject: &NodeId) -> Verdict {
        match self.is_member(subject) {
            true => self.quorum.verdict(self.place(subject), Reason::Uncertified),
            false => Verdict::Refuse(Reason::NotAMember),
        }
    }

    /// A quorum certified that `subject` failed: whoever reported it was right.
    pub(crate) fn settle(&mut self, subject: &NodeId) {
        self.quorum.window().settle(subject);
    }

    /// Why nothing of it is taken in any stage.
    fn never_taken(&self, said: &Said) -> Option<Reason> {
        let origin = said.origin();
        if !self.is_member(&origin) {
            return Some(Reason::NotAMember);
        }
        let is_ahead = origin == self.me || self.heard.contains(&origin);
        (is_ahead && matches!(said, Said::Unsigned { .. })).then_some(Reason::HeardSigned)
    }

    pub(crate) fn why(&self, rule: Rule, node: NodeId) -> Why {
        let said = Said::Unsigned { origin: node, neighbour: None };
        Why {
            place: self.place(&node),
            share: self.stage(rule).share(),
            heard_signed: self.heard.contains(&node),
            verdict: match rule {
                Rule::Signatures => self.verdict(&said, Reason::Unsigned),
                Rule::Quorum => self.report_verdict(&node),
            },
        }
    }

    pub(crate) fn stats(&self, now: Millis) -> RolloutStats {
        let at = self.clock.clone().advance(now);
        let rules = [&self.signatures, &self.quorum].map(|rule| rule.stats(&self.config, at));
        RolloutStats { heard_signed: self.heard.len(), rules: rules.to_vec() }
    }

    pub(crate) const fn stage(&self, rule: Rule) -> Stage {
        match rule {
            Rule::Signatures => self.signatures.stage(),
            Rule::Quorum => self.quorum.stage(),
        }
    }

    /// The stage after the one of `rule`, or the last.
    pub(crate) fn next(&self, rule: Rule) -> Stage {
        self.config.next(self.stage(rule)).unwrap_or(Stage::ENFORCED)
    }

    /// Begins to set a stage; `None` while another change of it is being written.
    pub(crate) fn set_stage(&mut self, rule: Rule, to: Stage, now: Millis) -> Option<Write> {
        let at = self.clock.advance(now);
        self.rule(rule).turn(to, Cause::Host, at).map(Write::Turn)
    }

    /// What is due: rollbacks, stages that begin by themselves, what is yet to be written. O(n).
    pub(crate) fn tick(&mut self, now: Millis) -> Vec<Write> {
        let at = self.clock.advance(now);
        let faults = self.view.faults_tolerated();
        // Without a quorum that signs nothing would be certified. This node does.
        let has_quorum = self.heard.len() >= self.view.quorum().saturating_sub(1);
        let turns = [
            self.signatures.due(&self.config, faults, true, at),
            self.quorum.due(&self.config, faults, has_quorum, at),
        ];
        let mut writes: Vec<_> = turns.into_iter().flatten().map(Write::Turn).collect();
        writes.extend(self.unsaved_marks());
        writes
    }

    /// It is durable. Returns a turn that is made with it, and the stage before.
    pub(crate) fn written(&mut self, write: &Write, now: Millis) -> Option<(Turn, Stage)> {
        let at = self.clock.advance(now);
        match write {
            Write::Marks(_) => None,
            Write::Turn(turn) => Some((*turn, self.rule(turn.rule).made(*turn, at))),
        }
    }

    /// It may be durable or not: it is written again by a later [tick](Self::tick). Marks hold, stages do not
    /// change.
    pub(crate) fn not_written(&mut self, write: Write) {
        match write {
            Write::Marks(nodes) => self.unsaved.extend(nodes),
            Write::Turn(turn) => self.rule(turn.rule).not_made(),
        }
    }

    /// Another view has followed. Marks of who left go, from the disk, too: nothing unsigned is taken of who
    /// is no member.
    pub(crate) fn succeed(&mut self, view: Arc<View>) {
        let is_here = |node: &NodeId| view.index_of(node).is_some();
        self.unsaved.extend(self.heard.iter().filter(|node| !is_here(node)));
        self.heard.retain(is_here);
        self.signatures.window().retain(is_here);
        self.quorum.window().retain(is_here);
        self.view = view;
    }

    const fn rule(&mut self, rule: Rule) -> &mut RuleState {
        match rule {
            Rule::Signatures => &mut self.signatures,
            Rule::Quorum => &mut self.quorum,
        }
    }

    fn is_member(&self, node: &NodeId) -> bool {
        self.view.index_of(node).is_some()
    }

    fn place(&self, node: &NodeId) -> u16 {
        place(self.view.mesh(), node)
    }
}
