//! How who was away, or starts anew, comes to the keys of others, be they dead.

use meshward::store::{Batch, Table};
use meshward::wire::{Packet, Tag};
use meshward::{Config, Epoch, Refusal, Store, Suite};

use crate::keys::{OWNER, epoch, record};
use crate::support::{Disk, Mesh, id, link};

/// K5, promises P7 and P9: a node is away while another rotates six times and dies. The three that stayed
/// are too few for a quorum without it. It learns from the others' evidence whose key it lacks, gets the
/// chain from a neighbour, piece by piece, comes to the same mark, and the failure is certified.
#[test]
fn k05_who_was_away_catches_up_with_a_dead_members_keys() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        mesh.nodes[3].down = true;
        for number in 1..=6 {
            mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
            mesh.pass(1000);
            assert_eq!(record(&mesh, 1, OWNER).epoch, epoch(0, number));
        }
        mesh.nodes[OWNER].down = true;
        mesh.nodes[3].down = false;
        assert_eq!(record(&mesh, 3, OWNER).epoch, Epoch::FIRST);
        mesh.pass(60_000);
        assert_eq!(record(&mesh, 3, OWNER), record(&mesh, 1, OWNER), "{suite}");
        for at in 1..4 {
            assert!(mesh.certified(at, OWNER), "{suite} at {at}");
        }
    }
}

/// K5, P9: a member rotates, is recovered, rotates on, and dies; then all others start at once. They know
/// its newest key, whatever lies damaged on their disks beside it, and keep a bounded number of rotations.
#[test]
fn k05_a_mesh_that_starts_as_a_whole_knows_the_keys_of_the_dead() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(2000);
        mesh.recover(OWNER, Disk::default(), suite);
        mesh.pass(3000);
        for number in 1..=20 {
            mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
            mesh.pass(1000);
            assert_eq!(record(&mesh, 1, OWNER).epoch, epoch(1, number), "{suite}");
        }
        mesh.pass(2000);
        mesh.nodes[OWNER].down = true;
        let known = record(&mesh, 1, OWNER);
        for at in 1..4 {
            let disk = &mesh.nodes[at].disk;
            let rows = disk.scan(Table::Rotation).unwrap();
            assert_eq!(rows.len(), 18, "{suite}: the last ones");
            let mut batch = Batch::new();
            batch.put(Table::Rotation, b"no name", b"nothing");
            batch.put(Table::Rotation, &[rows[0].0.as_slice(), b"x"].concat(), &rows[0].1);
            disk.apply(&batch).unwrap();
        }
        for at in 1..4 {
            mesh.restart(at);
        }
        for at in 1..4 {
            assert_eq!(record(&mesh, at, OWNER), known, "{suite} at {at}");
            mesh.restart(at);
            assert_eq!(record(&mesh, at, OWNER), known, "{suite} at {at}, again");
        }
    }
}

/// K5: a rotation that does not hold is not taken from a disk either, nor what follows it; it is asked for.
#[test]
fn k05_a_damaged_rotation_on_a_disk_leads_nowhere() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        for _ in 0..3 {
            mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
            mesh.pass(2000);
        }
        let disk = &mesh.nodes[1].disk;
        let rows = disk.scan(Table::Rotation).unwrap();
        assert_eq!(rows.len(), 3);
        let (place, mut altered) = (&rows[1].0, rows[1].1.to_vec());
        *altered.last_mut().unwrap() ^= 1;
        let mut batch = Batch::new();
        batch.put(Table::Rotation, place, &altered);
        disk.apply(&batch).unwrap();
        mesh.restart(1);
        assert_eq!(record(&mesh, 1, OWNER).epoch, epoch(0, 1), "{suite}");
        mesh.settle(1);
        mesh.pass(5000);
        assert_eq!(record(&mesh, 1, OWNER).epoch, epoch(0, 3), "{suite}");
        assert_eq!(mesh.nodes[1].disk.scan(Table::Rotation).unwrap(), rows, "{suite}");
    }
}

/// K14, P4: an old Hello, played by whoever recorded it, brings one answer in a resend interval, for one
/// signature check, and charges nobody.
#[test]
fn k14_an_old_hello_played_again_costs_little() {
    for suite in Suite::available() {
        let mut mesh = Mesh::with(suite, 4, Config { grace_ms: 0, ..Config::default() });
        mesh.tapped = Some(Vec::new());
        mesh.pass(2000);
        let tapped = mesh.tapped.take().unwrap();
        let of_owner = |packet: &&std::sync::Arc<[u8]>| {
            matches!(Packet::parse(packet), Ok(Packet::Statement(said))
                if said.tag() == Tag::Hello && said.head().origin == id(OWNER))
        };
        let old = tapped.iter().find(of_owner).unwrap();
        mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(5000);
        mesh.nodes[1].host.replies.lock().clear();
        let checks = |mesh: &Mesh| mesh.guard(1).stats(mesh.now).signature_checks;
        let before = checks(&mesh);
        for _ in 0..1000 {
            let refusal = mesh.give(1, link(3), old).unwrap_err();
            assert!(matches!(refusal, Refusal::UnknownKey { .. }), "{suite}: {refusal}");
        }
        assert_eq!(checks(&mesh) - before, 1, "{suite}");
        assert_eq!(mesh.nodes[1].host.replies.lock().len(), 1, "{suite}");
        mesh.assert_unharmed(1, OWNER);
    }
}

/// K5, promise P4: what a Hello is answered with is bounded, however often it is asked and by whom.
#[test]
fn k05_an_answer_is_bounded() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        for _ in 0..10 {
            mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
            mesh.pass(1000);
        }
        let asker = mesh.steal(3);
        let lacks = [[1].as_slice(), id(OWNER).as_bytes(), &[0; 8]].concat();
        let ask = |number: u32| {
            let nonce = [1_000, number].map(u32::to_le_bytes).concat();
            asker.say(Tag::Hello, &[nonce.as_slice(), &[0; 8], &lacks].concat())
        };
        mesh.nodes[1].host.replies.lock().clear();
        for number in 1..=20 {
            mesh.give(1, link(3), &ask(number)).unwrap();
        }
        // The first four that lead on from what it has, once.
        let told = std::mem::take(&mut *mesh.nodes[1].host.replies.lock());
        let told: Vec<_> =
            told.into_iter().filter(|(_, it)| Tag::of(it) == Ok(Tag::Rotation)).collect();
        assert_eq!(told.len(), 4, "{suite}");
        assert!(told.iter().all(|(to, _)| *to == link(3)));
    }
}
