//! What is observed: who fell silent, and what liars, relays and accidents make of it.

mod asked;
mod liars;
mod recorded;

use meshward::wire::Tag;
use meshward::{CriticalEvent, Digest, Event, Nonce};

use crate::support::{Liar, Mesh, id};

/// The default suspicion time.
const SUSPICION_MS: u64 = 3_000;

/// Whether the node at `of` was certified as failed at `at`, at any time.
fn ever_certified(mesh: &Mesh, at: usize, of: usize) -> bool {
    let is_it = |event: &Event| {
        let Event::Certified(found) = event else { return false };
        matches!(found.event(), CriticalEvent::NodeFailure { subject, .. } if *subject == id(of))
    };
    mesh.nodes[at].host.count(is_it) > 0
}

/// How many milliseconds pass, at most `most`, before everybody of `at` holds the certificate that `of`
/// has failed.
fn certified_within(
    mesh: &mut Mesh,
    at: impl Iterator<Item = usize> + Clone,
    of: usize,
    most: u64,
) -> Option<u64> {
    let from = mesh.now;
    while !at.clone().all(|at| mesh.certified(at, of)) {
        if mesh.now.since(from) >= most {
            return None;
        }
        mesh.pass(250);
    }
    Some(mesh.now.since(from))
}

/// How many packets of this sort the node at `from` has sent of its own.
fn said(mesh: &Mesh, from: usize, tag: Tag) -> usize {
    mesh.said.get(&(from, tag)).copied().unwrap_or(0)
}

/// A challenge by `liar` to the member at `subject`, with a riddle of its own.
pub(crate) fn challenge(liar: &Liar, subject: u32, number: u32) -> Vec<u8> {
    let nonce = Nonce { boot: 1_000, sequence: number };
    let riddle = Digest::of("a riddle", &number.to_le_bytes());
    let mut content = liar.view.digest().as_bytes().to_vec();
    content.extend(nonce.boot.to_le_bytes());
    content.extend(nonce.sequence.to_le_bytes());
    content.extend(&riddle.as_bytes()[..16]);
    content.extend(1_u64.to_le_bytes());
    content.extend(subject.to_le_bytes());
    liar.say(Tag::Challenge, &content)
}
