//! What peers send each other, byte by byte, and why a piece of it may be refused.
//!
//! | tag | packet | layout after the two bytes of version and tag |
//! |---|---|---|
//! | 1 | [`Frame`] | [`Header`], signature over version, tag and header, body |
//! | 2, 3, 4, 9, 11, 12 | [`Statement`]: attestation, rotation, Hello, ballot, challenge, answer | [`StatementHead`], content, signature over all before it, attachment |
//! | 5, 6, 10 | [`Container`]: certificate, proof, prevotes | mesh id, payload that carries its own signatures |
//! | 7, 8 | [`Container`]: cookie, its echo | mesh id, origin, 16 bytes that only who made them can check |
//!
//! Tag 255 is no packet's: it marks a fragment of one (see [`transport`](crate::transport)).
//!
//! Integers are fixed in width and little-endian, so a value has one encoding. What was signed is
//! the very slice that was received: nothing is encoded again before a check. Decoding borrows,
//! and fails on every byte too many or too few.

mod codec;
mod container;
mod error;
mod frame;
mod header;
mod kind;
mod limits;
mod packet;
mod refusal;
mod statement;

pub(crate) use codec::{DECODE_LIMIT, decode, encode, encode_secret};
pub use container::Container;
pub use error::WireError;
pub use frame::{Frame, SignedHeader, seal_frame};
pub use header::{HEADER_LEN, Header};
pub use kind::Kind;
pub use limits::{
    MAX_ATTACHMENT_LEN, MAX_BODY_LEN, MAX_CONTENT_LEN, MAX_FRAME_LEN, max_container_len,
    max_packet_len,
};
pub(crate) use packet::FRAGMENT_TAG;
pub use packet::{Packet, Tag, VERSION};
pub use refusal::Refusal;
pub use statement::{Statement, StatementHead, seal_statement};

#[cfg(test)]
mod tests;
