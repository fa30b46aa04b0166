//! What runs in a node: the library, or what it is compared with.

use std::sync::Arc;

use meshward::{CriticalEvent, Event, Mark, Millis, NodeId, Refusal};

/// A message that a node believed.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) origin: NodeId,
    pub(crate) mark: Mark,
    pub(crate) body: Vec<u8>,
}

/// What came of a packet.
#[derive(Debug)]
pub(crate) enum Heard {
    Delivered(Delivered),
    /// Something else than a message, and taken.
    Taken,
    Refused(Refusal),
}

impl Heard {
    /// What it has on the heap, in bytes.
    pub(crate) const fn heap(&self) -> usize {
        match self {
            Self::Delivered(message) => message.body.capacity(),
            Self::Taken | Self::Refused(_) => 0,
        }
    }
}

/// What a node's host is told.
#[derive(Debug)]
pub(crate) enum Told {
    /// A member is in quarantine from now on, or would be if f others were not.
    Quarantined(NodeId),
    /// The link to this neighbour is.
    LinkQuarantined(usize),
    /// The mesh is said to agree on something.
    Certified(CriticalEvent),
    /// Anything else.
    Other(Event),
}

/// Something to be sent to one neighbour, or to all but one.
#[derive(Debug)]
pub(crate) enum Sent {
    To(usize, Arc<[u8]>),
    ToAll { except: Option<usize>, packet: Arc<[u8]> },
}

impl Sent {
    pub(crate) const fn packet(&self) -> &Arc<[u8]> {
        match self {
            Self::To(_, packet) | Self::ToAll { packet, .. } => packet,
        }
    }
}

/// Signatures checked since the start.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Checks {
    /// Those of messages.
    pub(crate) messages: u64,
    pub(crate) all: u64,
}

/// The software of a node, between a start and the next.
pub(crate) trait Peer {
    fn hear(&mut self, from: usize, packet: &[u8], now: Millis) -> Heard;

    /// Its timers.
    fn tick(&mut self, now: Millis);

    /// Sends a beacon, if it may.
    fn beacon(&mut self, body: &[u8], now: Millis);

    /// Proposes a content for an exclusive slot.
    fn propose(&mut self, _event: CriticalEvent, _now: Millis) {}

    /// What it wants sent since it was asked last.
    fn sent(&mut self) -> Vec<Sent>;

    /// What its host was told since it was asked last.
    fn told(&mut self) -> Vec<Told>;

    /// Members in quarantine by its judgement.
    fn in_quarantine(&self, now: Millis) -> usize;

    /// Members whose failure it believes in.
    fn failed(&self, now: Millis) -> Vec<NodeId>;

    fn checks(&self, now: Millis) -> Checks;
}

/// Which software nodes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The library.
    Meshward,
    /// What it is compared with.
    Naive,
}
