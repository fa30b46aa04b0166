//! meshward over libp2p: as the validator of a gossipsub topic, and as a [`MeshRouter`](crate::MeshRouter)
//! that a swarm carries out (feature `libp2p`).
//!
//! ```
//! # #[cfg(feature = "ml-dsa-65")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::{sync::Arc, time::Instant};
//! # use meshward::*;
//! use meshward::libp2p::{Behaviour, Router, Settings, swarm};
//! # struct Monitor;
//! # impl MapekMonitor for Monitor {
//! #     fn check_peer_health(&self, _: NodeId) -> PeerHealth { PeerHealth::Unknown }
//! # }
//! # let (store, monitor) = (MemoryStore::new(), Monitor);
//! # let identity = Identity::create(&store, NodeId::from_bytes([1; 32]), Suite::MlDsa65, &OsEntropy)?;
//! # let view = Arc::new(View::genesis(vec![identity.member("north")])?);
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # let _inside = runtime.enter();
//!
//! let start = Instant::now();
//! let clock = move || Millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
//!
//! // One share of the router is meshward's, the other the swarm's. Gossipsub relays, so the host does not.
//! let router = Router::new(8 * 1024 * 1024);
//! let host = Host { relay: false, ..Host::new(store, router.clone(), monitor) };
//! let settings = Settings::new(&view);
//! let shield = Arc::new(MeshByzantineProtection::start(Config::default(), view, host, clock())?);
//! let behaviour = Behaviour::new(settings, router, Arc::clone(&shield), clock)?;
//!
//! // It goes into a swarm that is there, or makes one of its own, which `libp2p::run` runs.
//! let mut swarm = swarm(::libp2p::identity::Keypair::generate_ed25519(), behaviour)?;
//! swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
//! // The health loop is the host's, on any thread.
//! shield.sign_beacon(b"my routes", clock())?;
//! shield.tick(clock())?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "ml-dsa-65"))]
//! # fn main() {}
//! ```
//!
//! # Who pays
//! [`Verdict`] holds the table. A peer that hands on what no honest one would is rejected, so that gossipsub's
//! own score ([`score`]) punishes it; its link's reputation in meshward counts there, too, and once that link
//! is in quarantine its connections are closed, and none is made until the quarantine ends. Nothing of that
//! falls on a message's origin or on an honest peer that passed it on.
//!
//! # What it costs
//! Packets are handed to meshward where the swarm is polled, one after the other; connections are read and kept
//! alive in tasks of their own meanwhile. A signature check takes about 100 µs. All newcomers together get
//! [500 a second](crate::GossipConfig::newcomer_checks), 5 % of a core, and so does
//! [each link](crate::GossipConfig::link_checks) that has brought something true; but what needs a check and is
//! no forgery is what members have signed, each as much as the
//! [rate of an origin](crate::GossipConfig::origin_rate) allows, and a few forgeries put the link in quarantine.
//! What needs none costs microseconds; a certificate, the longest thing to check, as many checks at once as it has
//! signatures. The [store](crate::Store) is written to only for what members have signed and this node must not
//! forget.
//!
//! # What it leaves open
//! * A peer id costs nothing: who was put in quarantine comes back under another one, as a newcomer, whose
//!   [budget](crate::GossipConfig::newcomer_checks) all newcomers share. Who is known by
//!   [`Settings::bindings`] keeps a place. A host that knows all its neighbours admits only them, with
//!   `libp2p::allow_block_list` in its swarm, in a field *before* this behaviour: gossipsub keeps something of a
//!   connection that a later field refuses.
//! * Strangers that do not show who they are can take all the [places](Settings::connections) for those that are
//!   about to. Then a node has the connections that it makes itself, with nodes that are not besieged likewise.
//! * A step to the next view that carries many rotations may be longer than [`Settings::members`] allows for; who
//!   missed the vote then needs the view from elsewhere.
//! * Only a [pause](Settings::silent_after) tells who passes nothing on. What helps against it is enough
//!   neighbours: a message arrives as long as some path leads through honest ones.
//! * A statement that is sent again reaches neighbours only when gossipsub has forgotten it, after four
//!   [heartbeats](Settings::heartbeat).
//! * A message whose first copy is dropped for its link's budget is not asked for (IWANT) during that time, but
//!   heard from whoever sends it unasked: a neighbour in gossipsub's mesh, or its origin.
//! * Gossipsub remembers the id of each message for two minutes, some 250 bytes, refused ones as well. A peer that
//!   brings what is nobody's fault, as fast as its [packets](crate::GossipConfig::link_packets) allow, makes it
//!   remember that many: with the default of 5 000 a second 150 MB, for as long as it goes on. And it keeps
//!   some 100 bytes of each network address that a connection ever came from.
//! * Announcements and requests (IHAVE, IWANT), grafts and prunes are gossipsub's own, with its own limits.

mod behaviour;
mod carrying;
mod direct;
mod event;
mod ids;
mod limits;
mod node;
mod one_topic;
mod peers;
mod router;
pub mod score;
mod settings;
mod verdict;

pub use behaviour::{Behaviour, InQuarantine, SetupError};
pub use event::Event;
pub use node::{run, swarm};
pub use router::Router;
pub use settings::Settings;
pub use verdict::Verdict;
