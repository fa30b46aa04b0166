//! A mesh in which some nodes are old: they neither sign nor vote, and believe what they hear.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshward::wire::Tag;
use meshward::{
    Accepted, Config, Host, Identity, Link, LinkId, MemoryStore, MeshByzantineProtection, Millis,
    NodeId, OsEntropy, Said, Suite, Verdict, View,
};

use crate::host::Router;
use crate::support::{Disk, id, link};

/// Begins each packet of the old format: beacons, and reports of failures.
const OLD: &[u8] = b"OLD";
const BEACON: u8 = 0;
const REPORT: u8 = 1;

pub(crate) struct Node {
    pub(crate) router: Router,
    pub(crate) disk: Disk,
    /// Once it is upgraded.
    pub(crate) guard: Option<MeshByzantineProtection>,
    pub(crate) down: bool,
    /// The beacons that reached it: whose, and which.
    pub(crate) got: BTreeSet<(usize, u32)>,
    /// Those that came unsigned.
    pub(crate) got_unsigned: BTreeSet<(usize, u32)>,
    /// Of whom it believes that they failed, because somebody says so.
    pub(crate) believed_failed: BTreeSet<NodeId>,
}

pub(crate) struct Mesh {
    pub(crate) now: Millis,
    pub(crate) nodes: Vec<Node>,
    pub(crate) view: Arc<View>,
    pub(crate) config: Config,
    pub(crate) beacons: u32,
}

impl Mesh {
    /// The keys of all are made ahead, and the view names all. Nobody has started yet.
    pub(crate) fn new(suite: Suite, n: usize, config: Config) -> Self {
        let disks: Vec<_> = (0..n).map(|_| Disk::new(MemoryStore::new())).collect();
        let members = disks.iter().enumerate().map(|(place, disk)| {
            Identity::create(disk, id(place), suite, &OsEntropy).unwrap().member("")
        });
        let view = Arc::new(View::genesis(members.collect()).unwrap());
        let node = |disk| Node {
            router: Router::default(),
            disk,
            guard: None,
            down: false,
            got: BTreeSet::new(),
            got_unsigned: BTreeSet::new(),
            believed_failed: BTreeSet::new(),
        };
        let nodes = disks.into_iter().map(node).collect();
        Self { now: Millis(1_000_000), nodes, view, config, beacons: 0 }
    }

    /// The node at `place` gets the library, or starts anew with it.
    pub(crate) fn upgrade(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let mut host = Host::new(node.disk.clone(), node.router.clone(), node.router.clone());
        host.relay = false;
        let (config, view) = (self.config.clone(), Arc::clone(&self.view));
        let guard = MeshByzantineProtection::start(config, view, host, self.now).unwrap();
        node.guard = Some(guard);
    }

    pub(crate) fn upgraded(&self) -> impl Iterator<Item = (usize, &MeshByzantineProtection)> {
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| !node.down);
        nodes.filter_map(|(place, node)| Some((place, node.guard.as_ref()?)))
    }

    pub(crate) fn old(&self) -> Vec<usize> {
        let is_old = |place: &usize| self.nodes[*place].guard.is_none();
        (0..self.nodes.len()).filter(is_old).collect()
    }

    fn say_old(&self, from: usize, kind: u8, what: &[u8]) {
        let packet = [OLD, &[kind], id(from).as_bytes(), what].concat();
        self.nodes[from].router.outbox.lock().push((packet, None));
    }

    /// An old node says of another that it failed.
    pub(crate) fn report(&mut self, from: usize, subject: usize) {
        self.say_old(from, REPORT, id(subject).as_bytes());
        self.deliver();
    }

    /// A second passes. Everybody beacons: new nodes signed, and once more for the old ones.
    pub(crate) fn second(&mut self) {
        for quarter in 0..4 {
            self.now = self.now.after(250);
            for (place, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.down) {
                *node.router.now.lock() = self.now;
                let number = self.beacons.to_le_bytes();
                if quarter == 0 {
                    self.say_old(place, BEACON, &number);
                }
                if let Some(guard) = &node.guard {
                    if quarter == 0 {
                        guard.sign_beacon(&number, self.now).unwrap();
                    }
                    guard.tick(self.now).unwrap();
                }
            }
            self.deliver();
        }
        self.beacons += 1;
    }

    fn deliver(&mut self) {
        loop {
            let mut air = Vec::new();
            for (from, node) in self.nodes.iter().enumerate() {
                let sent = std::mem::take(&mut *node.router.outbox.lock());
                air.extend(sent.into_iter().map(|(packet, to)| (from, to, packet)));
            }
            if air.is_empty() {
                return;
            }
            for (from, only, packet) in air {
                for to in (0..self.nodes.len()).filter(|to| *to != from) {
                    let is_meant = only.is_none_or(|only| only.id() == LinkId(to as u64));
                    if is_meant && !self.nodes[from].down && !self.nodes[to].down {
                        self.arrive(to, from, &packet);
                    }
                }
            }
        }
    }

    /// What a host does with a packet, and all that a rollout asks of it.
    fn arrive(&mut self, at: usize, from: usize, packet: &[u8]) {
        let (now, over) = (self.now, link(from));
        let Some(said) = packet.strip_prefix(OLD) else {
            self.arrive_new(at, (from, over), packet);
            return;
        };
        assert!(Tag::of(packet).is_err(), "the formats are told apart by their first byte");
        let (kind, origin, what) = (said[0], &said[1..33], &said[33..]);
        let origin = NodeId::from_bytes(origin.try_into().unwrap());
        let unsigned = Said::Unsigned { origin, neighbour: Some(id(from)) };
        let node = &mut self.nodes[at];
        if let Some(guard) = &node.guard
            && !guard.judge_unsigned(&unsigned, now).lets_through()
        {
            return;
        }
        let speaker = (0..).find(|place| id(*place) == origin).unwrap();
        match kind {
            BEACON => {
                let number = u32::from_le_bytes(what.try_into().unwrap());
                node.got.insert((speaker, number));
                node.got_unsigned.insert((speaker, number));
                node.router.heard_unsigned.lock().insert(origin, now);
            }
            _ => {
                let subject = NodeId::from_bytes(what.try_into().unwrap());
                let verdict = node.guard.as_ref().map_or(Verdict::LetThrough, |guard| {
                    guard.may_act_on_report(subject, &unsigned, now)
                });
                if verdict.lets_through() {
                    node.believed_failed.insert(subject);
                }
            }
        }
    }

    fn arrive_new(&mut self, at: usize, (from, over): (usize, Link), packet: &[u8]) {
        let node = &mut self.nodes[at];
        // An old node does not know the format.
        let Some(guard) = &node.guard else { return };
        match guard.handle_frame(over, packet, self.now) {
            Ok(Accepted::Message(message)) => {
                let speaker = (0..).find(|place| id(*place) == message.origin).unwrap();
                let number = u32::from_le_bytes(message.body.try_into().unwrap());
                node.got.insert((speaker, number));
            }
            Ok(_) => {}
            Err(_) => {
                let refused = guard.judge_refused(packet, Some(id(from)), self.now);
                assert!(!refused.lets_through(), "who frames, signs, and was heard before");
            }
        }
    }
}
