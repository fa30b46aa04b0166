//! What a node tells of itself through the [`metrics`](https://docs.rs/metrics) facade (feature `metrics`).
//!
//! Install a recorder, any that there is for the facade, and tick the node: each
//! [`tick`](crate::Core::tick) adds what was counted since the one before, and sets the gauges. Nothing is
//! recorded in between, so a packet costs no more for it than a look into a small map. Without a recorder
//! nothing comes of it.
//!
//! | name | type | unit | labels | meaning |
//! |---|---|---|---|---|
//! | `meshward_messages_delivered_total` | counter | messages | `kind` | messages delivered, each once |
//! | `meshward_statements_taken_total` | counter | packets | `packet` | other packets taken: attestations, rotations, certificates and so on |
//! | `meshward_packets_refused_total` | counter | packets | `reason` | packets refused, see `Refusal::reason` |
//! | `meshward_signature_checks_total` | counter | checks | `of` | signatures checked: of a `message` that arrived, or of what is `other` |
//! | `meshward_offences_total` | counter | offences | `payer`, `offence` | offences charged to a `link` or a `member` |
//! | `meshward_events_total` | counter | events | `event` | events that the monitor was told |
//! | `meshward_members` | gauge | members | | members of the view, this node included |
//! | `meshward_quorum_size` | gauge | members | | members that must attest before an event is believed |
//! | `meshward_members_quarantined` | gauge | members | | members in quarantine here |
//! | `meshward_members_overdue` | gauge | members | | members that have been silent for the suspicion time |
//! | `meshward_members_unproven` | gauge | members | | members that have not answered since this node started |
//! | `meshward_failures_certified` | gauge | members | | members whose failure is certified and that were not heard since |
//! | `meshward_reputation_lowest` | gauge | 1 | | the lowest reputation of another member here, 0 to 1 |
//! | `meshward_view_number` | gauge | 1 | | the number of the view |
//! | `meshward_keys` | gauge | members | `suite` | members whose key is of this suite |
//! | `meshward_signing` | gauge | 1 | | 1 if this node signs, 0 while it waits for a quorum to confirm its start, or has stopped |
//!
//! Every label comes from a fixed set of this library's: [`Kind::name`](crate::Kind::name) (all kinds of a host count as
//! `host`), [`Tag::name`](crate::wire::Tag::name), [`Refusal::reason`](crate::Refusal::reason), [`Offence::name`](crate::reputation::Offence::name), [`Event::name`](crate::Event::name), the
//! names of the suites, and the words above. Nobody who sends packets chooses a label or adds a series: no
//! node id, link, view digest or topic is one. There are about 120 series at most.
//!
//! The recorder is the process's. Several nodes in one process count together, and the gauges are those of
//! the node that ticked last; with `metrics::with_local_recorder` around its tick each has its own.
//! `meshward_events_total` counts what [`MeshByzantineProtection`](crate::MeshByzantineProtection) tells its
//! monitor; who drives a [`Core`] itself counts the events itself.

use std::collections::BTreeMap;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use super::counters::Counts;
use super::{Core, Event};
use crate::id::Millis;
use crate::quorum::FailureStatus;
use crate::reputation::Reputation;
use crate::suite::Suite;

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name; it never changes.
    pub name: &'static str,
    /// What sort it is.
    pub sort: Sort,
    /// What is counted; "1" for a plain number.
    pub unit: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
}

/// What sort a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// It only goes up.
    Counter,
    /// It goes up and down.
    Gauge,
}

const DELIVERED: &str = "meshward_messages_delivered_total";
const TAKEN: &str = "meshward_statements_taken_total";
const REFUSED: &str = "meshward_packets_refused_total";
const CHECKS: &str = "meshward_signature_checks_total";
const OFFENCES: &str = "meshward_offences_total";
const EVENTS: &str = "meshward_events_total";
const MEMBERS: &str = "meshward_members";
const QUORUM: &str = "meshward_quorum_size";
const QUARANTINED: &str = "meshward_members_quarantined";
const OVERDUE: &str = "meshward_members_overdue";
const UNPROVEN: &str = "meshward_members_unproven";
const FAILURES: &str = "meshward_failures_certified";
const LOWEST: &str = "meshward_reputation_lowest";
const VIEW: &str = "meshward_view_number";
const KEYS: &str = "meshward_keys";
const SIGNING: &str = "meshward_signing";

/// Every metric that there is, in the order of the table above.
pub const METRICS: [Metric; 16] = [
    counted(DELIVERED, "messages", &["kind"], "messages delivered, each once"),
    counted(
        TAKEN,
        "packets",
        &["packet"],
        "other packets taken: attestations, rotations, certificates and so on",
    ),
    counted(REFUSED, "packets", &["reason"], "packets refused, see `Refusal::reason`"),
    counted(
        CHECKS,
        "checks",
        &["of"],
        "signatures checked: of a `message` that arrived, or of what is `other`",
    ),
    counted(
        OFFENCES,
        "offences",
        &["payer", "offence"],
        "offences charged to a `link` or a `member`",
    ),
    counted(EVENTS, "events", &["event"], "events that the monitor was told"),
    measured(MEMBERS, "members", &[], "members of the view, this node included"),
    measured(QUORUM, "members", &[], "members that must attest before an event is believed"),
    measured(QUARANTINED, "members", &[], "members in quarantine here"),
    measured(OVERDUE, "members", &[], "members that have been silent for the suspicion time"),
    measured(UNPROVEN, "members", &[], "members that have not answered since this node started"),
    measured(
        FAILURES,
        "members",
        &[],
        "members whose failure is certified and that were not heard since",
    ),
    measured(LOWEST, "1", &[], "the lowest reputation of another member here, 0 to 1"),
    measured(VIEW, "1", &[], "the number of the view"),
    measured(KEYS, "members", &["suite"], "members whose key is of this suite"),
    measured(
        SIGNING,
        "1",
        &[],
        "1 if this node signs, 0 while it waits for a quorum to confirm its start, or has stopped",
    ),
];

const fn counted(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric { name, sort: Sort::Counter, unit, labels, meaning }
}

const fn measured(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric { name, sort: Sort::Gauge, unit, labels, meaning }
}

/// Tells the recorder what each metric means, once it is installed. A node that starts does so, too.
pub fn describe() {
    for Metric { name, sort, meaning, .. } in METRICS {
        match sort {
            Sort::Counter => describe_counter!(name, Unit::Count, meaning),
            Sort::Gauge => describe_gauge!(name, Unit::Count, meaning),
        }
    }
}

/// What is counted beside what [`Stats`](super::Stats) tells: each by the names of its labels.
#[derive(Debug, Default, Clone)]
pub(super) struct Tallies {
    pub(super) delivered: BTreeMap<&'static str, u64>,
    pub(super) taken: BTreeMap<&'static str, u64>,
    pub(super) offences: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) events: BTreeMap<&'static str, u64>,
    /// Signatures of messages, then of all else.
    checks: [u64; 2],
}

pub(super) fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, name: K) {
    let count = counts.entry(name).or_default();
    *count = count.saturating_add(1);
}

impl Core {
    /// The host was told of `event`.
    pub(crate) fn told(&self, event: &Event) {
        self.counters.told(event);
    }

    /// Tells the recorder what was counted since the last time, and how things stand.
    pub(super) fn record(&self, now: Millis) {
        let messages = self.directory.message_checks();
        let others = self.directory.signature_checks().saturating_sub(messages);
        let (before, counts) = self.counters.to_record([messages, others]);
        record_counts(&before, &counts);
        self.record_standing(now);
    }

    fn record_standing(&self, now: Millis) {
        let view = self.view();
        let others =
            || view.members().iter().map(|member| member.id).filter(|id| *id != self.node());
        let has_failed =
            |node: &_| matches!(self.validate_node_failure(node), FailureStatus::Certified(_));
        gauge!(MEMBERS).set(number(view.len()));
        gauge!(QUORUM).set(number(view.quorum()));
        gauge!(QUARANTINED).set(number(self.ledgers.members.quarantined(now).len()));
        gauge!(OVERDUE).set(number(self.overdue(now).len()));
        gauge!(UNPROVEN).set(number(self.gossip.unproven().count()));
        gauge!(FAILURES).set(number(others().filter(has_failed).count()));
        let lowest = others().map(|node| self.reputation(&node, now)).min();
        gauge!(LOWEST).set(lowest.unwrap_or(Reputation::FULL).as_f64());
        gauge!(VIEW).set(number(usize::try_from(view.number().0).unwrap_or(usize::MAX)));
        for suite in Suite::ALL {
            let is_of = |place: &_| {
                self.directory.current(*place).is_some_and(|key| key.key.suite() == suite)
            };
            gauge!(KEYS, "suite" => suite.name()).set(number(view.indices().filter(is_of).count()));
        }
        let signs = self.keyring.is_confirmed() && !self.keyring.is_silent();
        gauge!(SIGNING).set(f64::from(u8::from(signs)));
    }
}

fn record_counts(before: &Counts, now: &Counts) {
    let (was, is) = (&before.tallies, &now.tallies);
    for (kind, more) in grown(&was.delivered, &is.delivered) {
        counter!(DELIVERED, "kind" => *kind).increment(more);
    }
    for (packet, more) in grown(&was.taken, &is.taken) {
        counter!(TAKEN, "packet" => *packet).increment(more);
    }
    for (reason, more) in grown(&before.refused, &now.refused) {
        counter!(REFUSED, "reason" => *reason).increment(more);
    }
    for ((payer, offence), more) in grown(&was.offences, &is.offences) {
        counter!(OFFENCES, "payer" => *payer, "offence" => *offence).increment(more);
    }
    for (event, more) in grown(&was.events, &is.events) {
        counter!(EVENTS, "event" => *event).increment(more);
    }
    for ((of, was), is) in ["message", "other"].into_iter().zip(was.checks).zip(is.checks) {
        counter!(CHECKS, "of" => of).increment(is.saturating_sub(was));
    }
}

/// Those that have grown, and by how much.
fn grown<'a, K: Ord>(
    was: &'a BTreeMap<K, u64>,
    is: &'a BTreeMap<K, u64>,
) -> impl Iterator<Item = (&'a K, u64)> {
    let more = |(name, is): (&'a K, &u64)| {
        let was = was.get(name).copied().unwrap_or(0);
        (*is > was).then(|| (name, is.saturating_sub(was)))
    };
    is.iter().filter_map(more)
}

/// Exact up to 2³².
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

impl Tallies {
    pub(super) const fn with_checks(mut self, checks: [u64; 2]) -> Self {
        self.checks = checks;
        self
    }
}
