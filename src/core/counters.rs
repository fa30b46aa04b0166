//! What has been counted.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Serialize;

#[cfg(feature = "metrics")]
use super::Event;
#[cfg(feature = "metrics")]
use super::metrics::{Tallies, add};
use crate::id::NodeId;
#[cfg(feature = "metrics")]
use crate::reputation::Offence;
use crate::reputation::Reputation;
use crate::wire::{Kind, Refusal, Tag};

/// A snapshot of what a node counted and knows.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// This node.
    pub node: NodeId,
    /// Members of the view, this node included.
    pub total_nodes: usize,
    /// Members that must attest before an event is believed.
    pub quorum_size: usize,
    /// Members in quarantine here.
    pub quarantined_nodes: Vec<NodeId>,
    /// Members whose failure is certified and that were not heard since.
    pub validated_failures: Vec<NodeId>,
    /// The reputation of every other member, 0 to 1.
    pub node_reputations: BTreeMap<NodeId, Reputation>,
    /// Messages delivered since the start.
    pub delivered: u64,
    /// Other packets taken since the start: attestations, rotations, certificates and so on.
    pub statements_taken: u64,
    /// Packets refused since the start, by [`Refusal::reason`].
    pub refused: BTreeMap<&'static str, u64>,
    /// Signatures checked since the start, of whatever kind.
    pub signature_checks: u64,
    /// Those of them that were of frames that arrived as messages, whether they held or not. Divided by
    /// [`delivered`](Self::delivered) it says what a message costs here: 1 without an attack, since
    /// duplicates and replays are told without a check. The checks of statements, certificates and proofs
    /// are the rest of [`signature_checks`](Self::signature_checks).
    pub message_checks: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    counts: Mutex<Counts>,
    /// What the recorder has been told.
    #[cfg(feature = "metrics")]
    recorded: Mutex<Counts>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    pub(super) delivered: u64,
    pub(super) statements_taken: u64,
    pub(super) refused: BTreeMap<&'static str, u64>,
    #[cfg(feature = "metrics")]
    pub(super) tallies: Tallies,
}

impl Counters {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables))]
    pub(super) fn delivered(&self, kind: Kind) {
        let mut counts = self.counts.lock();
        counts.delivered = counts.delivered.saturating_add(1);
        #[cfg(feature = "metrics")]
        add(&mut counts.tallies.delivered, kind.name());
    }

    #[cfg_attr(not(feature = "metrics"), expect(unused_variables))]
    pub(super) fn taken(&self, packet: Option<Tag>) {
        let mut counts = self.counts.lock();
        counts.statements_taken = counts.statements_taken.saturating_add(1);
        #[cfg(feature = "metrics")]
        add(&mut counts.tallies.taken, packet.map_or("none", Tag::name));
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        let mut counts = self.counts.lock();
        let count = counts.refused.entry(refusal.reason()).or_default();
        *count = count.saturating_add(1);
    }

    /// `payer` is a link or a member.
    #[cfg(feature = "metrics")]
    pub(super) fn charged(&self, payer: &'static str, offence: Offence) {
        add(&mut self.counts.lock().tallies.offences, (payer, offence.name()));
    }

    #[cfg(feature = "metrics")]
    pub(super) fn told(&self, event: &Event) {
        add(&mut self.counts.lock().tallies.events, event.name());
    }

    /// What was recorded, and what is to be, with so many signature checks; then it has been.
    #[cfg(feature = "metrics")]
    pub(super) fn to_record(&self, checks: [u64; 2]) -> (Counts, Counts) {
        let mut counts = self.read();
        counts.tallies = counts.tallies.with_checks(checks);
        let before = std::mem::replace(&mut *self.recorded.lock(), counts.clone());
        (before, counts)
    }

    pub(super) fn read(&self) -> Counts {
        self.counts.lock().clone()
    }
}
