//! What the mesh as a whole believes: events, the members' statements on them, and certificates.
//!
//! An event is believed when ⌈2n/3⌉ distinct members of one view attest it. A fact that is observed
//! (a node has fallen silent) is attested together with the *mark* up to which the subject was heard:
//! only attestations with the same mark add up, a newer header of the subject voids all below it. So
//! honest reports converge without clocks, old reports never add up with today's, and an accused
//! node clears itself with its next beacon.
//!
//! In an exclusive slot (a key rotation of one node and epoch, a proposal of one topic and sequence)
//! each member votes once. That is safe, two contents are never both certified; it is not always
//! live: votes split over several contents leave the slot undecided for ever.

mod attestation;
mod certificate;
mod config;
mod event;
mod evidence;
mod health;
mod marks;
mod pending;
mod proof;
mod proven;
mod reports;
mod slot;
mod validator;
mod votes;

pub use attestation::{Attestation, VerifiedAttestation, seal_attestation};
pub use certificate::Certificate;
pub use config::QuorumConfig;
pub use event::{CriticalEvent, EventKind, MAX_UNREACHABLE, Unheard};
pub use pending::{PendingCertificate, SignatureCheck};
pub use proof::EquivocationProof;
pub use proven::Proven;
pub use reports::Report;
pub use validator::{Contradiction, FailureStatus, QuorumValidator, Tally};

pub(crate) use certificate::UncheckedCertificate;
pub(crate) use proof::UncheckedProof;
pub(crate) use slot::Slot;

#[cfg(test)]
mod tests;
