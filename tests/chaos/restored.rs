//! P9: a node whose host is lost comes back from its backup.

use std::path::Path;

use meshward::keyring::backup::{
    self, BackupContents, BackupDirectory, KdfCost, Passphrase, Retention, Sealer,
};
use meshward::{Accepted, Epoch, Identity, Nonce, OsEntropy, Refusal, Suite};
use zeroize::Zeroizing;

use crate::support::{Disk, Mesh, id, link};

const OWNER: usize = 0;

fn epoch(recovery: u32, operational: u32) -> Epoch {
    Epoch { recovery, operational }
}

fn known(mesh: &Mesh, at: usize) -> Epoch {
    let member = mesh.view.index_of(&id(OWNER)).unwrap();
    mesh.guard(at).core().directory().current(member).unwrap().epoch
}

/// The newest message of the owner that the node at `at` took.
fn heard(mesh: &Mesh, at: usize) -> (Epoch, Nonce) {
    let last = mesh.nodes[at].inbox.iter().rev().find(|it| it.origin == id(OWNER)).unwrap();
    (last.mark.epoch, last.mark.nonce)
}

/// The backup is older than the last rotation, a thief has all that was on the host, and the restore itself
/// is broken off and done again on a third host. Who has the backup and its passphrase is the node: all hear
/// it, under numbers that begin anew, and nothing of what the thief signs, or of what the old host signed
/// and nobody had yet.
#[test]
fn p09_a_restored_node_is_heard_and_its_old_key_is_not() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.pass(2000);
        let folder = tempfile::tempdir().unwrap();
        let phrase = Passphrase::new(Zeroizing::new(b"six words of dice".to_vec())).unwrap();
        let identity = Identity::load(&mesh.nodes[OWNER].disk).unwrap();
        let recovery = mesh.nodes[OWNER].recovery.take().unwrap();
        let contents = BackupContents::new(identity, recovery, Some(mesh.view.clone())).unwrap();
        let path: &Path = folder.path();
        let directory = BackupDirectory::new(path, contents.owner(), Retention::default());
        let cost = KdfCost::new(8, 1, 1).unwrap();
        let (passphrase, entropy) = (&phrase, &OsEntropy);
        let sealer = Sealer { directory: &directory, passphrase, cost, now: 1, entropy };
        sealer.seal(&contents).unwrap();

        mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(2000);
        let thief = mesh.steal(OWNER);
        let held_back = mesh.beacon(OWNER);
        mesh.nodes[OWNER].down = true;
        mesh.pass(2000);

        let restored = |disk: &Disk| {
            let (_, backup) = directory.read_newest().unwrap();
            let contents = BackupContents::open(&backup, &phrase).unwrap();
            let (made, _) = backup::restore(&contents, disk, suite, sealer).unwrap();
            made.member("x").key.epoch
        };
        assert_eq!(restored(&Disk::default()), epoch(1, 0));
        // That host never started. Its recovery is in the newest backup, and goes out with the next.
        let disk = Disk::default();
        assert_eq!(restored(&disk), epoch(2, 0));
        mesh.nodes[OWNER].disk = disk;
        mesh.restart(OWNER);
        mesh.pass(5000);
        for at in 0..4 {
            assert_eq!(known(&mesh, at), epoch(2, 0), "{suite} at {at}");
        }
        for at in 1..4 {
            let (under, nonce) = heard(&mesh, at);
            assert_eq!((under, nonce.boot), (epoch(2, 0), 1), "{suite} at {at}");
            // What the old key signed before and after is of the past.
            let high = Nonce { boot: u32::MAX, sequence: u32::MAX };
            for frame in [held_back.clone(), thief.beacon(high, b"thief")] {
                let refusal = mesh.give(at, link(OWNER), &frame).unwrap_err();
                assert!(matches!(refusal, Refusal::UnknownKey { .. }), "{suite}: {refusal}");
            }
            let (rotation, _) = thief.rotate(suite, high);
            let taken = mesh.give(at, link(OWNER), &rotation);
            let is_nothing =
                matches!(taken, Err(Refusal::Duplicate) | Ok(Accepted::Repeated { .. }));
            assert!(is_nothing, "{suite}: {taken:?}");
            assert_eq!(known(&mesh, at), epoch(2, 0), "{suite} at {at}");
        }
        // The owner hears the others again, too, each once, and goes on as before.
        assert!(mesh.guard(OWNER).core().unproven().is_empty(), "{suite}");
        assert!(mesh.nodes[OWNER].inbox.iter().any(|message| message.origin == id(2)));
        mesh.assert_unharmed(1, OWNER);
        mesh.guard(OWNER).rotate_keys(suite, mesh.now).unwrap();
        mesh.pass(2000);
        for at in 0..4 {
            assert_eq!(known(&mesh, at), epoch(2, 1), "{suite} at {at}");
        }
    }
}
