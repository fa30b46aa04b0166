//! The directory of a durable store: its creation, its lock, its syncs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::ancestors::create_directories;
use crate::store::{Access, EntryKind, Files, OpenFile, StoreError};

/// A store's directory, locked for as long as this value lives.
///
/// redb locks its own file, but only once that file exists. This lock covers creation as well, so
/// that two processes that start at once do not create two stores over each other.
#[derive(Debug)]
pub(super) struct Directory {
    files: Arc<dyn Files>,
    path: PathBuf,
    lock: Arc<dyn OpenFile>,
}

impl Directory {
    /// Opens the directory, creates it when it is absent, and locks it.
    pub(super) fn open(files: Arc<dyn Files>, path: &Path) -> Result<Self, StoreError> {
        create_directories(&*files, path).map_err(|source| io_error(path, source))?;
        let lock_path = path.join("meshward.lock");
        let taken = files.open(&lock_path, Access::CreateIfAbsent).and_then(|lock| {
            let taken = lock.try_lock()?;
            Ok(taken.then_some(lock))
        });
        match taken {
            Ok(Some(lock)) => Ok(Self { files, path: path.to_path_buf(), lock }),
            Ok(None) => Err(StoreError::InUse { path: path.to_path_buf() }),
            Err(source) => Err(io_error(&lock_path, source)),
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

    /// What stands where the store file belongs.
    pub(super) fn file_kind(&self) -> Result<Option<EntryKind>, StoreError> {
        let file = self.file();
        self.files.entry(&file).map_err(|source| io_error(&file, source))
    }

    /// Opens the store file.
    pub(super) fn open_file(&self) -> Result<Arc<dyn OpenFile>, StoreError> {
        let file = self.file();
        self.files.open(&file, Access::Write).map_err(|source| io_error(&file, source))
    }

    /// Makes an empty unfinished file, in place of one that a creation left when it was killed.
    pub(super) fn start_file(&self) -> Result<Arc<dyn OpenFile>, StoreError> {
        let path = self.unfinished_file();
        match self.files.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(&path, error));
            }
            _ => {}
        }
        self.files.open(&path, Access::Create).map_err(|source| io_error(&path, source))
    }

    /// Gives the unfinished file its name. The content is on the disk before the name is, and the
    /// name is when this returns.
    pub(super) fn finish_file(&self) -> Result<(), StoreError> {
        let unfinished = self.unfinished_file();
        self.files
            .open(&unfinished, Access::Write)
            .and_then(|file| file.sync())
            .and_then(|()| self.files.rename(&unfinished, &self.file()))
            .and_then(|()| self.files.sync_directory(&self.path))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::OsFiles;

    #[test]
    fn one_has_it_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let open = || Directory::open(Arc::new(OsFiles), parent.path());
        let directory = open().unwrap();
        assert!(matches!(open(), Err(StoreError::InUse { .. })));
        drop(directory);
        open().unwrap();
    }
}
