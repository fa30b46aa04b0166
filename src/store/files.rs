//! What the library asks of a file system.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How [`Files::open`] opens a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It exists and is only read.
    Read,
    /// It exists and is read and written.
    Write,
    /// It must not exist yet, and is made empty.
    Create,
    /// It is made empty when it does not exist.
    CreateIfAbsent,
}

/// What stands under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A socket, a device.
    Other,
}

/// A file system: every step that the durable store and the backups take on one, and nothing else.
///
/// [`OsFiles`](crate::store::OsFiles) is the operating system's. Another one lets a test stop at any of the steps, lose
/// what was not synced, and look at what a restart finds.
///
/// The promises of the library about crashes rest on three things that an implementation keeps:
///
/// - What was written to a file is there after a loss of power once [`OpenFile::sync`] returned.
/// - A name that was made, replaced or removed is so after a loss of power once
///   [`sync_directory`](Self::sync_directory) of its directory returned (the sync of a file does not
///   cover its name, fsync(2)).
/// - [`rename`](Self::rename) replaces a file as a whole: a crash leaves the old one or the new one.
///
/// The errors are those of the operating system.
#[expect(clippy::missing_errors_doc, reason = "said above, once")]
pub trait Files: fmt::Debug + Send + Sync {
    /// What stands under `path`, links followed; `None` when nothing does. A link to nothing is an
    /// error, for it is not nothing.
    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>>;

    /// Opens a file. What is created may be read and written by its owner alone (mode 0600).
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn OpenFile>>;

    /// Makes one directory, for its owner alone (mode 0700), whose parent exists.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in any order.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// Gives a file another name in its directory, in place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// An open file of [`Files`]. Its errors are those of the operating system.
#[expect(clippy::missing_errors_doc, reason = "said above, once")]
pub trait OpenFile: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Fills `bytes` from `offset` on; an error when the file ends before.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` from `offset` on.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off, or fills it up with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Makes content and length durable (fdatasync(2)).
    fn sync(&self) -> io::Result<()>;

    /// Takes the lock of the file, which one open file has at a time, of whatever process. `false`
    /// when another one has it.
    fn try_lock(&self) -> io::Result<bool>;

    /// Gives the lock back, even while a copy of the descriptor lives in a process that is being
    /// spawned. Nothing happens when it was not taken.
    fn unlock(&self) -> io::Result<()>;
}
