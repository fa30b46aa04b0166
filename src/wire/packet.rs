//! Telling packets apart by their first two bytes.

use super::statement::Statement;
use super::{Container, Frame, WireError};
use crate::id::MeshId;

/// The version of the format, first byte of every packet.
pub const VERSION: u8 = 1;

pub(super) const PRELUDE_LEN: usize = 2;

/// Stands where a packet has its tag when this is only a fragment of one, see
/// [`transport`](crate::transport). No packet ever has this tag, so whoever does not know fragments
/// takes one for a packet of a later release, which is nobody's fault.
pub(crate) const FRAGMENT_TAG: u8 = u8::MAX;

/// What a packet is, its second byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// A signed header with a body.
    Frame,
    /// One member's statement on one event.
    Attestation,
    /// A change of a member's key.
    Rotation,
    /// A request for what was missed, by a node that started or met an unknown key.
    Hello,
    /// Enough attestations of one event.
    Certificate,
    /// Proof that a member contradicted itself.
    Proof,
    /// A cookie: the question whether somebody answers where packets seem to come from.
    Cookie,
    /// The answer to it.
    CookieEcho,
    /// One member's vote in one round on an exclusive slot.
    Ballot,
    /// Two thirds of prevotes for one content in one round on an exclusive slot.
    Prevotes,
    /// The question whether members live.
    Challenge,
    /// The answer to it.
    Answer,
    /// A change of the members that somebody proposes.
    Change,
    /// The step to the next view.
    View,
    /// The number that a node claims for its start.
    Claim,
    /// A member's word that it has stored such claims.
    Witness,
    /// A key that takes the place of all that a member had before, by its recovery key.
    Recovery,
}

impl Tag {
    /// Its number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Frame => 1,
            Self::Attestation => 2,
            Self::Rotation => 3,
            Self::Hello => 4,
            Self::Certificate => 5,
            Self::Proof => 6,
            Self::Cookie => 7,
            Self::CookieEcho => 8,
            Self::Ballot => 9,
            Self::Prevotes => 10,
            Self::Challenge => 11,
            Self::Answer => 12,
            Self::Change => 13,
            Self::View => 14,
            Self::Claim => 15,
            Self::Witness => 16,
            Self::Recovery => 17,
        }
    }

    /// The name for logs and metrics; it never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Attestation => "attestation",
            Self::Rotation => "rotation",
            Self::Hello => "hello",
            Self::Certificate => "certificate",
            Self::Proof => "proof",
            Self::Cookie => "cookie",
            Self::CookieEcho => "cookie_echo",
            Self::Ballot => "ballot",
            Self::Prevotes => "prevotes",
            Self::Challenge => "challenge",
            Self::Answer => "answer",
            Self::Change => "change",
            Self::View => "view",
            Self::Claim => "claim",
            Self::Witness => "witness",
            Self::Recovery => "recovery",
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Frame,
            2 => Self::Attestation,
            3 => Self::Rotation,
            4 => Self::Hello,
            5 => Self::Certificate,
            6 => Self::Proof,
            7 => Self::Cookie,
            8 => Self::CookieEcho,
            9 => Self::Ballot,
            10 => Self::Prevotes,
            11 => Self::Challenge,
            12 => Self::Answer,
            13 => Self::Change,
            14 => Self::View,
            15 => Self::Claim,
            16 => Self::Witness,
            17 => Self::Recovery,
            _ => return None,
        })
    }

    /// Reads version and tag of a packet.
    ///
    /// # Errors
    /// [`WireError::Version`] and [`WireError::Tag`] for unknown ones.
    pub fn of(bytes: &[u8]) -> Result<Self, WireError> {
        let [version, tag, ..] = bytes else {
            return Err(WireError::Truncated { needed: PRELUDE_LEN, found: bytes.len() });
        };
        if *version != VERSION {
            return Err(WireError::Version { found: *version });
        }
        Self::from_code(*tag).ok_or(WireError::Tag { found: *tag })
    }
}

pub(super) const fn prelude(tag: Tag) -> [u8; PRELUDE_LEN] {
    [VERSION, tag.code()]
}

pub(super) fn expect(tag: Tag, bytes: &[u8]) -> Result<(), WireError> {
    match Tag::of(bytes)? {
        found if found == tag => Ok(()),
        found => Err(WireError::Tag { found: found.code() }),
    }
}

/// Any packet, parsed and not yet checked.
#[derive(Debug, Clone)]
pub enum Packet<'a> {
    /// A signed header with a body.
    Frame(Frame<'a>),
    /// An attestation, a ballot, a rotation, a recovery, a Hello, a challenge or an answer, the claim of a
    /// boot or a witness to it.
    Statement(Statement<'a>),
    /// A certificate.
    Certificate(Container<'a>),
    /// Two thirds of prevotes.
    Prevotes(Container<'a>),
    /// A change of the members.
    Change(Container<'a>),
    /// The step to the next view.
    View(Container<'a>),
    /// A proof.
    Proof(Container<'a>),
    /// A cookie.
    Cookie(Container<'a>),
    /// A cookie that comes back.
    CookieEcho(Container<'a>),
}

impl<'a> Packet<'a> {
    /// Reads a packet, which must fill `bytes`. Limits on containers, which depend on the size of
    /// the mesh, are the caller's.
    ///
    /// # Errors
    /// [`WireError`] for everything that is not exactly one packet of this version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        Ok(match Tag::of(bytes)? {
            Tag::Frame => Self::Frame(Frame::parse(bytes)?),
            tag @ (Tag::Attestation
            | Tag::Ballot
            | Tag::Rotation
            | Tag::Recovery
            | Tag::Hello
            | Tag::Challenge
            | Tag::Answer
            | Tag::Claim
            | Tag::Witness) => Self::Statement(Statement::parse(tag, bytes)?),
            Tag::Certificate => Self::Certificate(Container::parse(Tag::Certificate, bytes)?),
            Tag::Prevotes => Self::Prevotes(Container::parse(Tag::Prevotes, bytes)?),
            Tag::Change => Self::Change(Container::parse(Tag::Change, bytes)?),
            Tag::View => Self::View(Container::parse(Tag::View, bytes)?),
            Tag::Proof => Self::Proof(Container::parse(Tag::Proof, bytes)?),
            Tag::Cookie => Self::Cookie(Container::parse(Tag::Cookie, bytes)?),
            Tag::CookieEcho => Self::CookieEcho(Container::parse(Tag::CookieEcho, bytes)?),
        })
    }

    /// The mesh it is meant for.
    pub fn mesh(&self) -> MeshId {
        match self {
            Self::Frame(frame) => frame.header().mesh,
            Self::Statement(statement) => statement.head().mesh,
            Self::Certificate(container)
            | Self::Prevotes(container)
            | Self::Change(container)
            | Self::View(container)
            | Self::Proof(container)
            | Self::Cookie(container)
            | Self::CookieEcho(container) => container.mesh(),
        }
    }
}
