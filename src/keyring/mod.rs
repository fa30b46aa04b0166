//! This node's own keys: the identity on disk, the boot counter, the order of nonces, rotation; and
//! the history of everybody's.

mod boot;
mod error;
mod history;
mod identity;
mod ring;
mod rotation;

pub use error::{Error, Fault, Misuse};
pub use history::{HistoryError, KeyHistory, MAX_ROTATIONS};
pub use identity::Identity;
pub(crate) use ring::AnswerTicket;
pub use ring::{ActiveKey, Keyring, PreparedRotation, Ticket};
pub use rotation::{RotationClaim, seal_rotation, verify_rotation};

#[cfg(test)]
mod tests;
