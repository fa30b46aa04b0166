//! What stands in front of the seals.

use super::seal::{NONCE_LEN, TAG_LEN};
use super::{BackupError, KdfCost, MAX_CONTENT_LEN};
use crate::id::{MeshId, NodeId};

const MAGIC: &[u8; 8] = b"MWBACKUP";
/// The version that this release writes and reads.
const VERSION: u32 = 1;
/// Bytes of the header.
pub(super) const HEADER_LEN: usize = 168;
/// Bytes of the header and the wrapping key that follows it.
pub(super) const CONTENT_AT: usize = HEADER_LEN + 32 + TAG_LEN;
/// Bytes of the checksum at the end.
pub(super) const CHECKSUM_LEN: usize = 32;
/// Bytes of a backup of nothing.
pub(super) const MIN_LEN: usize = CONTENT_AT + TAG_LEN + CHECKSUM_LEN;

/// Whose a backup is: the node and its mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The node.
    pub node: NodeId,
    /// Its mesh.
    pub mesh: MeshId,
}

/// The header, which is associated data of both seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) cost: KdfCost,
    pub(super) created_at: u64,
    pub(super) owner: Owner,
    pub(super) salt: [u8; 16],
    pub(super) key_nonce: [u8; NONCE_LEN],
    pub(super) content_nonce: [u8; NONCE_LEN],
    pub(super) content_len: usize,
}

impl Header {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let content_len = u64::try_from(self.content_len).unwrap_or(u64::MAX);
        [
            MAGIC.as_slice(),
            &VERSION.to_le_bytes(),
            &self.cost.memory_kib().to_le_bytes(),
            &self.cost.passes().to_le_bytes(),
            &self.cost.lanes().to_le_bytes(),
            &self.created_at.to_le_bytes(),
            self.owner.node.as_bytes(),
            self.owner.mesh.as_bytes(),
            &self.salt,
            &self.key_nonce,
            &self.content_nonce,
            &content_len.to_le_bytes(),
        ]
        .concat()
    }

    /// Reads the header of a whole backup and holds the length against it. Allocates nothing.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, BackupError> {
        let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let expected = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        let short = BackupError::Length { found, expected: expected(MIN_LEN) };
        let mut rest = Reader(bytes);
        let Some(magic) = rest.take::<8>() else {
            // The beginning of one, as far as it goes.
            return Err(if MAGIC.starts_with(bytes) { short } else { BackupError::NotABackup });
        };
        if magic != *MAGIC {
            return Err(BackupError::NotABackup);
        }
        let Some(version) = rest.number() else { return Err(short) };
        if version != VERSION {
            return Err(BackupError::UnknownVersion { found: version, known: VERSION });
        }
        if bytes.len() < MIN_LEN {
            return Err(short);
        }
        let mut fields = || {
            let cost = (rest.number()?, rest.number()?, rest.number()?);
            let created_at = u64::from_le_bytes(rest.take()?);
            let node = NodeId::from_bytes(rest.take()?);
            let mesh = MeshId::from_bytes(rest.take()?);
            let (salt, key_nonce, content_nonce) = (rest.take()?, rest.take()?, rest.take()?);
            let content_len = u64::from_le_bytes(rest.take()?);
            Some((
                cost,
                created_at,
                Owner { node, mesh },
                salt,
                key_nonce,
                content_nonce,
                content_len,
            ))
        };
        let Some((cost, created_at, owner, salt, key_nonce, content_nonce, content_len)) = fields()
        else {
            return Err(short);
        };
        let cost = KdfCost::new(cost.0, cost.1, cost.2)?;
        let content_len = usize::try_from(content_len)
            .ok()
            .filter(|len| *len <= MAX_CONTENT_LEN)
            .ok_or_else(|| too_long(content_len))?;
        let whole = MIN_LEN.saturating_add(content_len);
        if bytes.len() != whole {
            return Err(BackupError::Length { found, expected: expected(whole) });
        }
        Ok(Self { cost, created_at, owner, salt, key_nonce, content_nonce, content_len })
    }
}

pub(super) const fn too_long(found: u64) -> BackupError {
    BackupError::OutOfRange { what: "a content in bytes", found, range: "at most 64 MiB" }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
}
