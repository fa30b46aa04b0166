//! Frames: a signed header and the body it vouches for.

use super::packet::{self, Tag};
use super::{HEADER_LEN, Header, MAX_BODY_LEN, MAX_FRAME_LEN, WireError};
use crate::suite::{Entropy, Purpose, SigningKey};

/// A header with the signature over it: what stands when the body is gone. Not yet checked.
#[derive(Debug, Clone)]
pub struct SignedHeader<'a> {
    header: Header,
    whole: &'a [u8],
}

impl<'a> SignedHeader<'a> {
    /// Reads a header and its signature, which must fill `bytes`.
    ///
    /// # Errors
    /// [`WireError`] for anything but exactly one well-formed header with a signature of the right
    /// length.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (signed, rest) = Self::split(bytes)?;
        match rest.len() {
            0 => Ok(signed),
            extra => Err(WireError::Trailing { extra }),
        }
    }

    fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), WireError> {
        packet::expect(Tag::Frame, bytes)?;
        let truncated = |needed| WireError::Truncated { needed, found: bytes.len() };
        let header = bytes.get(..HEADER_LEN).ok_or_else(|| truncated(HEADER_LEN))?;
        let header = Header::from_bytes(header)?;
        let end = HEADER_LEN.saturating_add(header.suite.signature_len());
        let (whole, rest) = bytes.split_at_checked(end).ok_or_else(|| truncated(end))?;
        Ok((Self { header, whole }, rest))
    }

    /// What it says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes that were signed, as they were received.
    pub fn signed(&self) -> &'a [u8] {
        self.whole.get(..HEADER_LEN).unwrap_or_default()
    }

    /// The signature over them.
    pub fn signature(&self) -> &'a [u8] {
        self.whole.get(HEADER_LEN..).unwrap_or_default()
    }

    /// Header and signature in one piece, as evidence to keep or to pass on.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.whole
    }
}

/// A frame as it was received, parsed and not yet checked. Borrows everything.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    signed: SignedHeader<'a>,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame, which must fill `bytes`.
    ///
    /// # Errors
    /// [`WireError`] for everything that is not exactly one frame of this version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        if bytes.len() > MAX_FRAME_LEN {
            let found = bytes.len();
            return Err(WireError::TooLong { what: "a frame", found, limit: MAX_FRAME_LEN });
        }
        let (signed, body) = SignedHeader::split(bytes)?;
        let claimed = signed.header.body_len();
        match body.len().checked_sub(claimed) {
            Some(0) => Ok(Self { signed, body }),
            Some(extra) => Err(WireError::Trailing { extra }),
            None => {
                let needed = signed.whole.len().saturating_add(claimed);
                Err(WireError::Truncated { needed, found: bytes.len() })
            }
        }
    }

    /// What the header says.
    pub const fn header(&self) -> &Header {
        &self.signed.header
    }

    /// The header with its signature, without the body.
    pub const fn signed_header(&self) -> &SignedHeader<'a> {
        &self.signed
    }

    /// The body as it was received.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Whether the body is the one that the header names.
    pub fn body_matches(&self) -> bool {
        Header::digest_body(self.body) == self.signed.header.body
    }
}

/// Signs `header` with `key` and puts `body` behind it, as it goes on the wire. Length and digest
/// of the body are filled in; suite and key digest are taken from the key.
///
/// This signs whatever it is told, and keeps no count of nonces: hosts use
/// [`SignedGossip::sign_message`](crate::SignedGossip::sign_message).
///
/// # Errors
/// [`WireError::TooLong`] for a body of more than [`MAX_BODY_LEN`] bytes, or what the scheme says.
pub fn seal_frame(
    mut header: Header,
    body: &[u8],
    key: &SigningKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, WireError> {
    let too_long = WireError::TooLong { what: "a body", found: body.len(), limit: MAX_BODY_LEN };
    if body.len() > MAX_BODY_LEN {
        return Err(too_long);
    }
    header.body_len = u32::try_from(body.len()).map_err(|_| too_long)?;
    header.body = Header::digest_body(body);
    header.suite = key.suite();
    header.key = key.public_key().digest();
    let signed = header.to_bytes()?;
    let signature = key.sign(Purpose::Frame, &signed, entropy)?;
    Ok([&signed, signature.as_bytes(), body].concat())
}
