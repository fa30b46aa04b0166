//! The header of a frame: everything that is signed.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::packet::{PRELUDE_LEN, Tag, prelude};
use super::{Kind, MAX_BODY_LEN, WireError, codec};
use crate::id::{Digest, Epoch, Mark, MeshId, NodeId, Nonce, SentAt, ViewNumber};
use crate::suite::Suite;

/// Bytes of a header on the wire, version and tag included.
pub const HEADER_LEN: usize = PRELUDE_LEN + 32 + 1 + 8 + 32 + 8 + 32 + 8 + 8 + 2 + 4 + 32;

/// Everything a frame says about itself. The signature covers this and nothing else; the body
/// hangs on it by its digest, so a header with its signature is a complete, small proof of what its
/// origin said when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The mesh it is meant for.
    pub mesh: MeshId,
    /// The scheme of the key it is signed with.
    pub suite: Suite,
    /// The view its origin was in.
    pub view: ViewNumber,
    /// Who says it.
    pub origin: NodeId,
    /// The epoch of the key it is signed with.
    pub epoch: Epoch,
    /// The digest of that key: tells two keys under one epoch apart.
    pub key: Digest,
    /// Its number under that key.
    pub nonce: Nonce,
    /// When it was said, on the origin's clock.
    pub sent_at: SentAt,
    /// What the body is about.
    pub kind: Kind,
    /// Length of the body in bytes, at most [`MAX_BODY_LEN`].
    pub body_len: u32,
    /// Digest of the body.
    pub body: Digest,
}

impl Header {
    /// The digest that a header gives for `body`.
    pub fn digest_body(body: &[u8]) -> Digest {
        static CONTEXT: LazyLock<[u8; 32]> =
            LazyLock::new(|| Digest::context("meshward 2026 frame body"));
        Digest::in_context(&CONTEXT, body)
    }

    /// Where this header stands among those of its origin.
    pub const fn mark(&self) -> Mark {
        Mark { epoch: self.epoch, nonce: self.nonce }
    }

    /// The bytes that are signed.
    ///
    /// # Errors
    /// None that a well-formed header can cause.
    pub fn to_bytes(&self) -> Result<[u8; HEADER_LEN], WireError> {
        let mut bytes = [0; HEADER_LEN];
        let (front, rest) = bytes.split_at_mut(PRELUDE_LEN);
        front.copy_from_slice(&prelude(Tag::Frame));
        codec::encode_into("a header", self, rest)?;
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; version and tag were checked.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let fields = bytes.get(PRELUDE_LEN..).unwrap_or_default();
        let header: Self = codec::decode("the header", fields)?;
        if header.body_len() > MAX_BODY_LEN {
            return Err(WireError::TooLong {
                what: "a body",
                found: header.body_len(),
                limit: MAX_BODY_LEN,
            });
        }
        Ok(header)
    }

    /// Length of the body in bytes.
    pub fn body_len(&self) -> usize {
        usize::try_from(self.body_len).unwrap_or(usize::MAX)
    }
}
