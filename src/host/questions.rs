//! What a host asks: no answer changes anything.

use super::MeshByzantineProtection;
use crate::core::{Explanation, Stats};
use crate::id::{Link, Millis, NodeId};
use crate::quorum::{CriticalEvent, FailureStatus};
use crate::wire::Kind;

impl MeshByzantineProtection {
    /// What is known about the failure of `node`.
    pub fn validate_node_failure(&self, node: &NodeId) -> FailureStatus {
        self.core().validate_node_failure(node)
    }

    /// Whether exactly this event has been certified.
    pub fn is_validated(&self, event: &CriticalEvent) -> bool {
        self.core().is_validated(event)
    }

    /// Whether the ordinary messages of `node` are refused here.
    pub fn is_node_quarantined(&self, node: &NodeId, now: Millis) -> bool {
        self.core().is_node_quarantined(node, now)
    }

    /// Whether a message that claims to come from `origin` is worth looking at: see
    /// [`Core::should_accept_message`](crate::Core::should_accept_message).
    pub fn should_accept_message(
        &self,
        link: Link,
        origin: &NodeId,
        kind: Kind,
        now: Millis,
    ) -> bool {
        self.core().should_accept_message(link, origin, kind, now)
    }

    /// What would become of a packet that came over `link` now, and why: see
    /// [`Core::explain`](crate::Core::explain). For whoever runs the node, never for what comes from the
    /// network.
    pub fn explain(&self, link: Link, bytes: &[u8], now: Millis) -> Explanation {
        self.core().explain(link, bytes, now)
    }

    /// A snapshot of what was counted and is known.
    pub fn stats(&self, now: Millis) -> Stats {
        self.core().stats(now)
    }
}
