//! What works on backups.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use meshward::keyring::backup::{
    self, Backup, BackupContents, BackupDirectory, BackupError, BackupName, NO_MESH, Owner,
    Passphrase, Retention, Sealer,
};
use meshward::{Identity, OsEntropy};

use super::args::Options;
use super::keys::refused;
use super::{Failure, files, keys, passphrase};

pub(crate) fn backup(options: &Options) -> Result<String, Failure> {
    let history = files::view(options.view()?)?;
    let view = Arc::clone(history.view());
    let (path, cost) = (options.backups()?, options.cost()?);
    let identity = keys::load(&files::store(options.store()?)?)?;
    let owner = Owner { node: identity.node(), mesh: view.mesh() };
    let directory = BackupDirectory::new(path, owner, Retention::default());
    // The recovery key is in the backup before, which may be from before there was a mesh.
    let (_, before) = directory
        .read_newest()
        .or_else(|error| match error {
            BackupError::NoBackup { .. } => {
                let owner = Owner { mesh: NO_MESH, ..owner };
                BackupDirectory::new(path, owner, Retention::default()).read_newest()
            }
            error => Err(error),
        })
        .map_err(refused)?;
    let passphrase = &passphrase::of(options)?;
    let before = BackupContents::open(&before, passphrase).map_err(refused)?;
    let recovery = before.into_recovery_key();
    let contents = BackupContents::new(identity, recovery, Some(view));
    let contents = contents.map_err(refused)?;
    let (now, entropy) = (files::now(), &OsEntropy);
    let sealer = Sealer { directory: &directory, passphrase, cost, now, entropy };
    let name = sealer.seal(&contents).map_err(refused)?;
    let mut told = described(&contents);
    let _infallible = writeln!(told, "backup    {}", directory.path_of(&name).display());
    Ok(told)
}

pub(crate) fn restore(options: &Options) -> Result<String, Failure> {
    let (path, rest) = options.backup()?;
    if !rest.is_empty() {
        return Err(Failure::asked("One backup is restored; see --help."));
    }
    let (into, cost) = (options.store()?, options.cost()?);
    let found = files::backup(path)?;
    let owner = found.owner();
    if let Some(node) = options.node {
        found.require(Owner { node, ..owner }).map_err(refused)?;
    }
    let view = options.maybe_view().map(|path| files::view(path)).transpose()?;
    let beside = path.parent().unwrap_or(Path::new(""));
    if !options.older {
        require_newest(beside, path, owner)?;
    }
    let passphrase = &passphrase::of(options)?;
    let mut contents = BackupContents::open(&found, passphrase).map_err(refused)?;
    if let Some(history) = view {
        let mesh = history.view().mesh();
        if owner.mesh != NO_MESH {
            found.require(Owner { mesh, ..owner }).map_err(refused)?;
        }
        let with_view = contents.with_view(Arc::clone(history.view()));
        contents = with_view.map_err(refused)?;
    }
    let suite = options.suite.unwrap_or_else(|| contents.identity().member("").key.key.suite());
    let backups = options.maybe_backups().map_or(beside, |path| path.as_path());
    let directory = BackupDirectory::new(backups, contents.owner(), Retention::default());
    let store = files::new_store(into)?;
    let (now, entropy) = (files::now(), &OsEntropy);
    let sealer = Sealer { directory: &directory, passphrase, cost, now, entropy };
    let (identity, name) = backup::restore(&contents, &store, suite, sealer).map_err(refused)?;
    let mut told = keys::described(&identity);
    let _infallible = writeln!(told, "backup    {}", directory.path_of(&name).display());
    told.push_str(
        "These are new keys; the node says so when it starts. The new backup has the next\n",
    );
    told.push_str("recovery key; the old backups are spent.\n");
    Ok(told)
}

/// A backup that was overtaken has a recovery key that was used, perhaps.
pub(crate) fn require_newest(beside: &Path, path: &Path, owner: Owner) -> Result<(), Failure> {
    let directory = BackupDirectory::new(beside, owner, Retention::default());
    let newest = directory.list().map_err(refused)?.pop();
    let given = path.file_name().and_then(|name| name.to_str()?.parse::<BackupName>().ok());
    match (newest, given) {
        (Some(newest), Some(given)) if newest > given => Err(Failure::refused(format!(
            "A newer backup of this node is there: {newest}. Take that, or say --older."
        ))),
        _ => Ok(()),
    }
}

pub(crate) fn verify(options: &Options) -> Result<String, Failure> {
    let (path, _) = options.backup()?;
    let found = files::backup(path)?;
    let passphrase = &passphrase::of(options)?;
    let contents = open(&found, passphrase)?;
    let mut told = described(&contents);
    let _infallible = writeln!(told, "made      {} ms after 1970", found.created_at());
    if let Some(store) = options.maybe_store() {
        let identity = keys::load(&files::store(store)?)?;
        told.push_str(compared(&identity, &contents)?);
    }
    told.push_str("It opens, and all that is in it holds.\n");
    Ok(told)
}

fn compared(identity: &Identity, contents: &BackupContents) -> Result<&'static str, Failure> {
    let [stored, kept] = [identity, contents.identity()].map(|of| of.member("").key);
    if identity.node() != contents.identity().node() {
        return Err(Failure::refused("The backup is of another node than the store."));
    }
    match stored.recovery == kept.recovery {
        false => Err(Failure::refused("The store's keys name another recovery key: it is spent.")),
        true if stored == kept => Ok("It is of the keys that the store has.\n"),
        true => Ok("The store has rotated since; its recovery key is this one still.\n"),
    }
}

fn open(found: &Backup, passphrase: &Passphrase) -> Result<BackupContents, Failure> {
    BackupContents::open(found, passphrase).map_err(refused)
}

pub(crate) fn described(contents: &BackupContents) -> String {
    let mut told = keys::described(contents.identity());
    let _infallible = match contents.history() {
        Some(history) => {
            let view = history.view();
            writeln!(told, "mesh      {}, view {}", view.mesh(), view.number().0)
        }
        None => writeln!(told, "mesh      none yet"),
    };
    told
}
