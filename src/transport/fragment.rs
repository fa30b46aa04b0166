//! One fragment, byte by byte.

use super::FragmentError;
use super::shape::{HEAD_LEN, Shape};
use super::tree::{self, HASH_LEN, Hash};
use crate::wire::{FRAGMENT_TAG, VERSION};

/// How a fragment begins.
const PRELUDE: [u8; 2] = [VERSION, FRAGMENT_TAG];

/// Whether `bytes` are a fragment: no packet begins so.
pub(super) fn is_fragment(bytes: &[u8]) -> bool {
    bytes.starts_with(&PRELUDE)
}

/// A fragment as it was received. Its numbers fit its bytes; that it is part of the packet it names has
/// yet to be [checked](Self::verify).
pub(super) struct Unverified<'a> {
    shape: Shape,
    index: u16,
    id: Hash,
    path: &'a [Hash],
    piece: &'a [u8],
}

/// A fragment that is part of the packet that it names.
#[derive(Debug)]
pub(super) struct Fragment<'a> {
    pub(super) id: Hash,
    pub(super) shape: Shape,
    pub(super) index: u16,
    pub(super) piece: &'a [u8],
}

impl<'a> Unverified<'a> {
    /// Reads a fragment, which must fill `bytes`.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, FragmentError> {
        Self::read(bytes).ok_or(FragmentError::Malformed)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>()?;
        let (prelude, head) = head.split_first_chunk()?;
        let (count, head) = head.split_first_chunk()?;
        let (index, head) = head.split_first_chunk()?;
        let (length, id) = head.split_first_chunk()?;
        let shape = Shape::new(u16::from_le_bytes(*count), u32::from_le_bytes(*length))?;
        let index = u16::from_le_bytes(*index);
        let (path, piece) = rest.split_at_checked(shape.height().checked_mul(HASH_LEN)?)?;
        let fits = *prelude == PRELUDE && shape.len_of(index) == Some(piece.len());
        let (path, _) = path.as_chunks();
        fits.then_some(Self { shape, index, id: *id.first_chunk()?, path, piece })
    }

    /// The length of the packet that it claims to be of, in bytes.
    pub(super) fn packet_len(&self) -> usize {
        self.shape.length()
    }

    /// Checks it against the name of its packet. Needs nothing but the fragment itself.
    pub(super) fn verify(self) -> Result<Fragment<'a>, FragmentError> {
        let Self { shape, index, id, path, piece } = self;
        let top = tree::climb(index, tree::leaf(index, piece), path);
        if tree::id(shape.count(), shape.length_u32(), &top) != id {
            return Err(FragmentError::Forged);
        }
        Ok(Fragment { id, shape, index, piece })
    }
}

/// Writes a fragment as it goes on the wire.
pub(super) fn to_bytes(
    shape: Shape,
    index: u16,
    id: &Hash,
    path: impl Iterator<Item = Hash>,
    piece: &[u8],
) -> Vec<u8> {
    let digests = shape.height().saturating_mul(HASH_LEN);
    let length = HEAD_LEN.saturating_add(digests).saturating_add(piece.len());
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&PRELUDE);
    bytes.extend_from_slice(&shape.count().to_le_bytes());
    bytes.extend_from_slice(&index.to_le_bytes());
    bytes.extend_from_slice(&shape.length_u32().to_le_bytes());
    bytes.extend_from_slice(id);
    path.for_each(|beside| bytes.extend_from_slice(&beside));
    bytes.extend_from_slice(piece);
    bytes
}
