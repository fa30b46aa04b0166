//! A mesh in memory: whole nodes with real keys and signatures, a clock that the test moves, and
//! air that loses and reorders as a seed says.

#![allow(dead_code, reason = "each test crate uses a part of it")]

mod disk;
mod given;
mod host;
mod keys;
mod liar;
mod starts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use meshward::quorum::Attestation;
use meshward::wire::{Packet, Tag};
use meshward::{
    Accepted, Config, CriticalEvent, Epoch, Error, FailureStatus, Host, Identity, Link, LinkId,
    Mark, MeshByzantineProtection, Message, Millis, Misuse, NodeId, Nonce, OsEntropy, RecoveryKey,
    Suite, View,
};
use parking_lot::Mutex;

#[allow(unused_imports, reason = "each test crate uses a part of it")]
pub(crate) use disk::{Disk, Fault};
pub(crate) use host::HostSide;
#[allow(unused_imports, reason = "each test crate uses a part of it")]
pub(crate) use keys::active_key;
#[allow(unused_imports, reason = "each test crate uses a part of it")]
pub(crate) use liar::{
    Chance, Liar, candidates, certificate, copy, names, riddle, said, step, step_with,
    with_signature,
};

pub(crate) struct Node {
    pub(crate) id: NodeId,
    /// What its owner keeps away from it, until it is used.
    pub(crate) recovery: Option<RecoveryKey>,
    pub(crate) guard: MeshByzantineProtection,
    pub(crate) disk: Disk,
    pub(crate) host: HostSide,
    /// It neither sends nor hears.
    pub(crate) down: bool,
    /// What was delivered to it.
    pub(crate) inbox: Vec<Message>,
}

pub(crate) type Censor = Box<dyn FnMut(usize, &[u8]) -> bool + Send + Sync>;

pub(crate) struct Mesh {
    pub(crate) now: Millis,
    pub(crate) nodes: Vec<Node>,
    pub(crate) view: Arc<View>,
    pub(crate) suite: Suite,
    config: Config,
    /// The disks before anybody started.
    unstarted: Vec<Disk>,
    /// Of a thousand packets on a hop, so many are lost.
    pub(crate) loss: u64,
    /// Whether what one node sends another arrives in the order it was sent.
    pub(crate) in_order: bool,
    /// From whom to whom nothing gets through.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// Of a thousand packets from whom to whom so many are lost, whatever becomes of the others.
    pub(crate) lossy: BTreeMap<(usize, usize), u64>,
    /// From whom to whom packets are looked at only when the clock shows a multiple of so many
    /// milliseconds: an overloaded receiver works off what has piled up.
    pub(crate) late: BTreeMap<(usize, usize), u64>,
    piled_up: Vec<(usize, usize, Arc<[u8]>)>,
    /// What somebody on every path holds back for good: whose packet, and the packet.
    pub(crate) censor: Option<Censor>,
    /// The longest packet that the air carries, in bytes.
    pub(crate) longest: usize,
    /// From whom to whom a relay lets one frame of the first through when the clock shows a multiple of so many
    /// milliseconds, and keeps what is left; all else passes.
    pub(crate) slow: BTreeMap<(usize, usize), u64>,
    /// What such a relay has kept, the oldest first. It plays it on when the origin is down.
    pub(crate) stock: BTreeMap<(usize, usize), VecDeque<Arc<[u8]>>>,
    /// From whom to whom everything takes so many milliseconds.
    pub(crate) delay: BTreeMap<(usize, usize), u64>,
    on_its_way: Vec<(u64, usize, usize, Arc<[u8]>)>,
    /// By how many milliseconds whose clock is behind the others'.
    pub(crate) behind: BTreeMap<usize, u64>,
    /// Who is heard over a link that is only claimed.
    pub(crate) claimed: BTreeSet<usize>,
    /// How many packets of its own each node sent, by what they are.
    pub(crate) said: BTreeMap<(usize, Tag), usize>,
    /// What the nodes sent of their own, if it is wanted.
    pub(crate) tapped: Option<Vec<Arc<[u8]>>>,
    /// Whether each node first explains what it is given, which must be what then becomes of it.
    pub(crate) foretells: bool,
    /// What was explained, and how often: the packet, and "taken" or the reason why not.
    pub(crate) foretold: Mutex<BTreeMap<(&'static str, &'static str), usize>>,
    /// Whether nodes pass on what they took of others.
    pub(crate) relays: bool,
    /// Who reported whom as failed, and under which numbers: each once, however often it was sent.
    pub(crate) reports: BTreeMap<(usize, NodeId), BTreeSet<Nonce>>,
    /// Who spoke of links between members, and under which numbers: each once.
    pub(crate) links: BTreeMap<usize, BTreeSet<Nonce>>,
    /// The mark at which who last reported whom.
    marks: BTreeMap<(usize, NodeId), Option<Mark>>,
    dice: u64,
}

/// The id of the node at `place`, in the order of the view.
pub(crate) fn id(place: usize) -> NodeId {
    NodeId::from_bytes([u8::try_from(place + 1).unwrap(); 32])
}

/// The authenticated link on which everybody hears the node at `place`.
pub(crate) fn link(place: usize) -> Link {
    Link::Proven(LinkId(place.try_into().unwrap()))
}

impl Mesh {
    pub(crate) fn new(suite: Suite, n: usize) -> Self {
        Self::with(suite, n, Config::default())
    }

    pub(crate) fn with(suite: Suite, n: usize, config: Config) -> Self {
        Self::on((0..n).map(|_| Disk::default()).collect(), suite, config)
    }

    /// A mesh whose nodes keep their identities on `disks`.
    pub(crate) fn on(disks: Vec<Disk>, suite: Suite, config: Config) -> Self {
        let mut recovery = Vec::new();
        let members = disks.iter().enumerate().map(|(place, disk)| {
            let mut identity = Identity::create(disk, id(place), suite, &OsEntropy).unwrap();
            recovery.push(identity.recovery_key());
            identity.member(format!("node {place}"))
        });
        let view = Arc::new(View::genesis(members.collect()).unwrap());
        let now = Millis(1_000_000);
        let unstarted = disks.iter().map(Disk::copied).collect();
        let start = |((place, disk), recovery): ((usize, Disk), Option<RecoveryKey>)| Node {
            recovery,
            ..start(id(place), disk, &config, &view, now)
        };
        let nodes = disks.into_iter().enumerate().zip(recovery).map(start).collect();
        let cut = BTreeSet::new();
        Self {
            now,
            nodes,
            view,
            suite,
            config,
            unstarted,
            loss: 0,
            in_order: false,
            cut,
            lossy: BTreeMap::new(),
            late: BTreeMap::new(),
            piled_up: Vec::new(),
            censor: None,
            longest: usize::MAX,
            links: BTreeMap::new(),
            slow: BTreeMap::new(),
            stock: BTreeMap::new(),
            delay: BTreeMap::new(),
            on_its_way: Vec::new(),
            behind: BTreeMap::new(),
            claimed: BTreeSet::new(),
            said: BTreeMap::new(),
            tapped: None,
            foretells: false,
            foretold: Mutex::default(),
            relays: true,
            reports: BTreeMap::new(),
            marks: BTreeMap::new(),
            dice: 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub(crate) fn guard(&self, place: usize) -> &MeshByzantineProtection {
        &self.nodes[place].guard
    }

    /// What the clock of the node at `place` shows.
    pub(crate) fn clock(&self, place: usize) -> Millis {
        Millis(self.now.0 - self.behind.get(&place).copied().unwrap_or(0))
    }

    /// A beacon of the node at `place`, signed and not yet sent.
    pub(crate) fn beacon(&self, place: usize) -> Vec<u8> {
        self.guard(place).core().sign_beacon(b"here", self.clock(place)).unwrap()
    }

    /// One more node, which starts on `disk` as a member of `view`. Tells its place.
    pub(crate) fn join(&mut self, disk: Disk, view: &Arc<View>) -> usize {
        let place = self.nodes.len();
        self.nodes.push(start(id(place), disk, &self.config, view, self.now));
        place
    }

    /// Time passes: beacons every second, ticks every quarter, everything on the air arrives.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.pass_but_for(None, ms);
    }

    /// The same, but that one node does not get to its ticks.
    pub(crate) fn pass_but_for(&mut self, starved: Option<usize>, ms: u64) {
        for _ in 0..ms / 250 {
            self.now = self.now.after(250);
            for (place, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.down) {
                let clock = self.clock(place);
                if self.now.0.is_multiple_of(1000) {
                    match node.guard.sign_beacon(b"here", clock) {
                        // It has left the mesh.
                        Ok(()) | Err(Error::Misuse(Misuse::NotAMember(_))) => {}
                        // It has yet to be confirmed, or was silenced.
                        Err(Error::Misuse(
                            Misuse::Unconfirmed | Misuse::Superseded | Misuse::OtherSelf,
                        )) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                if starved == Some(place) {
                    continue;
                }
                // A disk that fails is the node's own trouble, and a test's to look at.
                if let Err(error) = node.guard.tick(clock) {
                    assert!(matches!(error, Error::Fault(_)), "{error}");
                }
            }
            self.run();
        }
    }

    /// Delivers what is on the air, in an order that the dice choose, until nothing is left.
    pub(crate) fn run(&mut self) {
        let (now, late) = (self.now.0, &self.late);
        let waits = |(from, to, _): &mut (usize, usize, _)| {
            late.get(&(*from, *to)).is_none_or(|ms| now.is_multiple_of(*ms))
        };
        let mut air: Vec<_> = self.piled_up.extract_if(.., waits).collect();
        let arrives = self.on_its_way.extract_if(.., |(due, ..)| *due <= now);
        air.extend(arrives.map(|(_, from, to, bytes)| (from, to, bytes)));
        for ((from, to), _) in self.slow.iter().filter(|(_, ms)| now.is_multiple_of(**ms)) {
            let next = self.stock.get_mut(&(*from, *to)).and_then(VecDeque::pop_front);
            air.extend(next.map(|bytes| (*from, *to, bytes)));
        }
        for from in 0..self.nodes.len() {
            self.collect(from, &mut air);
        }
        while !air.is_empty() {
            let mut next = self.roll(air.len() as u64) as usize;
            if self.in_order {
                let hop = |packet: &(usize, usize, Arc<[u8]>)| (packet.0, packet.1);
                next = air.iter().position(|packet| hop(packet) == hop(&air[next])).unwrap();
            }
            let (from, to, bytes): (usize, usize, Arc<[u8]>) = air.remove(next);
            let over = match self.claimed.contains(&from) {
                true => Link::Claimed(link(from).id()),
                false => link(from),
            };
            if let Ok(Accepted::Message(message)) = self.give(to, over, &bytes) {
                self.nodes[to].inbox.push(message);
            }
            self.collect(to, &mut air);
        }
    }

    fn collect(&mut self, from: usize, air: &mut Vec<(usize, usize, Arc<[u8]>)>) {
        let sent = self.nodes[from].host.sent();
        if self.nodes[from].down {
            return;
        }
        let nodes = self.nodes.len();
        let to_nodes = |(link, _): &mut (Link, Vec<u8>)| matches!(link, Link::Proven(LinkId(to)) if usize::try_from(*to).unwrap() < nodes);
        let replies: Vec<_> =
            self.nodes[from].host.replies.lock().extract_if(.., to_nodes).collect();
        for (link, bytes) in replies {
            let to = usize::try_from(link.id().0).unwrap();
            let fits = bytes.len() <= self.longest;
            if fits && !self.nodes[to].down && !self.cut.contains(&(from, to)) {
                air.push((from, to, bytes.into()));
            }
        }
        let relays = self.relays;
        for (bytes, except) in sent.into_iter().filter(|sent| relays || sent.1.is_none()) {
            if self.censor.as_mut().is_some_and(|censor| censor(from, &bytes)) {
                continue;
            }
            if bytes.len() > self.longest {
                continue;
            }
            let bytes: Arc<[u8]> = bytes.into();
            if except.is_none() {
                self.note(from, &bytes);
            }
            for to in (0..self.nodes.len()).filter(|to| *to != from && except != Some(link(*to))) {
                let loss = self.lossy.get(&(from, to)).copied().unwrap_or(self.loss);
                let lost = self.roll(1000) < loss;
                if lost || self.nodes[to].down || self.cut.contains(&(from, to)) {
                    continue;
                }
                let (hop, bytes) = ((from, to), Arc::clone(&bytes));
                if self.slow.contains_key(&hop) && is_frame_of(from, &bytes) {
                    self.stock.entry(hop).or_default().push_back(bytes);
                } else if let Some(ms) = self.delay.get(&hop) {
                    self.on_its_way.push((self.now.0 + ms, from, to, bytes));
                } else if self.late.contains_key(&hop) {
                    self.piled_up.push((from, to, bytes));
                } else {
                    air.push((from, to, bytes));
                }
            }
        }
    }

    /// The mark at which the node at `from` last reported that of `of` has failed.
    pub(crate) fn reported_at(&self, from: usize, of: usize) -> Option<Option<Mark>> {
        self.marks.get(&(from, id(of))).copied()
    }

    fn note(&mut self, from: usize, bytes: &Arc<[u8]>) {
        *self.said.entry((from, Tag::of(bytes).unwrap())).or_default() += 1;
        if let Some(tapped) = &mut self.tapped {
            tapped.push(Arc::clone(bytes));
        }
        let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { return };
        if statement.tag() != Tag::Attestation {
            return;
        }
        let Ok(said) = Attestation::read(statement, &self.view) else { return };
        if let CriticalEvent::NodeFailure { subject, mark } = said.event() {
            self.marks.insert((from, *subject), *mark);
            self.reports.entry((from, *subject)).or_default().insert(said.nonce());
        }
        if let CriticalEvent::LinkDown { .. } = said.event() {
            self.links.entry(from).or_default().insert(said.nonce());
        }
    }

    /// How many reports of failures the node at `from` made.
    pub(crate) fn reports_of(&self, from: usize) -> usize {
        self.reports.iter().filter(|(who, _)| who.0 == from).map(|(_, said)| said.len()).sum()
    }

    /// Another order and other losses.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1);
    }

    /// A number below `sides`: xorshift64 (Marsaglia 2003), so every run is the same.
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % sides
    }

    pub(crate) fn certified(&self, at: usize, of: usize) -> bool {
        let status = self.guard(at).validate_node_failure(&id(of));
        matches!(status, FailureStatus::Certified(_))
    }

    /// Promise P3, as the node at `at` sees `victim`: its reputation is full, it is not in
    /// quarantine, and a whole burst of it is delivered, in whatever order it comes: neither its
    /// rate budget nor its replay window was touched.
    pub(crate) fn assert_unharmed(&mut self, at: usize, victim: usize) {
        // Long enough for the victim's own sending budget to be full.
        self.now = self.now.after(2000);
        let guard = self.guard(at);
        let full = meshward::reputation::Reputation::FULL;
        assert_eq!(guard.core().reputation(&id(victim), self.now), full);
        assert!(!guard.is_node_quarantined(&id(victim), self.now));
        let signed: Vec<_> = (0..20).map(|_| self.beacon(victim)).collect();
        for beacon in signed.iter().rev() {
            let taken = self.give(at, link(victim), beacon);
            assert!(matches!(taken, Ok(Accepted::Message(_))), "{taken:?}");
        }
    }
}

fn is_frame_of(place: usize, bytes: &[u8]) -> bool {
    matches!(Packet::parse(bytes), Ok(Packet::Frame(frame)) if frame.header().origin == id(place))
}

/// The event that nothing was heard of the node at `place` after `mark`.
pub(crate) fn failure(place: usize, mark: Option<Mark>) -> CriticalEvent {
    CriticalEvent::NodeFailure { subject: id(place), mark }
}

/// The mark of a frame of a first boot under a first key. A node in a running mesh spends sequence 1
/// on its Hello.
pub(crate) fn mark(sequence: u32) -> Option<Mark> {
    Some(Mark { epoch: Epoch::FIRST, nonce: Nonce { boot: 1, sequence } })
}

fn start(id: NodeId, disk: Disk, config: &Config, view: &Arc<View>, now: Millis) -> Node {
    let host = HostSide::default();
    let ours = Host::new(disk.clone(), host.clone(), host.clone());
    let guard = MeshByzantineProtection::start(config.clone(), Arc::clone(view), ours, now);
    let (recovery, inbox) = (None, Vec::new());
    Node { id, recovery, guard: guard.unwrap(), disk, host, down: false, inbox }
}
