//! Whom a stage holds for.

use serde::Serialize;

use super::Verdict;
use crate::id::{Digest, MeshId, NodeId};

/// How many places there are.
const PLACES: u64 = 10_000;

/// The place of `node` among all nodes, 0 to 9 999, the same on every node of the mesh. A stage of p percent
/// holds for the places below 100 p, so whoever is in it is in all that follow.
pub(super) fn place(mesh: MeshId, node: &NodeId) -> u16 {
    let named = [mesh.as_bytes().as_slice(), node.as_bytes()].concat();
    let digest = Digest::of("meshward 2026 rollout cohort", &named);
    let first = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    u16::try_from(u64::from_le_bytes(first) % PLACES).unwrap_or(0)
}

/// Why a node fares as it does under a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The node's place among all nodes, 0 to 9 999: a hash of mesh and node.
    pub place: u16,
    /// The first place that the rule's stage does not hold for, 0 (observe) to 10 000 (enforced).
    pub share: u16,
    /// Whether the node was once heard under a signature that held.
    pub heard_signed: bool,
    /// What becomes of an unsigned message of the node, or of a report about it that nobody certified.
    pub verdict: Verdict,
}
