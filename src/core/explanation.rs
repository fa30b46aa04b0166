//! What would become of a packet, in words.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Blame;
use crate::gossip::Stage;
use crate::id::{Link, NodeId};
use crate::wire::{Refusal, Tag};

/// What would become of a packet, stage by stage: see [`Core::explain`](super::Core::explain).
///
/// It reads well when printed, and can be serialised: the refusal becomes its
/// [`reason`](Refusal::reason) and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// What it is, by its [name](Tag::name); "unreadable" if it says nothing of that.
    pub packet: &'static str,
    /// Who it says it is from, if it names anybody. Proven by nothing.
    pub origin: Option<NodeId>,
    /// The stages that it would come to, in their order, and those that it would have come to after the
    /// one that it fails.
    pub stages: Vec<ExplainedStage>,
    /// Why it would be refused; `None` if it would be taken.
    #[serde(serialize_with = "in_words")]
    pub refusal: Option<Refusal>,
    /// Who would pay for the refusal: nobody if it would be taken.
    pub blame: Blame,
}

/// One stage of an [`Explanation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExplainedStage {
    /// The stage.
    pub stage: Stage,
    /// What would come of it there.
    pub finding: Finding,
}

/// What would become of a packet at a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It would pass.
    Passed,
    /// It would be refused here.
    Refused,
    /// It would have been refused before.
    NotReached,
}

impl Explanation {
    /// Whether it would be taken.
    pub const fn is_taken(&self) -> bool {
        self.refusal.is_none()
    }

    /// The stage at which it would be refused.
    pub fn refused_at(&self) -> Option<Stage> {
        let refused = self.stages.iter().find(|it| it.finding == Finding::Refused);
        refused.map(|it| it.stage)
    }

    pub(super) fn new(
        (link, tag, origin): (Link, Option<Tag>, Option<NodeId>),
        entered: Vec<Stage>,
        result: Result<(), Refusal>,
    ) -> Self {
        let refusal = result.err();
        let of_all = tag.map_or([].as_slice(), Stage::of);
        let last = entered.last().and_then(|last| of_all.iter().position(|it| it == last));
        let not_reached = of_all.iter().skip(last.map_or(0, |last| last.saturating_add(1)));
        let not_reached = not_reached.filter(|stage| refusal.is_some() && !entered.contains(stage));
        let passed = entered.len().saturating_sub(usize::from(refusal.is_some()));
        let entered = entered.iter().enumerate().map(|(at, stage)| {
            (*stage, if at < passed { Finding::Passed } else { Finding::Refused })
        });
        let stages = entered.chain(not_reached.map(|stage| (*stage, Finding::NotReached)));
        Self {
            packet: tag.map_or("unreadable", Tag::name),
            origin,
            stages: stages.map(|(stage, finding)| ExplainedStage { stage, finding }).collect(),
            blame: refusal.as_ref().map_or(Blame::Nobody, |refusal| {
                Blame::of(refusal).of_whom_it_can_fall_on(link, origin)
            }),
            refusal,
        }
    }
}

fn in_words<S: Serializer>(refusal: &Option<Refusal>, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct InWords {
        reason: &'static str,
        says: String,
    }
    let in_words = |it: &Refusal| InWords { reason: it.reason(), says: it.to_string() };
    refusal.as_ref().map(in_words).serialize(to)
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.packet)?;
        if let Some(origin) = &self.origin {
            write!(f, " in the name of {origin}")?;
        }
        match &self.refusal {
            None => writeln!(f, ": would be taken")?,
            Some(refusal) => {
                writeln!(f, ": would be refused as {}, {}", refusal.reason(), self.blame)?;
            }
        }
        for ExplainedStage { stage, finding } in &self.stages {
            match (finding, &self.refusal) {
                (Finding::Passed, _) => writeln!(f, "  {stage:<18} passed")?,
                (Finding::Refused, Some(refusal)) => writeln!(f, "  {stage:<18} {refusal}")?,
                (Finding::Refused, None) => {}
                (Finding::NotReached, _) => writeln!(f, "  {stage:<18} not reached")?,
            }
        }
        Ok(())
    }
}
