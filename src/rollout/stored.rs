//! What a rollout looks like in the store, and how it comes back.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::judge::{Rollout, Write};
use super::rule::RuleState;
use super::{RolloutConfig, Rule, Stage};
use crate::id::{Millis, NodeId, SteadyClock};
use crate::keyring::{Error, Fault};
use crate::membership::View;
use crate::store::{Batch, Store, Table};
use crate::wire::{self, WireError};

/// A rule stands under its name, a mark under the id of its member.
const MARK: &[u8] = &[1];

/// The percentage of the stage, and the milliseconds spent in it.
type StoredRule = (u8, u64);

impl Rollout {
    /// Takes back what the starts before wrote down; a first one observes. Marks of who is no member of
    /// `view` are dropped.
    ///
    /// # Errors
    /// A fault of the store, or a stage in it that cannot be read: it binds this node.
    pub(crate) fn load(
        config: RolloutConfig,
        (view, me): (Arc<View>, NodeId),
        store: &dyn Store,
        now: Millis,
    ) -> Result<Self, Error> {
        let mut heard = BTreeSet::new();
        for (key, _) in store.scan(Table::Rollout)? {
            match <[u8; 32]>::try_from(key.as_slice()) {
                Ok(node) => {
                    heard.insert(NodeId::from_bytes(node));
                }
                Err(_) if Rule::ALL.iter().any(|rule| rule.name().as_bytes() == key) => {}
                Err(_) => tracing::warn!("a stored mark cannot be read"),
            }
        }
        let mut clock = SteadyClock::default();
        clock.advance(now);
        let mut rollout = Self {
            config,
            me,
            view: Arc::clone(&view),
            clock,
            heard,
            unsaved: BTreeSet::new(),
            signatures: load_rule(Rule::Signatures, store)?,
            quorum: load_rule(Rule::Quorum, store)?,
        };
        rollout.succeed(view);
        Ok(rollout)
    }

    /// What a write puts into the store.
    pub(crate) fn batch(&self, write: &Write) -> Result<Batch, WireError> {
        let mut batch = Batch::new();
        match write {
            Write::Marks(nodes) => {
                for node in nodes {
                    match self.heard.contains(node) {
                        true => batch.put(Table::Rollout, node.as_bytes(), MARK),
                        false => batch.delete(Table::Rollout, node.as_bytes()),
                    };
                }
            }
            Write::Turn(turn) => {
                let stored: StoredRule = (turn.to.percent(), turn.soaked_ms);
                let stored = wire::encode("a stage", &stored)?;
                batch.put(Table::Rollout, turn.rule.name().as_bytes(), &stored);
            }
        }
        Ok(batch)
    }
}

fn load_rule(rule: Rule, store: &dyn Store) -> Result<RuleState, Error> {
    let Some(stored) = store.get(Table::Rollout, rule.name().as_bytes())? else {
        return Ok(RuleState::new(rule, Stage::OBSERVE, 0));
    };
    let (percent, soaked_ms) =
        wire::decode::<StoredRule>("a stage", &stored).map_err(Fault::from)?;
    let unknown = WireError::Field { what: "a stage" };
    let stage = Stage::of_percent(percent).ok_or(Fault::Wire(unknown))?;
    Ok(RuleState::new(rule, stage, soaked_ms))
}
