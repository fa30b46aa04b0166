//! Swarms over TCP on loopback, in one process: honest nodes, and hostile peers that call some of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use meshward::libp2p::Settings;
use meshward::{Config, Identity, MemoryStore, NodeId, OsEntropy, Suite, View};
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::Outcome;
use crate::hostile::{Hostile, Manner, Strings};
use crate::node::{Node, Plan};

/// How often every honest node beacons.
const ROUND: Duration = Duration::from_millis(500);
/// Whatever is waited for comes within some seconds; who waits so long waits in vain.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Field {
    /// The honest nodes, at the first places.
    pub(crate) nodes: Vec<Node>,
    /// The peers at all places.
    pub(crate) peers: Vec<PeerId>,
    keypairs: Vec<Keypair>,
    addresses: Vec<Multiaddr>,
    topic: String,
    hostile: Vec<AbortHandle>,
    runtime: Runtime,
}

/// The name of the node at `place`.
pub(crate) fn id(place: usize) -> NodeId {
    NodeId::from_bytes([u8::try_from(place).unwrap_or(u8::MAX); 32])
}

/// Who there is, and how it is set up.
pub(crate) struct Shape {
    /// The members, hostile ones included, and how many of them are honest.
    pub(crate) members: usize,
    pub(crate) honest: usize,
    /// Whom the honest node at a place dials.
    pub(crate) dials: fn(usize) -> Vec<usize>,
    pub(crate) config: Config,
    /// Changes the settings of the node at a place, given the peers at all places.
    pub(crate) adapt: fn(&mut Settings, usize, &[PeerId]),
    /// Whether meshward relays, which gossipsub does, too.
    pub(crate) relay: bool,
}

impl Field {
    /// The honest nodes, connected: everybody has heard everybody.
    pub(crate) fn start(shape: Shape) -> Outcome<Self> {
        let Shape { members, honest, dials, config, adapt, relay } = shape;
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let keypairs: Vec<_> = (0..members).map(|_| Keypair::generate_ed25519()).collect();
        let peers: Vec<_> = keypairs.iter().map(|pair| pair.public().to_peer_id()).collect();
        let (mut stores, mut named) = (Vec::new(), Vec::new());
        for place in 0..members {
            let store = MemoryStore::new();
            let identity = Identity::create(&store, id(place), Suite::MlDsa65, &OsEntropy)?;
            named.push(identity.member(format!("node {place}")));
            stores.push(store);
        }
        let view = Arc::new(View::genesis(named)?);
        let topic = Settings::new(&view).topic;
        let mut listening = Vec::new();
        for (place, store) in stores.into_iter().take(honest).enumerate() {
            let mut settings = Settings::new(&view);
            adapt(&mut settings, place, &peers);
            let plan = Plan {
                id: id(place),
                keypair: keypairs[place].clone(),
                store,
                view: Arc::clone(&view),
                config: config.clone(),
                settings,
                relay,
                peers: peers.clone(),
            };
            listening.push(plan.listen(&runtime)?);
        }
        let addresses: Vec<_> = listening.iter().map(|node| node.address.clone()).collect();
        let at = |place: usize| (peers[place], addresses[place].clone());
        let neighbours = |place: usize| BTreeMap::from_iter(dials(place).into_iter().map(at));
        let nodes = listening.into_iter().enumerate();
        let nodes = nodes.map(|(place, node)| node.run(neighbours(place), &runtime)).collect();
        let field = Self { nodes, peers, keypairs, addresses, topic, hostile: Vec::new(), runtime };
        field.until("everybody hears everybody", |field| {
            field.nodes.iter().all(|node| node.seen.lock().heard.len() + 1 == honest)
        })?;
        Ok(field)
    }

    /// Lets the hostile peer at `place` loose on the honest nodes at `called`.
    pub(crate) fn attack(
        &mut self,
        place: usize,
        manner: Manner,
        called: &[usize],
    ) -> Outcome<Strings> {
        let _inside = self.runtime.enter();
        let called = called.iter().map(|at| (self.peers[*at], self.addresses[*at].clone()));
        let keypair = self.keypairs[place].clone();
        let hostile = Hostile::new(keypair, &self.topic, manner, called.collect())?;
        let strings = hostile.strings.clone();
        self.hostile.push(self.runtime.spawn(hostile.run()).abort_handle());
        Ok(strings)
    }

    /// Round by round, until `done`.
    pub(crate) fn until(&self, what: &str, done: impl Fn(&Self) -> bool) -> Outcome<()> {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > PATIENCE {
                return Err(format!("waited in vain until {what}").into());
            }
            for node in &self.nodes {
                node.tick()?;
            }
            std::thread::sleep(ROUND);
        }
        Ok(())
    }
}
