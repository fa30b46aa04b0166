//! Honest relays and honest receivers, made to look guilty.

use meshward::limit::Rate;
use meshward::reputation::Reputation;
use meshward::wire::{Header, Kind};
use meshward::{
    Accepted, Blame, Config, CriticalEvent, Digest, GossipConfig, Refusal, SentAt, Suite,
};

use super::{hostile, nonce, spoofed};
use crate::support::{Fault, Mesh, failure, id, link, with_signature};

fn assert_link_unharmed(mesh: &Mesh, at: usize, relay: usize) {
    let found = mesh.guard(at).core().link_reputation(link(relay).id(), mesh.now);
    assert_eq!(found, Reputation::FULL, "the link of {relay} at {at}");
}

/// G20, promise P3: for two minutes nothing can be written to the receiver's disk. What the others
/// send meanwhile is taken as ever, and nobody is held to account for it.
#[test]
fn g20_a_store_that_fails_is_nobody_elses_fault() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1_000);
        mesh.nodes[1].disk.fault(Fault::Refuses);
        let voter = mesh.steal(3);
        for number in 0..1200_u32 {
            mesh.now = mesh.now.after(100);
            let taken = mesh.give(1, link(0), &mesh.beacon(0));
            assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
            if number.is_multiple_of(100) {
                let content = Digest::from_bytes([1; 32]);
                let sequence = u64::from(number);
                let event = CriticalEvent::GovernanceProposal { topic: content, sequence, content };
                let taken = mesh.give(1, link(2), &voter.attest(&event));
                assert!(matches!(taken, Ok(Accepted::Ballot { .. })), "{taken:?}");
                mesh.guard(1).report_critical_event(event, mesh.now).unwrap_err();
            }
            let _its_own_trouble = mesh.guard(1).tick(mesh.now);
        }
        mesh.nodes[1].disk.fault(Fault::None);
        for other in [0, 2, 3] {
            assert_link_unharmed(&mesh, 1, other);
            mesh.assert_unharmed(1, other);
        }
    }
}

/// G20, promise P3: a receiver that can afford one signature check a second is brought ten true
/// frames a second by an honest relay. Most are shed, nobody pays, and what was shed is taken from
/// another link later.
#[test]
fn g20_overload_is_nobody_elses_fault() {
    for suite in Suite::available() {
        let gossip = GossipConfig {
            link_checks: Rate { per_second: 1, burst: 5 },
            newcomer_checks: Rate { per_second: 1, burst: 5 },
            ..GossipConfig::default()
        };
        let mut mesh = Mesh::with(suite, 4, Config { gossip, ..Config::default() });
        let mut shed = Vec::new();
        for _ in 0..1200 {
            mesh.now = mesh.now.after(100);
            let frame = mesh.beacon(0);
            match mesh.give(1, link(2), &frame) {
                Ok(_) => {}
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::CheckBudget);
                    shed.push(frame);
                }
            }
        }
        assert!(shed.len() > 1_000, "{} shed", shed.len());
        let last = &shed[shed.len() - 1];
        let taken = mesh.give(1, link(0), last);
        assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
        assert_eq!(mesh.nodes[1].host.events.lock().len(), 0);
        for other in [0, 2] {
            assert_link_unharmed(&mesh, 1, other);
            let full = mesh.guard(1).core().reputation(&id(other), mesh.now);
            assert_eq!(full, Reputation::FULL);
        }
    }
}

/// G21, promise P3: a hostile member and an outsider feed an honest relay with whatever might make it
/// look guilty when it passes it on: its own frames, copies, late ones, contradictions, excesses,
/// accusations with junk beside them, changed bodies and signatures. Whatever an honest node takes and
/// passes on costs its link nothing at another honest node that knows less than it.
#[test]
fn g21_what_an_honest_relay_passes_on_never_makes_it_guilty() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 5);
        let liar = mesh.steal(3);
        let (mut relayed, mut old) = (0, Vec::<Vec<u8>>::new());
        for number in 0..1_200_u32 {
            mesh.now = mesh.now.after(100);
            let sequence = 10 + number;
            let topic = Digest::from_bytes([1; 32]);
            let content = Digest::from_bytes([u8::try_from(number % 250).unwrap(); 32]);
            let vote = CriticalEvent::GovernanceProposal { topic, sequence: 1, content };
            let true_frame = mesh.beacon(0);
            let signature = &true_frame[meshward::wire::HEADER_LEN..][..suite.signature_len()];
            let header = liar.header(Kind::RouteUpdate, nonce(sequence));
            let packets = match number % 10 {
                0 => vec![true_frame.clone()],
                1 => vec![liar.beacon(nonce(sequence), b"true")],
                2 => vec![liar.beacon(nonce(sequence), b"a"), liar.beacon(nonce(sequence), b"b")],
                3 => vec![liar.frame(Header { sent_at: SentAt(0), ..header }, b"too fast")],
                4 => vec![[liar.attest(&failure(0, None)).as_slice(), &[7; 900]].concat()],
                5 => vec![liar.attest(&vote)],
                6 => vec![[&true_frame[..true_frame.len() - 2], b"XX"].concat()],
                7 => vec![with_signature(header, signature, b"forged")],
                8 => vec![old[old.len() / 2].clone(), true_frame[..true_frame.len() / 2].to_vec()],
                _ => vec![mesh.beacon(2)],
            };
            old.push(true_frame);
            for packet in packets {
                let taken = mesh.give(2, hostile(u64::from(number)), &packet);
                let mut passed_on: Vec<_> =
                    mesh.nodes[2].host.sent().into_iter().map(|(bytes, _)| bytes).collect();
                if taken.is_ok_and(|accepted| accepted.is_for_others()) {
                    passed_on.push(packet);
                }
                for bytes in passed_on {
                    relayed += 1;
                    if let Err(refusal) = mesh.give(1, link(2), &bytes) {
                        let blame = Blame::of(&refusal);
                        assert!(!matches!(blame, Blame::Link(_)), "{number}: {refusal}");
                    }
                }
            }
        }
        assert!(relayed > 300, "{relayed} passed on");
        assert_link_unharmed(&mesh, 1, 2);
        for honest in [0, 2, 4] {
            mesh.assert_unharmed(1, honest);
        }
    }
}

/// G26, promise P3: a member rotates its key, and the statement is kept from one receiver. The honest
/// relays that bring it 1200 frames under the new key are not guilty, nor is the member; the receiver
/// asks, learns the key, and hears the member again.
#[test]
fn g26_a_rotation_that_is_kept_away_makes_nobody_guilty() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1_000);
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
        for (statement, _) in mesh.nodes[0].host.sent() {
            for at in [2, 3] {
                mesh.give(at, link(0), &statement).unwrap();
                mesh.nodes[at].host.sent();
            }
        }
        for number in 0..1200 {
            mesh.now = mesh.now.after(100);
            let frame = mesh.beacon(0);
            let over = [link(2), link(3), spoofed(0)][number % 3];
            if number % 100 == 0 {
                mesh.give(2, link(0), &frame).unwrap();
            }
            let refusal = mesh.give(1, over, &frame).unwrap_err();
            assert!(matches!(refusal, Refusal::UnknownKey { .. }), "{refusal}");
        }
        let paid = |event: &meshward::Event| {
            use meshward::Event::{LinkQuarantined, MemberQuarantined};
            matches!(event, LinkQuarantined { .. } | MemberQuarantined { .. })
        };
        assert_eq!(mesh.nodes[1].host.count(paid), 0);
        for relay in [2, 3] {
            assert_link_unharmed(&mesh, 1, relay);
        }
        mesh.pass(10_000);
        mesh.assert_unharmed(1, 0);
        mesh.assert_unharmed(1, 2);
    }
}
