//! What an operator has: keys, a view, secrets, configurations.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use meshward::keyring::backup::{
    self, BackupDirectory, KdfCost, NO_MESH, Owner, Passphrase, Retention, Sealer,
};
use meshward::{DurableStore, Identity, KeyHistory, NodeId, OsEntropy, Suite, View};
use tempfile::TempDir;

use crate::node;

/// The nodes, by number.
pub(crate) const NAMES: [&str; 3] = ["north", "south", "west"];

/// What opens all backups. It is in a file of that name.
pub(crate) const PASSPHRASE: &str = "six words that dice have chosen";

/// A directory with a store of each node and its first backup, the view, and a secret for each pair.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with_names(NAMES)
    }

    /// In the view the nodes have other names; their files keep theirs.
    pub(crate) fn with_names(names: [&str; 3]) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let members = (1_u8..).zip(NAMES).zip(names).map(|((number, file), name)| {
            let store = DurableStore::open(&desk.path(file)).unwrap();
            let id = NodeId::from_bytes([number; 32]);
            generate(&store, id, &desk.path(&format!("{file}.backups"))).member(name)
        });
        let view = View::genesis(members.collect()).unwrap();
        let history = KeyHistory::new(Arc::new(view)).to_bytes().unwrap();
        fs::write(desk.path("mesh.view"), history).unwrap();
        desk.write_secret("passphrase", &format!("{PASSPHRASE}\n"));
        for (number, (one, other)) in [(0, 1), (0, 2), (1, 2)].into_iter().enumerate() {
            desk.write_secret(&secret(one, other), &format!("{:064x}\n", number + 1));
        }
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn write_secret(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    /// What `--check` says of a configuration.
    pub(crate) fn check(&self, name: &str) -> Output {
        let file = self.path(name);
        node(&["--config", file.to_str().unwrap(), "--check"]).output().unwrap()
    }
}

/// An identity and its first backup, as `keytool generate` makes them, at the least cost of a passphrase.
fn generate(store: &DurableStore, node: NodeId, backups: &Path) -> Identity {
    let owner = Owner { node, mesh: NO_MESH };
    let directory = &BackupDirectory::new(backups, owner, Retention::default());
    let passphrase = &passphrase();
    let (cost, entropy) = (KdfCost::new(8, 1, 1).unwrap(), &OsEntropy);
    let sealer = Sealer { directory, passphrase, cost, now: 0, entropy };
    backup::generate(store, node, Suite::MlDsa65, sealer).unwrap().0
}

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new(PASSPHRASE.as_bytes().to_vec().into()).unwrap()
}

/// The file of the secret of two nodes.
pub(crate) fn secret(one: usize, other: usize) -> String {
    format!("{}-{}.secret", NAMES[one.min(other)], NAMES[one.max(other)])
}
