//! This node's own keys: the identity on disk, the boot counter, the order of nonces, rotation; and
//! the history of everybody's.

#[cfg(feature = "backup")]
pub mod backup;
mod boot;
mod candidates;
mod error;
mod history;
mod identity;
mod key_change;
mod lease;
mod other_self;
mod policy;
mod prepared;
mod recovery;
mod recovery_key;
mod ring;
mod rotation;
mod signed;
mod usage;

pub use error::{Error, Fault, Misuse};
pub use history::{HistoryError, KeyHistory, MAX_ROTATIONS};
pub use identity::Identity;
pub use key_change::{KeyChange, ScreenedChange};
pub(crate) use lease::was_created_in;
pub(crate) use other_self::OtherSelf;
pub use policy::{RotationCause, RotationPolicy};
pub use prepared::PreparedIdentity;
pub use recovery::{RecoveryClaim, seal_recovery, verify_recovery};
pub use recovery_key::RecoveryKey;
pub(crate) use ring::AnswerTicket;
pub use ring::{ActiveKey, Keyring, PreparedRotation, Ticket};
pub use rotation::{RotationClaim, seal_rotation, verify_rotation};

#[cfg(test)]
mod tests;
