//! This node's own keys: the identity on disk, the boot counter, the order of nonces, rotation; and
//! the history of everybody's.

#[cfg(feature = "backup")]
pub mod backup;
mod boot;
mod error;
mod history;
mod identity;
mod lease;
mod ring;
mod rotation;

pub use error::{Error, Fault, Misuse};
pub use history::{HistoryError, KeyHistory, MAX_ROTATIONS};
pub use identity::Identity;
pub(crate) use lease::was_created_in;
pub use ring::{ActiveKey, Keyring, PreparedRotation, Ticket};
pub use rotation::{RotationClaim, seal_rotation, verify_rotation};

#[cfg(test)]
mod tests;
