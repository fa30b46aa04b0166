//! One node: a process with a socket, keys, a state directory and a MAPE-K loop of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::io::{BufRead, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};

use meshward::keyring::Keyring;
use meshward::{
    Accepted, Config, CriticalEvent, DurableStore, Host, Identity, Kind, Link,
    MeshByzantineProtection, Message, Millis, NodeId, QuorumConfig, View,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::host::{DataSeen, Monitor, Names, Router, Voice};
use crate::liar::Liar;
use crate::links::{Datagram, GOSSIP, Inbox, Links, TRAFFIC, listen};
use crate::mapek::Loop;
use crate::outsider;
use crate::protocol::{BEACON_MS, Command, Counts, Notice, SUSPICION_MS, Setup, to_hex};
use crate::routes::{Routes, Way};

/// After a change of its routes a node beacons this early, so that news travels fast.
const EARLY_BEACON_MS: u64 = 120;
const ACCUSATION_MS: u64 = 200;
/// Datagrams that an outsider gets to see.
const CAPTURED: usize = 24;

/// The body of a beacon.
#[derive(Serialize, Deserialize)]
struct Beacon {
    beat: u64,
    ways: Vec<Way>,
}

/// A piece of traffic, with the nodes it went through.
#[derive(Serialize, Deserialize)]
struct Probe {
    id: u64,
    to: usize,
    path: Way,
}

/// What every node of this mesh is run with.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.quorum = QuorumConfig { suspicion_ms: SUSPICION_MS, resend_ms: 500, ..config.quorum };
    // A member in quarantine is alive as long as its beacons are let through in time.
    config.gossip.quarantine_beacon_ms = 2 * BEACON_MS - 50;
    // What neighbours send stays far below this, so that a flood shows it.
    config.gossip.link_packets.per_second = 1_000;
    config.gossip.link_packets.burst = 1_000;
    config.gossip.claimed_checks.per_second = 100;
    config.gossip.claimed_checks.burst = 100;
    config
}

/// Runs a node until its parent tells it to stop, or is gone.
///
/// # Errors
/// What kept it from starting.
pub(crate) fn run(dir: &Path, start: u32) -> Result<(), Box<dyn Error>> {
    let voice = Voice::default();
    let result = Node::start(dir, start, voice.clone()).and_then(|(mut node, inbox)| {
        voice.say(&Notice::Ready { port: node.links.port()? });
        node.work(&inbox, &commands());
        Ok(())
    });
    if let Err(error) = &result {
        voice.say(&Notice::Failed { reason: error.to_string() });
    }
    result
}

/// What the parent says. When it is gone the channel closes, and the node ends: no orphans.
fn commands() -> Receiver<Command> {
    let (sender, commands) = channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines() {
            let Ok(command) = line
                .map_err(drop)
                .and_then(|line| serde_json::from_str::<Command>(&line).map_err(drop))
            else {
                return;
            };
            if sender.send(command).is_err() {
                return;
            }
        }
    });
    commands
}

struct Node {
    setup: Setup,
    names: Names,
    protection: MeshByzantineProtection,
    links: Arc<Links>,
    routes: Arc<Mutex<Routes>>,
    data_seen: DataSeen,
    voice: Voice,
    mapek: Loop,
    liar: Option<Liar>,
    started: Instant,
    beat: u64,
    beacon_ms: u64,
    last_beacon: Millis,
    last_accusation: Millis,
    routes_changed: bool,
    heard: BTreeMap<(usize, u32), BTreeSet<u64>>,
    keys: BTreeMap<(usize, u32), u64>,
    marks: BTreeSet<(usize, meshward::Mark)>,
    twice: u64,
    forged: u64,
    refused_unproven: BTreeMap<String, u64>,
    accusations: BTreeMap<(usize, usize), u64>,
    capturing: bool,
    captured: Vec<String>,
}

impl Node {
    fn start(dir: &Path, start: u32, voice: Voice) -> Result<(Self, Inbox), Box<dyn Error>> {
        let setup: Setup = serde_json::from_slice(&fs::read(dir.join("setup.json"))?)?;
        let view = Arc::new(View::from_bytes(&fs::read(dir.join("view"))?)?);
        let store = DurableStore::open(&dir.join("state"))?;
        let started = Instant::now();
        let names = Names::new(&setup.ids);
        let links = Arc::new(Links::open(setup.index, (start, names.len()), &setup.links)?);
        let routes = Arc::new(Mutex::new(Routes::new(setup.index, names.len())));
        let data_seen = DataSeen::default();
        let config = config();
        let liar = match setup.liar {
            true => {
                let (identity, rate) = (Identity::load(&store)?, config.gossip.origin_rate);
                let keyring = Keyring::start(identity, &store, view.mesh(), rate, Millis(0))?;
                Some(Liar::new(keyring.statement_head(), view.digest()))
            }
            false => None,
        };
        let router = Router { links: links.clone(), routes: routes.clone(), names: names.clone() };
        let monitor =
            Monitor { names: names.clone(), data_seen: data_seen.clone(), voice: voice.clone() };
        let mapek = Loop::new(names.clone(), voice.clone());
        let host = Host::new(store, router, monitor);
        let protection = MeshByzantineProtection::start(config, view, host, Millis(0))?;
        let inbox = listen(links.clone());
        let node = Self {
            setup,
            names,
            protection,
            links,
            routes,
            data_seen,
            voice,
            mapek,
            liar,
            started,
            beat: 0,
            beacon_ms: BEACON_MS,
            last_beacon: Millis(0),
            last_accusation: Millis(0),
            routes_changed: false,
            heard: BTreeMap::new(),
            keys: BTreeMap::new(),
            marks: BTreeSet::new(),
            twice: 0,
            forged: 0,
            refused_unproven: BTreeMap::new(),
            accusations: BTreeMap::new(),
            capturing: false,
            captured: Vec::new(),
        };
        Ok((node, inbox))
    }

    fn now(&self) -> Millis {
        Millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The loop: what arrived, what the parent wants, what is due.
    fn work(&mut self, inbox: &Inbox, commands: &Receiver<Command>) {
        loop {
            match inbox.proven.recv_timeout(Duration::from_millis(2)) {
                Ok(datagram) => self.take(&datagram),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // Neighbours come first; what nobody vouches for gets a small share of each round.
            inbox.proven.try_iter().take(64).for_each(|datagram| self.take(&datagram));
            inbox.claimed.try_iter().take(16).for_each(|datagram| self.take(&datagram));
            loop {
                match commands.try_recv() {
                    Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return,
                    Ok(command) => self.obey(command),
                    Err(TryRecvError::Empty) => break,
                }
            }
            self.do_what_is_due();
        }
    }

    fn take(&mut self, datagram: &Datagram) {
        let now = self.now();
        if datagram.channel() == Some(TRAFFIC) {
            return self.take_probe(datagram);
        }
        if self.capturing && datagram.link.proven().is_some() {
            self.capture(&datagram.bytes);
        }
        let Some(packet) = self.links.whole(datagram, now) else { return };
        if let Some(liar) = &mut self.liar {
            liar.overhear(&packet);
        }
        match self.protection.handle_frame(datagram.link, &packet, now) {
            Ok(Accepted::Message(message)) => self.take_message(&message),
            Ok(Accepted::Attestation { attestor, event, .. }) => {
                self.take_accusation(&attestor, &event);
            }
            Ok(Accepted::Rotation { .. }) => {
                self.voice.say(&Notice::Rotation { packet: to_hex(&packet) });
            }
            Ok(_) => {}
            // The library counts refusals, and blames whom it may; here only the outsider's count.
            Err(refusal) if datagram.link.proven().is_none() => {
                *self.refused_unproven.entry(refusal.reason().to_owned()).or_default() += 1;
            }
            Err(_) => {}
        }
    }

    fn take_accusation(&mut self, attestor: &NodeId, event: &CriticalEvent) {
        if let CriticalEvent::NodeFailure { subject, .. } = event
            && let (Some(by), Some(of)) = (self.names.number(attestor), self.names.number(subject))
        {
            *self.accusations.entry((by, of)).or_default() += 1;
        }
    }

    fn take_message(&mut self, message: &Message) {
        let Some(origin) = self.names.number(&message.origin) else { return };
        self.twice += u64::from(!self.marks.insert((origin, message.mark)));
        self.forged += u64::from(message.body.starts_with(outsider::MARKER));
        if message.kind != Kind::Beacon {
            return;
        }
        // A liar may write anything into its beacons.
        let Ok(beacon) = serde_json::from_slice::<Beacon>(&message.body) else { return };
        let boot = message.mark.nonce.boot;
        self.heard.entry((origin, boot)).or_default().insert(beacon.beat);
        let first = self.keys.entry((origin, message.mark.epoch.operational)).or_insert(u64::MAX);
        *first = beacon.beat.min(*first);
        if self.setup.links.contains_key(&origin) {
            self.routes_changed |= self.routes.lock().learn(origin, beacon.ways);
        }
    }

    /// Traffic goes hop by hop over proven links only.
    fn take_probe(&mut self, datagram: &Datagram) {
        let Link::Proven(from) = datagram.link else { return };
        let Ok(from) = usize::try_from(from.0) else { return };
        let Ok(mut probe) = serde_json::from_slice::<Probe>(datagram.payload()) else { return };
        if probe.path.last() != Some(&from) || probe.path.len() > self.names.len() {
            return;
        }
        self.data_seen.lock().insert(from, Instant::now());
        probe.path.push(self.setup.index);
        if probe.to == self.setup.index {
            self.voice.say(&Notice::Probe { id: probe.id, path: probe.path });
        } else {
            self.forward(&probe);
        }
    }

    fn forward(&self, probe: &Probe) {
        let next = self.routes.lock().next_hop(probe.to);
        if let (Some(next), Ok(bytes)) = (next, serde_json::to_vec(probe)) {
            self.links.send(next, TRAFFIC, &bytes);
        }
    }

    fn capture(&mut self, datagram: &[u8]) {
        self.captured.push(to_hex(datagram));
        if self.captured.len() >= CAPTURED {
            self.capturing = false;
            let datagrams = std::mem::take(&mut self.captured);
            self.voice.say(&Notice::Captured { datagrams });
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Peers { ports } => self.links.locate(&ports),
            Command::Probe { id, to } => {
                self.forward(&Probe { id, to, path: vec![self.setup.index] });
            }
            Command::Capture => self.capturing = true,
            Command::Beacon { every_ms } => self.beacon_ms = every_ms,
            Command::Rotate { suite } => {
                if let Err(error) = self.protection.rotate_keys(suite, self.now()) {
                    self.voice.say(&Notice::NotRotated { reason: error.to_string() });
                }
            }
            Command::Count { round } => {
                self.voice.say(&Notice::Counted { round, counts: self.counts() });
            }
            Command::Accuse { subject } => {
                if let (Some(liar), Some(id)) = (&mut self.liar, self.names.id(subject)) {
                    liar.accuse(id);
                }
            }
            Command::Equivocate => self.equivocate(),
            Command::Silence => {
                self.links.mute();
                self.liar.iter_mut().for_each(Liar::fall_silent);
            }
            Command::Stop => {}
        }
    }

    fn equivocate(&mut self) {
        let Some(liar) = &self.liar else { return };
        let frames = liar.two_frames(&self.protection.core(), self.now());
        for [one, other] in [frames, liar.two_votes()].into_iter().flatten() {
            for (place, neighbour) in self.links.neighbours().enumerate() {
                let told = if place % 2 == 0 { &one } else { &other };
                self.links.send(neighbour, GOSSIP, told);
            }
        }
    }

    fn do_what_is_due(&mut self) {
        let now = self.now();
        let since_beacon = now.since(self.last_beacon);
        if since_beacon >= self.beacon_ms
            || (self.routes_changed && since_beacon >= EARLY_BEACON_MS)
        {
            self.beacon(now);
        }
        self.mapek.go_on(&self.protection, now);
        if let Some(liar) = &mut self.liar
            && now.since(self.last_accusation) >= ACCUSATION_MS
        {
            self.last_accusation = now;
            if let Some(accusation) = liar.next_accusation() {
                for neighbour in self.links.neighbours() {
                    self.links.send(neighbour, GOSSIP, &accusation);
                }
            }
        }
    }

    fn beacon(&mut self, now: Millis) {
        let ways = self.routes.lock().to_advertise();
        let beacon = Beacon { beat: self.beat + 1, ways };
        let Ok(body) = serde_json::to_vec(&beacon) else { return };
        match self.protection.sign_beacon(&body, now) {
            Ok(()) => {
                self.beat = beacon.beat;
                self.last_beacon = now;
                self.routes_changed = false;
            }
            Err(meshward::Error::Misuse(_)) => {} // Too early: the next round tries again.
            Err(error) => self.voice.say(&Notice::Failed { reason: error.to_string() }),
        }
    }

    fn counts(&self) -> Counts {
        let stats = self.protection.stats(self.now());
        let heard = self.heard.iter();
        let refused = stats.refused.iter();
        let quarantined = stats.quarantined_nodes.iter();
        Counts {
            beats: self.beat,
            heard: heard
                .map(|((origin, boot), beats)| (*origin, *boot, beats.iter().copied().collect()))
                .collect(),
            keys: self.keys.iter().map(|((of, epoch), first)| (*of, *epoch, *first)).collect(),
            delivered: stats.delivered,
            twice: self.twice,
            forged: self.forged,
            statements: stats.statements_taken,
            refused: refused.map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
            refused_unproven: self.refused_unproven.clone(),
            accusations: self.accusations.iter().map(|((by, of), n)| (*by, *of, *n)).collect(),
            shed: self.links.shed(),
            checks: stats.signature_checks,
            quarantined: quarantined.filter_map(|id| self.names.number(id)).collect(),
            reachable: self.routes.lock().reachable(),
        }
    }
}
