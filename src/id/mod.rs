//! The names everything else is spoken in: who, which mesh, which key, which message, when.

mod bytes32;
mod digest;
mod link;
mod mark;
mod spiffe_id;
mod steady_clock;
mod time;

pub use bytes32::{MeshId, NodeId, ParseIdError};
pub use digest::Digest;
pub use link::{Link, LinkId};
pub use mark::{Epoch, Mark, Nonce, ViewNumber};
pub use spiffe_id::{MAX_SPIFFE_ID_LEN, SpiffeId, SpiffeIdError};
pub(crate) use steady_clock::SteadyClock;
pub use time::{Millis, SentAt};
