//! What survives a restart, and what a failing store must not break.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;

use meshward::keyring::{Error, Fault as LibraryFault};
use meshward::quorum::{Ballot, Phase, UncheckedBallot};
use meshward::store::{Batch, Table};
use meshward::wire::{Packet, Tag};
use meshward::{
    Accepted, CriticalEvent, Digest, Epoch, Identity, MemoryStore, Nonce, OsEntropy, Refusal,
    Store, Suite, Tally, View,
};
use support::{Fault, Mesh, id, link};

fn proposal(content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([0; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence: 1, content }
}

/// Its own ballots among what a node wants sent, each once.
fn votes(mesh: &Mesh, at: usize) -> Vec<Ballot> {
    let mut votes = Vec::new();
    for (bytes, _) in mesh.nodes[at].host.sent() {
        if let Ok(Packet::Statement(statement)) = Packet::parse(&bytes)
            && statement.tag() == Tag::Ballot
            && statement.head().origin == id(at)
        {
            let ballot = *UncheckedBallot::read(statement, &mesh.view).unwrap().ballot();
            if !votes.contains(&ballot) {
                votes.push(ballot);
            }
        }
    }
    votes
}

fn keeps_identity_boot_and_vote(mesh: &mut Mesh) {
    let before = mesh.beacon(0);
    mesh.give(1, link(0), &before).unwrap();
    // Nobody hears what it says; in the end it votes, for the proposal or, if it does not lead, for
    // nothing.
    mesh.cut.extend((1..4).flat_map(|other| [(0, other), (other, 0)]));
    mesh.guard(0).report_critical_event(proposal(1), mesh.now).unwrap();
    let mut first = votes(mesh, 0);
    for _ in 0..12 {
        mesh.now = mesh.now.after(250);
        mesh.guard(0).tick(mesh.now).unwrap();
        first.extend(votes(mesh, 0));
    }
    first.dedup();
    assert_eq!(first.len(), 1, "{first:?}");

    mesh.restart(0);
    let Ok(Accepted::Message(message)) = mesh.give(1, link(0), &mesh.beacon(0)) else {
        panic!("the same key speaks for it");
    };
    assert_eq!((message.origin, message.mark.nonce), (id(0), Nonce { boot: 2, sequence: 1 }));
    assert_eq!(mesh.give(1, link(0), &before).unwrap_err(), Refusal::Replay);

    // Another proposal changes nothing about what it said in that round.
    let tally = mesh.guard(0).report_critical_event(proposal(2), mesh.now);
    assert!(matches!(tally, Ok(Tally::Pending { .. })), "{tally:?}");
    for _ in 0..40 {
        mesh.now = mesh.now.after(250);
        mesh.guard(0).tick(mesh.now).unwrap();
        let again = votes(mesh, 0);
        assert!(again.is_empty() || again == first, "{again:?}");
    }
    mesh.cut.clear();
    for node in [1, 2] {
        mesh.guard(node).report_critical_event(proposal(1), mesh.now).unwrap();
    }
    mesh.pass(30_000);
    for node in 0..4 {
        assert!(mesh.guard(node).is_validated(&proposal(1)), "at {node}");
    }
}

/// P9, P6: after a restart a node has its key, a higher boot, and its votes in exclusive slots.
#[test]
fn a_restart_keeps_identity_boot_and_vote() {
    for suite in Suite::available() {
        keeps_identity_boot_and_vote(&mut Mesh::new(suite, 4));
    }
}

/// The same on a real disk, through a closed and reopened file.
#[cfg(feature = "durable-store")]
#[test]
fn a_restart_on_a_real_disk_keeps_identity_boot_and_vote() {
    for suite in Suite::available() {
        let directory = tempfile::tempdir().unwrap();
        let mut disks =
            vec![support::Disk::new(meshward::DurableStore::open(directory.path()).unwrap())];
        disks.extend((1..4).map(|_| support::Disk::default()));
        let mut mesh = Mesh::on(disks, suite, meshward::Config::default());
        keeps_identity_boot_and_vote(&mut mesh);
        let (view, now) = (mesh.view.clone(), mesh.now);
        drop(mesh);
        // Every handle is gone: this is what a new process finds.
        let disk = support::Disk::new(meshward::DurableStore::open(directory.path()).unwrap());
        let host = support::HostSide::default();
        let host = meshward::Host::new(disk, host.clone(), host);
        let config = meshward::Config::default();
        let guard = meshward::MeshByzantineProtection::start(config, view, host, now).unwrap();
        let beacon = guard.core().sign_beacon(b"", now).unwrap();
        let Ok(Packet::Frame(beacon)) = Packet::parse(&beacon) else { panic!("it is a frame") };
        assert_eq!(beacon.header().nonce, Nonce { boot: 3, sequence: 1 });
    }
}

/// P6: a vote that could not be made durable is not cast: it does not count here, it does not leave,
/// now or with a later tick, and after a restart the node is free. Once the store works, it votes.
#[test]
fn a_vote_that_is_not_durable_never_leaves() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let before = mesh.nodes[0].disk.contents();
        mesh.nodes[0].disk.fault(Fault::Refuses);
        let error = mesh.guard(0).report_critical_event(proposal(1), mesh.now).unwrap_err();
        assert!(matches!(error, Error::Fault(LibraryFault::Store(_))), "{error}");
        assert!(mesh.nodes[0].disk.contents() == before, "half a vote on disk");
        for _ in 0..20 {
            mesh.now = mesh.now.after(1000);
            mesh.guard(0).tick(mesh.now).unwrap();
            assert!(votes(&mesh, 0).is_empty(), "{suite}: a vote left that a restart forgets");
        }
        // The others have all but agreed.
        let vote = |voter: usize, phase| {
            let ballot = Ballot::for_event(&proposal(1), 0, phase).unwrap();
            mesh.give(0, link(voter), &mesh.steal(voter).vote(&ballot)).unwrap();
        };
        for voter in [1, 2] {
            vote(voter, Phase::Prevote);
            vote(voter, Phase::Precommit);
        }
        mesh.guard(0).tick(mesh.now).unwrap();
        assert!(votes(&mesh, 0).is_empty(), "{suite}: it accepted what it could not write");
        mesh.nodes[0].disk.fault(Fault::None);
        vote(3, Phase::Prevote);
        assert!(mesh.guard(0).is_validated(&proposal(1)));
        let precommit = Ballot::for_event(&proposal(1), 0, Phase::Precommit).unwrap();
        assert_eq!(votes(&mesh, 0), [precommit]);
    }
}

/// P9: while the store refuses a rotation the old key goes on signing and nothing is announced;
/// tried again, the same rotation is made, once.
#[test]
fn a_rotation_that_is_not_durable_is_not_announced() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1000);
        let before = mesh.nodes[0].disk.contents();
        mesh.nodes[0].disk.fault(Fault::Refuses);
        for _ in 0..3 {
            mesh.guard(0).rotate_keys(suite, mesh.now).unwrap_err();
        }
        assert!(mesh.nodes[0].disk.contents() == before, "half a rotation on disk");
        let beacons = mesh.nodes[1].inbox.len();
        mesh.pass(5000);
        assert_eq!(mesh.nodes[1].inbox.len(), beacons + 15, "five beacons of each of three");
        assert_eq!(epoch_of_0_at(&mesh, 1), Epoch::FIRST);

        mesh.nodes[0].disk.fault(Fault::None);
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(3000);
        for at in 0..4 {
            assert_eq!(epoch_of_0_at(&mesh, at), Epoch { recovery: 0, operational: 1 });
        }
        assert_eq!(mesh.nodes[1].inbox.len(), beacons + 24);
    }
}

/// P9, K1: the rotation reached the disk although the store said that it failed, and the node dies.
/// It comes back with the new key, its one usable one, and the mesh catches up.
#[test]
fn a_rotation_that_was_denied_and_written_is_found_after_a_restart() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(1000);
        mesh.nodes[0].disk.fault(Fault::WritesAndDenies);
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap_err();
        mesh.pass(1000);
        assert_eq!(epoch_of_0_at(&mesh, 0), Epoch::FIRST, "nobody knows whether it is durable");
        mesh.nodes[0].disk.fault(Fault::None);
        mesh.restart(0);
        let next = Epoch { recovery: 0, operational: 1 };
        assert_eq!(epoch_of_0_at(&mesh, 0), next);
        mesh.pass(6000);
        for at in 1..4 {
            assert_eq!(epoch_of_0_at(&mesh, at), next);
            assert!(mesh.guard(at).core().overdue(mesh.now).is_empty());
        }
        mesh.assert_unharmed(1, 0);
    }
}

/// P9: a node whose boot cannot be counted does not start, so it signs nothing.
#[test]
fn no_boot_no_signature() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 2);
        let disk = mesh.nodes[0].disk.clone();
        disk.fault(Fault::Refuses);
        let host = support::HostSide::default();
        let started = meshward::MeshByzantineProtection::start(
            meshward::Config::default(),
            mesh.view.clone(),
            meshward::Host::new(disk, host.clone(), host),
            mesh.now,
        );
        assert!(matches!(started, Err(Error::Fault(LibraryFault::Store(_)))));
    }
}

fn epoch_of_0_at(mesh: &Mesh, at: usize) -> Epoch {
    let member = mesh.view.index_of(&id(0)).unwrap();
    mesh.guard(at).core().directory().current(member).unwrap().epoch
}

/// P9: an identity that is brought to a store that forgets has had boots that nobody there knows of, so
/// it signs nothing until others have stored the number of its start. One that was made there signs.
#[test]
fn a_store_that_forgets_asks_the_mesh_unless_the_identity_was_made_there() {
    for suite in Suite::available() {
        let (made, brought) = (MemoryStore::new(), MemoryStore::new());
        let identity = Identity::create(&made, id(0), suite, &OsEntropy).unwrap();
        let mut rows = Batch::new();
        for (key, value) in made.scan(Table::Identity).unwrap() {
            rows.put(Table::Identity, &key, &value);
        }
        brought.apply(&rows).unwrap();
        let view = Arc::new(View::genesis(vec![identity.member("alone")]).unwrap());
        for (store, is_known) in [(made, true), (brought, false)] {
            let host = support::HostSide::default();
            let host = meshward::Host::new(store, host.clone(), host);
            let config = meshward::Config::default();
            let now = meshward::Millis(1_000);
            let guard =
                meshward::MeshByzantineProtection::start(config, view.clone(), host, now).unwrap();
            assert_eq!(guard.core().is_boot_confirmed(), is_known, "{suite}");
            assert_eq!(guard.sign_beacon(b"", now).is_ok(), is_known, "{suite}");
            // In a mesh of one its own word is a quorum's.
            guard.tick(now).unwrap();
            guard.sign_beacon(b"", now).unwrap();
        }
    }
}
