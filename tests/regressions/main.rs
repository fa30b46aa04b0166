//! Bugs that were found and fixed, each with the test that it left behind, over the public interface.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod costs;
mod keys;
mod statements;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod travel;

use meshward::quorum::Attestation;
use meshward::wire::{Packet, Tag};
use meshward::{CriticalEvent, Digest, Event, Link, LinkId};
use support::Mesh;

/// An outsider, on a link that nobody vouches for.
const STRANGER: Link = Link::Claimed(LinkId(1000));

fn proposal(sequence: u64, content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([0; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence, content }
}

/// What a node wants sent; then it is gone.
fn sent(mesh: &Mesh, at: usize) -> Vec<Vec<u8>> {
    mesh.nodes[at].host.sent().into_iter().map(|(bytes, _)| bytes).collect()
}

fn tagged(mut packets: Vec<Vec<u8>>, tag: Tag) -> Vec<Vec<u8>> {
    packets.retain(|bytes| Tag::of(bytes) == Ok(tag));
    packets
}

/// The statements on `event` among packets.
fn statements_on(mesh: &Mesh, event: &CriticalEvent, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut found = tagged(packets, Tag::Attestation);
    found.retain(|bytes| {
        let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { panic!("a statement") };
        Attestation::read(statement, &mesh.view).unwrap().event() == event
    });
    found
}

fn link_quarantined(event: &Event) -> bool {
    matches!(event, Event::LinkQuarantined { .. })
}
