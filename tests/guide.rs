//! What the guide tells is what there is.

#![allow(clippy::unwrap_used)]

const OPERATIONS: &str = include_str!("../src/guide/operations.md");
const PARAMETERS: &str = include_str!("../src/guide/parameters.md");
const README: &str = include_str!("../README.md");

/// The names of all events, from the one function that gives them.
fn events() -> Vec<&'static str> {
    let source = include_str!("../src/core/event.rs");
    let (_, names) = source.split_once("pub const fn name(&self)").unwrap();
    let arms = names.lines().filter_map(|line| line.split_once("=> \""));
    arms.filter_map(|(_, rest)| rest.split_once('"')).map(|(name, _)| name).collect()
}

#[test]
fn the_playbook_has_every_event_and_no_other() {
    let (_, playbook) = OPERATIONS.split_once("\n# When something is wrong\n").unwrap();
    let rows = playbook.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<_> = rows.filter_map(|row| row.split_once("` |")).map(|(name, _)| name).collect();
    assert_eq!(rows, events());
    assert!(rows.len() > 20);
}

#[test]
fn its_table_of_costs_is_the_readmes() {
    let head = "| nodes | a beacon each |";
    let table = |text: &'static str| {
        let lines = text.lines().skip_while(|line| !line.starts_with(head));
        lines.take_while(|line| line.starts_with('|')).collect::<Vec<_>>()
    };
    assert_eq!(table(PARAMETERS), table(README));
    assert_eq!(table(README).len(), 8);
}

/// The metrics that it has one look at exist.
#[test]
fn the_metrics_of_every_day_are_recorded() {
    let (daily, _) = OPERATIONS.split_once("\n# Rotation\n").unwrap();
    let names: Vec<_> = daily.split('`').filter(|name| name.starts_with("meshward_")).collect();
    let recorded = include_str!("../src/core/metrics.rs");
    assert!(names.iter().all(|name| recorded.contains(&format!("| `{name}` |"))), "{names:?}");
    assert!(names.len() > 5);
}
