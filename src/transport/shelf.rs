//! Packets that are not whole yet, within a bound on their bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::fragment::Fragment;
use super::shape::Shape;
use super::tree::Hash;
use crate::id::Link;

/// What a packet that is not whole yet costs beside its pieces, in bytes: its entries in the trees here,
/// which may be half empty.
pub(super) const PACKET_COST: usize = 1024;
/// What a piece costs beside its bytes, likewise.
pub(super) const PIECE_COST: usize = 64;

/// Unfinished packets, each of one link. When they cost too much the oldest goes: first of the link that
/// has more than its part, then of all.
///
/// The oldest rather than whoever has most: pieces of one packet follow each other within milliseconds, so
/// what is old has lost a piece or was never meant to be whole, and a crowd of links with little each gets
/// no further than one with much.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    /// What all may cost, in bytes.
    most: usize,
    /// What those of one link may cost.
    most_each: usize,
    cost: usize,
    next: u64,
    packets: BTreeMap<(Link, Hash), Unfinished>,
    by_age: BTreeMap<u64, (Link, Hash)>,
    links: BTreeMap<Link, Part>,
}

#[derive(Debug, Clone)]
struct Unfinished {
    shape: Shape,
    age: u64,
    /// When its first piece came, on the steady clock.
    since: u64,
    pieces: BTreeMap<u16, Box<[u8]>>,
    cost: usize,
}

#[derive(Debug, Clone, Default)]
struct Part {
    cost: usize,
    by_age: BTreeSet<(u64, Hash)>,
}

impl Shelf {
    pub(super) fn new(most: usize, most_each: usize) -> Self {
        let (packets, by_age, links) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { most, most_each, cost: 0, next: 0, packets, by_age, links }
    }

    pub(super) fn holds(&self, link: Link, id: Hash) -> bool {
        self.packets.contains_key(&(link, id))
    }

    /// What all that is kept costs, in bytes.
    pub(super) const fn cost(&self) -> usize {
        self.cost
    }

    /// Takes a piece, and gives the packet if it was the last that was missing. A piece that is there
    /// already is the same, or it would not have been verified.
    pub(super) fn take(&mut self, link: Link, fragment: &Fragment<'_>, at: u64) -> Option<Vec<u8>> {
        let key = (link, fragment.id);
        if !self.packets.contains_key(&key) {
            self.begin(key, fragment.shape, at);
        }
        let packet = self.packets.get_mut(&key)?;
        let index = fragment.index;
        if packet.pieces.contains_key(&index) {
            return None;
        }
        if packet.pieces.len().saturating_add(1) >= usize::from(packet.shape.count()) {
            return self.remove(&key).map(|packet| packet.whole(index, fragment.piece));
        }
        packet.pieces.insert(index, fragment.piece.into());
        let cost = PIECE_COST.saturating_add(fragment.piece.len());
        packet.cost = packet.cost.saturating_add(cost);
        self.charge(link, cost);
        None
    }

    /// Lets go what was begun before `since`.
    pub(super) fn drop_older_than(&mut self, since: u64) {
        while let Some(key) = self.by_age.first_key_value().map(|(_, key)| *key) {
            if self.packets.get(&key).is_some_and(|packet| packet.since >= since) {
                return;
            }
            if self.remove(&key).is_none() {
                return;
            }
        }
    }

    fn begin(&mut self, key: (Link, Hash), shape: Shape, at: u64) {
        let age = self.next;
        self.next = self.next.saturating_add(1);
        let packet =
            Unfinished { shape, age, since: at, pieces: BTreeMap::new(), cost: PACKET_COST };
        self.packets.insert(key, packet);
        self.by_age.insert(age, key);
        self.links.entry(key.0).or_default().by_age.insert((age, key.1));
        self.charge(key.0, PACKET_COST);
    }

    /// Adds to what is kept of `link`, and makes room.
    fn charge(&mut self, link: Link, cost: usize) {
        self.cost = self.cost.saturating_add(cost);
        let part = self.links.entry(link).or_default();
        part.cost = part.cost.saturating_add(cost);
        while let Some(part) = self.links.get(&link).filter(|part| part.cost > self.most_each) {
            let Some((_, id)) = part.by_age.first().copied() else { break };
            self.remove(&(link, id));
        }
        while self.cost > self.most {
            let Some(key) = self.by_age.first_key_value().map(|(_, key)| *key) else { break };
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &(Link, Hash)) -> Option<Unfinished> {
        let packet = self.packets.remove(key)?;
        self.by_age.remove(&packet.age);
        self.cost = self.cost.saturating_sub(packet.cost);
        if let Some(part) = self.links.get_mut(&key.0) {
            part.cost = part.cost.saturating_sub(packet.cost);
            part.by_age.remove(&(packet.age, key.1));
            if part.by_age.is_empty() {
                self.links.remove(&key.0);
            }
        }
        Some(packet)
    }
}

impl Unfinished {
    /// The packet, with the piece that was missing.
    fn whole(self, index: u16, last: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.shape.length());
        let mut pieces = self.pieces.iter().peekable();
        while let Some((_, piece)) = pieces.next_if(|(at, _)| **at < index) {
            bytes.extend_from_slice(piece);
        }
        bytes.extend_from_slice(last);
        pieces.for_each(|(_, piece)| bytes.extend_from_slice(piece));
        bytes
    }
}
