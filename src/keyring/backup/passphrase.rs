//! What the operator remembers.

use std::fmt;

use zeroize::Zeroizing;

use super::BackupError;

/// The shortest passphrase that is taken, in bytes.
const MIN_LEN: usize = 8;
/// The longest one, in bytes.
const MAX_LEN: usize = 1024;

/// A passphrase: 8 to 1024 bytes, taken as they are. Wiped from memory when dropped, and not shown by
/// `Debug`.
///
/// Text is to be normalized by whoever reads it in, so that the same keys on another keyboard make the
/// same bytes.
#[derive(Clone)]
pub struct Passphrase(pub(super) Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes the bytes.
    ///
    /// # Errors
    ///
    /// [`BackupError::OutOfRange`] for fewer than 8 or more than 1024. That it cannot be guessed
    /// nobody checks: six words that dice chose are good (77 bits), a line that was ever printed is not.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, BackupError> {
        if !(MIN_LEN..=MAX_LEN).contains(&bytes.len()) {
            return Err(BackupError::OutOfRange {
                what: "a passphrase",
                found: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                range: "8 to 1024 bytes",
            });
        }
        Ok(Self(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Nothing of it, its length neither.
impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}
