//! Datagrams that prove who sent them, and that they are of now.
//!
//! ```text
//! start 8 | echo 8 | number 8 | arrival 1 | MAC 16 | payload
//! ```
//!
//! | field | what it is |
//! |---|---|
//! | start | the [number of the sender's start](super::start_number), which grows with each and never comes again |
//! | echo | the newest start of the receiver that the sender knows; 0: none |
//! | number | counts the datagrams of this start to this peer, from 1 |
//! | arrival | how many percent of the peer's latest datagrams came here; 255: not known |
//! | MAC | keyed BLAKE3 over the fields before it and the payload, 16 bytes |
//!
//! The key of each direction follows from the secret, the mesh and the ids of both ends, so nothing can be
//! sent back to its sender, and a secret that is used twice by mistake joins no two links to one.
//!
//! A datagram is *proven* if its MAC holds, its start is the newest that is known of the peer, its echo is the
//! start of this node, and its number did not come before. What was recorded before this node started names
//! another echo, so a restart opens no window for it. Until both ends know each other's start, about one round
//! trip, what comes may be a recording, and is only *claimed*; so is, for as long as this node runs, what a peer
//! sends whose start number went back (a disk from a copy, on a host with a clock that is late).
//!
//! This authenticates and does not encrypt, and a secret that is stolen opens the link until both ends
//! have another. Where that is not enough let WireGuard carry the datagrams, and call the peer
//! `authenticated`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use meshward::{MeshId, NodeId};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

/// The bytes before the payload.
pub(crate) const ENVELOPE_LEN: usize = HEAD_LEN + MAC_LEN;

const HEAD_LEN: usize = 8 + 8 + 8 + 1;
const MAC_LEN: usize = 16;
/// Numbers that are remembered. One that is older than all of them is refused.
const WINDOW: usize = 1_024;
/// Of so many of the latest datagrams it is told how many came.
const MEASURED: u64 = 256;
/// From fewer nothing is told.
const LEAST_MEASURED: u64 = 20;
const UNKNOWN: u8 = u8::MAX;
/// What a peer told of the link is old after that.
const TOLD: Duration = Duration::from_secs(10);

/// What became of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened<'a> {
    /// The peer sent this payload, now and for the first time.
    Proven(&'a [u8]),
    /// Somebody sends what the peer has sent at some time.
    Claimed(&'a [u8]),
    /// The MAC does not hold: anybody may have sent it.
    Forged,
    /// It came before, or is older than what is remembered.
    Repeated,
}

/// One end of a link to a peer.
pub(crate) struct Envelope {
    to_peer: [u8; 32],
    from_peer: [u8; 32],
    start: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the last datagram sent.
    sent: u64,
    /// The newest start of the peer, 0 if none is known.
    peer_start: u64,
    /// The newest numbers of that start that came.
    came: BTreeSet<u64>,
    /// All up to here count as having come.
    floor: u64,
    /// The first one that came.
    first: Option<u64>,
    /// What the peer told of arrivals there, and when.
    told: Option<(u8, Instant)>,
}

impl Envelope {
    /// `start` is greater than at any start before, and not 0. Where it cannot be greater it is at least
    /// another one.
    pub(crate) fn new(
        secret: &[u8; 32],
        mesh: MeshId,
        (me, peer): (NodeId, NodeId),
        start: u64,
    ) -> Self {
        let key = |from: NodeId, to: NodeId| {
            let mut hasher = blake3::Hasher::new_keyed(secret);
            hasher.update(b"meshward mesh_node link 1");
            hasher.update(mesh.as_bytes()).update(from.as_bytes()).update(to.as_bytes());
            *hasher.finalize().as_bytes()
        };
        let (to_peer, from_peer) = (key(me, peer), key(peer, me));
        Self { to_peer, from_peer, start, state: Mutex::default() }
    }

    /// The datagram that carries `payload`.
    pub(crate) fn seal(&self, payload: &[u8]) -> Vec<u8> {
        let (echo, number, arrival) = {
            let mut state = self.state.lock();
            // In this start it does not end: at a million a second it lasts for half a million years.
            state.sent = state.sent.saturating_add(1);
            (state.peer_start, state.sent, state.arrival())
        };
        let mut datagram = Vec::with_capacity(ENVELOPE_LEN.saturating_add(payload.len()));
        datagram.extend_from_slice(&self.start.to_le_bytes());
        datagram.extend_from_slice(&echo.to_le_bytes());
        datagram.extend_from_slice(&number.to_le_bytes());
        datagram.push(arrival);
        let mac = mac(&self.to_peer, &datagram, payload);
        datagram.extend_from_slice(&mac);
        datagram.extend_from_slice(payload);
        datagram
    }

    /// What is in a datagram that came from the peer's address.
    pub(crate) fn open<'a>(&self, datagram: &'a [u8]) -> Opened<'a> {
        let Some((head, found, payload)) = parts(datagram) else { return Opened::Forged };
        let right = mac(&self.from_peer, head, payload);
        if !bool::from(right.as_slice().ct_eq(found)) {
            return Opened::Forged;
        }
        let Some(Head { start, echo, number, arrival }) = Head::read(head) else {
            return Opened::Forged;
        };
        let mut state = self.state.lock();
        if start > state.peer_start {
            *state = State { sent: state.sent, peer_start: start, ..State::default() };
        }
        if start < state.peer_start || echo != self.start {
            return Opened::Claimed(payload);
        }
        if !state.is_new(number) {
            return Opened::Repeated;
        }
        state.told = (arrival <= 100).then(|| (arrival, Instant::now()));
        Opened::Proven(payload)
    }

    /// How many percent of what is sent to the peer arrives there, as it says; `None` if it did not say
    /// lately.
    pub(crate) fn quality(&self) -> Option<u8> {
        let told = self.state.lock().told;
        told.filter(|(_, when)| when.elapsed() < TOLD).map(|(percent, _)| percent)
    }
}

impl State {
    /// Notes that this number came; tells whether it did not before.
    fn is_new(&mut self, number: u64) -> bool {
        if number <= self.floor || !self.came.insert(number) {
            return false;
        }
        self.first.get_or_insert(number);
        if self.came.len() > WINDOW
            && let Some(oldest) = self.came.pop_first()
        {
            self.floor = oldest;
        }
        true
    }

    /// How many percent of the latest datagrams came.
    fn arrival(&self) -> u8 {
        let (Some(first), Some(newest)) = (self.first, self.came.last()) else { return UNKNOWN };
        // What was sent before this node listened is no loss.
        let measured = newest.saturating_sub(first).saturating_add(1).min(MEASURED);
        if measured < LEAST_MEASURED {
            return UNKNOWN;
        }
        let came = self.came.range(newest.saturating_sub(measured).saturating_add(1)..).count();
        let came = u64::try_from(came).unwrap_or(u64::MAX).saturating_mul(100);
        came.checked_div(measured).and_then(|of| u8::try_from(of).ok()).unwrap_or(UNKNOWN)
    }
}

struct Head {
    start: u64,
    echo: u64,
    number: u64,
    arrival: u8,
}

impl Head {
    fn read(head: &[u8]) -> Option<Self> {
        let (start, rest) = head.split_first_chunk()?;
        let (echo, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let [arrival] = *rest else { return None };
        Some(Self {
            start: u64::from_le_bytes(*start),
            echo: u64::from_le_bytes(*echo),
            number: u64::from_le_bytes(*number),
            arrival,
        })
    }
}

/// Head, MAC and payload.
fn parts(datagram: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (head, rest) = datagram.split_at_checked(HEAD_LEN)?;
    let (mac, payload) = rest.split_at_checked(MAC_LEN)?;
    Some((head, mac, payload))
}

fn mac(key: &[u8; 32], head: &[u8], payload: &[u8]) -> [u8; MAC_LEN] {
    let mut mac = [0; MAC_LEN];
    blake3::Hasher::new_keyed(key).update(head).update(payload).finalize_xof().fill(&mut mac);
    mac
}
