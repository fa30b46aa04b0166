//! Backups of the keys in use: made when the node starts and after each rotation, unless the newest is of them
//! already. They are those of `keytool`, which restores them.
//!
//! The recovery key is in the backup before and nowhere else, so that one has to be there and is opened first. A
//! thread of its own does it: a passphrase takes its time and its memory, and a disk may take any.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use meshward::keyring::backup::{
    BackupContents, BackupDirectory, BackupError, NO_MESH, Owner, Retention, Sealer,
};
use meshward::store::{Batch, Entry, Store, StoreError, Table};
use meshward::{DurableStore, Epoch, Identity, OsEntropy};
use metrics::{describe_gauge, gauge};
use zeroize::Zeroizing;

use super::config::BackupSettings;
use super::journal::{Journal, unix_ms};
use super::node::Shared;

const CURRENT: &str = "mesh_node_backup_current";

/// How often it is looked whether the key is another one.
const LOOK: Duration = Duration::from_secs(1);
/// What failed is tried again after that.
const AFTER_ERROR: Duration = Duration::from_secs(60);

/// The thread that makes them.
pub(crate) struct Backups {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Keeper {
    settings: BackupSettings,
    store: NodeStore,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
}

impl Backups {
    pub(crate) fn start(settings: BackupSettings, store: NodeStore, shared: Arc<Shared>) -> Self {
        describe_gauge!(
            CURRENT,
            "1: the newest backup is of the keys in use; 0: none could be made"
        );
        let stop = Arc::new(AtomicBool::new(false));
        let keeper = Keeper { settings, store, shared, stop: Arc::clone(&stop) };
        Self { stop, thread: thread::spawn(move || keeper.work()) }
    }

    /// One that is begun is finished.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let _ended = self.thread.join();
    }
}

impl Keeper {
    fn work(&self) {
        // Of the key in the newest backup.
        let mut kept = None;
        let mut failed: Option<Instant> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let epoch = Some(self.epoch());
            if epoch != kept && failed.is_none_or(|when| when.elapsed() >= AFTER_ERROR) {
                let made = self.keep();
                (kept, failed) = match made {
                    Ok(_) => (epoch, None),
                    Err(_) => (None, Some(Instant::now())),
                };
                self.tell(made);
            }
            thread::park_timeout(LOOK);
        }
    }

    /// Of the key in use; `None` if the node is no member any more.
    fn epoch(&self) -> Option<Epoch> {
        let core = self.shared.protection.core();
        let place = core.view().index_of(&core.node())?;
        core.directory().current(place).map(|key| key.epoch)
    }

    /// Makes a backup, unless the newest one is of the keys in use.
    fn keep(&self) -> Result<Option<PathBuf>, BackupError> {
        let BackupSettings { directory: path, passphrase } = &self.settings;
        let identity = Identity::load(&self.store)?;
        let view = Arc::clone(self.shared.protection.core().view());
        let owner = Owner { node: identity.node(), mesh: view.mesh() };
        let of = |owner| BackupDirectory::new(path, owner, Retention::default());
        let directory = of(owner);
        let (_, before) = directory.read_newest().or_else(|error| match error {
            // The first one is from before there was a mesh.
            BackupError::NoBackup { .. } => of(Owner { mesh: NO_MESH, ..owner }).read_newest(),
            error => Err(error),
        })?;
        let cost = before.cost();
        let before = BackupContents::open(&before, passphrase)?;
        let key = |identity: &Identity| identity.member("").key;
        if before.owner() == owner && key(before.identity()) == key(&identity) {
            return Ok(None);
        }
        let contents = BackupContents::new(identity, before.into_recovery_key(), Some(view))?;
        let (now, entropy) = (unix_ms(), &OsEntropy);
        let sealer = Sealer { directory: &directory, passphrase, cost, now, entropy };
        Ok(Some(directory.path_of(&sealer.seal(&contents)?)))
    }

    fn tell(&self, made: Result<Option<PathBuf>, BackupError>) {
        let shared = &self.shared;
        gauge!(CURRENT).set(if made.is_ok() { 1.0 } else { 0.0 });
        let failure = match made {
            Ok(Some(path)) => {
                Journal::backup(
                    &shared.journal,
                    format!("the keys in use are in {}", path.display()),
                );
                None
            }
            Ok(None) => None,
            Err(error) => Some(format!("backup of the keys in use: {error}")),
        };
        let before = std::mem::replace(&mut *shared.no_backup.lock(), failure.clone());
        if let Some(failure) = failure.filter(|failure| before.as_ref() != Some(failure)) {
            Journal::alert(&shared.journal, failure);
        }
    }
}

/// The store of the node, which its backups are made from, too.
#[derive(Clone)]
pub(crate) struct NodeStore(Arc<DurableStore>);

impl NodeStore {
    pub(crate) fn new(store: DurableStore) -> Self {
        Self(Arc::new(store))
    }
}

impl Store for NodeStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.0.get(table, key)
    }

    fn scan(&self, table: Table) -> Result<Vec<Entry>, StoreError> {
        self.0.scan(table)
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.apply(batch)
    }

    fn survives_restart(&self) -> bool {
        self.0.survives_restart()
    }
}
