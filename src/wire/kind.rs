//! What a frame is about.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a frame's body is about. The library carries bodies as opaque bytes; the kind tells the
/// host how to read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Kind {
    /// A sign of life, with whatever the host's routing puts into it.
    Beacon,
    /// A change of routes.
    RouteUpdate,
    /// Word of a failed node: for hosts to talk about it. The mesh's agreement on a failure is made
    /// of attestations, never of these.
    NodeFailure,
    /// A change of the topology.
    TopologyChange,
    /// A proposal's text. The vote on it is made of attestations.
    GovernanceProposal,
    /// A note that accompanies a key rotation. The rotation itself is a bare statement.
    KeyRotation,
    /// A kind that the host defines: `Host(n)` is `n` + 256 on the wire, `n` from 0 to 65 279.
    Host(HostKind),
}

/// The number of a host-defined kind, 0 to 65 279.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostKind(u16);

/// First number on the wire that belongs to hosts.
const FIRST_HOST_KIND: u16 = 256;

impl Kind {
    /// The host-defined kind `number`; `None` above 65 279.
    pub fn host(number: u16) -> Option<Self> {
        number.checked_add(FIRST_HOST_KIND).map(|_| Self::Host(HostKind(number)))
    }

    /// The name for logs and metrics; it never changes. All kinds of the host have one name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Beacon => "beacon",
            Self::RouteUpdate => "route_update",
            Self::NodeFailure => "node_failure",
            Self::TopologyChange => "topology_change",
            Self::GovernanceProposal => "governance_proposal",
            Self::KeyRotation => "key_rotation",
            Self::Host(_) => "host",
        }
    }
}

impl HostKind {
    /// The number the host gave, 0 to 65 279.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl From<Kind> for u16 {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Beacon => 0,
            Kind::RouteUpdate => 1,
            Kind::NodeFailure => 2,
            Kind::TopologyChange => 3,
            Kind::GovernanceProposal => 4,
            Kind::KeyRotation => 5,
            Kind::Host(HostKind(number)) => number.saturating_add(FIRST_HOST_KIND),
        }
    }
}

impl TryFrom<u16> for Kind {
    type Error = UnknownKind;

    fn try_from(code: u16) -> Result<Self, UnknownKind> {
        Ok(match code {
            0 => Self::Beacon,
            1 => Self::RouteUpdate,
            2 => Self::NodeFailure,
            3 => Self::TopologyChange,
            4 => Self::GovernanceProposal,
            5 => Self::KeyRotation,
            _ => Self::Host(HostKind(code.checked_sub(FIRST_HOST_KIND).ok_or(UnknownKind(code))?)),
        })
    }
}

/// A number between the built-in kinds and the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownKind(u16);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is the number of no kind of message", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_one_kind_or_none() {
        for code in 0..=u16::MAX {
            match Kind::try_from(code) {
                Ok(kind) => assert_eq!(u16::from(kind), code),
                Err(unknown) => assert!((6..256).contains(&code), "{unknown}"),
            }
        }
        assert_eq!(Kind::host(65_279).map(u16::from), Some(u16::MAX));
        assert_eq!(Kind::host(65_280), None);
    }
}
