//! The figures for machines.

use serde_json::{Value, json};

use crate::bars::Bar;
use crate::figures::{Death, Figures, percentile};
use crate::runs::{Ran, Report};
use crate::scenarios::{beacon_ms, config};

pub(crate) fn of(report: &Report, bars: &[Bar]) -> Value {
    let config = config(report.options.nodes);
    json!({
        "nodes": report.options.nodes,
        "quick": report.options.is_quick,
        "suite": report.options.suite.to_string(),
        "seed": report.options.seed,
        "cores": report.cores,
        "wall_s": report.wall.as_secs_f64(),
        "beacon_ms": beacon_ms(report.options.nodes),
        "suspicion_ms": config.quorum.suspicion_ms,
        "bars": bars.iter().map(|bar| json!({
            "name": bar.name,
            "holds": bar.holds,
            "found": bar.found,
        })).collect::<Vec<_>>(),
        "scenarios": report.ran.iter().map(scenario).collect::<Vec<_>>(),
    })
}

fn scenario(ran: &Ran) -> Value {
    let plan = &ran.scenario.plan;
    json!({
        "name": ran.scenario.key,
        "title": ran.scenario.title,
        "what": ran.scenario.says,
        "members": plan.members,
        "outsiders": plan.neighbours.len() - plan.members,
        "hostile_members": plan.hostile.range(..plan.members).count(),
        "lasts_ms": ran.scenario.lasts_ms,
        "loss": ran.scenario.loss as f64 / 1000.0,
        "meshward": figures(&ran.meshward),
        "naive": figures(&ran.naive),
    })
}

fn figures(of: &Figures) -> Value {
    json!({
        "expected": of.expected,
        "delivered": of.delays.len(),
        "delivery": of.delivery(),
        "some_not_delivered": of.missing.iter().map(|(from, to, at)| json!({
            "from": from,
            "to": to,
            "said_ms": at,
        })).collect::<Vec<_>>(),
        "perfect_flood": of.ideal,
        "copy_arrived": of.ideal.map(|_| of.arrived),
        "delay_ms": {
            "p50": of.delay(0.5),
            "p90": of.delay(0.9),
            "p99": of.delay(0.99),
            "max": of.delay(1.0),
        },
        "deliveries_of_all_members": of.deliveries,
        "message_checks": of.message_checks,
        "message_checks_per_delivery": of.checks_per_delivery(),
        "message_checks_that_held_per_message_taken": of.checks_that_held(),
        "bad_signatures_checked": of.bad(),
        "bad_signatures_checked_of_one_link_at_most": of.worst_link(),
        "signs_of_life": of.signs_of_life,
        "statement_checks": of.statement_checks(),
        "honest_nodes": of.honest,
        "honest_quarantined": of.honest_quarantined.len(),
        "honest_links_quarantined": of.honest_links_quarantined,
        "hostile_members_quarantined": times(&of.hostile_quarantined),
        "hostile_links_quarantined": times(&of.hostile_links_quarantined),
        "false_certificates": of.false_certificates,
        "deaths": of.deaths.iter().map(death).collect::<Vec<_>>(),
        "bytes_per_node_and_second": {
            "messages": of.per_second(of.traffic.messages),
            "statements": of.per_second(of.traffic.statements),
            "own_statements": of.own_statements(),
        },
        "steps": of.steps,
        "wall_ms": of.wall_ms,
    })
}

/// At how many pairs of an honest member and a hostile one, and after how long.
fn times(sorted: &[u64]) -> Value {
    json!({
        "pairs": sorted.len(),
        "p50_ms": percentile(sorted, 0.5),
        "max_ms": sorted.last(),
    })
}

fn death(death: &Death) -> Value {
    json!({
        "node": death.node,
        "at_ms": death.at,
        "back_at_ms": death.until,
        "awaited": death.awaited.len(),
        "certified": death.awaited.values().flatten().count(),
        "certified_at_all_after_ms": death.certified_ms(),
    })
}
