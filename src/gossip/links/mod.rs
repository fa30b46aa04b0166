//! What the links may cost: packets, and signature checks.
//!
//! | link | pays from | how it gets there |
//! |---|---|---|
//! | proven, reserved | a budget of its own | the host said so |
//! | proven, with a place | a budget of its own | it brought a frame that was new and true, or the answer by which a member is heard again after a start |
//! | proven, newcomer | a small budget of its own, and one that all newcomers share | |
//! | claimed, of a pair with a place | its own part, then as below | it answered a cookie (see [`Cookies`]) |
//! | claimed | one budget that all claimed links share | |
//!
//! Whoever can prove one link may be able to prove a hundred thousand, and whoever can claim one
//! address can claim them all. So what is spent on strangers is bounded by how much, never by how many
//! they are, and no number of strangers takes away the place of one that is of use (attack G24).
//!
//! A *pair* is an address and an origin, as packets claim them. A flood under one name, or from
//! addresses that nobody answers at, leaves all other pairs their parts (attacks G23 and G25). Only
//! who sends under the very address and name of a pair spends its part; nothing but a transport that
//! proves its links prevents that.
//!
//! [`Cookies`]: super::cookies::Cookies

mod budget;

use std::collections::BTreeMap;

use parking_lot::Mutex;

use self::budget::Budget;
use super::GossipConfig;
use crate::bounded::BoundedMap;
use crate::id::{Link, LinkId, Millis};
use crate::limit::{Places, Rate};
use crate::membership::{MemberIndex, View};

/// A newcomer may spend so many times less than a link with a place.
const NEWCOMER_SHARE: u32 = 8;
/// Packets of a pair that are looked at for each signature check that is made: copies over several
/// paths cost none.
const PACKETS_PER_CHECK: u32 = 20;

/// The budgets of all links.
#[derive(Debug)]
pub(super) struct Links {
    proven: Mutex<Proven>,
    claimed: Mutex<Claimed>,
}

#[derive(Debug)]
struct Proven {
    /// What a link with a place begins with.
    full: Budget,
    /// What a newcomer begins with.
    small: Budget,
    places: Places<LinkId, Budget>,
    newcomers: BoundedMap<LinkId, Budget>,
    shared: Budget,
}

#[derive(Debug)]
struct Claimed {
    /// What a pair begins with.
    own: Budget,
    pairs: Places<(LinkId, MemberIndex), Budget>,
    shared: Budget,
}

impl Links {
    pub(super) fn new(config: &GossipConfig, view: &View) -> Self {
        let packets = enough_for_all(config, view);
        // No link must be refused a certificate for its size.
        let certificate = u32::try_from(view.quorum()).unwrap_or(u32::MAX).max(2);
        let budget = |checks: Rate| {
            Budget::new(packets, Rate { burst: checks.burst.max(certificate), ..checks })
        };
        let small = Rate {
            per_second: config.link_checks.per_second.div_ceil(NEWCOMER_SHARE),
            burst: config.link_checks.burst.div_ceil(NEWCOMER_SHARE),
        };
        let Rate { per_second, burst } = config.pair_checks;
        let times = |tokens: u32| tokens.saturating_mul(PACKETS_PER_CHECK).min(Rate::MOST);
        let pair_packets = Rate { per_second: times(per_second), burst: times(burst) };
        Self {
            proven: Mutex::new(Proven {
                full: budget(config.link_checks),
                small: budget(small),
                places: Places::new(config.links),
                newcomers: BoundedMap::new(config.links),
                shared: budget(config.newcomer_checks),
            }),
            claimed: Mutex::new(Claimed {
                own: Budget::new(pair_packets, config.pair_checks),
                pairs: Places::new(config.claimed_pairs),
                shared: budget(config.claimed_checks),
            }),
        }
    }

    /// Those for `after`, the view that follows `before`: who has a place keeps it, with the budget that
    /// the new view makes due. A pair goes on if its origin stays. What newcomers have spent is
    /// forgotten: views follow one another only as fast as a quorum decides on them.
    ///
    /// A reservation that is made in the old ones afterwards is not known here.
    pub(super) fn succeed(&self, config: &GossipConfig, (before, after): (&View, &View)) -> Self {
        let mut next = Self::new(config, after);
        let Proven { full, places, .. } = next.proven.get_mut();
        *places = self.proven.lock().places.succeed(full, Some);
        let mut now_at = BTreeMap::new();
        for (place, was_at) in after.indices().zip(after.places_in(before)) {
            now_at.extend(was_at.map(|was_at| (was_at, place)));
        }
        let Claimed { own, pairs, .. } = next.claimed.get_mut();
        let moved = |(link, origin)| now_at.get(&origin).map(|place| (link, *place));
        *pairs = self.claimed.lock().pairs.succeed(own, moved);
        next
    }

    /// Takes one packet, under the name of `origin`, from the budget of `link`; tells whether there
    /// was one left.
    pub(super) fn take_packet(&self, link: Link, origin: Option<MemberIndex>, now: Millis) -> bool {
        match link {
            Link::Proven(id) => self.proven.lock().take_packet(id, now),
            Link::Claimed(id) => {
                self.claimed.lock().take((id, origin), |budget| budget.take_packet(now))
            }
        }
    }

    /// Takes `checks` signature checks likewise.
    pub(super) fn take_checks(
        &self,
        link: Link,
        origin: Option<MemberIndex>,
        checks: u32,
        now: Millis,
    ) -> bool {
        match link {
            Link::Proven(id) => self.proven.lock().take_checks(id, checks, now),
            Link::Claimed(id) => {
                self.claimed.lock().take((id, origin), |budget| budget.take_checks(checks, now))
            }
        }
    }

    /// Whether [`take_packet`](Self::take_packet) would find one left.
    pub(super) fn has_packet(&self, link: Link, origin: Option<MemberIndex>, now: Millis) -> bool {
        match link {
            Link::Proven(id) => self.proven.lock().budget_of(id).has_packet(now),
            Link::Claimed(id) => self.claimed.lock().any((id, origin), |it| it.has_packet(now)),
        }
    }

    /// Whether [`take_checks`](Self::take_checks) would find so many left.
    pub(super) fn has_checks(
        &self,
        link: Link,
        origin: Option<MemberIndex>,
        checks: u32,
        now: Millis,
    ) -> bool {
        match link {
            Link::Proven(id) => {
                let proven = self.proven.lock();
                proven.budget_of(id).has_checks(checks, now)
                    && (proven.places.get(&id).is_some() || proven.shared.has_checks(checks, now))
            }
            Link::Claimed(id) => {
                self.claimed.lock().any((id, origin), |it| it.has_checks(checks, now))
            }
        }
    }

    /// A frame of `origin` that was new and true came over `link`. A proven link gets a place for
    /// that; a pair has to answer a cookie first.
    pub(super) fn was_of_use(&self, link: Link, origin: MemberIndex, now: Millis) {
        match link {
            Link::Proven(id) => self.proven.lock().was_of_use(id, now),
            Link::Claimed(id) => {
                self.claimed.lock().pairs.was_of_use(&(id, origin), now);
            }
        }
    }

    /// Whether a pair pays from a part of its own.
    pub(super) fn pair_has_a_place(&self, link: LinkId, origin: MemberIndex) -> bool {
        self.claimed.lock().pairs.get_mut(&(link, origin)).is_some()
    }

    /// A pair has answered a cookie.
    pub(super) fn answered(&self, link: LinkId, origin: MemberIndex, now: Millis) {
        let Claimed { own, pairs, .. } = &mut *self.claimed.lock();
        pairs.give((link, origin), own, now);
    }

    /// Reserves a place for a proven link; tells whether there was one.
    pub(super) fn reserve(&self, link: LinkId, now: Millis) -> bool {
        let Proven { full, places, .. } = &mut *self.proven.lock();
        places.reserve(link, full, now)
    }

    /// Takes back what [`reserve`](Self::reserve) did.
    pub(super) fn release(&self, link: LinkId) {
        self.proven.lock().places.release(&link);
    }
}

impl Proven {
    fn take_packet(&mut self, link: LinkId, now: Millis) -> bool {
        match self.places.get_mut(&link) {
            Some(budget) => budget.take_packet(now),
            None => self.newcomer(link).take_packet(now),
        }
    }

    fn take_checks(&mut self, link: LinkId, checks: u32, now: Millis) -> bool {
        if let Some(budget) = self.places.get_mut(&link) {
            return budget.take_checks(checks, now);
        }
        // Its own first: who has used that up does not spend what the others have.
        self.newcomer(link).has_checks(checks, now)
            && self.shared.take_checks(checks, now)
            && self.newcomer(link).take_checks(checks, now)
    }

    /// What a link pays from first.
    fn budget_of(&self, link: LinkId) -> &Budget {
        let own = self.places.get(&link).or_else(|| self.newcomers.get(&link));
        own.unwrap_or(&self.small)
    }

    fn newcomer(&mut self, link: LinkId) -> &mut Budget {
        self.newcomers.get_or_insert_with(link, || self.small.clone())
    }

    fn was_of_use(&mut self, link: LinkId, now: Millis) {
        let Self { full, places, .. } = self;
        if !places.was_of_use(&link, now) {
            places.give(link, full, now);
            places.was_of_use(&link, now);
        }
    }
}

impl Claimed {
    /// From the pair's own part first, then from what everybody shares: whoever answered a cookie must
    /// not have less than before.
    fn take(
        &mut self,
        (link, origin): (LinkId, Option<MemberIndex>),
        take: impl Fn(&mut Budget) -> bool,
    ) -> bool {
        let own = origin.and_then(|origin| self.pairs.get_mut(&(link, origin)));
        own.is_some_and(&take) || take(&mut self.shared)
    }

    /// Whether [`take`](Self::take) would find what it asks for.
    fn any(
        &self,
        (link, origin): (LinkId, Option<MemberIndex>),
        has: impl Fn(&Budget) -> bool,
    ) -> bool {
        let own = origin.and_then(|origin| self.pairs.get(&(link, origin)));
        own.is_some_and(&has) || has(&self.shared)
    }
}

/// An honest neighbour may pass on whatever the members may send; a link must not be charged for
/// that.
fn enough_for_all(config: &GossipConfig, view: &View) -> Rate {
    let members = u32::try_from(view.len()).unwrap_or(u32::MAX);
    let all =
        |per_member: u32| members.saturating_mul(per_member).saturating_mul(2).min(Rate::MOST);
    Rate {
        per_second: config.link_packets.per_second.max(all(config.origin_rate.per_second)),
        burst: config.link_packets.burst.max(all(config.origin_rate.burst)),
    }
}

#[cfg(test)]
mod tests;
