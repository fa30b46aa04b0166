//! The views that follow from the trusted one, and what holds in which of them.

use std::sync::Arc;

use meshward::quorum::{ChainError, max_link_len};
use meshward::wire::Tag;
use meshward::{Chain, KeyHistory, Refusal, View};

use super::check::{Bad, Finding, Step, Why, check};

/// What one file turned out to be, and in which view.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) finding: Finding,
    /// The view whose members it names. That of a step is the view before.
    pub(crate) view: Arc<View>,
}

/// The trusted view and those that the steps so far have led to.
pub(crate) struct Trail {
    begin: KeyHistory,
    later: Vec<KeyHistory>,
    chain: Chain,
}

impl Trail {
    pub(crate) fn new(begin: KeyHistory) -> Self {
        let chain = Chain::from_view(Arc::clone(begin.view()));
        Self { begin, later: Vec::new(), chain }
    }

    pub(crate) const fn begin(&self) -> &KeyHistory {
        &self.begin
    }

    /// The longest file that is worth reading now, in bytes.
    pub(crate) fn longest(&self) -> usize {
        // Longer than any certificate or proof.
        let each = self.newest_first().map(|history| max_link_len(history.view().len()));
        each.max().unwrap_or(0)
    }

    fn newest_first(&self) -> impl Iterator<Item = &KeyHistory> {
        self.later.iter().rev().chain([&self.begin])
    }

    /// A file that could not be read; why, in a sentence.
    pub(crate) fn unreadable(&self, sentence: String) -> Checked {
        let view = Arc::clone(self.chain.newest());
        Checked { finding: Finding::Unreadable(sentence), view }
    }

    /// Checks one file: a step against the newest view, from where it leads on; anything else against
    /// the view that it belongs to.
    pub(crate) fn check(&mut self, bytes: &[u8], threads: usize) -> Checked {
        if Tag::of(bytes) == Ok(Tag::View) {
            return self.step(bytes);
        }
        // In all views but its own a certificate is refused before a signature is looked at, and a
        // proof lacks keys.
        let each = self.newest_first().map(|history| Checked {
            finding: check(bytes, history, threads),
            view: Arc::clone(history.view()),
        });
        let told = |one: &Checked| match &one.finding {
            Finding::Bad(Bad { why: Why::Refused(refusal), .. }) => match refusal {
                Refusal::Nonsense(_) => 2,
                Refusal::UnknownKey { .. } | Refusal::UnknownOrigin(_) => 1,
                _ => 0,
            },
            _ => 0,
        };
        let best = each.min_by_key(told);
        best.unwrap_or_else(|| self.unreadable("There is no view.".to_owned()))
    }

    fn step(&mut self, bytes: &[u8]) -> Checked {
        let view = Arc::clone(self.chain.newest());
        let finding = match self.chain.extend(bytes) {
            Ok(next) => {
                let next = Arc::clone(next);
                self.later.push(self.chain.history());
                let attestors =
                    self.chain.certificate().map(|decided| decided.attestors().to_vec());
                Finding::Step(Step { next, attestors: attestors.unwrap_or_default() })
            }
            Err(error) => {
                let why = match error {
                    ChainError::Link { refusal: refusal @ Refusal::OtherMesh(_), .. } => {
                        Why::Refused(refusal)
                    }
                    error => Why::Step(error),
                };
                Finding::Bad(Bad { kind: Some(Tag::View), why })
            }
        };
        Checked { finding, view }
    }
}
