//! Packets that are not signed as such: what they carry is, or need not be.

use super::packet::{self, PRELUDE_LEN, Tag, prelude};
use super::{WireError, codec};
use crate::id::MeshId;

const HEAD_LEN: usize = PRELUDE_LEN + 32;

/// A certificate, a proof or a cookie as it was received.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    mesh: MeshId,
    payload: &'a [u8],
}

impl<'a> Container<'a> {
    pub(super) fn parse(tag: Tag, bytes: &'a [u8]) -> Result<Self, WireError> {
        packet::expect(tag, bytes)?;
        let (head, payload) = bytes
            .split_at_checked(HEAD_LEN)
            .ok_or(WireError::Truncated { needed: HEAD_LEN, found: bytes.len() })?;
        let mesh = codec::decode("the mesh id", head.get(PRELUDE_LEN..).unwrap_or_default())?;
        Ok(Self { mesh, payload })
    }

    /// The mesh it is meant for.
    pub const fn mesh(&self) -> MeshId {
        self.mesh
    }

    /// What it carries.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Writes a container as it goes on the wire.
    pub fn to_bytes(tag: Tag, mesh: MeshId, payload: &[u8]) -> Vec<u8> {
        [prelude(tag).as_slice(), mesh.as_bytes(), payload].concat()
    }
}
