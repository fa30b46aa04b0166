//! What can be wrong with a backup.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::id::{MeshId, NodeId};
use crate::suite::EntropyError;

/// Why a backup could not be made, written, read or opened.
///
/// How far the causes can be told apart: anybody can write a file that looks right up to its seal, so
/// [`WrongPassphrase`](Self::WrongPassphrase) may also be a file that was changed on purpose. By
/// chance that does not come about, for the checksum would not hold.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// It does not begin as a backup does.
    #[error("this is no backup of meshward")]
    NotABackup,
    /// A version that this release does not know; a larger one is of a newer release.
    #[error("the backup has version {found}, this release knows version {known}")]
    UnknownVersion {
        /// The version of the backup.
        found: u32,
        /// The one that this release reads.
        known: u32,
    },
    /// Its length is not the one that it should have: it was cut off, or something was added.
    #[error("the backup has {found} bytes and should have {expected}: it was cut off or added to")]
    Length {
        /// Its length in bytes.
        found: u64,
        /// The length that its header tells, or the shortest possible one.
        expected: u64,
    },
    /// The checksum does not hold: it was damaged.
    #[error("the backup is damaged: its checksum does not hold")]
    Damaged,
    /// A parameter outside the range that is worked with.
    #[error("{what} of {found} is out of range: {range}")]
    OutOfRange {
        /// Which one.
        what: &'static str,
        /// Its value.
        found: u64,
        /// What is allowed.
        range: &'static str,
    },
    /// It was made by another node.
    #[error("the backup is of node {found}, not of {expected}")]
    OtherNode {
        /// Whose it says it is.
        found: NodeId,
        /// Whose it should be.
        expected: NodeId,
    },
    /// It was made in another mesh.
    #[error("the backup is of the mesh {found}, not of {expected}")]
    OtherMesh {
        /// Which one it names.
        found: MeshId,
        /// Which one it should name.
        expected: MeshId,
    },
    /// The passphrase does not open it.
    #[error("the passphrase does not open the backup")]
    WrongPassphrase,
    /// The key is right and the content is not what was sealed under it: somebody changed it.
    #[error("the backup was changed: its key opens, its content does not")]
    Altered,
    /// The memory that the passphrase's cost asks for is not there.
    #[error("there are no {kib} KiB of memory for the passphrase")]
    NoMemory {
        /// How much was asked for, in KiB.
        kib: u32,
    },
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Somebody else is writing a backup there.
    #[error("somebody else writes a backup in {}", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// There is no backup of this node.
    #[error("no backup of this node is in {}", path.display())]
    NoBackup {
        /// The directory.
        path: PathBuf,
    },
    /// The new backup could not be opened after it was written. It is no more, and the older ones are
    /// all there.
    #[error("the new backup {} was not what was written: {reason}", path.display())]
    NotVerified {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The new backup is good and an outdated one could not be removed.
    #[error("the backup {name} is written, the outdated {} could not be removed: {source}", path.display())]
    NotPruned {
        /// The new backup.
        name: super::BackupName,
        /// The one that should have gone.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The counter in the names is used up.
    #[error("the names of backups in {} are used up", path.display())]
    NamesUsedUp {
        /// The directory.
        path: PathBuf,
    },
    /// What is sealed in it is not what a node puts there.
    #[error(transparent)]
    Contents(#[from] super::ContentsError),
    /// The identity could not be made, taken back or stored.
    #[error(transparent)]
    Identity(#[from] crate::keyring::Error),
    /// Shares that do not open it together.
    #[cfg(feature = "shamir")]
    #[error(transparent)]
    Shares(#[from] super::ShareError),
}
