//! Who may ask to be admitted.

use std::collections::{BTreeMap, BTreeSet};

use super::EnrolmentError;
use crate::id::{NodeId, SpiffeId};

/// Which workloads may join, and as which nodes. The default lets nobody.
///
/// Members vote by their own: it is to be the same on all of them, or too few agree.
#[derive(Debug, Clone, Default)]
pub struct JoinPolicy {
    workloads: BTreeSet<SpiffeId>,
    nodes: BTreeMap<SpiffeId, NodeId>,
    under: BTreeSet<SpiffeId>,
    trust_domains: BTreeSet<String>,
}

impl JoinPolicy {
    /// Lets this one workload join, as any node.
    #[must_use]
    pub fn allow(mut self, workload: SpiffeId) -> Self {
        self.workloads.insert(workload);
        self
    }

    /// Lets this workload join as `node` and as no other, and no other workload as `node`, whatever else is
    /// allowed.
    #[must_use]
    pub fn allow_as(mut self, workload: SpiffeId, node: NodeId) -> Self {
        self.nodes.insert(workload, node);
        self
    }

    /// Lets `id` join and every workload beneath it: whose id goes on from it with a slash.
    #[must_use]
    pub fn allow_under(mut self, id: SpiffeId) -> Self {
        self.under.insert(id);
        self
    }

    /// Lets every workload of a trust domain join.
    #[must_use]
    pub fn allow_trust_domain(mut self, name: impl Into<String>) -> Self {
        self.trust_domains.insert(name.into());
        self
    }

    /// Whether `workload` may join as `node`.
    ///
    /// # Errors
    /// [`EnrolmentError::Policy`], [`EnrolmentError::PolicyNode`].
    pub fn check(&self, workload: &SpiffeId, node: NodeId) -> Result<(), EnrolmentError> {
        let other = || EnrolmentError::PolicyNode { spiffe_id: workload.clone(), node };
        match self.nodes.get(workload) {
            Some(named) if *named == node => return Ok(()),
            Some(_) => return Err(other()),
            None => {}
        }
        let is_under = |above: &SpiffeId| {
            let below = workload.as_str().strip_prefix(above.as_str());
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        let is_allowed = self.workloads.contains(workload)
            || self.trust_domains.contains(workload.trust_domain())
            || self.under.iter().any(is_under);
        if !is_allowed {
            return Err(EnrolmentError::Policy(workload.clone()));
        }
        match self.nodes.values().any(|named| *named == node) {
            true => Err(other()),
            false => Ok(()),
        }
    }
}
