//! Exclusive slots: what liars, losses and crashes do to a decision of which there may be one.

use meshward::quorum::{Ballot, Phase};
use meshward::{CriticalEvent, Digest, Event, Suite};

use crate::support::{Liar, Mesh, link};

fn proposal(content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([7; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence: 1, content }
}

/// All that a liar may say in the first rounds, for both contents.
fn everything(liar: &Liar) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for round in 0..4 {
        for content in [1, 2] {
            for phase in [Phase::Prevote, Phase::Precommit] {
                let ballot = Ballot::for_event(&proposal(content), round, phase).unwrap();
                all.push(liar.vote(&ballot));
            }
        }
    }
    all
}

/// What is certified at each of the honest three so far; at most one content, whoever is asked.
fn decided(mesh: &Mesh) -> Vec<u8> {
    let certified =
        |place: usize| (1..=2).find(|content| mesh.guard(place).is_validated(&proposal(*content)));
    let contents: Vec<_> = (0..3).filter_map(certified).collect();
    assert!(contents.windows(2).all(|two| two[0] == two[1]), "two contents: {contents:?}");
    contents
}

/// Q15, Q6, promises P6 and P7: the honest three of four like different contents best; the liar votes
/// for the one before one of them and for the other before the next, keeps some of its votes back and
/// publishes all of them in the end; a fifth of all packets is lost, and nodes crash and start again at
/// any time. One content is certified, the same everywhere, and no vote changes it afterwards.
#[test]
fn q15_split_votes_are_decided_once() {
    for suite in Suite::available() {
        for seed in 1..=8_u64 {
            let mut mesh = Mesh::new(suite, 4);
            mesh.seed(seed);
            mesh.loss = 200;
            mesh.nodes[3].down = true;
            let lies = everything(&mesh.steal(3));
            let report = |mesh: &Mesh, place: usize, content| {
                let guard = mesh.guard(place);
                guard.report_critical_event(proposal(content), mesh.now).unwrap();
            };
            for place in 0..3 {
                report(&mesh, place, 1 + (place as u8 + seed as u8) % 2);
            }
            mesh.pass(1_000);
            for place in 0..3 {
                report(&mesh, place, 1 + (place as u8 + 1 + seed as u8) % 2);
            }
            let mut steps = 0;
            while decided(&mesh).len() < 3 {
                steps += 1;
                assert!(steps < 600, "{suite}, {seed}: nothing is certified");
                if steps <= 40 {
                    // Another of its votes before each.
                    for place in 0..3 {
                        let lie = &lies[(steps * 5 + place * 3 + seed as usize) % lies.len()];
                        let _taken_or_not = mesh.give(place, link(3), lie);
                    }
                    if steps % 7 == 0 {
                        mesh.restart((steps / 7 + seed as usize) % 3);
                    }
                }
                mesh.pass(250);
            }
            let before = decided(&mesh);
            for lie in &lies {
                for place in 0..3 {
                    let _refused = mesh.give(place, link(3), lie);
                }
                mesh.run();
            }
            mesh.pass(5_000);
            assert_eq!(decided(&mesh), before);
            for place in 0..3 {
                for other in (0..3).filter(|other| *other != place) {
                    mesh.assert_unharmed(place, other);
                }
            }
        }
    }
}

/// P6: a host is told once of what is proposed that it has not spoken of itself; accepting it is what
/// makes a mesh whose hosts like different contents decide.
#[test]
fn a_host_is_told_of_what_others_propose() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        for place in 0..2 {
            mesh.guard(place).report_critical_event(proposal(1), mesh.now).unwrap();
        }
        mesh.pass(30_000);
        assert!(decided(&mesh).is_empty(), "two of four are too few");
        let proposed =
            |event: &Event| matches!(event, Event::Proposed { event, .. } if *event == proposal(1));
        let told: Vec<_> = (0..4).map(|at| mesh.nodes[at].host.count(proposed)).collect();
        assert_eq!(told, [0, 0, 1, 1]);
        mesh.guard(2).report_critical_event(proposal(1), mesh.now).unwrap();
        for _ in 0..400 {
            mesh.pass(250);
        }
        assert_eq!(decided(&mesh), [1; 3]);
    }
}
