//! One sealed backup.

use std::fmt;

use zeroize::Zeroizing;

use super::header::{CHECKSUM_LEN, CONTENT_AT, HEADER_LEN, Header, MIN_LEN, too_long};
use super::seal::{Key, TAG_LEN};
use super::{BackupError, KdfCost, Owner, Passphrase};
use crate::id::Digest;
use crate::suite::Entropy;

/// The most that one backup seals, in bytes: the largest view (35 MiB) and what stands beside it.
pub const MAX_CONTENT_LEN: usize = 64 * 1024 * 1024;

/// The most bytes that a backup has.
pub(super) const MAX_FILE_LEN: usize = MAX_CONTENT_LEN + MIN_LEN;

const CHECKSUM: &str = "meshward 2026 checksum of a backup";
const ID: &str = "meshward 2026 name of a backup";

/// A backup as it lies on a disk. Nothing in it is secret as long as the passphrase is.
///
/// What the header says is somebody's claim until [`open`](Self::open) has succeeded.
#[derive(Clone, PartialEq, Eq)]
pub struct Backup {
    header: Header,
    bytes: Vec<u8>,
}

impl Backup {
    /// Seals `content` under `passphrase`, for `owner`. `created_at` is what the caller's clock shows,
    /// in milliseconds of any beginning. Takes the time and the memory that `cost` says.
    ///
    /// # Errors
    ///
    /// [`BackupError::OutOfRange`] for more than [`MAX_CONTENT_LEN`] bytes, [`BackupError::NoMemory`],
    /// [`BackupError::Entropy`].
    pub fn seal(
        content: &Zeroizing<Vec<u8>>,
        passphrase: &Passphrase,
        cost: KdfCost,
        owner: Owner,
        created_at: u64,
        entropy: &dyn Entropy,
    ) -> Result<Self, BackupError> {
        let content_len = content.len();
        let refusal = || too_long(u64::try_from(content_len).unwrap_or(u64::MAX));
        if content_len > MAX_CONTENT_LEN {
            return Err(refusal());
        }
        let (mut salt, mut key_nonce, mut content_nonce) = ([0; 16], [0; 24], [0; 24]);
        entropy.fill(&mut salt)?;
        entropy.fill(&mut key_nonce)?;
        entropy.fill(&mut content_nonce)?;
        let wrapping = Key::random(entropy)?;
        let header =
            Header { cost, created_at, owner, salt, key_nonce, content_nonce, content_len };

        let mut bytes = Vec::with_capacity(MIN_LEN.saturating_add(content_len));
        bytes.extend(header.to_bytes());
        let mut wrapped = Zeroizing::new(*wrapping.as_bytes());
        let tag = cost.derive(passphrase, &salt)?.seal(&key_nonce, &bytes, &mut *wrapped);
        bytes.extend(*wrapped);
        bytes.extend(tag.ok_or_else(refusal)?);
        let mut sealed = content.clone();
        let tag = wrapping.seal(&content_nonce, &bytes, &mut sealed).ok_or_else(refusal)?;
        bytes.extend_from_slice(&sealed);
        bytes.extend(tag);
        let checksum = Digest::of(CHECKSUM, &bytes);
        bytes.extend(checksum.as_bytes());
        Ok(Self { header, bytes })
    }

    /// Reads a backup: header, length and checksum. The work is linear in the length; nothing that the
    /// header asks for is done.
    ///
    /// # Errors
    ///
    /// [`BackupError::NotABackup`], [`BackupError::UnknownVersion`], [`BackupError::OutOfRange`],
    /// [`BackupError::Length`], [`BackupError::Damaged`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, BackupError> {
        let header = Header::read(&bytes)?;
        let (body, checksum) =
            bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(BackupError::Damaged)?;
        if Digest::of(CHECKSUM, body).as_bytes() != checksum {
            return Err(BackupError::Damaged);
        }
        Ok(Self { header, bytes })
    }

    /// The backup as bytes, for a file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whose it says it is.
    pub const fn owner(&self) -> Owner {
        self.header.owner
    }

    /// When it says that it was made, by the clock of who made it.
    pub const fn created_at(&self) -> u64 {
        self.header.created_at
    }

    /// What opening it costs.
    pub const fn cost(&self) -> KdfCost {
        self.header.cost
    }

    /// What tells it from every other backup: a digest of its header and wrapped key, in which are
    /// random numbers.
    pub fn id(&self) -> Digest {
        Digest::of(ID, self.front())
    }

    /// Holds the owner it names against the one it should have.
    ///
    /// # Errors
    ///
    /// [`BackupError::OtherNode`], [`BackupError::OtherMesh`].
    pub fn require(&self, owner: Owner) -> Result<(), BackupError> {
        let found = self.header.owner;
        if found.node != owner.node {
            return Err(BackupError::OtherNode { found: found.node, expected: owner.node });
        }
        if found.mesh != owner.mesh {
            return Err(BackupError::OtherMesh { found: found.mesh, expected: owner.mesh });
        }
        Ok(())
    }

    /// Opens it. Takes the time and the memory that [`cost`](Self::cost) says. When it succeeds the
    /// header was authentic.
    ///
    /// # Errors
    ///
    /// [`BackupError::WrongPassphrase`], [`BackupError::Altered`], [`BackupError::NoMemory`].
    pub fn open(&self, passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        self.open_with(&self.wrapping_key(passphrase)?)
    }

    pub(super) fn wrapping_key(&self, passphrase: &Passphrase) -> Result<Key, BackupError> {
        let Header { cost, salt, key_nonce, .. } = &self.header;
        let derived = cost.derive(passphrase, salt)?;
        let parts = self.bytes.split_at_checked(HEADER_LEN).and_then(|(header, rest)| {
            let (wrapped, rest) = rest.split_first_chunk::<32>()?;
            Some((header, *wrapped, rest.first_chunk::<TAG_LEN>()?))
        });
        let (header, wrapped, tag) = parts.ok_or(BackupError::Damaged)?;
        let mut key = Zeroizing::new(wrapped);
        let opened = derived.open(key_nonce, header, &mut *key, tag);
        opened.map(|()| Key::new(key)).ok_or(BackupError::WrongPassphrase)
    }

    pub(super) fn open_with(&self, wrapping: &Key) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        let parts = self.bytes.split_at_checked(CONTENT_AT).and_then(|(front, rest)| {
            let (content, rest) = rest.split_at_checked(self.header.content_len)?;
            Some((front, content, rest.first_chunk::<TAG_LEN>()?))
        });
        let (front, content, tag) = parts.ok_or(BackupError::Damaged)?;
        let mut content = Zeroizing::new(content.to_vec());
        let opened = wrapping.open(&self.header.content_nonce, front, &mut content, tag);
        opened.map(|()| content).ok_or(BackupError::Altered)
    }

    /// Header and wrapped key.
    fn front(&self) -> &[u8] {
        self.bytes.get(..CONTENT_AT).unwrap_or(&self.bytes)
    }
}

/// What the header says.
impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backup")
            .field("owner", &self.header.owner)
            .field("created_at", &self.header.created_at)
            .field("cost", &self.header.cost)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
