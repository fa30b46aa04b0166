//! What the mesh as a whole believes: events, the members' statements on them, and certificates.
//!
//! An event is believed when ⌈2n/3⌉ distinct members of one view attest it. A fact that is observed
//! (a node has fallen silent) is attested together with the *mark* up to which the subject was heard:
//! only attestations with the same mark add up, a newer header of the subject voids all below it. So
//! honest reports converge without clocks, old reports never add up with today's, and an accused
//! node clears itself with its next beacon.
//!
//! In an exclusive slot (a key rotation of one node and epoch, a proposal of one topic and sequence) at
//! most one content may ever be certified, whatever is said later. Voting once would not be live, since
//! votes may split, and voting again not safe; so the members decide by ballots, in rounds of two phases
//! with a lock that is durable, as Tendermint does: see [`Voter`].
//!
//! The members change in the same way, one view after the other. What was decided stays decided, and what
//! may have been is carried on: a certificate of one view never meets another of the same slot in the next.

mod abstaining;
mod answering;
mod asking;
mod attestation;
mod ballot;
mod ballots;
mod carried;
mod certificate;
mod challenge;
mod config;
mod counting;
mod counts;
mod deciding;
mod delay;
mod event;
mod evidence;
mod failures;
mod handover;
mod health;
mod links;
mod looking;
mod lost;
mod marks;
mod part;
mod partition;
mod pending;
mod poll;
mod prevotes;
mod proof;
mod proven;
mod recovered;
mod reports;
mod riddles;
mod share;
mod slot;
mod succession;
mod validator;
mod view_link;
mod voter;
mod votes;

pub use attestation::{Attestation, VerifiedAttestation, seal_attestation};
pub use ballot::{Ballot, Phase, UncheckedBallot, VerifiedBallot, seal_ballot};
pub use certificate::Certificate;
pub use config::QuorumConfig;
pub use event::{CriticalEvent, EventKind, MAX_UNREACHABLE, Unheard};
pub use pending::{PendingCertificate, SignatureCheck};
pub use proof::EquivocationProof;
pub use proven::Proven;
pub use reports::Report;
pub use validator::{Contradiction, FailureStatus, QuorumValidator, Tally};
pub use view_link::{Chain, ChainError, ViewLink, max_link_len};
pub use voter::{Act, Backed, Choice, Seen, Stage, Voter};

pub(crate) use asking::TakenAnswer;
pub(crate) use certificate::UncheckedCertificate;
pub(crate) use challenge::{Answer, Challenge};
pub(crate) use deciding::{Cast, PartWrite};
pub(crate) use partition::NO_PARTITION;
pub(crate) use prevotes::UncheckedPrevotes;
pub(crate) use proof::UncheckedProof;
pub(crate) use slot::Slot;
pub(crate) use view_link::{CheckedLink, UncheckedLink};

#[cfg(test)]
mod tests;
