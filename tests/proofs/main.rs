//! P11: a proof of equivocation lasts: over restarts, failing disks, absences and rotations.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod absence;
mod disk;
mod sentence;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use meshward::store::{Entry, Table};
use meshward::{
    CriticalEvent, Digest, EquivocationProof, Event, Kind, Link, LinkId, Nonce, Store, Suite,
};
use support::{Liar, Mesh, id, link};

const STRANGER: Link = Link::Proven(LinkId(1000));

/// Two messages of `liar` under one nonce.
fn halves(liar: &Liar, sequence: u32) -> [Vec<u8>; 2] {
    let nonce = Nonce { boot: 9, sequence };
    [b"left".as_slice(), b"right"]
        .map(|body| liar.frame(liar.header(Kind::RouteUpdate, nonce), body))
}

/// A proof against `liar` that nobody has seen.
fn proof(liar: &Liar, sequence: u32) -> Vec<u8> {
    let [left, right] = halves(liar, sequence);
    let headers = [&left[..left.len() - 4], &right[..right.len() - 5]];
    EquivocationProof::seal_headers(liar.view.mesh(), headers).unwrap()
}

/// Node 3 of four, which from now on says only what its thief says.
fn with_liar(suite: Suite) -> (Mesh, Liar) {
    let mut mesh = Mesh::new(suite, 4);
    mesh.nodes[3].down = true;
    let liar = mesh.steal(3);
    (mesh, liar)
}

fn held(mesh: &Mesh, at: usize) -> Vec<Arc<EquivocationProof>> {
    mesh.guard(at).core().equivocation_proofs()
}

fn stored(mesh: &Mesh, at: usize) -> Vec<Entry> {
    mesh.nodes[at].disk.scan(Table::Proof).unwrap()
}

fn found(mesh: &Mesh, at: usize) -> usize {
    mesh.nodes[at].host.count(|event| matches!(event, Event::Equivocation(_)))
}

fn is_quarantined(mesh: &Mesh, at: usize) -> bool {
    mesh.guard(at).is_node_quarantined(&id(3), mesh.now)
}

fn proposal(content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([0; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence: 1, content }
}

fn incident(proof: &EquivocationProof) -> CriticalEvent {
    let (offender, epoch, key) = (proof.node(), proof.epoch(), proof.key());
    CriticalEvent::SecurityIncident { offender, epoch, key }
}
