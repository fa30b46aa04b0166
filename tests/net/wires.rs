//! The sockets of one process: one for each cable, so that a flood over one fills no other's buffer.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use meshward::{Fragmenter, Link, LinkId};
use parking_lot::Mutex;

use crate::envelope::{ENVELOPE_LEN, open, seal};
use crate::plan::{DATAGRAM_LEN, End, Setup};

/// Counters kept of each neighbour. Datagrams overtake each other here, but not by so many.
const WINDOW: usize = 4_096;

pub(crate) struct Wires {
    me: u8,
    pub(crate) wires: Vec<Wire>,
    fragmenter: Option<Fragmenter>,
    /// The counter of the next datagram. It begins with the time, so none is used again after a restart.
    next: AtomicU64,
}

pub(crate) struct Wire {
    pub(crate) end: End,
    socket: UdpSocket,
    /// The newest counters that came.
    came: Mutex<BTreeSet<u64>>,
}

impl Wires {
    pub(crate) fn open(setup: Setup) -> Self {
        let wires = setup.ends.into_iter().map(|end| {
            let socket = UdpSocket::bind(end.local).unwrap();
            socket.connect(end.remote).unwrap();
            socket.set_nonblocking(true).unwrap();
            Wire { end, socket, came: Mutex::default() }
        });
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let cut = Fragmenter::new(DATAGRAM_LEN - ENVELOPE_LEN).unwrap();
        Self {
            me: setup.me,
            wires: wires.collect(),
            fragmenter: (!setup.uncut).then_some(cut),
            next: AtomicU64::new(u64::try_from(since.as_micros()).unwrap()),
        }
    }

    pub(crate) const fn me(&self) -> u8 {
        self.me
    }

    /// Sends a packet. What cannot be sent is lost, as on any network.
    pub(crate) fn send(&self, wire: &Wire, packet: &[u8]) {
        match &self.fragmenter {
            Some(cut) => {
                let datagrams = cut.split(packet).unwrap();
                datagrams.iter().for_each(|datagram| self.send_one(wire, datagram));
            }
            None => self.send_one(wire, packet),
        }
    }

    /// Sends these bytes in one datagram.
    pub(crate) fn send_one(&self, wire: &Wire, payload: &[u8]) {
        let counter = self.next.fetch_add(1, Ordering::Relaxed);
        wire.send_bare(&seal(&wire.end.key, self.me, counter, payload));
    }
}

impl Wire {
    /// Sends these bytes without an envelope.
    pub(crate) fn send_bare(&self, datagram: &[u8]) {
        let _lost = self.socket.send(datagram);
    }

    /// What has arrived: the link that it came over, and the payload. A datagram that is no proof of its
    /// sender, or was there before, may be anybody's.
    pub(crate) fn receive<'a>(&self, buffer: &'a mut [u8]) -> Option<(Link, &'a [u8])> {
        // An error here tells that something sent before was lost.
        let len = (0..8).find_map(|_| match self.socket.recv(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some(None),
            taken => taken.ok().map(Some),
        })??;
        let datagram = &buffer[..len];
        let to = LinkId(self.end.to.into());
        match open(&self.end.key, self.end.to, datagram) {
            Some((counter, payload)) if self.is_new(counter) => Some((Link::Proven(to), payload)),
            _ => Some((Link::Claimed(to), datagram.get(ENVELOPE_LEN..).unwrap_or(datagram))),
        }
    }

    fn is_new(&self, counter: u64) -> bool {
        let mut came = self.came.lock();
        let is_new = came.insert(counter);
        if came.len() <= WINDOW {
            return is_new;
        }
        is_new && came.pop_first() != Some(counter)
    }
}
