//! What is shown of a node.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshward::host::mapek::{Action, HealthCheck};
use meshward::{Core, FailureStatus, Link, Member, Millis, Misuse, NodeId, RolloutStats};
use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::PrometheusHandle;

use super::journal::Journal;
use super::node::Shared;
use super::web::{
    CertificateLine, EventLine, LinkLine, MemberLine, MemberState, RuleLine, Source, Status,
};
use super::words;

const ROUTES: &str = "mesh_node_routes";

/// Says what the metric of this file means.
pub(crate) fn describe() {
    describe_gauge!(ROUTES, "members to which a route leads");
}

/// A node, as the web server asks for it.
pub(crate) struct Snapshot {
    pub(crate) shared: Arc<Shared>,
    pub(crate) metrics: PrometheusHandle,
}

impl Source for Snapshot {
    fn status(&self) -> Status {
        let shared = &self.shared;
        let (now, core) = (shared.now(), shared.protection.core());
        let journal = shared.journal.lock().clone();
        let silence = shared.silence.lock().clone();
        let (me, view) = (core.node(), core.view());
        Status {
            version: env!("CARGO_PKG_VERSION"),
            node: shared.names.name(&me),
            id: me.to_string(),
            mesh: core.mesh().to_string(),
            view: view.number().0,
            quorum: view.quorum(),
            signing: silence.is_none(),
            uptime_s: shared.started.elapsed().as_secs(),
            members: members(&core, &journal, now),
            links: links(shared, &journal, now),
            rollout: shared.protection.rollout_stats(now).map(rules).unwrap_or_default(),
            alerts: alerts(shared, silence),
            events: journal
                .events
                .into_iter()
                .map(|event| EventLine {
                    unix_ms: event.unix_ms,
                    name: event.name,
                    text: event.text,
                })
                .collect(),
            certificates: journal
                .certificates
                .into_iter()
                .map(|agreed| CertificateLine {
                    unix_ms: agreed.unix_ms,
                    event: agreed.event,
                    view: agreed.view,
                    attestors: agreed.attestors,
                })
                .collect(),
            stats: core.stats(now),
        }
    }

    fn metrics(&self) -> String {
        let routes = u32::try_from(self.shared.table().len()).unwrap_or(u32::MAX);
        gauge!(ROUTES).set(f64::from(routes));
        self.metrics.render()
    }
}

impl Shared {
    /// Notes what is the matter.
    pub(crate) fn note(&self, checked: &HealthCheck) {
        let alerts = checked.actions.iter().filter_map(|action| match action {
            Action::Raise(alert) => Some(words::alert(alert)),
            _ => None,
        });
        *self.alerts.lock() = alerts.collect();
    }
}

fn alerts(shared: &Shared, silence: Option<Misuse>) -> Vec<String> {
    let mut alerts = shared.alerts.lock().clone();
    alerts.extend(shared.no_backup.lock().clone());
    alerts.extend(silence.map(|why| format!("this node signs nothing: {why}")));
    alerts
}

fn members(core: &Core, journal: &Journal, now: Millis) -> Vec<MemberLine> {
    let [overdue, unproven] = [core.overdue(now), core.unproven()].map(BTreeSet::from_iter);
    let me = core.node();
    let line = |member: &Member| {
        let id = member.id;
        let state = match () {
            () if id == me => MemberState::ThisNode,
            () if has_failed(core, &id) => MemberState::Failed,
            () if core.is_node_quarantined(&id, now) => MemberState::Quarantined,
            () if unproven.contains(&id) => MemberState::Unproven,
            () if overdue.contains(&id) => MemberState::Silent,
            () => MemberState::Heard,
        };
        // Of who was never heard the silence began with this node's start.
        let was_heard = journal.beacons.contains_key(&id) && id != me;
        let key = core.view().index_of(&id).and_then(|place| core.directory().current(place));
        let key = key.unwrap_or_else(|| Arc::clone(&member.key));
        MemberLine {
            name: member.name.clone(),
            id: id.to_string(),
            state,
            reputation: core.reputation(&id, now).as_f64(),
            quarantine_ms: left(journal.members.get(&id), now),
            heard_ms: core.silent_for(&id, now).filter(|_| was_heard),
            epoch: key.epoch.to_string(),
            suite: key.key.suite().to_string(),
            beacon: journal.beacons.get(&id).cloned(),
        }
    };
    core.view().members().iter().map(line).collect()
}

fn has_failed(core: &Core, node: &NodeId) -> bool {
    matches!(core.validate_node_failure(node), FailureStatus::Certified(_))
}

fn links(shared: &Shared, journal: &Journal, now: Millis) -> Vec<LinkLine> {
    let peers = shared.udp.peers.iter();
    let line = peers.map(|peer| LinkLine {
        name: peer.name.clone(),
        address: peer.address.to_string(),
        proven: matches!(peer.link, Link::Proven(_)),
        quarantine_ms: left(journal.links.get(&peer.link.id()), now),
        quality: peer.quality(),
    });
    line.collect()
}

/// How long until then; `None` if that is over.
fn left(until: Option<&Millis>, now: Millis) -> Option<u64> {
    until.map(|until| until.since(now)).filter(|left| *left > 0)
}

fn rules(stats: RolloutStats) -> Vec<RuleLine> {
    let line = stats.rules.into_iter().map(|of| RuleLine {
        rule: of.rule.name().to_owned(),
        stage: of.stage.to_string(),
        refused: of.refused,
        would_refuse: of.would_refuse,
    });
    line.collect()
}
