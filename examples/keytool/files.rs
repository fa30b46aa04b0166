//! Files: what is read is bounded, and what is written is its owner's alone.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use meshward::keyring::backup::{Backup, MAX_CONTENT_LEN};
use meshward::store::{Access, EntryKind, Files, OsFiles};
use meshward::{DurableStore, KeyHistory};
use zeroize::Zeroizing;

use super::Failure;

/// The longest view file that is read, in bytes: the largest view, and some thousand rotations.
const MAX_VIEW_FILE: usize = 64 * 1024 * 1024;
/// A backup has less than this around its content, in bytes.
const AROUND_CONTENT: usize = 4 * 1024;

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| Failure::asked(format!("{} cannot be read: {error}.", path.display())))?;
    match bytes.len() > limit {
        true => Err(Failure::asked(format!("{} is longer than {limit} bytes.", path.display()))),
        false => Ok(bytes),
    }
}

/// Writes a new file, durable, that its owner alone may read. What exists is left alone.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = OsFiles.open(path, Access::Create).and_then(|file| {
        file.write_at(0, bytes)?;
        file.sync()
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::refused(format!("{} exists already, and is left alone.", path.display()))
        }
        _ => Failure::asked(format!("{} cannot be written: {error}.", path.display())),
    })
}

/// Makes a directory, unless it is there.
#[cfg(feature = "shamir")]
pub(crate) fn directory(path: &Path) -> Result<(), Failure> {
    match OsFiles.create_directory(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Failure::asked(format!("{} cannot be made: {error}.", path.display())))
        }
        _ => Ok(()),
    }
}

pub(crate) fn view(path: &Path) -> Result<KeyHistory, Failure> {
    let bytes = read(path, MAX_VIEW_FILE)?;
    KeyHistory::from_bytes(&bytes).map_err(|error| {
        Failure::asked(format!("{} is no view that can be used: {error}.", path.display()))
    })
}

/// Reads a backup, which is not opened yet.
pub(crate) fn backup(path: &Path) -> Result<Backup, Failure> {
    let bytes = read(path, MAX_CONTENT_LEN.saturating_add(AROUND_CONTENT))?;
    Backup::parse(bytes.to_vec())
        .map_err(|error| Failure::refused(format!("{}: {error}.", path.display())))
}

/// Opens a store, and makes it where there is none.
pub(crate) fn new_store(path: &Path) -> Result<DurableStore, Failure> {
    DurableStore::open(path)
        .map_err(|error| Failure::asked(format!("The store cannot be opened: {error}.")))
}

/// Opens a store that is there.
pub(crate) fn store(path: &Path) -> Result<DurableStore, Failure> {
    match OsFiles.entry(&path.join("meshward.redb")) {
        Ok(Some(EntryKind::File)) => new_store(path),
        _ => Err(Failure::asked(format!("There is no store in {}.", path.display()))),
    }
}

/// Milliseconds since 1970 by the clock of this host.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
