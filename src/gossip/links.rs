//! What one link may cost: packets, and signature checks.

use parking_lot::Mutex;

use super::GossipConfig;
use crate::bounded::BoundedMap;
use crate::id::{Link, LinkId, Millis};
use crate::limit::TokenBucket;

/// The budgets of the links. Each proven link has its own; all claimed ones share one, since
/// whoever can claim one address can claim a thousand.
#[derive(Debug)]
pub(super) struct Links {
    fresh: Budget,
    proven: Mutex<BoundedMap<LinkId, Budget>>,
    claimed: Mutex<Budget>,
}

#[derive(Debug, Clone)]
struct Budget {
    packets: TokenBucket,
    checks: TokenBucket,
}

impl Links {
    pub(super) fn new(config: &GossipConfig) -> Self {
        let budget = |checks| Budget {
            packets: TokenBucket::new(config.link_packets),
            checks: TokenBucket::new(checks),
        };
        Self {
            fresh: budget(config.link_checks),
            proven: Mutex::new(BoundedMap::new(config.links)),
            claimed: Mutex::new(budget(config.claimed_checks)),
        }
    }

    /// Takes one packet from the budget of `link`; tells whether there was one left.
    pub(super) fn take_packet(&self, link: Link, now: Millis) -> bool {
        self.with(link, |budget| budget.packets.try_take(now, 1).is_ok())
    }

    /// Takes `checks` signature checks from the budget of `link`; tells whether they were left.
    pub(super) fn take_checks(&self, link: Link, checks: u32, now: Millis) -> bool {
        self.with(link, |budget| budget.checks.try_take(now, checks).is_ok())
    }

    fn with(&self, link: Link, spend: impl FnOnce(&mut Budget) -> bool) -> bool {
        match link {
            Link::Claimed(_) => spend(&mut self.claimed.lock()),
            Link::Proven(id) => {
                let mut proven = self.proven.lock();
                if let Some(budget) = proven.get_mut(&id) {
                    return spend(budget);
                }
                let mut budget = self.fresh.clone();
                let left = spend(&mut budget);
                proven.insert(id, budget);
                left
            }
        }
    }
}
