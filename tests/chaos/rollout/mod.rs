//! K7, K10: a rollout in a mesh with old nodes. Node 0 enforces in stages; the others have keys in the view,
//! and speak unsigned until a test has them sign.

mod stages;
mod stripped;

use meshward::{
    Config, Event, NodeId, Nonce, Reason, RolloutConfig, Rule, Said, Stage, Suite, Verdict,
};

use crate::support::{Mesh, id};

/// Members, of which f = 3 may lie.
const N: usize = 10;
const FAULTS: usize = 3;
const HEARD_SIGNED: Verdict = Verdict::Refuse(Reason::HeardSigned);

fn config() -> Config {
    let rollout = RolloutConfig {
        soak_ms: Some(600_000),
        window_ms: 60_000,
        patience_ms: 10_000,
        ..RolloutConfig::default()
    };
    Config { rollout: Some(rollout), ..Config::default() }
}

fn mesh(suite: Suite) -> Mesh {
    let mut mesh = Mesh::with(suite, N, config());
    mesh.nodes.iter_mut().skip(1).for_each(|node| node.down = true);
    mesh
}

/// Over the member's own link.
fn own(place: usize) -> Said {
    Said::Unsigned { origin: id(place), neighbour: Some(id(place)) }
}

/// In its name, over a link of `by`.
fn in_the_name_of(place: usize, by: Option<NodeId>) -> Said {
    Said::Unsigned { origin: id(place), neighbour: by }
}

fn unsigned(mesh: &Mesh, said: Said) -> Verdict {
    mesh.guard(0).judge_unsigned(&said, mesh.now)
}

fn enforce(mesh: &Mesh, stage: Stage) {
    for &rule in Rule::ALL {
        assert_eq!(mesh.guard(0).set_stage(rule, stage, mesh.now).unwrap(), stage);
    }
}

/// The stage of a rule, and how many members it has refused.
fn standing(mesh: &Mesh, rule: Rule) -> (Stage, usize) {
    let stats = mesh.guard(0).rollout_stats(mesh.now).unwrap();
    let of_rule = stats.rules.iter().find(|stats| stats.rule == rule).unwrap();
    (of_rule.stage, of_rule.members_refused)
}

fn rollbacks(mesh: &Mesh) -> Vec<(Rule, Stage, usize)> {
    let events = mesh.nodes[0].host.events.lock();
    let back = events.iter().filter_map(|event| match event {
        Event::RolledBack { rule, stage, members } => Some((*rule, *stage, *members)),
        _ => None,
    });
    back.collect()
}

/// A second passes for node 0.
fn second(mesh: &mut Mesh) {
    for _ in 0..4 {
        mesh.now = mesh.now.after(250);
        mesh.guard(0).tick(mesh.now).unwrap();
    }
}

fn nonce(sequence: u32) -> Nonce {
    Nonce { boot: 1, sequence: sequence + 1 }
}
