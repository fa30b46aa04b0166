//! What is lost on the way, what overtakes, and what is played again.

use meshward::quorum::Certificate;
use meshward::wire::SignedHeader;
use meshward::{CriticalEvent, Event, Link, Millis, Refusal, Suite};

use crate::support::{Liar, Mesh, failure, id, link, mark};
use crate::{STRANGER, proposal};

/// Nodes in a row: each hears its neighbours alone.
fn line(suite: Suite, n: usize) -> Mesh {
    let mut mesh = Mesh::new(suite, n);
    for from in 0..n {
        mesh.cut.extend((0..n).filter(|to| from.abs_diff(*to) > 1).map(|to| (from, to)));
    }
    mesh.pass(3000);
    mesh
}

/// P3, P8: evidence that runs ahead of the first beacon of a node that comes back, in an accusation
/// that nobody signed, does not keep the node isolated.
#[test]
fn evidence_ahead_of_the_beacon_does_not_hide_a_return() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(3000);
        mesh.nodes[3].down = true;
        mesh.pass(6000);
        assert!(mesh.nodes[0].host.isolated.lock().contains(&id(3)));
        let beacon = mesh.beacon(3);
        let header = SignedHeader::parse(&beacon[..beacon.len() - 4]).unwrap();
        let accusation = failure(3, Some(header.header().mark()));
        let forged = Liar::impostor(suite, id(1), &mesh.view).attest(&accusation);
        mesh.give(0, STRANGER, &[&forged, header.as_bytes()].concat()).unwrap_err();
        mesh.give(0, link(3), &beacon).unwrap();
        assert!(!mesh.nodes[0].host.isolated.lock().contains(&id(3)), "{suite}");
        assert_eq!(
            mesh.nodes[0].host.count(|event| matches!(event, Event::NodeReturned { .. })),
            1
        );
    }
}

/// P6, P4: of two agreements on one observed matter the newer stands. The older, played again, is
/// no news, whether as a certificate or as the statements it was made of.
#[test]
fn an_old_agreement_does_not_come_back() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        let down = |sequence| {
            let mark = mark(sequence);
            CriticalEvent::LinkDown { reporter: id(0), peer: id(3), mark }
        };
        let mut agreed = Vec::new();
        for sequence in [2, 3] {
            for node in [0, 2, 3] {
                mesh.give(1, link(node), &mesh.steal(node).attest(&down(sequence))).unwrap();
            }
            agreed.push(mesh.guard(1).core().certificate(&down(sequence)).unwrap());
        }
        assert!(mesh.guard(1).is_validated(&down(3)), "the newer one replaced the older");
        let directory = mesh.guard(1).core().directory().clone();
        for certificate in agreed.iter().cycle().take(40) {
            let refusal = mesh.give(1, STRANGER, certificate.as_bytes()).unwrap_err();
            assert!(matches!(refusal, Refusal::Decided | Refusal::Outdated), "{refusal}");
            assert!(Certificate::verify(certificate.as_bytes(), &directory).is_ok());
        }
        assert!(mesh.guard(1).is_validated(&down(3)), "{suite}");
    }
}

/// P7: a certificate that a member lost is sent again, though it has nothing to say on the matter.
#[test]
fn a_lost_certificate_comes_again() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        mesh.cut.extend((0..3).map(|from| (from, 3)));
        for node in 0..3 {
            mesh.guard(node).report_critical_event(proposal(1, 1), mesh.now).unwrap();
        }
        mesh.pass(3000);
        assert!(mesh.guard(0).is_validated(&proposal(1, 1)));
        mesh.cut.clear();
        mesh.pass(10_000);
        assert!(mesh.guard(3).is_validated(&proposal(1, 1)), "{suite}");
    }
}

/// P7: a rotation that was lost on the second hop comes through when somebody beyond asks for it.
#[test]
fn a_rotation_lost_on_the_second_hop_comes_again() {
    for suite in Suite::available() {
        let mut mesh = line(suite, 4);
        mesh.cut.insert((1, 2));
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(2000);
        mesh.cut.remove(&(1, 2));
        mesh.pass(40_000);
        let member = mesh.view.index_of(&id(0)).unwrap();
        for at in 0..4 {
            let known = mesh.guard(at).core().directory().current(member).unwrap();
            assert_eq!(known.epoch.operational, 1, "{suite}: at {at}");
        }
    }
}

/// P7: votes that were lost on the second hop count in the end, also those that were signed anew
/// because their authors rotated meanwhile.
#[test]
fn votes_signed_anew_travel_as_far_as_the_first() {
    for suite in Suite::available() {
        let mut mesh = line(suite, 4);
        mesh.cut.extend([(1, 2), (2, 1)]);
        for node in [0, 1, 3] {
            mesh.guard(node).report_critical_event(proposal(1, 1), mesh.now).unwrap();
        }
        mesh.pass(500);
        for node in [0, 3] {
            mesh.guard(node).rotate_keys(suite, mesh.now).unwrap();
        }
        mesh.pass(2000);
        for hop in [(1, 2), (2, 1)] {
            mesh.cut.remove(&hop);
        }
        mesh.pass(120_000);
        for at in 0..4 {
            assert!(mesh.guard(at).is_validated(&proposal(1, 1)), "{suite}: at {at}");
        }
    }
}

/// P3: a neighbour that passes on what all members say in a mass failure, again and again, is within
/// its budget, however small the configured one.
#[test]
fn a_relay_in_a_mass_failure_is_not_charged() {
    for suite in Suite::available() {
        let mut config = meshward::Config::default();
        config.gossip.link_packets = meshward::limit::Rate { per_second: 1, burst: 1 };
        config.gossip.origin_rate = config.gossip.link_packets;
        let mesh = Mesh::with(suite, 10, config);
        let relay = Link::Proven(meshward::LinkId(77));
        let speakers: Vec<_> = (1..7).map(|place| mesh.steal(place)).collect();
        let statements: Vec<_> = speakers
            .iter()
            .flat_map(|speaker| (7..10).map(|dead| speaker.attest(&failure(dead, None))))
            .collect();
        for half_second in 0..120 {
            let now = Millis(mesh.now.0 + half_second * 500);
            for statement in &statements {
                let _taken = mesh.guard(0).handle_frame(relay, statement, now);
            }
        }
        assert_eq!(
            mesh.nodes[0].host.count(|event| matches!(event, Event::LinkQuarantined { .. })),
            0
        );
        assert_eq!(mesh.guard(0).stats(mesh.now).refused.get("link_budget"), None, "{suite}");
    }
}
