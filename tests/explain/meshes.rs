//! Whole meshes in which every node explains what it is given before it takes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshward::quorum::QuorumConfig;
use meshward::wire::{Kind, Tag};
use meshward::{Change, Config, CriticalEvent, Digest, DiskTrust, Nonce, Refusal, Suite};

use crate::stages::shown;
use crate::support::{Mesh, id, link};

fn proposal(sequence: u64, content: u8) -> CriticalEvent {
    let [topic, content] = [9, content].map(|byte| Digest::from_bytes([byte; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence, content }
}

/// Five nodes; what they say of their own is tapped.
fn mesh(suite: Suite, config: Config) -> Mesh {
    let mut mesh = Mesh::with(suite, 5, config);
    (mesh.foretells, mesh.tapped) = (true, Some(Vec::new()));
    mesh
}

/// All that nodes say to each other in a bad week: a failure and a return, a vote, a rotation, a start of a
/// node whose disk may be old, a liar, links that are only claimed, and the next view.
fn bad_week(suite: Suite) -> Mesh {
    let quorum = QuorumConfig { resend_ms: 1_000, ..QuorumConfig::default() };
    let mut mesh = mesh(suite, Config { quorum, ..Config::default() });
    mesh.claimed.insert(1);
    mesh.loss = 50;
    mesh.pass(3_000);
    // What is sent to an address gets to whoever is there.
    let cookies = std::mem::take(&mut *mesh.nodes[0].host.replies.lock());
    for (_, cookie) in cookies {
        let _taken_or_not = mesh.give(1, link(0), &cookie);
    }
    mesh.run();
    for place in 0..4 {
        mesh.guard(place).report_critical_event(proposal(1, 1), mesh.now).unwrap();
    }
    mesh.pass(3_000);
    mesh.guard(2).rotate_keys(suite, mesh.now).unwrap();
    mesh.pass(2_000);
    mesh.nodes[4].down = true;
    mesh.pass(15_000);
    assert!(mesh.certified(0, 4));
    mesh.nodes[4].down = false;
    mesh.pass(3_000);
    let config = Config { disk: DiskTrust::MayBeRolledBack, ..Config::default() };
    mesh.restart_with(3, &config);
    mesh.pass(8_000);
    // One is away when the next view begins, and is helped on.
    mesh.nodes[2].down = true;
    let leave = Change::of(&mesh.view).leave(id(4));
    for (wait_ms, places) in [(4_000, [0, 1]), (10_000, [3, 4])] {
        for place in places {
            mesh.guard(place).propose_change(leave.clone(), mesh.now).unwrap();
        }
        mesh.pass(wait_ms);
    }
    mesh.nodes[2].down = false;
    mesh.pass(10_000);
    let liar = mesh.steal(1);
    for body in [b"a", b"b"] {
        let nonce = Nonce { boot: 90, sequence: 9 };
        let header = liar.header(Kind::RouteUpdate, nonce);
        let _taken_or_not = mesh.give(0, link(1), &liar.frame(header, body));
    }
    for content in [1, 2] {
        let _taken_or_not = mesh.give(2, link(1), &liar.attest(&proposal(7, content)));
    }
    mesh.pass(8_000);
    mesh
}

#[test]
fn what_nodes_say_to_each_other_is_told_as_it_comes() {
    for suite in Suite::available() {
        let mesh = bad_week(suite);
        let foretold = mesh.foretold.lock();
        for ((packet, reason), count) in foretold.iter() {
            println!("{suite}: {packet} {reason}: {count}");
        }
        let taken: BTreeSet<_> = foretold.keys().filter(|it| it.1 == "taken").collect();
        for tag in [
            Tag::Frame,
            Tag::Attestation,
            Tag::Ballot,
            Tag::Rotation,
            Tag::Hello,
            Tag::Challenge,
            Tag::Answer,
            Tag::Claim,
            Tag::Witness,
            Tag::Certificate,
            Tag::Proof,
            Tag::Change,
            Tag::View,
            Tag::Cookie,
            Tag::CookieEcho,
        ] {
            assert!(taken.contains(&(tag.name(), "taken")), "{suite}: no {} was taken", tag.name());
        }
        let packets: BTreeSet<_> = foretold.keys().filter(|it| it.1 != "taken").collect();
        assert!(packets.len() > 15, "{packets:?}");
    }
}

/// Recorded in one mesh, and played to it again, whole and changed, over other links and much later.
#[test]
fn what_is_recorded_and_changed_is_told_as_it_comes() {
    let suite = Suite::available().next().unwrap();
    let mut mesh = bad_week(suite);
    let said: Vec<Arc<[u8]>> = mesh.tapped.take().unwrap();
    let mut dice = 7_u64;
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (dice >> 33) as usize % sides
    };
    for round in 0..4_000 {
        if round % 100 == 0 {
            mesh.now = mesh.now.after(777);
        }
        let mut packet = said[roll(said.len())].to_vec();
        match roll(3) {
            0 => {}
            1 => {
                let at = roll(packet.len());
                packet[at] ^= 1 << roll(8);
            }
            _ => {
                // Where heads and contents stand.
                let at = roll(packet.len().min(400));
                packet[at] ^= 1 << roll(8);
            }
        }
        let over = link(100 + roll(7));
        let over = if roll(2) == 0 { over } else { meshward::Link::Claimed(over.id()) };
        let _taken_or_not = mesh.give(roll(4), over, &packet);
    }
    let foretold = mesh.foretold.lock();
    let reasons: BTreeSet<_> = foretold.keys().map(|(_, reason)| *reason).collect();
    println!("{reasons:?}");
    assert!(reasons.len() > 12, "{reasons:?}");
}

/// The same again and again: all that a node holds stays as it is, whatever it is asked of.
#[test]
fn asking_changes_nothing_whatever_is_asked() {
    let suite = Suite::available().next().unwrap();
    let mesh = bad_week(suite);
    let said = mesh.tapped.as_ref().unwrap();
    let node = mesh.guard(0).core();
    let before = shown(&node, mesh.now);
    let mut reasons = BTreeSet::new();
    for (number, packet) in said.iter().enumerate() {
        let mut packet = packet.to_vec();
        if number % 2 == 1 {
            let at = number * 13 % packet.len();
            packet[at] ^= 1;
        }
        let told = node.explain(link(1), &packet, mesh.now);
        reasons.insert((told.packet, told.refusal.as_ref().map(Refusal::reason)));
    }
    assert!(shown(&node, mesh.now) == before, "asking changed something");
    assert!(reasons.len() > 20, "{reasons:?}");
}
