//! One of the parts into which the key of a backup is split.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::id::Digest;

/// The most shares of one backup.
pub const MAX_SHARES: u8 = 32;

const MAGIC: &[u8; 8] = b"MWBSHARE";
const VERSION: u32 = 1;
/// Bytes before the fingerprints: magic, version, backup, threshold, number of shares, number of this
/// one, value.
const FRONT_LEN: usize = 8 + 4 + 32 + 3 + 32;
const FINGERPRINT_LEN: usize = 16;
const CHECKSUM_LEN: usize = 16;
const CHECKSUM: &str = "meshward 2026 checksum of a share";
const FINGERPRINT: &str = "meshward 2026 fingerprint of a share";

/// Why shares do not open a backup, or bytes are no share.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShareError {
    /// It is no share.
    #[error("this is no share of a backup's key")]
    NotAShare,
    /// A version that this release does not know.
    #[error("the share has version {found}, this release knows version {known}")]
    UnknownVersion {
        /// The version of the share.
        found: u32,
        /// The one that this release reads.
        known: u32,
    },
    /// It was cut off, mistyped or has rotted.
    #[error("the share is damaged: its checksum or its length does not hold")]
    Damaged,
    /// It was changed on purpose.
    #[error("share {number} was changed: it is not what was dealt")]
    Altered {
        /// Its number.
        number: u8,
    },
    /// It belongs to another backup.
    #[error("share {number} is of the backup {found}, not of {expected}")]
    OtherBackup {
        /// Its number.
        number: u8,
        /// The backup it belongs to.
        found: Digest,
        /// The one to be opened.
        expected: Digest,
    },
    /// Not of one splitting with the others (with most of them; with the first when there is no
    /// majority).
    #[error("the shares {numbers:?} are not of one splitting with the others")]
    Mixed {
        /// Their numbers.
        numbers: Vec<u8>,
    },
    /// One share twice.
    #[error("share {number} was given twice")]
    Twice {
        /// Its number.
        number: u8,
    },
    /// Fewer than the threshold.
    #[error("{given} shares were given, {needed} are needed")]
    TooFew {
        /// How many there were.
        given: usize,
        /// The threshold.
        needed: u8,
    },
    /// Not 2 ≤ threshold ≤ shares ≤ 32.
    #[error("{threshold} of {shares}: at least 2 must be needed, and at most 32 dealt")]
    OutOfRange {
        /// How many are needed.
        threshold: u8,
        /// How many are dealt.
        shares: u8,
    },
}

/// What is the same in all shares of one splitting.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Deal {
    pub(super) backup: Digest,
    pub(super) threshold: u8,
    pub(super) fingerprints: Vec<[u8; FINGERPRINT_LEN]>,
}

/// One share. Fewer than the threshold tell nothing of the key; so many open the backup without its
/// passphrase.
///
/// Each share holds a fingerprint of every one, so that a share that is wrong is named. Fingerprints
/// are digests of 256 random bits, and tell nothing of them.
///
/// Wiped from memory when dropped; `Debug` shows its number alone.
#[derive(Clone)]
pub struct Share {
    pub(super) deal: Deal,
    pub(super) number: u8,
    pub(super) value: Zeroizing<[u8; 32]>,
}

impl Share {
    /// Its number among the shares of the splitting, from 1.
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// How many are needed.
    pub const fn threshold(&self) -> u8 {
        self.deal.threshold
    }

    /// How many were dealt.
    pub fn dealt(&self) -> u8 {
        u8::try_from(self.deal.fingerprints.len()).unwrap_or(u8::MAX)
    }

    /// Which backup it belongs to: its [`id`](super::Backup::id).
    pub const fn backup(&self) -> Digest {
        self.deal.backup
    }

    pub(super) fn fingerprint(
        backup: &Digest,
        threshold: u8,
        number: u8,
        value: &[u8; 32],
    ) -> [u8; FINGERPRINT_LEN] {
        let mut bytes = Zeroizing::new([0; 66]);
        let numbers = [threshold, number];
        let fields = [backup.as_bytes().as_slice(), &numbers, value].into_iter().flatten();
        bytes.iter_mut().zip(fields).for_each(|(to, from)| *to = *from);
        truncated(&Digest::of(FINGERPRINT, &*bytes))
    }

    /// The share as bytes, for a file.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let Deal { backup, threshold, fingerprints } = &self.deal;
        let fingerprints_len = fingerprints.len().saturating_mul(FINGERPRINT_LEN);
        let len = FRONT_LEN.saturating_add(fingerprints_len).saturating_add(CHECKSUM_LEN);
        // All in one piece: a vector that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(backup.as_bytes());
        bytes.extend([*threshold, self.dealt(), self.number]);
        bytes.extend(self.value.iter());
        bytes.extend(fingerprints.as_flattened());
        let checksum: [u8; CHECKSUM_LEN] = truncated(&Digest::of(CHECKSUM, &bytes));
        bytes.extend(checksum);
        bytes
    }

    /// Reads a share.
    ///
    /// # Errors
    ///
    /// [`ShareError::NotAShare`], [`ShareError::UnknownVersion`], [`ShareError::Damaged`],
    /// [`ShareError::OutOfRange`], [`ShareError::Altered`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ShareError> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(ShareError::NotAShare)?;
        if magic != MAGIC {
            return Err(ShareError::NotAShare);
        }
        let (version, rest) = rest.split_first_chunk().ok_or(ShareError::Damaged)?;
        let found = u32::from_le_bytes(*version);
        if found != VERSION {
            return Err(ShareError::UnknownVersion { found, known: VERSION });
        }
        let (body, checksum) =
            bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(ShareError::Damaged)?;
        if truncated(&Digest::of(CHECKSUM, body)) != *checksum {
            return Err(ShareError::Damaged);
        }
        let rest = rest.get(..rest.len().saturating_sub(CHECKSUM_LEN)).unwrap_or_default();
        Self::read_fields(rest).ok_or(ShareError::Damaged)?
    }

    fn read_fields(rest: &[u8]) -> Option<Result<Self, ShareError>> {
        let (backup, rest) = rest.split_first_chunk()?;
        let ([threshold, shares, number], rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let (fingerprints, []) = rest.as_chunks::<FINGERPRINT_LEN>() else { return None };
        let (threshold, shares, number) = (*threshold, *shares, *number);
        if let Err(error) = check_range(threshold, shares) {
            return Some(Err(error));
        }
        if fingerprints.len() != usize::from(shares) {
            return None;
        }
        let backup = Digest::from_bytes(*backup);
        let ours = fingerprints.get(usize::from(number.checked_sub(1)?))?;
        if Self::fingerprint(&backup, threshold, number, value) != *ours {
            return Some(Err(ShareError::Altered { number }));
        }
        let deal = Deal { backup, threshold, fingerprints: fingerprints.to_vec() };
        Some(Ok(Self { deal, number, value: Zeroizing::new(*value) }))
    }

    /// The share as one line of text: its bytes in hexadecimal digits.
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes = self.to_bytes();
        let mut text = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(2)));
        for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            text.extend(char::from_digit(digit.into(), 16));
        }
        text
    }

    /// Reads the text of a share; spaces and line breaks are passed over.
    ///
    /// # Errors
    ///
    /// Those of [`from_bytes`](Self::from_bytes).
    pub fn from_text(text: &str) -> Result<Self, ShareError> {
        let longest = FRONT_LEN + CHECKSUM_LEN + 32 * FINGERPRINT_LEN;
        let mut bytes = Zeroizing::new(Vec::with_capacity(longest));
        let mut half = None;
        for digit in text.chars().filter(|c| !c.is_whitespace()) {
            let digit = digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let digit = digit.ok_or(ShareError::NotAShare)?;
            match half.take() {
                None => half = Some(digit),
                Some(_) if bytes.len() == longest => return Err(ShareError::Damaged),
                Some(high) => bytes.push(high << 4 | digit),
            }
        }
        if half.is_some() {
            return Err(ShareError::Damaged);
        }
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("number", &self.number)
            .field("threshold", &self.deal.threshold)
            .finish_non_exhaustive()
    }
}

pub(super) const fn check_range(threshold: u8, shares: u8) -> Result<(), ShareError> {
    if threshold < 2 || threshold > shares || shares > MAX_SHARES {
        return Err(ShareError::OutOfRange { threshold, shares });
    }
    Ok(())
}

fn truncated<const N: usize>(digest: &Digest) -> [u8; N] {
    digest.as_bytes().first_chunk().copied().unwrap_or([0; N])
}
