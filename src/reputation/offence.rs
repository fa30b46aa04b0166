//! What can be proven against somebody.

use serde::{Deserialize, Serialize};

/// Something provable that costs reputation.
///
/// The first four are charged to a link that the transport vouches for, the others to an origin,
/// on what stands under its own valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Offence {
    /// A link brought a frame with an invalid signature of a known key.
    BadSignature,
    /// A link brought bytes that are no frame.
    Malformed,
    /// A link brought a frame whose body does not match its signed digest.
    BodyMismatch,
    /// A link brought more than its budget. Counted once a second at most.
    OverBudget,
    /// An origin signed two different contents under one nonce, or in one exclusive slot.
    Equivocation,
    /// An origin signed faster than its rate, by its own signed times.
    OverRate,
    /// A link passed on a certificate or a proof that known keys refute.
    RefutedCertificate,
}

impl Offence {
    /// The name for logs and metrics; it never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadSignature => "bad_signature",
            Self::Malformed => "malformed",
            Self::BodyMismatch => "body_mismatch",
            Self::OverBudget => "over_budget",
            Self::Equivocation => "equivocation",
            Self::OverRate => "over_rate",
            Self::RefutedCertificate => "refuted_certificate",
        }
    }
}
