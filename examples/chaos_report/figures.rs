//! What a run comes to.

use std::collections::{BTreeMap, BTreeSet};

use crate::mesh::Traffic;

/// An honest member that died.
#[derive(Debug, Clone)]
pub(crate) struct Death {
    pub(crate) node: usize,
    pub(crate) at: u64,
    /// When it was started again.
    pub(crate) until: Option<u64>,
    /// After how many milliseconds each honest member that ran believed in it.
    pub(crate) awaited: BTreeMap<usize, Option<u64>>,
}

impl Death {
    /// When the last one believed in it.
    pub(crate) fn certified_ms(&self) -> Option<u64> {
        self.awaited.values().copied().collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Figures {
    /// How many honest messages were to be delivered, each at each honest member that could hear it.
    pub(crate) expected: u64,
    /// Some of those that were not: from whom, to whom, said when.
    pub(crate) missing: Vec<(usize, usize, u64)>,
    /// How long it took where they were, in milliseconds, sorted.
    pub(crate) delays: Vec<u32>,
    /// Of how many of them a copy came; counted over lossy links alone.
    pub(crate) arrived: u64,
    /// How many a flood over the same links could bring at best, of a thousand.
    pub(crate) ideal: Option<f64>,
    /// All messages delivered at honest members.
    pub(crate) deliveries: u64,
    pub(crate) message_checks: u64,
    pub(crate) all_checks: u64,
    /// Checks of bad signatures: at which honest member, over the link from whom.
    pub(crate) bad_signatures: BTreeMap<(usize, usize), u64>,
    /// Messages of members in quarantine: checked, and taken as signs of life.
    pub(crate) signs_of_life: u64,
    pub(crate) honest: usize,
    pub(crate) honest_quarantined: BTreeSet<usize>,
    /// When an honest member came into quarantine at another.
    pub(crate) framed: Vec<u64>,
    pub(crate) honest_links_quarantined: u64,
    /// How long after the strike hostile members and links came into quarantine, at each honest one.
    pub(crate) hostile_quarantined: Vec<u64>,
    pub(crate) hostile_links_quarantined: Vec<u64>,
    pub(crate) false_certificates: u64,
    pub(crate) deaths: Vec<Death>,
    pub(crate) traffic: Traffic,
    /// What nodes had stated ten seconds after the start.
    pub(crate) own_at_start: u64,
    pub(crate) steps: u64,
    pub(crate) lasted_ms: u64,
    pub(crate) wall_ms: u64,
}

/// The value below which that share of sorted ones lies.
pub(crate) fn percentile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.max(1) - 1).copied()
}

impl Figures {
    /// The share of honest messages that were delivered, 0 to 1.
    pub(crate) fn delivery(&self) -> f64 {
        self.delays.len() as f64 / (self.expected as f64).max(1.0)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.delays.len() as u64 == self.expected && self.expected > 0
    }

    pub(crate) fn delay(&self, share: f64) -> Option<u32> {
        percentile(&self.delays, share)
    }

    pub(crate) fn checks_per_delivery(&self) -> f64 {
        self.message_checks as f64 / (self.deliveries as f64).max(1.0)
    }

    pub(crate) fn bad(&self) -> u64 {
        self.bad_signatures.values().sum()
    }

    /// The most bad signatures that were checked of one link.
    pub(crate) fn worst_link(&self) -> u64 {
        self.bad_signatures.values().copied().max().unwrap_or(0)
    }

    /// Signature checks of messages for each message that was taken, as a sign of life or for the host.
    pub(crate) fn checks_per_taken(&self) -> f64 {
        self.message_checks as f64 / ((self.deliveries + self.signs_of_life) as f64).max(1.0)
    }

    /// The same without what was spent on bad signatures.
    pub(crate) fn checks_that_held(&self) -> f64 {
        let (held, taken) =
            (self.message_checks - self.bad(), self.deliveries + self.signs_of_life);
        held as f64 / (taken as f64).max(1.0)
    }

    pub(crate) fn statement_checks(&self) -> u64 {
        self.all_checks - self.message_checks
    }

    /// Deaths that lasted at least so long within the run.
    pub(crate) fn deaths_of(&self, ms: u64) -> impl Iterator<Item = &Death> {
        self.deaths
            .iter()
            .filter(move |death| death.until.unwrap_or(self.lasted_ms) >= death.at + ms)
    }

    /// What an honest member had to state in a second, in bytes, after the start.
    pub(crate) fn own_statements(&self) -> f64 {
        let ms = self.lasted_ms - crate::measure::START_MS;
        let bytes = self.traffic.own_statements - self.own_at_start;
        bytes as f64 * 1000.0 / ms as f64 / (self.honest as f64).max(1.0)
    }

    /// Bytes that an honest member sent in a second.
    pub(crate) fn per_second(&self, bytes: u64) -> f64 {
        bytes as f64 * 1000.0 / self.lasted_ms as f64 / (self.honest as f64).max(1.0)
    }
}
