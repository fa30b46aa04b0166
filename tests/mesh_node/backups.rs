//! Backups that a node makes by itself, as the tool reads them.

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use meshward::keyring::backup::{BackupContents, BackupDirectory, NO_MESH, Owner, Retention};
use meshward::{
    Config, DurableStore, Fragmenter, Host, Identity, MeshByzantineProtection, Millis, NodeId,
};

use crate::desk::{Desk, passphrase};
use crate::keytool;
use crate::running::{Running, Written, free_port, wait};
use crate::views::{Air, history};

/// What `keytool verify` says of a backup of north.
fn verified(desk: &Desk, backup: &Path) -> String {
    let arguments: [OsString; 6] = [
        "verify".into(),
        backup.into(),
        "--store".into(),
        desk.path("north").into(),
        "--passphrase-file".into(),
        desk.path("passphrase").into(),
    ];
    let (_, out, err) = keytool::run(arguments);
    out + &err
}

/// The backups of north in its mesh, the oldest first.
fn backups(desk: &Desk) -> Vec<PathBuf> {
    let owner = Owner { node: NodeId::from_bytes([1; 32]), mesh: history(desk).view().mesh() };
    let directory = BackupDirectory::new(&desk.path("north.backups"), owner, Retention::default());
    directory.list().unwrap().iter().map(|name| directory.path_of(name)).collect()
}

/// How often north said that it has made one.
fn said(node: &Running) -> usize {
    let status = node.status();
    let events = status["events"].as_array().unwrap().iter();
    events.filter(|event| event["name"] == "backup").count()
}

/// What another host says that has the store of north, in a later start than any of north's.
fn said_by_another_self(desk: &Desk) -> Vec<Vec<u8>> {
    let start = || {
        let air = Air::default();
        let store = DurableStore::open(&desk.path("copy")).unwrap();
        let host = Host::new(store, air.clone(), air.clone());
        let view = history(desk).view().clone();
        let other = MeshByzantineProtection::start(Config::default(), view, host, Millis(0));
        other.unwrap().sign_beacon(b"", Millis(0)).unwrap();
        air.said()
    };
    (0..4).for_each(|_| drop(start()));
    start()
}

#[test]
fn keys_are_backed_up_at_the_start_and_after_a_rotation() {
    let desk = Desk::new();
    fs::create_dir(desk.path("copy")).unwrap();
    fs::copy(desk.path("north/meshward.redb"), desk.path("copy/meshward.redb")).unwrap();
    let (port, west) = (free_port(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let written = Written::new(0, port).with_backups(0, "passphrase");
    let written = written.with_peer(2, west.local_addr().unwrap(), "authenticated = true");
    written.write(&desk, "north.toml");

    assert!(backups(&desk).is_empty(), "there is one from before there was a mesh");
    let node = Running::start(&desk, "north.toml");
    wait(|| said(&node) == 1, || node.ask("/status"));
    assert_eq!(node.metric("mesh_node_backup_current"), 1.0);
    let first = backups(&desk);
    assert_eq!(first.len(), 1);
    assert_eq!(fs::metadata(&first[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(node.stop().code(), Some(0));
    assert!(verified(&desk, &first[0]).contains("It is of the keys that the store has."));

    // Nothing has changed, so none is made, until the node leaves a key that somebody else has, too.
    let node = Running::start(&desk, "north.toml");
    wait(|| node.metric("mesh_node_backup_current") == 1.0, || node.ask("/metrics"));
    assert_eq!((said(&node), backups(&desk).len()), (0, 1));
    let packets = said_by_another_self(&desk);
    let cut = Fragmenter::new(1_232).unwrap();
    let north = SocketAddr::from(([127, 0, 0, 1], port));
    let is_kept = || {
        for datagram in packets.iter().flat_map(|packet| cut.split(packet).unwrap()) {
            west.send_to(&datagram, north).unwrap();
        }
        said(&node) == 1
    };
    wait(is_kept, || node.ask("/status"));
    assert_eq!(node.stop().code(), Some(0));
    let made = backups(&desk);
    assert_eq!((made.len(), &made[0]), (2, &first[0]));
    assert!(verified(&desk, &made[0]).contains("The store has rotated since"));
    assert!(verified(&desk, &made[1]).contains("It is of the keys that the store has."));
}

/// It is no reason for a node not to run.
#[test]
fn a_backup_that_cannot_be_made_is_told_of() {
    let desk = Desk::new();
    desk.write_secret("wrong", "six words that nobody has chosen\n");
    Written::new(0, free_port()).with_backups(0, "wrong").write(&desk, "north.toml");
    let node = Running::start(&desk, "north.toml");
    let alerts = || node.status()["alerts"].to_string();
    wait(|| alerts().contains("backup of the keys in use: the passphrase does not"), alerts);
    assert_eq!(node.metric("mesh_node_backup_current"), 0.0);
    assert_eq!(node.stop().code(), Some(0));
    assert!(backups(&desk).is_empty());
    // The recovery key is where it was.
    let owner = Owner { node: NodeId::from_bytes([1; 32]), mesh: NO_MESH };
    let first = BackupDirectory::new(&desk.path("north.backups"), owner, Retention::default());
    let contents = BackupContents::open(&first.read_newest().unwrap().1, &passphrase()).unwrap();
    let store = DurableStore::open(&desk.path("north")).unwrap();
    assert_eq!(contents.identity().member(""), Identity::load(&store).unwrap().member(""));
}
