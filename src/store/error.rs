//! What can go wrong with a store.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a store could not be opened, read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another handle in this one, has the store open.
    #[error("the store in {} is in use by another process or handle", path.display())]
    InUse {
        /// The directory of the store.
        path: PathBuf,
    },
    /// The file is there but is no intact store. It is never replaced by an empty one: a node that
    /// forgot its boot counter would use nonces twice. Restore it or move it away by hand.
    #[error("the store file {} is damaged or no store of meshward: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A newer release wrote the file in a format that this one does not know.
    #[error(
        "the store file {} has format {found}, this release knows formats up to {known}",
        path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
        /// The newest format this release reads.
        known: u32,
    },
    /// The operating system refused: missing rights, no space, a failing disk.
    #[error("the store at {} could not be read or written: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Anything else that kept the store from doing what it was asked.
    #[error("the store failed: {reason}")]
    Failed {
        /// What happened.
        reason: String,
    },
}
