//! Why a packet is not cut, or a fragment not taken.

use thiserror::Error;

/// Why a packet cannot be cut into fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// It would take more than [`MAX_PIECES`](super::MAX_PIECES) pieces: give the mesh longer
    /// datagrams, or a transport that carries streams.
    #[error("{found} bytes do not fit the most pieces there may be of {datagram} bytes each")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The length of a datagram in bytes.
        datagram: usize,
    },
    /// It begins as a fragment does, so it is no packet of this library.
    #[error("the bytes begin as a fragment does, and no packet does")]
    NotAPacket,
}

/// Why a fragment is not taken. Nothing is kept of such a one.
///
/// Whoever is handed the fragment over a claimed link knows nothing of who made it. Over a proven one the
/// neighbour sent it, by mistake or not; all that it spoils is its own. So a host that wants to hold it
/// against the neighbour hands the very datagram to `handle_frame`, which counts it against the link's
/// budget of packets and refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FragmentError {
    /// Its numbers fit neither each other nor its length.
    #[error("a fragment whose numbers do not fit its bytes")]
    Malformed,
    /// The packet that it names is longer than is allowed here
    /// ([`ReassemblyConfig::packet_bytes`](super::ReassemblyConfig::packet_bytes)).
    #[error("a fragment of a packet of {found} bytes, {limit} are allowed")]
    TooLong {
        /// The length of the packet in bytes.
        found: usize,
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// It is no piece of the packet that it names.
    #[error("a fragment that is no part of the packet it names")]
    Forged,
}
