//! Moving a mesh over while it runs: half its nodes are old, and neither sign nor vote.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod host;
mod mesh;
#[path = "../support/mod.rs"]
mod support;

use meshward::{
    Config, Event, FailureStatus, MeshByzantineProtection, Reason, RolloutConfig, Rule, RuleStats,
    Stage, Suite, Verdict,
};

use mesh::Mesh;
use support::id;

/// f = 3 of them may lie, four may be silent, and eight are a quorum.
const N: usize = 12;

fn config() -> Config {
    let rollout =
        RolloutConfig { window_ms: 60_000, patience_ms: 2_000, ..RolloutConfig::default() };
    Config { rollout: Some(rollout), ..Config::default() }
}

/// Some seconds pass; all that anybody said in them reached everybody else, but for what `lost` says of
/// (who hears, who speaks).
fn talk(mesh: &mut Mesh, seconds: u32, lost: impl Fn(&Mesh, usize, usize) -> bool) {
    for _ in 0..seconds {
        let number = mesh.beacons;
        mesh.second();
        for at in (0..N).filter(|at| !mesh.nodes[*at].down) {
            for from in (0..N).filter(|from| *from != at && !mesh.nodes[*from].down) {
                let got = mesh.nodes[at].got.contains(&(from, number));
                assert_eq!(got, !lost(mesh, at, from), "{from} to {at}, beacon {number}");
            }
        }
    }
}

fn nothing(_: &Mesh, _: usize, _: usize) -> bool {
    false
}

fn stages(mesh: &Mesh) -> Vec<Stage> {
    let stage = |rule: &RuleStats| rule.stage;
    let of = mesh.upgraded().map(|(_, guard)| guard.rollout_stats(mesh.now).unwrap());
    of.flat_map(|stats| stats.rules.iter().map(stage).collect::<Vec<_>>()).collect()
}

/// The operator sets a stage on all nodes that are upgraded.
fn begin(mesh: &Mesh, stage: Stage) {
    for (_, guard) in mesh.upgraded() {
        for &rule in Rule::ALL {
            assert_eq!(guard.set_stage(rule, stage, mesh.now).unwrap(), stage);
        }
    }
}

/// The old nodes that a stage of `percent` would refuse, as every node tells it alike.
fn old_in(mesh: &Mesh, percent: u16) -> Vec<usize> {
    let mut old = mesh.old();
    old.retain(|place| {
        let place_of = |(_, guard): (usize, &MeshByzantineProtection)| {
            guard.why(Rule::Signatures, id(*place)).unwrap().place
        };
        let places: Vec<_> = mesh.upgraded().map(place_of).collect();
        assert!(places.windows(2).all(|pair| pair[0] == pair[1]));
        places[0] < percent * 100
    });
    old
}

/// The first half is upgraded node by node; of the others at least three are in the last cohort alone.
fn half_old(suite: Suite) -> Mesh {
    loop {
        let mut mesh = Mesh::new(suite, N, config());
        talk(&mut mesh, 1, nothing);
        for place in 0..N / 2 {
            mesh.upgrade(place);
            talk(&mut mesh, 2, nothing);
        }
        if mesh.old().len() - old_in(&mesh, 50).len() >= 3 {
            return mesh;
        }
    }
}

/// From observing to enforcing, stage by stage: before each the old nodes in its cohort are upgraded. Nothing
/// that anybody says is lost on the way. Then those that are left are shut out, and nobody else is.
#[test]
fn a_running_mesh_is_moved_over_without_losing_a_message() {
    for suite in Suite::available() {
        let mut mesh = half_old(suite);
        let stats = mesh.nodes[0].guard.as_ref().unwrap().rollout_stats(mesh.now).unwrap();
        assert_eq!((stats.heard_signed, stats.rules[0].stage), (N / 2 - 1, Stage::OBSERVE));
        assert!(stats.rules[0].would_refuse > 0);
        // A report is a word, and observing it is one that counts.
        mesh.report(N - 1, 7);
        assert!(mesh.nodes.iter().take(7).all(|node| node.believed_failed.contains(&id(7))));

        for percent in [1, 10, 50] {
            for place in old_in(&mesh, percent) {
                mesh.upgrade(place);
                talk(&mut mesh, 1, nothing);
            }
            let stage = Stage::canary(u8::try_from(percent).unwrap()).unwrap();
            begin(&mesh, stage);
            assert!(stages(&mesh).iter().all(|at| *at == stage));
            talk(&mut mesh, 5, nothing);
        }
        // The last three are never upgraded.
        while let [place, _, _, _, ..] = mesh.old()[..] {
            mesh.upgrade(place);
            begin(&mesh, Stage::canary(50).unwrap());
            talk(&mut mesh, 2, nothing);
        }
        let old = mesh.old();
        begin(&mesh, Stage::ENFORCED);
        let is_shut_out = |mesh: &Mesh, at: usize, from: usize| {
            mesh.nodes[at].guard.is_some() && mesh.nodes[from].guard.is_none()
        };
        talk(&mut mesh, 20, is_shut_out);
        assert!(
            stages(&mesh).iter().all(|stage| *stage == Stage::ENFORCED),
            "nothing was rolled back"
        );
        for (place, guard) in mesh.upgraded() {
            let stats = guard.rollout_stats(mesh.now).unwrap();
            assert_eq!(stats.heard_signed, N - old.len() - 1);
            assert_eq!(stats.rules[0].members_refused, old.len());
            let back = |event: &Event| matches!(event, Event::RolledBack { .. });
            assert!(!mesh.nodes[place].router.events.lock().iter().any(back));
            assert!(guard.stats(mesh.now).quarantined_nodes.is_empty());
        }
        shut_out(&mut mesh, &old, suite);
    }
}

/// All is enforced: the word of an old node counts for nothing, a quorum's does, and a restart changes neither.
fn shut_out(mesh: &mut Mesh, old: &[usize], suite: Suite) {
    mesh.nodes.iter_mut().for_each(|node| node.believed_failed.clear());
    mesh.report(old[0], 1);
    let (dead, witness) = (0, 1);
    for place in (0..N).filter(|place| mesh.nodes[*place].guard.is_some()) {
        assert!(mesh.nodes[place].believed_failed.is_empty(), "{suite}: {place}");
    }
    mesh.nodes[dead].down = true;
    for _ in 0..20 {
        mesh.second();
    }
    for (place, guard) in mesh.upgraded() {
        let status = guard.validate_node_failure(&id(dead));
        assert!(matches!(status, FailureStatus::Certified(_)), "{place}: {status:?}");
        assert!(mesh.nodes[place].router.isolated.lock().contains(&id(dead)));
    }
    mesh.upgrade(witness);
    let is_lost = |mesh: &Mesh, at: usize, from: usize| {
        mesh.nodes[at].guard.is_some() && mesh.nodes[from].guard.is_none()
    };
    // It has to be answered first, and hears nobody before.
    for _ in 0..3 {
        mesh.second();
    }
    talk(mesh, 3, is_lost);
    let guard = mesh.nodes[witness].guard.as_ref().unwrap();
    let stats = guard.rollout_stats(mesh.now).unwrap();
    assert!(stats.rules.iter().all(|rule| rule.stage == Stage::ENFORCED));
    assert_eq!(stats.heard_signed, N - old.len() - 1);
    for place in 2..N {
        let is_old = old.contains(&place);
        let reason = if is_old { Reason::Unsigned } else { Reason::HeardSigned };
        let why = guard.why(Rule::Signatures, id(place)).unwrap();
        assert_eq!((why.verdict, why.heard_signed), (Verdict::Refuse(reason), !is_old));
    }
}
