//! meshward protects the control plane of a mesh, its beacons, routes, failure reports, votes and
//! key changes, against members that lie and outsiders that forge, replay and flood. It is linked
//! into a router that exists and called from its health loop.
//!
//! * [`MeshByzantineProtection`] is the whole of it, behind two traits that a host implements:
//!   [`MeshRouter`] carries packets, [`MapekMonitor`] watches peers.
//! * [`Core`] is the same without I/O, clock or threads: what arrived and what time it is goes in,
//!   what to send, to write and to tell comes out ([`core`](mod@core) says how it is driven).
//! * [`SignedGossip`] signs frames and admits those of others, each once, and blames nobody for what
//!   others did in its name.
//! * [`QuorumValidator`] believes an event when two thirds of the members attest it.
//!
//! The [`guide`] tells how to embed it, what it holds against, which numbers to set, how to run it, and what
//! else one could use.
//!
//! # One whole loop
//!
//! ```
//! # #[cfg(feature = "ml-dsa-65")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use meshward::{
//!     Accepted, Config, Core, Identity, Link, LinkId, MemoryStore, Millis, NodeId, OsEntropy, Output,
//!     Suite, View,
//! };
//!
//! // Each node makes its key; the public halves, brought together once, are the mesh.
//! let entropy = Arc::new(OsEntropy);
//! let (here, there) = (MemoryStore::new(), MemoryStore::new());
//! let ours = Identity::create(&here, NodeId::from_bytes([1; 32]), Suite::MlDsa65, &OsEntropy)?;
//! let theirs = Identity::create(&there, NodeId::from_bytes([2; 32]), Suite::MlDsa65, &OsEntropy)?;
//! let view = Arc::new(View::genesis(vec![ours.member("north"), theirs.member("south")])?);
//!
//! let config = Config::default();
//! let now = Millis(0);
//! let north = Core::start(config.clone(), view.clone(), ours, &here, entropy.clone(), now)?;
//! let south = Core::start(config, view, theirs, &there, entropy, now)?;
//!
//! // A beacon goes out over the host's transport, and arrives over a link that it vouches for.
//! let beacon = north.sign_beacon(b"routes: east 2, west 1", now)?;
//! let step = south.handle_frame(Link::Proven(LinkId(7)), &beacon, Millis(3));
//! match step.result? {
//!     Accepted::Message(message) => assert_eq!(message.body, b"routes: east 2, west 1"),
//!     other => panic!("a beacon is a message, this is {other:?}"),
//! }
//! // Once: the same beacon over another path is a duplicate, which costs nobody anything.
//! assert!(south.handle_frame(Link::Claimed(LinkId(9)), &beacon, Millis(5)).result.is_err());
//!
//! // Some times a second the time is passed in, and what is due comes out.
//! for output in south.tick(Millis(100)) {
//!     match output {
//!         Output::Send(packet) => drop(packet),      // hand it to every neighbour
//!         Output::SendTo { link, packet } => drop((link, packet)), // hand it to that one alone
//!         Output::Event(event) => println!("{event:?}"),
//!         Output::Persist { write, .. } => drop(south.persisted(write, Millis(101))), // write, then say so
//!     }
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "ml-dsa-65"))]
//! # fn main() {}
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `dilithium3` | yes | [`Suite::Dilithium3`]: PQClean's C code, checked in Rust |
//! | `ml-dsa-65` | yes | [`Suite::MlDsa65`]: FIPS 204 in Rust |
//! | `durable-store` | yes | `DurableStore`: an embedded transactional store |
//! | `backup` | yes | `keyring::backup`: encrypted backups |
//! | `prepared` | yes | [`Suite::MlDsa65`] is checked by the library's own code, many times faster |
//! | `metrics` | no | `core::metrics`: what a node counts and sees, for any recorder of the crate `metrics` |
//! | `libp2p` | no | `libp2p`: meshward as the validator of a gossipsub topic, over a swarm |
//! | `shamir` | no | the key of a backup split m of n |
//! | `identity` | no | `identity`: members are workloads with SPIFFE ids, by their certificates |
//! | `spiffe` | no | `spire`: the agents and servers that give those, none of which may be missed; brings `identity` |
//!
//! A suite that is not compiled in answers
//! [`SuiteUnavailable`](suite::SuiteError::SuiteUnavailable); nothing else changes.

#![cfg_attr(
    not(any(feature = "dilithium3", all(feature = "prepared", feature = "ml-dsa-65"))),
    forbid(unsafe_code)
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions))]

mod bounded;
pub mod core;
pub mod gossip;
#[cfg(all(
    any(doc, doctest),
    feature = "durable-store",
    feature = "backup",
    feature = "ml-dsa-65"
))]
pub mod guide;
pub mod host;
pub mod id;
#[cfg(feature = "identity")]
pub mod identity;
pub mod keyring;
#[cfg(feature = "libp2p")]
pub mod libp2p;
pub mod limit;
pub mod membership;
pub mod quorum;
pub mod replay;
pub mod reputation;
pub mod rollout;
#[cfg(feature = "spiffe")]
pub mod spire;
pub mod store;
pub mod suite;
pub mod transport;
pub mod wire;

pub use crate::core::{
    Accepted, Blame, Config, Core, DiskTrust, Event, ExplainedStage, Explanation, Finding, Output,
    Stats, Step, WriteId,
};
pub use crate::gossip::{GossipConfig, Message, SignedGossip};
pub use crate::host::{Host, MapekMonitor, MeshByzantineProtection, MeshRouter, PeerHealth};
pub use crate::id::{
    Digest, Epoch, Link, LinkId, Mark, MeshId, Millis, NodeId, Nonce, SentAt, SpiffeId, ViewNumber,
};
pub use crate::keyring::{
    Error, Fault, Identity, KeyHistory, Misuse, RecoveryKey, RotationCause, RotationPolicy,
};
pub use crate::membership::{Change, Directory, Member, View, faults_tolerated, quorum_size};
pub use crate::quorum::{
    Certificate, Chain, CriticalEvent, EquivocationProof, EventKind, FailureStatus,
    PendingCertificate, QuorumConfig, QuorumValidator, Tally, ViewLink,
};
pub use crate::rollout::{
    Reason, RolloutConfig, RolloutStats, Rule, RuleStats, Said, Stage, Verdict, Why,
};
#[cfg(feature = "durable-store")]
pub use crate::store::DurableStore;
pub use crate::store::{MemoryStore, Store, StoreError};
pub use crate::suite::{Entropy, OsEntropy, Suite};
pub use crate::transport::{Fragmenter, Reassembler, ReassemblyConfig};
pub use crate::wire::{Kind, Refusal};
/// How secrets are handed over, to and by a [`Store`] among others: overwritten when dropped. Beside the traits
/// of serde 1 it is all of other crates that this one's signatures name.
pub use zeroize::Zeroizing;
