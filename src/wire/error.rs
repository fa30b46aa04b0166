//! Why bytes are not a packet.

use thiserror::Error;

use crate::suite::SuiteError;

/// Why bytes could not be read as a packet, or a value not be written as one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WireError {
    /// Fewer bytes than the packet needs.
    #[error("the packet ends after {found} bytes where {needed} are needed")]
    Truncated {
        /// Bytes the packet needs at least.
        needed: usize,
        /// Bytes there are.
        found: usize,
    },
    /// More bytes than the packet says it has.
    #[error("{extra} bytes follow the end of the packet")]
    Trailing {
        /// Bytes too many.
        extra: usize,
    },
    /// A part is longer than is allowed.
    #[error("{what} of {found} bytes, {limit} are allowed")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// Another version of the format. Nobody's fault in a mesh that is being upgraded.
    #[error("packet format version {found} is not the one known here")]
    Version {
        /// The version the packet names.
        found: u8,
    },
    /// A tag that names no packet of this version.
    #[error("packet tag {found} is unknown")]
    Tag {
        /// The tag the packet carries.
        found: u8,
    },
    /// A field that is well formed and holds what is not known here: a kind, suite or event of a
    /// later release. Nobody's fault in a mesh that is being upgraded.
    #[error("{what} holds a value that is not known here")]
    Unknown {
        /// Which part.
        what: &'static str,
    },
    /// A field whose bytes mean nothing.
    #[error("{what} cannot be read")]
    Field {
        /// Which part.
        what: &'static str,
    },
    /// A value that cannot be written.
    #[error("{what} cannot be written")]
    Encode {
        /// Which value.
        what: &'static str,
    },
    /// The signature over a packet could not be made.
    #[error("the packet cannot be signed: {0}")]
    Sign(#[from] SuiteError),
}
