//! Every metric that a node records is in the table, with its type, labels and meaning, and every metric in
//! the table is recorded; no label is anything that somebody outside has chosen.
//!
//! `cargo test --features metrics --test metrics`

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use meshward::core::metrics::{METRICS, Metric, Sort};
use meshward::wire::Kind;
use meshward::{CriticalEvent, Digest, Link, LinkId, Nonce, Suite};
use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use support::{Mesh, id, link};

const DOCS: &str = include_str!("../src/core/metrics.rs");
const README: &str = include_str!("../README.md");

/// Name, labels, value, meaning.
type Series = (String, BTreeMap<String, String>, DebugValue, Option<String>);

/// A mesh that a liar and an outsider trouble, in which a node dies and a key is rotated.
fn troubled_mesh() -> Mesh {
    let suite = Suite::MlDsa65;
    let mut mesh = Mesh::new(suite, 5);
    mesh.loss = 50;
    mesh.pass(3_000);
    let host = Kind::host(77).unwrap();
    mesh.guard(0).sign_message(host, b"of the host", mesh.now).unwrap();
    mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
    let liar = mesh.steal(4);
    for body in [b"a", b"b"] {
        let header = liar.header(Kind::RouteUpdate, Nonce { boot: 90, sequence: 9 });
        let _taken_or_not = mesh.give(0, link(4), &liar.frame(header, body));
    }
    let stranger = Link::Proven(LinkId(900));
    for number in 0..40_u8 {
        let _refused = mesh.give(0, stranger, &[1, number]);
    }
    let topic = Digest::from_bytes([0xab; 32]);
    for place in 0..4 {
        let event = CriticalEvent::GovernanceProposal { topic, sequence: 1, content: topic };
        mesh.guard(place).report_critical_event(event, mesh.now).unwrap();
    }
    mesh.nodes[3].down = true;
    mesh.pass(15_000);
    mesh
}

fn seen(snapshotter: &Snapshotter) -> Vec<(MetricKind, Series)> {
    let all = snapshotter.snapshot().into_vec().into_iter();
    all.map(|(key, _unit, meaning, value)| {
        let (kind, key) = key.into_parts();
        let (name, labels) = key.into_parts();
        let labels = labels.iter().map(|it| (it.key().to_owned(), it.value().to_owned()));
        let meaning = meaning.map(|meaning| meaning.to_string());
        (kind, (name.as_str().to_owned(), labels.collect(), value, meaning))
    })
    .collect()
}

/// The words that a `match` of the library's gives.
fn words(source: &str) -> BTreeSet<String> {
    let arms = source.split("=> \"").skip(1);
    arms.filter_map(|arm| Some(arm.split_once('"')?.0.to_owned())).collect()
}

/// All that a label may say.
fn allowed(label: &str) -> BTreeSet<String> {
    let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match label {
        "kind" => words(include_str!("../src/wire/kind.rs")),
        "packet" => words(include_str!("../src/wire/packet.rs")),
        "reason" => words(include_str!("../src/wire/refusal.rs")),
        "offence" => words(include_str!("../src/reputation/offence.rs")),
        "event" => words(include_str!("../src/core/event.rs")),
        "suite" => Suite::ALL.iter().map(|suite| suite.name().to_owned()).collect(),
        "payer" => of(&["link", "member"]),
        "of" => of(&["message", "other"]),
        other => panic!("{other}: nobody said what it may say"),
    }
}

#[test]
fn what_is_recorded_is_what_the_table_says_and_nothing_else() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let (mesh, last) = metrics::with_local_recorder(&recorder, || {
        let mut mesh = troubled_mesh();
        mesh.nodes[3].down = false;
        mesh.now = mesh.now.after(250);
        // What a tick itself brings about is recorded by the next.
        for node in mesh.nodes.iter().chain(&mesh.nodes) {
            node.guard.tick(mesh.now).unwrap();
        }
        let last = mesh.now;
        (mesh, last)
    });
    let mut names = BTreeSet::new();
    let mut sums = BTreeMap::<String, u64>::new();
    for (kind, (name, labels, value, meaning)) in seen(&snapshotter) {
        let metric = METRICS.iter().find(|metric| metric.name == name);
        let Some(Metric { sort, labels: wanted, meaning: says, .. }) = metric else {
            panic!("{name} is in no table");
        };
        let is_counter = kind == MetricKind::Counter;
        assert_eq!(is_counter, *sort == Sort::Counter, "{name}");
        assert_eq!(meaning.as_deref(), Some(*says), "{name}");
        let found: BTreeSet<_> = labels.keys().map(String::as_str).collect();
        assert_eq!(found, wanted.iter().copied().collect(), "{name}");
        for (label, word) in &labels {
            assert!(allowed(label).contains(word), "{name}: {label} says '{word}'");
        }
        if let DebugValue::Counter(count) = value {
            *sums.entry(name.clone()).or_default() += count;
        }
        names.insert(name);
    }
    let all: BTreeSet<_> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(names, all);

    let stats = || mesh.nodes.iter().map(|node| node.guard.stats(last));
    let total = |name: &str| sums[name];
    let refused = stats().map(|stats| stats.refused.values().sum::<u64>());
    assert_eq!(total("meshward_packets_refused_total"), refused.sum());
    assert_eq!(
        total("meshward_messages_delivered_total"),
        stats().map(|stats| stats.delivered).sum()
    );
    assert_eq!(
        total("meshward_statements_taken_total"),
        stats().map(|stats| stats.statements_taken).sum()
    );
    assert_eq!(
        total("meshward_signature_checks_total"),
        stats().map(|stats| stats.signature_checks).sum()
    );
    let events = mesh.nodes.iter().map(|node| node.host.count(|_| true) as u64);
    assert_eq!(total("meshward_events_total"), events.sum());
    assert!(total("meshward_offences_total") >= 2);
}

#[test]
fn gauges_say_how_the_node_that_ticked_last_sees_things() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let mesh = metrics::with_local_recorder(&recorder, || {
        let mesh = troubled_mesh();
        mesh.guard(0).tick(mesh.now).unwrap();
        mesh
    });
    let gauges: BTreeMap<_, _> = seen(&snapshotter)
        .into_iter()
        .filter_map(|(_, (name, labels, value, _))| match value {
            DebugValue::Gauge(value) => Some(((name, labels.into_values().next()), value.0)),
            _ => None,
        })
        .collect();
    let gauge = |name: &str, label: Option<&str>| {
        gauges[&(format!("meshward_{name}"), label.map(str::to_owned))]
    };
    let stats = mesh.guard(0).stats(mesh.now);
    assert_eq!(gauge("members", None), 5.0);
    assert_eq!(gauge("quorum_size", None), 4.0);
    assert_eq!(gauge("members_quarantined", None), stats.quarantined_nodes.len() as f64);
    assert_eq!(gauge("failures_certified", None), stats.validated_failures.len() as f64);
    assert_eq!(gauge("members_overdue", None), 1.0, "the one that is down");
    assert_eq!(gauge("members_unproven", None), 0.0);
    assert_eq!(gauge("view_number", None), 0.0);
    assert_eq!(gauge("signing", None), 1.0);
    assert_eq!(gauge("keys", Some("ml-dsa-65")), 5.0);
    assert_eq!(gauge("keys", Some("dilithium3")), 0.0);
    let lowest = stats.node_reputations.values().min().unwrap();
    assert_eq!(gauge("reputation_lowest", None), lowest.as_f64());
    assert!(mesh.guard(0).core().reputation(&id(4), mesh.now) == *lowest);
}

/// The rows of the table in `text`: all that stands between bars after a name of ours.
fn rows<'a>(text: &'a str, mark: &str) -> Vec<Vec<&'a str>> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix(mark));
    lines
        .filter(|line| line.starts_with("| `meshward_"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_tables_in_the_docs_and_in_the_readme_say_what_there_is() {
    let row = |metric: &Metric| {
        let sort = match metric.sort {
            Sort::Counter => "counter",
            Sort::Gauge => "gauge",
        };
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let name = format!("`{}`", metric.name);
        [&name, sort, metric.unit, &labels.join(", "), metric.meaning].map(str::to_owned).to_vec()
    };
    let wanted: Vec<_> = METRICS.iter().map(row).collect();
    assert_eq!(rows(DOCS, "//! "), wanted, "the docs");
    assert_eq!(rows(README, ""), wanted, "the README");
}
