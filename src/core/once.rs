//! What is done once in an interval for each link, and for a few links only.

use crate::id::{Link, LinkId, Millis};

/// What was done for whom in the interval that runs. Links that are only claimed count as one: anybody
/// can make them up.
#[derive(Debug, Clone, Default)]
pub(super) struct OncePerLink {
    since: Option<Millis>,
    links: Vec<Option<LinkId>>,
}

impl OncePerLink {
    /// Whether [`may`](Self::may) would say so.
    pub(super) fn would(&self, link: Link, most: usize, interval_ms: u64, now: Millis) -> bool {
        self.clone().may(link, most, interval_ms, now)
    }

    /// Whether something may be done for `link` now: nothing was in this interval, and something was for
    /// fewer than `most` others. Then it is.
    pub(super) fn may(&mut self, link: Link, most: usize, interval_ms: u64, now: Millis) -> bool {
        let runs = self.since.is_some_and(|since| now >= since && now.since(since) < interval_ms);
        if !runs {
            self.since = Some(now);
            self.links.clear();
        }
        let may = !self.links.contains(&link.proven()) && self.links.len() < most;
        if may {
            self.links.push(link.proven());
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_for_each_and_for_a_few() {
        let mut once = OncePerLink::default();
        let link = |id| Link::Proven(LinkId(id));
        let mut may = |link, now| once.may(link, 3, 1_000, Millis(now));
        assert!(may(link(1), 500) && !may(link(1), 500), "once");
        assert!(may(Link::Claimed(LinkId(2)), 600) && !may(Link::Claimed(LinkId(3)), 600));
        assert!(may(link(2), 700) && !may(link(3), 1_499), "and for three");
        assert!(may(link(3), 1_500) && !may(link(3), 1_600), "until the next interval");
        assert!(may(link(3), 1_400), "a clock that went back begins one, too");
    }
}
