//! The sender's side.

use std::borrow::Cow;

use super::shape::{MAX_DATAGRAM_LEN, MIN_DATAGRAM_LEN, Shape};
use super::{SplitError, fragment, tree};
use crate::keyring::Misuse;

/// Cuts packets into datagrams of at most a given length. Remembers nothing: the same packet is always
/// cut in the same way, so what arrives of it sent twice adds up.
#[derive(Debug, Clone, Copy)]
pub struct Fragmenter {
    datagram: usize,
}

impl Fragmenter {
    /// `datagram_bytes` is what one datagram carries of this library's: the MTU without the headers of IP
    /// and UDP and without the transport's own envelope. 1232 over IPv6 at its least MTU of 1280 (RFC 8200)
    /// without any envelope. [`MIN_DATAGRAM_LEN`](super::MIN_DATAGRAM_LEN) to
    /// [`MAX_DATAGRAM_LEN`](super::MAX_DATAGRAM_LEN).
    ///
    /// # Errors
    /// [`Misuse::Config`] if it is out of that range.
    pub fn new(datagram_bytes: usize) -> Result<Self, Misuse> {
        if (MIN_DATAGRAM_LEN..=MAX_DATAGRAM_LEN).contains(&datagram_bytes) {
            return Ok(Self { datagram: datagram_bytes });
        }
        Err(Misuse::Config(format!(
            "datagram_bytes is {datagram_bytes}, it may be {MIN_DATAGRAM_LEN} to {MAX_DATAGRAM_LEN}"
        )))
    }

    /// The datagrams that carry `packet`, in order: the packet itself if it fits one, else as few
    /// fragments as carry it.
    ///
    /// # Errors
    /// [`SplitError::TooLong`] beyond 16 384 pieces (4 MiB at the shortest datagram, 15 MiB at an MTU of
    /// 1280), [`SplitError::NotAPacket`] for bytes that begin as a fragment does.
    pub fn split<'a>(&self, packet: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, SplitError> {
        if fragment::is_fragment(packet) {
            return Err(SplitError::NotAPacket);
        }
        if packet.len() <= self.datagram {
            return Ok(vec![Cow::Borrowed(packet)]);
        }
        let too_long = SplitError::TooLong { found: packet.len(), datagram: self.datagram };
        let shape = Shape::for_packet(packet.len(), self.datagram).ok_or(too_long)?;
        let pieces = || (0..shape.count()).zip(packet.chunks(shape.piece_len().max(1)));
        let tree = tree::Tree::new(pieces().map(|(at, piece)| tree::leaf(at, piece)).collect());
        let id = tree::id(shape.count(), shape.length_u32(), &tree.top());
        let fragments = pieces()
            .map(|(at, piece)| fragment::to_bytes(shape, at, &id, tree.path(at), piece))
            .map(Cow::Owned);
        Ok(fragments.collect())
    }
}
