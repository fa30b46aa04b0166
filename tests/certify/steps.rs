//! Steps from view to view among the files, and what holds in the views that they lead to.

use std::sync::Arc;

use meshward::{Change, CriticalEvent, Digest, Identity, KeyHistory, OsEntropy, Suite};

use super::Files;
use crate::support::{Disk, Mesh, id};

fn proposal(sequence: u64) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([7; 32]), Digest::from_bytes([9; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence, content }
}

/// Lets everybody decide on a proposal, and gives its certificate.
fn decide(mesh: &mut Mesh, sequence: u64) -> Vec<u8> {
    let event = proposal(sequence);
    for place in 0..mesh.nodes.len() {
        mesh.guard(place).report_critical_event(event.clone(), mesh.now).unwrap();
    }
    for _ in 0..100 {
        mesh.pass(250);
        if let Some(certificate) = mesh.guard(0).core().certificate(&event) {
            return certificate.as_bytes().to_vec();
        }
    }
    panic!("{event:?} is not certified");
}

fn change(mesh: &mut Mesh, members: &[usize], change: &Change) {
    let number = mesh.guard(0).core().view().number();
    for place in members {
        mesh.guard(*place).propose_change(change.clone(), mesh.now).unwrap();
    }
    for _ in 0..200 {
        mesh.pass(250);
        let in_next = |place: &usize| mesh.guard(*place).core().view().number() > number;
        if members.iter().all(in_next) {
            return;
        }
    }
    panic!("view {number:?} does not end");
}

/// A mesh of four takes one in under the name of node 4 and lets it go again, and decides something in
/// each of the first two views. Between them node 1 rotates its key.
fn files(suite: Suite) -> Files {
    let mut mesh = Mesh::new(suite, 4);
    mesh.pass(1_000);
    let first = decide(&mut mesh, 1);
    mesh.guard(1).rotate_keys(suite, mesh.now).unwrap();
    mesh.pass(1_000);
    let disk = Disk::default();
    let joiner = Identity::create(&disk, id(4), suite, &OsEntropy).unwrap().member("node 4");
    let join = Change::of(mesh.guard(0).core().view()).join(joiner);
    change(&mut mesh, &[0, 1, 2, 3], &join);
    let view = Arc::clone(mesh.guard(0).core().view());
    mesh.join(disk, &view);
    let certificate = decide(&mut mesh, 2);
    let leave = Change::of(mesh.guard(0).core().view()).leave(id(4));
    change(&mut mesh, &[0, 1, 2, 3], &leave);

    let steps = mesh.guard(0).core().view_links();
    let history = KeyHistory::new(Arc::clone(&mesh.view));
    let dir = tempfile::TempDir::new().unwrap();
    let files = Files { dir, mesh, history, certificate, proof: Vec::new() };
    files.write("view", &files.history.to_bytes().unwrap());
    files.write("first.certificate", &first);
    files.write("certificate", &files.certificate);
    for (number, step) in (1..).zip(&steps) {
        files.write(&format!("{number}.step"), step.as_bytes());
    }
    files
}

/// Who trusts the first view needs nothing but the steps to check what was decided in a later one.
#[test]
fn what_later_views_decided_holds_behind_the_steps_that_lead_to_them() {
    for suite in Suite::available() {
        let files = files(suite);
        let all = ["view", "first.certificate", "1.step", "2.step", "certificate"];
        let (code, words) = files.run(&all);
        assert_eq!(code, 0, "{words}");
        let first = words.find("first.certificate: holds.").unwrap();
        for line in [
            "1.step: holds.\n  3 of 4 members of view 0 attest that view 1 follows: 5 members. \
             Joining: node 4 (05050505).",
            "2.step: holds, in view 1.\n  4 of 5 members of view 1 attest that view 2 follows: 4 \
             members. Leaving: node 4 (05050505).\n  Attested by node",
            "certificate: holds, in view 1.\n  4 of 5 members attest that decision 2",
        ] {
            let words = words.replace("4 of 4", "3 of 4").replace("5 of 5", "4 of 5");
            assert!(words.contains(line) && words.find(line).unwrap() > first, "{line}\n{words}");
        }
        let (code, json) = files.run(&["--json", "view", "1.step", "certificate"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((code, &json["holds"]), (0, &true.into()), "{json}");
        let step = &json["files"][0];
        assert_eq!((&step["view"], &step["found"]["view"]), (&0.into(), &1.into()));
        assert_eq!(step["found"]["kind"], "step");
        assert!(step["found"]["attestors"].as_array().unwrap().len() >= 3);
        assert_eq!(json["files"][1]["view"], 1);
    }
}

#[test]
fn steps_that_do_not_lead_on_and_altered_ones_lead_nowhere() {
    for suite in Suite::available() {
        let files = files(suite);
        let (code, words) = files.run(&["view", "certificate"]);
        assert!(code == 1 && words.contains("it is meant for another view."), "{words}");
        let (code, words) = files.run(&["view", "2.step", "certificate"]);
        assert!(code == 1 && !words.contains(": holds"), "{words}");
        let leads = "The step to view 1: the statement makes no sense: it does not lead on";
        assert!(words.contains(leads), "{words}");
        let (code, words) = files.run(&["view", "1.step", "1.step"]);
        assert!(code == 1 && words.contains("The step to view 2: "), "{words}");

        let good = std::fs::read(files.dir.path().join("1.step")).unwrap();
        for at in (0..300).step_by(7).chain((300..good.len()).step_by(1_009)) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            for bad in [&bad[..], &good[..at]] {
                files.write("bad.step", bad);
                let (code, words) = files.run(&["view", "bad.step", "certificate"]);
                assert!(code == 1 && !words.contains(": holds"), "byte {at}: {words}");
            }
        }
    }
}
