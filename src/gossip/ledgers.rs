//! The standing of members and of proven links, kept apart.

use crate::id::{Link, LinkId, Millis, NodeId};
use crate::reputation::Ledger;

/// Two ledgers that gossip reads and never writes: turning refusals into penalties is the business
/// of [`Core`](crate::Core) alone.
#[derive(Debug)]
pub struct Ledgers {
    /// The members. Never more than f of them are in quarantine.
    pub members: Ledger<NodeId>,
    /// The proven links.
    pub links: Ledger<LinkId>,
}

impl Ledgers {
    /// Whether what comes over `link` is refused. Claimed links are nobody's, so they never are.
    pub fn link_is_quarantined(&self, link: Link, now: Millis) -> bool {
        link.proven().is_some_and(|id| self.links.is_quarantined(&id, now))
    }
}
