//! Bare statements: signed as a whole, outside the nonce order of frames.

use serde::{Deserialize, Serialize};

use super::packet::{self, PRELUDE_LEN, Tag, prelude};
use super::{MAX_ATTACHMENT_LEN, MAX_CONTENT_LEN, WireError, codec};
use crate::id::{Digest, Epoch, MeshId, NodeId};
use crate::suite::{Entropy, PublicKey, Purpose, SigningKey, Suite};

const HEAD_LEN: usize = PRELUDE_LEN + 32 + 1 + 32 + 8 + 32 + 4;

/// Who makes a bare statement, and under which key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementHead {
    /// The mesh it is meant for.
    pub mesh: MeshId,
    /// The scheme of the key it is signed with.
    pub suite: Suite,
    /// Who says it.
    pub origin: NodeId,
    /// The epoch of the key it is signed with.
    pub epoch: Epoch,
    /// The digest of that key.
    pub key: Digest,
    content_len: u32,
}

impl StatementHead {
    /// The head of a statement by `origin` under `key`.
    pub fn new(mesh: MeshId, origin: NodeId, epoch: Epoch, key: &PublicKey) -> Self {
        let (suite, key) = (key.suite(), key.digest());
        Self { mesh, suite, origin, epoch, key, content_len: 0 }
    }

    /// The bytes that are signed when this head's statement says `content`.
    ///
    /// # Errors
    /// [`WireError::TooLong`] for more than [`MAX_CONTENT_LEN`] bytes of content.
    pub fn signed_bytes(&self, tag: Tag, content: &[u8]) -> Result<Vec<u8>, WireError> {
        let too_long = WireError::TooLong {
            what: "a statement",
            found: content.len(),
            limit: MAX_CONTENT_LEN,
        };
        if content.len() > MAX_CONTENT_LEN {
            return Err(too_long);
        }
        let content_len = u32::try_from(content.len()).map_err(|_| too_long)?;
        let head = codec::encode("a statement", &Self { content_len, ..self.clone() })?;
        Ok([&prelude(tag), head.as_slice(), content].concat())
    }
}

/// A bare statement as it was received, parsed and not yet checked. Borrows everything.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    tag: Tag,
    head: StatementHead,
    signed: &'a [u8],
    content: &'a [u8],
    signature: &'a [u8],
    attachment: &'a [u8],
}

impl<'a> Statement<'a> {
    pub(super) fn parse(tag: Tag, bytes: &'a [u8]) -> Result<Self, WireError> {
        packet::expect(tag, bytes)?;
        let truncated = |needed| WireError::Truncated { needed, found: bytes.len() };
        let head = bytes.get(PRELUDE_LEN..HEAD_LEN).ok_or_else(|| truncated(HEAD_LEN))?;
        let head: StatementHead = codec::decode("the head of a statement", head)?;
        let len = usize::try_from(head.content_len).unwrap_or(usize::MAX);
        if len > MAX_CONTENT_LEN {
            let limit = MAX_CONTENT_LEN;
            return Err(WireError::TooLong { what: "a statement", found: len, limit });
        }
        let end = HEAD_LEN.saturating_add(len);
        let (signed, rest) = bytes.split_at_checked(end).ok_or_else(|| truncated(end))?;
        let signature_len = head.suite.signature_len();
        let (signature, attachment) = rest
            .split_at_checked(signature_len)
            .ok_or_else(|| truncated(end.saturating_add(signature_len)))?;
        if attachment.len() > MAX_ATTACHMENT_LEN {
            let (found, limit) = (attachment.len(), MAX_ATTACHMENT_LEN);
            return Err(WireError::TooLong { what: "an attachment", found, limit });
        }
        let content = signed.get(HEAD_LEN..).unwrap_or_default();
        Ok(Self { tag, head, signed, content, signature, attachment })
    }

    /// Which statement it is.
    pub const fn tag(&self) -> Tag {
        self.tag
    }

    /// Who says it.
    pub const fn head(&self) -> &StatementHead {
        &self.head
    }

    /// The bytes that were signed, as they were received.
    pub const fn signed(&self) -> &'a [u8] {
        self.signed
    }

    /// What is said.
    pub const fn content(&self) -> &'a [u8] {
        self.content
    }

    /// The signature.
    pub const fn signature(&self) -> &'a [u8] {
        self.signature
    }

    /// What travels beside the statement without being part of it: whoever passed it on may have
    /// put it there, so it must prove itself.
    pub const fn attachment(&self) -> &'a [u8] {
        self.attachment
    }
}

/// Signs `content` under `head` with `key`, as it goes on the wire without an attachment.
///
/// # Errors
/// [`WireError::TooLong`] for too long a content, or what the scheme says.
pub fn seal_statement(
    tag: Tag,
    head: &StatementHead,
    content: &[u8],
    key: &SigningKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, WireError> {
    let mut bytes = head.signed_bytes(tag, content)?;
    let purpose = tag.purpose().ok_or(WireError::Encode { what: "an unsigned packet" })?;
    let signature = key.sign(purpose, &bytes, entropy)?;
    bytes.extend_from_slice(signature.as_bytes());
    Ok(bytes)
}

impl Tag {
    /// The purpose a statement of this tag is signed for; `None` for packets that carry the
    /// signatures of others, or none.
    pub const fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Frame => Some(Purpose::Frame),
            Self::Attestation => Some(Purpose::Attestation),
            Self::Ballot => Some(Purpose::Ballot),
            Self::Rotation => Some(Purpose::Rotation),
            Self::Hello => Some(Purpose::Hello),
            Self::Challenge => Some(Purpose::Challenge),
            Self::Answer => Some(Purpose::Answer),
            Self::Claim => Some(Purpose::Claim),
            Self::Witness => Some(Purpose::Witness),
            Self::Certificate
            | Self::Prevotes
            | Self::Change
            | Self::View
            | Self::Proof
            | Self::Cookie
            | Self::CookieEcho => None,
        }
    }
}
