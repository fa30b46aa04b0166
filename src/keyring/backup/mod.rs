//! Backups: what a node must not lose, sealed under a passphrase.
//!
//! [`Backup`] is one sealed file; [`BackupDirectory`] writes them so that a crash leaves an old one or
//! the new one, and drops the oldest; `Share` (feature `shamir`) is one of several parts that open
//! one together. They seal a run of bytes and do not look into it; [`BackupContents`] is what a node
//! puts there, [`generate`] and [`restore`] make an identity or take it back together with its backup.
//!
//! # The file
//!
//! Numbers are little-endian.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `MWBACKUP` |
//! | 8 | 4 | version: 1 |
//! | 12 | 12 | cost of the passphrase: memory in KiB, passes, lanes, each 4 bytes |
//! | 24 | 8 | when it was made, by the clock of who made it |
//! | 32 | 64 | the node's id, the mesh's id |
//! | 96 | 16 | salt |
//! | 112 | 48 | nonces: of the wrapped key, of the content; each 24 bytes |
//! | 160 | 8 | length of the content |
//! | 168 | 48 | the wrapping key, 32 bytes, sealed under Argon2id(passphrase, salt); a tag of 16 bytes; all before it is associated data |
//! | 216 | n + 16 | the content, sealed under the wrapping key; a tag; all before it is associated data |
//! | 232 + n | 32 | checksum of all before it |
//!
//! Argon2id is that of RFC 9106, version 0x13; the seal is XChaCha20-Poly1305
//! (draft-irtf-cfrg-xchacha-03), whose 24-byte nonces may be drawn at random. Wrapping key, salt and
//! nonces are drawn anew for each backup.
//!
//! The checksum (BLAKE3, no key) protects from nobody. It tells a file that was cut off or has rotted
//! from a wrong passphrase, before any memory is spent on the passphrase.
//!
//! # What it does not protect from
//!
//! - A passphrase that can be guessed: the cost of a guess is what the parameters say, no more.
//! - Whoever can delete or replace files can bring back an older backup. It says of itself when it was
//!   made, and that is authentic.
//! - Memory is wiped where this crate holds it. What a swap file or a core dump took is not.

mod contents;
mod cost;
mod directory;
mod error;
mod file;
mod header;
mod name;
mod passphrase;
mod restore;
mod retention;
mod seal;
#[cfg(feature = "shamir")]
mod share;
#[cfg(feature = "shamir")]
mod split;

pub use contents::{BackupContents, ContentsError, NO_MESH};
pub use cost::KdfCost;
pub use directory::BackupDirectory;
pub use error::BackupError;
pub use file::{Backup, MAX_CONTENT_LEN};
pub use header::Owner;
pub use name::{BackupName, NotAName};
pub use passphrase::Passphrase;
pub use restore::{Sealer, generate, restore};
pub use retention::Retention;
#[cfg(feature = "shamir")]
pub use share::{MAX_SHARES, Share, ShareError};

#[cfg(test)]
mod tests;
