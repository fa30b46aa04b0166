//! A directory of backups.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::file::MAX_FILE_LEN;
use super::{Backup, BackupError, BackupName, KdfCost, Owner, Passphrase, Retention};
use crate::store::ancestors::create_directories;
use crate::store::{Access, Files, OpenFile, OsFiles};
use crate::suite::Entropy;

/// What a backup is called until it is whole.
const UNFINISHED: &str = ".new";

/// The backups of one node in one directory, in which other files may lie.
///
/// A backup is written under another name, synced, given its name, and the name is synced. Then it is
/// read again and opened, and only when that has succeeded older ones are removed. So a crash at any
/// point leaves the backups that were there, or the new one too; what a write that did not come to
/// its end left behind, the next one removes. Reading again tells what the operating system has, which
/// a disk that lies about its syncs may still lose.
#[derive(Debug, Clone)]
pub struct BackupDirectory {
    files: Arc<dyn Files>,
    path: PathBuf,
    owner: Owner,
    retention: Retention,
}

impl BackupDirectory {
    /// The backups of `owner` in the directory `path`, which the first write makes when it is absent (on
    /// Unix with mode 0700, and backups with 0600).
    pub fn new(path: &Path, owner: Owner, retention: Retention) -> Self {
        Self::over(Arc::new(OsFiles), path, owner, retention)
    }

    /// The same over other files than the operating system's.
    pub fn over(files: Arc<dyn Files>, path: &Path, owner: Owner, retention: Retention) -> Self {
        Self { files, path: path.to_path_buf(), owner, retention }
    }

    /// Whose backups these are.
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// Where a backup of this directory lies.
    pub fn path_of(&self, name: &BackupName) -> PathBuf {
        self.path.join(name.to_string())
    }

    /// Seals `content` into a new backup and removes those that are outdated. `now` is what the caller's
    /// clock shows, in milliseconds of any beginning that stays the same over restarts.
    ///
    /// Takes twice the time that `cost` says: once to seal, once to open what was written.
    ///
    /// # Errors
    ///
    /// Those of [`Backup::seal`]; [`BackupError::InUse`]; [`BackupError::Io`] and
    /// [`BackupError::NotVerified`], after which every older backup is still there;
    /// [`BackupError::NotPruned`], after which the new one is, too.
    pub fn write(
        &self,
        content: &Zeroizing<Vec<u8>>,
        passphrase: &Passphrase,
        cost: KdfCost,
        now: u64,
        entropy: &dyn Entropy,
    ) -> Result<BackupName, BackupError> {
        let backup = Backup::seal(content, passphrase, cost, self.owner, now, entropy)?;
        create_directories(&*self.files, &self.path)
            .map_err(|error| io_error(&self.path, error))?;
        let _lock = self.lock()?;
        self.clear_unfinished()?;
        let last = self.list()?.last().map_or(0, BackupName::counter);
        let next = last.checked_add(1);
        let next = next.ok_or_else(|| BackupError::NamesUsedUp { path: self.path.clone() })?;
        let name = BackupName::new(self.owner, next, now);
        self.put(&name, backup.as_bytes())?;
        if let Err(reason) = self.verify(&name, &backup, content, passphrase) {
            let path = self.path_of(&name);
            // If it cannot even be removed, reading it tells what is wrong with it.
            let _ = self.files.remove(&path).and_then(|()| self.files.sync_directory(&self.path));
            return Err(BackupError::NotVerified { path, reason });
        }
        self.prune(now).map_err(|(path, source)| BackupError::NotPruned { name, path, source })?;
        Ok(name)
    }

    /// The backups of this node, the oldest first.
    ///
    /// # Errors
    ///
    /// [`BackupError::Io`]. A directory that is absent has none.
    pub fn list(&self) -> Result<Vec<BackupName>, BackupError> {
        let names = match self.files.list(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names.map_err(|error| io_error(&self.path, error))?,
        };
        let names = names.iter().filter_map(|name| name.to_str()?.parse().ok());
        let mut names: Vec<BackupName> = names.filter(|name| self.is_ours(name)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Reads a backup, to be opened.
    ///
    /// # Errors
    ///
    /// [`BackupError::Io`], those of [`Backup::parse`] and of [`Backup::require`].
    pub fn read(&self, name: &BackupName) -> Result<Backup, BackupError> {
        let backup = Backup::parse(self.bytes_of(name)?)?;
        backup.require(self.owner)?;
        Ok(backup)
    }

    /// Reads the newest backup, to be opened. When it is damaged the error says so, and an older one is
    /// the caller's choice, for what is in it may have been overtaken.
    ///
    /// # Errors
    ///
    /// [`BackupError::NoBackup`], and those of [`read`](Self::read).
    pub fn read_newest(&self) -> Result<(BackupName, Backup), BackupError> {
        let newest = self.list()?.pop();
        let name = newest.ok_or_else(|| BackupError::NoBackup { path: self.path.clone() })?;
        Ok((name, self.read(&name)?))
    }

    fn is_ours(&self, name: &BackupName) -> bool {
        name.is_of(self.owner)
    }

    fn lock(&self) -> Result<Lock, BackupError> {
        let path = self.path.join("meshward-backup.lock");
        let taken = self
            .files
            .open(&path, Access::CreateIfAbsent)
            .and_then(|file| Ok(file.try_lock()?.then_some(file)));
        match taken {
            Ok(Some(file)) => Ok(Lock(file)),
            Ok(None) => Err(BackupError::InUse { path: self.path.clone() }),
            Err(error) => Err(io_error(&path, error)),
        }
    }

    /// Removes what writes that were interrupted left behind.
    fn clear_unfinished(&self) -> Result<(), BackupError> {
        let names = self.files.list(&self.path).map_err(|error| io_error(&self.path, error))?;
        for name in names {
            let finished =
                name.to_str().and_then(|name| name.strip_suffix(UNFINISHED)?.parse().ok());
            if finished.is_some_and(|name| self.is_ours(&name)) {
                let path = self.path.join(name);
                self.files.remove(&path).map_err(|error| io_error(&path, error))?;
            }
        }
        Ok(())
    }

    fn put(&self, name: &BackupName, bytes: &[u8]) -> Result<(), BackupError> {
        let unfinished = self.path.join(format!("{name}{UNFINISHED}"));
        let written = self.files.open(&unfinished, Access::Create).and_then(|file| {
            file.write_at(0, bytes)?;
            file.sync()?;
            self.files.rename(&unfinished, &self.path_of(name))?;
            self.files.sync_directory(&self.path)
        });
        written.map_err(|error| io_error(&unfinished, error))
    }

    fn bytes_of(&self, name: &BackupName) -> Result<Vec<u8>, BackupError> {
        let path = self.path_of(name);
        let whole = |error| io_error(&path, error);
        let file = self.files.open(&path, Access::Read).map_err(whole)?;
        let length = file.length().map_err(whole)?;
        let bounded = usize::try_from(length).ok().filter(|length| *length <= MAX_FILE_LEN);
        let expected = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX);
        let length = bounded.ok_or(BackupError::Length { found: length, expected })?;
        let mut bytes = vec![0; length];
        file.read_at(0, &mut bytes).map_err(whole)?;
        Ok(bytes)
    }

    fn verify(
        &self,
        name: &BackupName,
        written: &Backup,
        content: &Zeroizing<Vec<u8>>,
        passphrase: &Passphrase,
    ) -> Result<(), String> {
        let opened = self.read(name).and_then(|read| Ok((read.open(passphrase)?, read)));
        let (opened, read) = opened.map_err(|error| error.to_string())?;
        if read == *written && opened == *content {
            return Ok(());
        }
        Err("it is another one".to_owned())
    }

    fn prune(&self, now: u64) -> Result<(), (PathBuf, io::Error)> {
        let names = self.list().map_err(|error| (self.path.clone(), io::Error::other(error)))?;
        let mut removed = false;
        for name in self.retention.outdated(&names, now) {
            let path = self.path_of(name);
            self.files.remove(&path).map_err(|error| (path, error))?;
            removed = true;
        }
        if removed {
            let synced = self.files.sync_directory(&self.path);
            synced.map_err(|error| (self.path.clone(), error))?;
        }
        Ok(())
    }
}

/// One write at a time in a directory.
struct Lock(Arc<dyn OpenFile>);

impl Drop for Lock {
    fn drop(&mut self) {
        // The close that follows gives it back as well, if a little later.
        let _ = self.0.unlock();
    }
}

fn io_error(path: &Path, source: io::Error) -> BackupError {
    BackupError::Io { path: path.to_path_buf(), source }
}
