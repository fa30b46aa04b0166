//! Frames: signing one's own, admitting those of others.
//!
//! ```text
//! screen: size → parse header → mesh id → link budget → known member, known key → origin proven since
//!         the start → content already seen → origin quarantine → replay window (look only) → body
//!         digest → check budget
//! verify: signature
//! commit: clock lead → replay window (marked, atomically) → sent rate → deliver
//! ```
//!
//! Cheap refusals come first, and nothing is remembered about a frame before its signature holds,
//! except against a link: so no frame that X did not sign changes anything that is kept about X
//! (promise P3), and a bad copy that runs ahead cannot censor the good one.

mod admission;
mod condemned;
mod config;
mod cookies;
mod fingerprint;
mod ledgers;
mod links;
mod message;
mod neighbours;
mod opening;
mod peer;
mod retained;
mod screening;
mod signed_gossip;
mod stage;
mod succession;
mod walk;

pub use admission::{Screened, Verified};
pub use config::GossipConfig;
pub(crate) use cookies::SENT as COOKIES_SENT;
pub use ledgers::Ledgers;
pub use message::Message;
pub use signed_gossip::{Admitted, FrameRefused, SignedGossip};
pub use stage::Stage;
pub(crate) use walk::{Looking, Taking, Walk};

#[cfg(test)]
mod tests;
