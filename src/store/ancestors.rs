//! Directories that are there after a loss of power.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::{EntryKind, Files};

/// Makes a directory and its missing ancestors so that they survive a loss of power, and so does what
/// an earlier start made there.
///
/// A process that is killed between making a name and its sync leaves a name that everybody sees and
/// that the next loss of power takes back. So nothing that is found is trusted to be durable: it is
/// synced again (cometbft #6031 is what happens else: the state is gone and the node begins anew).
pub(crate) fn create_directories(files: &dyn Files, path: &Path) -> io::Result<()> {
    let mut missing: Vec<PathBuf> = Vec::new();
    for ancestor in path.ancestors().filter(|path| !path.as_os_str().is_empty()) {
        match files.entry(ancestor)? {
            Some(EntryKind::Directory) => break,
            Some(_) => return Err(io::ErrorKind::NotADirectory.into()),
            None => missing.push(ancestor.to_path_buf()),
        }
    }
    for directory in missing.iter().rev() {
        match files.create_directory(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        files.sync_directory(parent(directory))?;
    }
    // What was there before may belong to somebody else, who does not let it be synced.
    for ancestor in path.ancestors().skip(1) {
        let _ = files.sync_directory(or_here(ancestor));
    }
    files.sync_directory(or_here(path))
}

/// Where the name of `path` stands.
fn parent(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(Path::new("")))
}

fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}
