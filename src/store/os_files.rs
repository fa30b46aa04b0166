//! The operating system's files.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::store::{Access, EntryKind, Files, OpenFile};

/// The file system of the operating system.
///
/// On Unix files are created with mode 0600 and directories with 0700; what exists keeps its mode.
/// Elsewhere they have the rights that their directory hands on, and a directory cannot be opened to
/// be synced: there the file system's journal has to keep the order of the names.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFiles;

impl Files for OsFiles {
    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        let kind = fs::metadata(path)?.file_type();
        Ok(Some(match (kind.is_file(), kind.is_dir()) {
            (true, _) => EntryKind::File,
            (_, true) => EntryKind::Directory,
            _ => EntryKind::Other,
        }))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read);
        options.create_new(access == Access::Create);
        options.create(access == Access::CreateIfAbsent);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Arc::new(OsFile::new(options.open(path)?)))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no mode to set"))]
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    #[cfg(unix)]
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct OsFile {
    file: File,
    /// Without positional reads and writes a file has one position, which one caller moves at a time.
    #[cfg(not(unix))]
    position: parking_lot::Mutex<()>,
}

impl OsFile {
    fn new(file: File) -> Self {
        Self {
            file,
            #[cfg(not(unix))]
            position: parking_lot::Mutex::new(()),
        }
    }
}

impl OpenFile for OsFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, offset)
    }

    #[cfg(not(unix))]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let _position = self.position.lock();
        io::Seek::seek(&mut &self.file, io::SeekFrom::Start(offset))?;
        io::Read::read_exact(&mut &self.file, bytes)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, offset)
    }

    #[cfg(not(unix))]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let _position = self.position.lock();
        io::Seek::seek(&mut &self.file, io::SeekFrom::Start(offset))?;
        io::Write::write_all(&mut &self.file, bytes)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlock_unlocks_even_while_a_copy_of_the_descriptor_lives() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        OsFiles.open(&path, Access::CreateIfAbsent).unwrap();
        let file = OsFile::new(OpenOptions::new().read(true).write(true).open(&path).unwrap());
        let copy = file.file.try_clone().unwrap();
        assert!(file.try_lock().unwrap());
        let second = OsFiles.open(&path, Access::Write).unwrap();
        assert!(!second.try_lock().unwrap());
        file.unlock().unwrap();
        assert!(second.try_lock().unwrap());
        drop(copy);
    }

    #[test]
    fn what_stands_under_a_path_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert_eq!(OsFiles.entry(&path).unwrap(), None);
        assert!(OsFiles.open(&path, Access::Read).is_err());
        OsFiles.open(&path, Access::Create).unwrap();
        assert!(OsFiles.open(&path, Access::Create).is_err());
        assert_eq!(OsFiles.entry(&path).unwrap(), Some(EntryKind::File));
        assert_eq!(OsFiles.entry(directory.path()).unwrap(), Some(EntryKind::Directory));
        assert_eq!(OsFiles.list(directory.path()).unwrap(), ["file"]);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nothing", directory.path().join("link")).unwrap();
            OsFiles.entry(&directory.path().join("link")).unwrap_err();
        }
    }

    #[test]
    fn bytes_go_where_they_belong() {
        let directory = tempfile::tempdir().unwrap();
        let file = OsFiles.open(&directory.path().join("file"), Access::Create).unwrap();
        file.write_at(3, b"abc").unwrap();
        file.set_length(5).unwrap();
        file.sync().unwrap();
        assert_eq!(file.length().unwrap(), 5);
        let mut bytes = [9; 5];
        file.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"\0\0\0ab");
        assert!(file.read_at(1, &mut bytes).is_err());
    }
}
