//! An honest node: meshward, a swarm that carries it, and a host that counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm};
use meshward::libp2p::{Behaviour, Event, Router, Settings, run, swarm};
use meshward::{
    Accepted, Config, Host, Kind, Link, LinkId, MapekMonitor, MemoryStore, MeshByzantineProtection,
    Millis, NodeId, PeerHealth, View,
};
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::Outcome;

/// How often a node looks at what gossipsub thinks of its neighbours.
const LOOK: Duration = Duration::from_millis(100);

/// What a node has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How often each message was delivered.
    pub(crate) delivered: BTreeMap<(NodeId, Vec<u8>), usize>,
    /// Whom it was beaconed by.
    pub(crate) heard: BTreeSet<NodeId>,
    /// The score that each peer had when it last looked, and the lowest.
    pub(crate) scores: BTreeMap<PeerId, f64>,
    pub(crate) lowest: BTreeMap<PeerId, f64>,
    /// The peers in gossipsub's mesh, and those connected, when it last looked.
    pub(crate) mesh: BTreeSet<PeerId>,
    pub(crate) connected: BTreeSet<PeerId>,
    /// What was refused of whom, by the reason.
    pub(crate) refused: BTreeMap<(PeerId, &'static str), usize>,
}

pub(crate) struct Node {
    #[allow(dead_code, reason = "only tests ask for it")]
    pub(crate) id: NodeId,
    pub(crate) shield: Arc<MeshByzantineProtection>,
    #[allow(dead_code, reason = "only tests send by themselves")]
    pub(crate) router: Router,
    /// What it knows the peers by.
    pub(crate) links: BTreeMap<PeerId, LinkId>,
    pub(crate) seen: Arc<Mutex<Seen>>,
    task: AbortHandle,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The beacons decide.
pub(crate) struct Monitor;

impl MapekMonitor for Monitor {
    fn check_peer_health(&self, _: NodeId) -> PeerHealth {
        PeerHealth::Unknown
    }
}

/// The monotonic milliseconds of all nodes.
pub(crate) fn clock() -> Millis {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    // A node that starts at 0 has had no time to be silent in.
    Millis(u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1_000_000))
}

/// What a node needs to start.
pub(crate) struct Plan {
    pub(crate) id: NodeId,
    pub(crate) keypair: Keypair,
    pub(crate) store: MemoryStore,
    pub(crate) view: Arc<View>,
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    pub(crate) relay: bool,
    /// Whose links it may be asked about.
    pub(crate) peers: Vec<PeerId>,
}

/// A node that can be called.
pub(crate) struct Listening {
    pub(crate) address: Multiaddr,
    id: NodeId,
    shield: Arc<MeshByzantineProtection>,
    router: Router,
    links: BTreeMap<PeerId, LinkId>,
    swarm: Swarm<Behaviour>,
}

impl Plan {
    pub(crate) fn listen(self, runtime: &Runtime) -> Outcome<Listening> {
        let Self { id, keypair, store, view, config, settings, relay, peers } = self;
        let router = Router::new(8 * 1024 * 1024);
        let host = Host { relay, ..Host::new(store, router.clone(), Monitor) };
        let shield = Arc::new(MeshByzantineProtection::start(config, view, host, clock())?);
        let behaviour = Behaviour::new(settings, router.clone(), Arc::clone(&shield), clock)?;
        let links = peers.into_iter().map(|peer| (peer, behaviour.link_of(&peer))).collect();
        let _inside = runtime.enter();
        let mut swarm = swarm(keypair, behaviour)?;
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let address = runtime.block_on(async {
            loop {
                if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                    break address;
                }
            }
        });
        Ok(Listening { address, id, shield, router, links, swarm })
    }
}

impl Listening {
    pub(crate) fn run(self, neighbours: BTreeMap<PeerId, Multiaddr>, runtime: &Runtime) -> Node {
        let Self { id, shield, router, links, swarm, .. } = self;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (seeing, mut looked) = (Arc::clone(&seen), Instant::now());
        let told = move |behaviour: &Behaviour, event| {
            let mut seen = seeing.lock();
            seen.note(event);
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                seen.look_at(behaviour);
            }
        };
        let task = runtime.spawn(run(swarm, neighbours, told)).abort_handle();
        Node { id, shield, router, links, seen, task }
    }
}

impl Node {
    /// What the health loop does each round.
    pub(crate) fn tick(&self) -> Outcome<()> {
        self.shield.sign_beacon(b"here", clock())?;
        Ok(self.shield.tick(clock())?)
    }

    /// Says something to all others.
    pub(crate) fn say(&self, number: usize) {
        let said = self.shield.sign_message(Kind::RouteUpdate, &number.to_le_bytes(), clock());
        said.expect("two messages a round are within the rate");
    }

    /// Whether meshward has its link with `peer` in quarantine.
    pub(crate) fn quarantines(&self, peer: &PeerId) -> bool {
        let link = Link::Proven(self.links[peer]);
        self.shield.core().is_link_quarantined(link, clock())
    }
}

impl Seen {
    fn note(&mut self, event: Event) {
        match event {
            Event::Accepted { accepted, .. } => {
                if let Accepted::Message(message) = *accepted {
                    self.heard.insert(message.origin);
                    if message.kind == Kind::RouteUpdate {
                        let said = (message.origin, message.body);
                        let times = self.delivered.entry(said).or_default();
                        *times = times.saturating_add(1);
                    }
                }
            }
            Event::Refused { peer, refusal } => {
                let times = self.refused.entry((peer, refusal.reason())).or_default();
                *times = times.saturating_add(1);
            }
            _ => {}
        }
    }

    fn look_at(&mut self, behaviour: &Behaviour) {
        let gossip = behaviour.gossipsub();
        self.mesh = gossip.all_mesh_peers().copied().collect();
        self.connected = gossip.all_peers().map(|(peer, _)| *peer).collect();
        for peer in &self.connected {
            let score = gossip.peer_score(peer).unwrap_or(0.0);
            self.scores.insert(*peer, score);
            let lowest = self.lowest.entry(*peer).or_insert(score);
            *lowest = lowest.min(score);
        }
    }

    pub(crate) fn lowest_of(&self, peer: &PeerId) -> f64 {
        self.lowest.get(peer).copied().unwrap_or(0.0)
    }
}
