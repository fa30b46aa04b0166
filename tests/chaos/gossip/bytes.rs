//! Packets that were true before somebody changed a byte of them.

use meshward::limit::Rate;
use meshward::wire::{HEADER_LEN, Header, Kind, MAX_BODY_LEN, Tag, seal_statement};
use meshward::{
    Accepted, Config, CriticalEvent, Digest, EquivocationProof, GossipConfig, Link, LinkId,
    OsEntropy, Refusal, Suite,
};

use super::{nonce, spoofed};
use crate::support::{Mesh, certificate, failure, link};

const STRANGER: Link = Link::Claimed(LinkId(60_000));

/// A mesh whose links may spend whatever they like, so that every change is looked at to the end.
fn patient(suite: Suite) -> Mesh {
    let most = Rate { per_second: Rate::MOST, burst: Rate::MOST };
    let gossip =
        GossipConfig { claimed_checks: most, link_packets: most, ..GossipConfig::default() };
    Mesh::with(suite, 4, Config { gossip, ..Config::default() })
}

fn refused(mesh: &Mesh, at: usize, what: &str, bytes: &[u8]) {
    match mesh.give(at, STRANGER, bytes) {
        Ok(accepted) => panic!("{what} was taken: {accepted:?}"),
        Err(Refusal::CheckBudget | Refusal::LinkBudget) => panic!("{what} was not looked at"),
        Err(_) => {}
    }
}

/// Every bit of `bytes`, one at a time: half of them at each of two receivers, at once.
fn flip_each(mesh: &Mesh, bytes: &[u8]) {
    std::thread::scope(|scope| {
        for at in [1, 2] {
            scope.spawn(move || {
                let mut copy = bytes.to_vec();
                for bit in (0..8 * bytes.len()).filter(|bit| bit % 2 == at - 1) {
                    copy[bit / 8] ^= 1 << (bit % 8);
                    refused(mesh, at, &format!("bit {bit} flipped"), &copy);
                    copy[bit / 8] ^= 1 << (bit % 8);
                }
            });
        }
    });
}

/// G16, promises P1, P3 and P4: a valid frame cut off after every byte, with every single bit of its
/// header, signature and body flipped, with bytes after its end. Nothing of that is taken, nothing is
/// held against its origin, and the true frame is taken afterwards.
#[test]
fn g16_a_frame_with_a_byte_changed_is_no_frame() {
    for suite in Suite::available() {
        let mut mesh = patient(suite);
        let frame = mesh.beacon(0);
        for end in 0..frame.len() {
            refused(&mesh, 1, &format!("{end} bytes"), &frame[..end]);
        }
        for extra in 1..=64 {
            let longer = [frame.as_slice(), &[0; 64][..extra]].concat();
            refused(&mesh, 1, &format!("{extra} bytes more"), &longer);
        }
        flip_each(&mesh, &frame);
        assert_eq!(mesh.guard(1).stats(mesh.now).delivered, 0);
        for at in [1, 2] {
            let taken = mesh.give(at, spoofed(0), &frame);
            assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
            mesh.assert_unharmed(at, 0);
        }
    }
}

/// G16: headers that lie about the length of their body, their kind, suite and version.
#[test]
fn g16_lengths_and_kinds_that_lie() {
    for suite in Suite::available() {
        let mut mesh = patient(suite);
        let victim = mesh.steal(0);
        let frame = mesh.beacon(0);
        let (_, rest) = frame.split_at(HEADER_LEN);
        let true_length = u32::try_from(frame.len() - HEADER_LEN - suite.signature_len()).unwrap();
        let longest = u32::try_from(MAX_BODY_LEN).unwrap();
        let lies = [0, true_length - 1, true_length + 1, longest, longest + 1, u32::MAX];
        for body_len in lies {
            let header = Header { body_len, ..victim.header(Kind::Beacon, nonce(1)) };
            let lying = [header.to_bytes().unwrap().as_slice(), rest].concat();
            refused(&mesh, 1, &format!("a body of {body_len} bytes"), &lying);
        }
        // Every value of the two first bytes and of the one that names the suite.
        for (place, value) in [0, 1, 34].into_iter().flat_map(|p| (0..=255).map(move |v| (p, v))) {
            let mut other = frame.clone();
            if other[place] != value {
                other[place] = value;
                refused(&mesh, 1, &format!("byte {place} set to {value}"), &other);
            }
        }
        mesh.give(1, spoofed(0), &frame).unwrap();
        mesh.assert_unharmed(1, 0);
    }
}

/// One of every packet there is besides frames, all true, all by node 0 or about it.
fn specimens(mesh: &Mesh) -> Vec<(&'static str, Vec<u8>)> {
    let suite = mesh.suite;
    let victim = mesh.steal(0);
    // Its nonce, the view that it is in, and that it lacks nobody's key.
    let hello = [9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let proposal = CriticalEvent::GovernanceProposal {
        topic: Digest::from_bytes([1; 32]),
        sequence: 1,
        content: Digest::from_bytes([2; 32]),
    };
    let votes = [0, 1, 3]
        .map(|place| (u32::try_from(place).unwrap(), mesh.steal(place).attest(&failure(2, None))));
    let liar = mesh.steal(3);
    let halves = [1, 2].map(|body| liar.beacon(nonce(9), &[body]));
    let halves = [0, 1].map(|half| &halves[half][..HEADER_LEN + suite.signature_len()]);
    vec![
        ("rotation", victim.rotate(suite, nonce(99)).0),
        (
            "hello",
            seal_statement(Tag::Hello, &victim.head(), &hello, &victim.key, &OsEntropy).unwrap(),
        ),
        ("attestation", victim.attest(&proposal)),
        ("certificate", certificate(&mesh.view, &votes)),
        ("proof", EquivocationProof::seal_headers(mesh.view.mesh(), halves).unwrap()),
    ]
}

/// G16: rotations, Hellos, attestations, certificates and proofs: cut off after every byte, with
/// every bit flipped of all that is not signature, and of enough of that. The true ones are taken.
#[test]
fn g16_a_statement_with_a_byte_changed_is_none() {
    for suite in Suite::available() {
        let mut mesh = patient(suite);
        for (what, bytes) in specimens(&mesh) {
            for end in 0..bytes.len() {
                refused(&mesh, 1, &format!("{what} of {end} bytes"), &bytes[..end]);
            }
            // Beside an attestation evidence may travel, which has to prove itself.
            if what != "attestation" {
                for extra in [1, 2, 64] {
                    let longer = [bytes.as_slice(), &[0; 64][..extra]].concat();
                    refused(&mesh, 1, &format!("{what} and {extra} bytes"), &longer);
                }
            }
            let mut copy = bytes.clone();
            let front = (0..400.min(bytes.len())).chain((400..bytes.len()).step_by(23));
            for (number, byte) in front.enumerate() {
                let bits = if byte < 400 { 0..8 } else { number % 8..number % 8 + 1 };
                for bit in bits {
                    copy[byte] ^= 1 << bit;
                    refused(&mesh, 1, &format!("{what}, bit {bit} of byte {byte}"), &copy);
                    copy[byte] ^= 1 << bit;
                }
            }
            assert_eq!(mesh.guard(1).stats(mesh.now).statements_taken, 0, "{what}");
            mesh.assert_unharmed(1, 0);
        }
        for (what, bytes) in specimens(&mesh) {
            let taken = mesh.give(1, link(0), &bytes);
            assert!(taken.is_ok(), "{what}: {taken:?}");
        }
    }
}

/// G16: a cookie and its echo, cut off after every byte, with bytes after their end. Neither is
/// answered, and the true ones are.
#[test]
fn g16_a_cookie_with_a_byte_missing_is_none() {
    for suite in Suite::available() {
        let mesh = patient(suite);
        mesh.give(0, spoofed(1), &mesh.beacon(1)).unwrap();
        let reply = |at: usize| mesh.nodes[at].host.replies.lock().pop();
        let maimed = |at, what, bytes: &[u8]| {
            for end in 0..bytes.len() {
                refused(&mesh, at, &format!("{what} of {end} bytes"), &bytes[..end]);
            }
            for extra in 1..=64 {
                let longer = [bytes, &[0; 64][..extra]].concat();
                refused(&mesh, at, &format!("{what} and {extra} bytes"), &longer);
            }
            assert!(reply(at).is_none(), "{what}");
        };
        let (_, cookie) = reply(0).unwrap();
        maimed(1, "a cookie", &cookie);
        assert!(matches!(mesh.give(1, spoofed(0), &cookie), Ok(Accepted::Cookie)));
        let (_, echo) = reply(1).unwrap();
        maimed(0, "an echo", &echo);
        assert!(matches!(mesh.give(0, spoofed(1), &echo), Ok(Accepted::CookieEcho(_))));
    }
}
