//! meshward

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod bounded;
pub mod core;
pub mod gossip;
pub mod host;
pub mod id;
pub mod keyring;
pub mod limit;
pub mod membership;
pub mod quorum;
pub mod replay;
pub mod reputation;
pub mod store;
pub mod suite;
pub mod wire;

pub use crate::core::{Accepted, Blame, Config, Core, Event, Output, Stats, Step, WriteId};
pub use crate::gossip::{GossipConfig, Message, SignedGossip};
pub use crate::host::{Host, MapekMonitor, MeshByzantineProtection, MeshRouter, PeerHealth};
pub use crate::id::{Digest, Epoch, Link, LinkId, Mark, MeshId, Millis, NodeId, Nonce, SentAt};
pub use crate::keyring::{Error, Fault, Identity, Misuse};
pub use crate::membership::{Directory, Member, View, faults_tolerated, quorum_size};
pub use crate::quorum::{
    Certificate, CriticalEvent, EquivocationProof, EventKind, FailureStatus, QuorumConfig,
    QuorumValidator, Tally,
};
#[cfg(feature = "durable-store")]
pub use crate::store::DurableStore;
pub use crate::store::{MemoryStore, Store, StoreError};
pub use crate::suite::{Entropy, OsEntropy, Suite};
pub use crate::wire::{Kind, Refusal};
