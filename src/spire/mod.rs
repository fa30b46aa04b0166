//! Identities from SPIRE that survive the loss of any one agent and of any one server.
//!
//! * [`WorkloadSource`] follows the Workload APIs of several agents: this workload's SVID, and the bundles.
//! * [`ServerPool`] asks several SPIRE servers: for the bundle, and for the entries that there are.
//!
//! Neither is missed for long, and what rests on them holds on: an identity is checked once, when a member
//! is admitted, and from then on the certified view alone counts.
//!
//! The types of the crate `spiffe` that stand in signatures here are given again below.

mod backoff;
mod channel;
mod given;
mod servers;
mod validity;
mod workload;

pub use given::{svid, trust_bundles};
pub use servers::{Fault, PoolConfig, PoolError, PoolEvent, ServerAddress, ServerPool};
pub use workload::{
    Keepalive, NoIdentity, SourceConfig, SourceConfigError, SourceEvent, Trouble, WorkloadSource,
};

pub use spiffe::transport::Endpoint;
pub use spiffe::{TrustDomain, X509Bundle, X509BundleSet, X509Context, X509Svid};
