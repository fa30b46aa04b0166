//! The transport neighbour a frame came over.

/// The host's handle for one transport neighbour. Stable for as long as the host means the same
/// neighbour by it: what a neighbour did is remembered under this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// How a frame reached this host.
///
/// The difference decides who may be blamed. Anyone can put an honest neighbour's network address
/// on a packet, so nothing is ever held against a claimed link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The transport authenticated the neighbour for this very frame (mutual TLS, WireGuard, a
    /// per-frame MAC with replay protection).
    Proven(LinkId),
    /// The neighbour is known by a network address or a name alone, as with plain UDP.
    Claimed(LinkId),
}

impl Link {
    /// The host's handle, whatever it is worth.
    pub const fn id(self) -> LinkId {
        match self {
            Self::Proven(id) | Self::Claimed(id) => id,
        }
    }

    /// The handle when the transport vouches for it.
    pub const fn proven(self) -> Option<LinkId> {
        match self {
            Self::Proven(id) => Some(id),
            Self::Claimed(_) => None,
        }
    }
}
