//! The directory of a durable store: its creation, its lock, its syncs.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// A store's directory, locked for as long as this value lives.
///
/// redb locks its own file, but only once that file exists. This lock covers creation as well, so
/// that two processes that start at once do not create two stores over each other.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
}

impl Directory {
    /// Opens the directory, creates it (on Unix with mode 0700) when it is absent, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        create_durably(path).map_err(|source| io_error(path, source))?;
        let lock_path = path.join("meshward.lock");
        let lock = private_file()
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(|source| io_error(&lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_path_buf(), lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_path_buf() }),
            Err(TryLockError::Error(source)) => Err(io_error(&lock_path, source)),
        }
    }

    /// The directory itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The store file.
    pub(super) fn file(&self) -> PathBuf {
        self.path.join("meshward.redb")
    }

    /// Where a store is made before it gets its name. Nothing that bears this name is a store.
    pub(super) fn unfinished_file(&self) -> PathBuf {
        self.path.join("meshward.redb.new")
    }

    /// Makes an empty unfinished file (on Unix with mode 0600), in place of one that a creation
    /// left when it was killed.
    pub(super) fn start_file(&self) -> Result<(), StoreError> {
        let path = self.unfinished_file();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(&path, error));
            }
            _ => {}
        }
        private_file()
            .create_new(true)
            .open(&path)
            .map(drop)
            .map_err(|source| io_error(&path, source))
    }

    /// Gives the unfinished file its name. The content is on the disk before the name is, and the
    /// name is when this returns.
    pub(super) fn finish_file(&self) -> Result<(), StoreError> {
        let unfinished = self.unfinished_file();
        OpenOptions::new()
            .write(true)
            .open(&unfinished)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&unfinished, self.file()))
            .and_then(|()| sync_directory(&self.path))
            .map_err(|source| io_error(&unfinished, source))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Closing releases the lock only when no copy of the descriptor is left, and a process
        // that is being spawned holds one for a moment. Unlocking releases it at once. If it fails
        // the close that follows is the next best thing.
        let _ = self.lock.unlock();
    }
}

/// Wraps what the operating system said about `path`.
pub(super) fn io_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.to_path_buf(), source }
}

/// Options for a file that only its owner may read.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates the directory and its missing ancestors so that they survive a loss of power.
fn create_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = path
        .ancestors()
        .filter(|p| !p.as_os_str().is_empty())
        .take_while(|p| !p.exists())
        .collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    // The entry of a directory lives in its parent, so that is what has to be synced.
    missing.into_iter().filter_map(Path::parent).try_for_each(|parent| {
        let here = parent.as_os_str().is_empty();
        sync_directory(if here { Path::new(".") } else { parent })
    })
}

/// Makes the entries of a directory durable: a file's own sync does not cover its name (fsync(2)).
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Outside Unix a directory cannot be opened to be synced; the file system's journal orders the
/// entries.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_unlocks_even_while_a_copy_of_the_descriptor_lives() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory::open(parent.path()).unwrap();
        let copy = directory.lock.try_clone().unwrap();
        assert!(matches!(Directory::open(parent.path()), Err(StoreError::InUse { .. })));
        drop(directory);
        Directory::open(parent.path()).unwrap();
        drop(copy);
    }
}
