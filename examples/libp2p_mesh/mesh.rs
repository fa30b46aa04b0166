//! Twenty swarms over TCP on loopback: fourteen honest nodes, each with four honest neighbours, and six hostile
//! peers, each with the ears of four honest nodes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use meshward::libp2p::Settings;
use meshward::{Config, Identity, MemoryStore, NodeId, OsEntropy, Suite, View};
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::Outcome;
use crate::hostile::{Hostile, Manner};
use crate::node::{Node, Plan, clock};

pub(crate) const HONEST: usize = 14;
pub(crate) const NODES: usize = 20;
/// Each round every honest node beacons and says one thing.
const ROUND: Duration = Duration::from_millis(500);
const ROUNDS: usize = 20;
/// Whatever is waited for comes within a second or some; who waits so long waits in vain.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Mesh {
    pub(crate) nodes: Vec<Node>,
    /// Whom each honest node is connected with: the places of honest nodes, then those of hostile ones.
    pub(crate) neighbours: Vec<Vec<usize>>,
    /// The peers at all places.
    pub(crate) peers: Vec<PeerId>,
    hostile: Vec<AbortHandle>,
    keypairs: Vec<Keypair>,
    addresses: Vec<Multiaddr>,
    topic: String,
    runtime: Runtime,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) delivered: usize,
    pub(crate) expected: usize,
    /// Messages that were delivered more than once to one node.
    pub(crate) twice: usize,
    /// Of each hostile peer: by how many of its neighbours it was pruned, graylisted, parted with; of how many.
    pub(crate) hostile: Vec<(Manner, [usize; 4])>,
    /// Honest links with a score below 0 at any time, with less than their full reputation, in quarantine.
    pub(crate) honest: [usize; 3],
    pub(crate) honest_links: usize,
    pub(crate) members_in_quarantine: usize,
    pub(crate) seconds: f64,
}

/// The honest neighbours of the honest node at `place`: a ring and its chords.
fn ring(place: usize) -> Vec<usize> {
    [1, 3, HONEST - 3, HONEST - 1].map(|step| (place + step) % HONEST).to_vec()
}

/// The honest nodes that the hostile peer at `place` calls.
fn called_by(place: usize) -> Vec<usize> {
    [0, 3, 7, 10].map(|step| (place * 2 + step) % HONEST).to_vec()
}

impl Mesh {
    /// The honest part, connected: everybody has heard everybody.
    pub(crate) fn start() -> Outcome<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let keypairs: Vec<_> = (0..NODES).map(|_| Keypair::generate_ed25519()).collect();
        let peers: Vec<_> = keypairs.iter().map(|pair| pair.public().to_peer_id()).collect();
        let addresses = free_addresses(HONEST)?;
        let (mut stores, mut members) = (Vec::new(), Vec::new());
        for number in 0..u8::try_from(NODES)? {
            let (store, id) = (MemoryStore::new(), NodeId::from_bytes([number; 32]));
            let identity = Identity::create(&store, id, Suite::MlDsa65, &OsEntropy)?;
            members.push(identity.member(format!("node {number}")));
            stores.push((id, store));
        }
        let view = Arc::new(View::genesis(members)?);
        let settings =
            Settings { silent_after: Some(Duration::from_secs(6)), ..Settings::new(&view) };
        let (mut nodes, mut neighbours) = (Vec::new(), Vec::new());
        for (place, (id, store)) in stores.into_iter().take(HONEST).enumerate() {
            let hostile = (HONEST..NODES).filter(|hostile| called_by(*hostile).contains(&place));
            let around: Vec<_> = ring(place).into_iter().chain(hostile).collect();
            let dialled = ring(place).into_iter().map(|at| (peers[at], addresses[at].clone()));
            let plan = Plan {
                id,
                keypair: keypairs[place].clone(),
                store,
                address: addresses[place].clone(),
                neighbours: dialled.collect(),
                watched: around.iter().map(|at| peers[*at]).collect(),
                view: Arc::clone(&view),
                config: config(),
                settings: settings.clone(),
            };
            nodes.push(Node::start(plan, runtime.handle())?);
            neighbours.push(around);
        }
        let (hostile, topic) = (Vec::new(), settings.topic);
        let mesh = Self { nodes, neighbours, peers, hostile, keypairs, addresses, topic, runtime };
        let others = |node: &Node| mesh.nodes.iter().filter(|other| other.id != node.id).count();
        mesh.until("everybody hears everybody", |mesh| {
            mesh.nodes.iter().all(|node| node.seen.lock().heard.len() == others(node))
        })?;
        Ok(mesh)
    }

    /// Lets the hostile peers loose.
    pub(crate) fn attack(&mut self) -> Outcome<()> {
        let _inside = self.runtime.enter();
        for (place, manner) in (HONEST..NODES).zip(Manner::ALL) {
            let called = called_by(place).into_iter();
            let called = called.map(|at| (self.peers[at], self.addresses[at].clone())).collect();
            let hostile = Hostile::new(self.keypairs[place].clone(), &self.topic, manner, called)?;
            self.hostile.push(self.runtime.spawn(hostile.run()).abort_handle());
        }
        Ok(())
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

    /// The whole scenario.
    pub(crate) fn run() -> Outcome<Verdict> {
        let start = Instant::now();
        let mut mesh = Self::start()?;
        mesh.attack()?;
        let said = std::cell::Cell::new(0_usize);
        mesh.until("all hostile links are pruned", |mesh| {
            for node in &mesh.nodes {
                node.say(&format!("{}", said.get())).expect("within the rate");
            }
            said.set(said.get() + 1);
            said.get() >= ROUNDS
                && mesh.hostile_links().iter().all(|(_, [pruned, .., of])| pruned == of)
        })?;
        let expected = said.get() * HONEST * (HONEST - 1);
        mesh.until("everything is delivered", |mesh| mesh.delivered().0 == expected)?;
        let (delivered, twice) = mesh.delivered();
        let (honest, honest_links) = mesh.honest_links();
        Ok(Verdict {
            delivered,
            expected,
            twice,
            hostile: mesh.hostile_links(),
            honest,
            honest_links,
            members_in_quarantine: mesh.members_in_quarantine(),
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Messages of honest nodes that honest nodes were delivered, and how many of them more than once.
    pub(crate) fn delivered(&self) -> (usize, usize) {
        let (mut once, mut more) = (0, 0);
        for node in &self.nodes {
            let seen = node.seen.lock();
            once += seen.delivered.len();
            more += seen.delivered.values().filter(|times| **times > 1).count();
        }
        (once, more)
    }

    fn hostile_links(&self) -> Vec<(Manner, [usize; 4])> {
        let graylist = meshward::libp2p::score::thresholds().graylist_threshold;
        let mut links = Vec::new();
        for (place, manner) in (HONEST..NODES).zip(Manner::ALL) {
            let peer = self.peers[place];
            let mut counts = [0; 4];
            for at in called_by(place) {
                let (node, seen) = (&self.nodes[at], self.nodes[at].seen.lock());
                let score = seen.lowest_of(&peer);
                let parted = node.quarantines(&peer) && !seen.connected.contains(&peer);
                counts[0] += usize::from(score < 0.0 && !seen.mesh.contains(&peer));
                counts[1] += usize::from(score < graylist || parted);
                counts[2] += usize::from(parted);
                counts[3] += 1;
            }
            links.push((manner, counts));
        }
        links
    }

    fn honest_links(&self) -> ([usize; 3], usize) {
        let (mut counts, mut links) = ([0; 3], 0);
        for (place, node) in self.nodes.iter().enumerate() {
            for peer in ring(place).into_iter().map(|at| self.peers[at]) {
                let link = node.links[&peer];
                let reputation = node.shield.core().link_reputation(link, clock());
                counts[0] += usize::from(node.seen.lock().lowest_of(&peer) < 0.0);
                counts[1] += usize::from(reputation < meshward::reputation::Reputation::FULL);
                counts[2] += usize::from(node.quarantines(&peer));
                links += 1;
            }
        }
        (counts, links)
    }

    fn members_in_quarantine(&self) -> usize {
        let quarantined = |node: &Node| node.shield.stats(clock()).quarantined_nodes.len();
        self.nodes.iter().map(quarantined).sum()
    }
}

impl Verdict {
    /// Whether everything is as promised.
    pub(crate) fn holds(&self) -> bool {
        self.delivered == self.expected
            && self.twice == 0
            && self.hostile.iter().all(|(_, [pruned, .., of])| pruned == of)
            && self.honest == [0; 3]
            && self.members_in_quarantine == 0
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let Self { delivered, expected, twice, honest_links, seconds, .. } = self;
        let [below, less, quarantined] = self.honest;
        let mut line = |text_of: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{text_of}");
        };
        line(format_args!("honest messages delivered   {delivered} of {expected}, {twice} twice"));
        for (manner, [pruned, graylisted, parted, of]) in &self.hostile {
            line(format_args!(
                "{:<27} of {of} honest neighbours {pruned} pruned it, {graylisted} graylisted it, \
                 {parted} parted with it",
                format!("one that {}", manner.says())
            ));
        }
        line(format_args!(
            "honest links                of {honest_links} {below} were ever below 0, {less} lost \
             reputation, {quarantined} in quarantine"
        ));
        line(format_args!("members in quarantine       {}", self.members_in_quarantine));
        line(format_args!("time                        {seconds:.1} s"));
        text
    }
}

/// Budgets that a flood on this machine can pass, and a patience that a busy machine does not.
fn config() -> Config {
    let mut config = Config::default();
    config.gossip.link_packets = meshward::limit::Rate { per_second: 200, burst: 400 };
    config.quorum.suspicion_ms = 120_000;
    config
}

/// Addresses on loopback that nobody listens on.
pub(crate) fn free_addresses(count: usize) -> Outcome<Vec<Multiaddr>> {
    let listeners: Result<Vec<_>, _> =
        (0..count).map(|_| std::net::TcpListener::bind("127.0.0.1:0")).collect();
    let mut addresses = Vec::new();
    for listener in listeners? {
        let port = listener.local_addr()?.port();
        addresses.push(format!("/ip4/127.0.0.1/tcp/{port}").parse()?);
    }
    Ok(addresses)
}

/// A map of neighbours, for small meshes.
#[allow(dead_code, reason = "the tests use it")]
pub(crate) fn dialling(peers: &[(PeerId, Multiaddr)]) -> BTreeMap<PeerId, Multiaddr> {
    peers.iter().cloned().collect()
}
