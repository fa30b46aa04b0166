//! What one link may cost: packets, and signature checks.

use parking_lot::Mutex;

use super::GossipConfig;
use crate::bounded::BoundedMap;
use crate::id::{Link, LinkId, Millis};
use crate::limit::{Rate, TokenBucket};
use crate::membership::View;

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
    pub(super) fn new(config: &GossipConfig, view: &View) -> Self {
        // An honest neighbour may pass on whatever the members may send; a link must not be charged
        // for that, or refuse a certificate for its size.
        let all = |per_member: u32| {
            let members = u32::try_from(view.len()).unwrap_or(u32::MAX);
            members.saturating_mul(per_member).saturating_mul(2).min(Rate::MOST)
        };
        let packets = Rate {
            per_second: config.link_packets.per_second.max(all(config.origin_rate.per_second)),
            burst: config.link_packets.burst.max(all(config.origin_rate.burst)),
        };
        let certificate = u32::try_from(view.quorum()).unwrap_or(u32::MAX).max(2);
        let budget = |checks: Rate| Budget {
            packets: TokenBucket::new(packets),
            checks: TokenBucket::new(Rate { burst: checks.burst.max(certificate), ..checks }),
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
