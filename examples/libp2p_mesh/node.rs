//! An honest node: meshward, a swarm that carries it, and a host that counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use meshward::libp2p::{Behaviour, Event, Router, Settings, run, swarm};
use meshward::{
    Accepted, Config, Host, Kind, MapekMonitor, MemoryStore, MeshByzantineProtection, Millis,
    NodeId, PeerHealth, View,
};
use parking_lot::Mutex;
use tokio::runtime::Handle;
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
    /// The lowest score that each peer had.
    pub(crate) lowest: BTreeMap<PeerId, f64>,
    /// The peers in gossipsub's mesh, and those connected, when it last looked.
    pub(crate) mesh: BTreeSet<PeerId>,
    pub(crate) connected: BTreeSet<PeerId>,
    /// What was refused of whom, by the reason.
    pub(crate) refused: BTreeMap<(PeerId, &'static str), usize>,
}

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) peer: PeerId,
    pub(crate) shield: Arc<MeshByzantineProtection>,
    pub(crate) router: Router,
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) links: BTreeMap<PeerId, meshward::LinkId>,
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
    pub(crate) address: Multiaddr,
    pub(crate) neighbours: BTreeMap<PeerId, Multiaddr>,
    /// Whose links it is asked about.
    pub(crate) watched: Vec<PeerId>,
    pub(crate) view: Arc<View>,
    pub(crate) config: Config,
    pub(crate) settings: Settings,
}

impl Node {
    pub(crate) fn start(plan: Plan, runtime: &Handle) -> Outcome<Self> {
        let Plan { id, keypair, store, address, neighbours, watched, view, config, settings } =
            plan;
        let router = Router::new(8 * 1024 * 1024);
        let host = Host { relay: false, ..Host::new(store, router.clone(), Monitor) };
        let shield = Arc::new(MeshByzantineProtection::start(config, view, host, clock())?);
        let (seen, peer) = (Arc::new(Mutex::new(Seen::default())), keypair.public().to_peer_id());
        let behaviour = Behaviour::new(settings, router.clone(), Arc::clone(&shield), clock)?;
        let links = watched.into_iter().map(|peer| (peer, behaviour.link_of(&peer))).collect();
        let _inside = runtime.enter();
        let mut swarm = swarm(keypair, behaviour)?;
        swarm.listen_on(address)?;
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
        Ok(Self { id, peer, shield, router, seen, links, task })
    }

    /// What the health loop does each round.
    pub(crate) fn tick(&self) -> Outcome<()> {
        self.shield.sign_beacon(b"here", clock())?;
        Ok(self.shield.tick(clock())?)
    }

    /// Signs a message to all others.
    pub(crate) fn say(&self, text: &str) -> Outcome<()> {
        Ok(self.shield.sign_message(Kind::RouteUpdate, text.as_bytes(), clock())?)
    }

    /// Whether meshward has its link with `peer` in quarantine.
    pub(crate) fn quarantines(&self, peer: &PeerId) -> bool {
        let link = |link| meshward::Link::Proven(link);
        self.links
            .get(peer)
            .is_some_and(|id| self.shield.core().is_link_quarantined(link(*id), clock()))
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
            let lowest = self.lowest.entry(*peer).or_insert(score);
            *lowest = lowest.min(score);
        }
    }

    pub(crate) fn lowest_of(&self, peer: &PeerId) -> f64 {
        self.lowest.get(peer).copied().unwrap_or(0.0)
    }
}
