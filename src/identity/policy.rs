//! Who may ask to be admitted.

use std::collections::{BTreeMap, BTreeSet};

use super::{EnrolmentError, bundles};
use crate::id::{NodeId, SpiffeId, SpiffeIdError};

/// Which workloads may join, and as which nodes. The default lets nobody.
///
/// Only [`allow_as`](Self::allow_as) says which node a workload is. By all else it may join as any that is no
/// member yet: a workload that hears the enrolment of another may ask for its node id first. Where more than
/// one party is behind what is allowed, name the nodes.
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

    /// Lets `id` join and every workload beneath it: whose id goes on from it with a slash. As any node.
    #[must_use]
    pub fn allow_under(mut self, id: SpiffeId) -> Self {
        self.under.insert(id);
        self
    }

    /// Lets every workload of a trust domain join, as any node.
    ///
    /// # Errors
    /// [`SpiffeIdError`]: no trust domain has that name, so nobody would be let in.
    pub fn allow_trust_domain(mut self, name: &str) -> Result<Self, SpiffeIdError> {
        bundles::check_name(name)?;
        self.trust_domains.insert(name.to_owned());
        Ok(self)
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
