//! Links to neighbours: UDP datagrams for an MTU of 1280, each with a proof of who sent it.
//!
//! ```text
//! 1 byte sender | 8 bytes counter | 16 bytes MAC | 1 byte channel | payload
//! ```
//!
//! The library's packets are longer than that, so what is sent is fragments of them.
//!
//! The MAC is keyed BLAKE3 over all the rest, under the key of the link. A datagram whose MAC holds
//! and whose counter is new comes over a *proven* link; any other may be anybody's, whatever sender
//! and address it shows, and its link is only *claimed*. This stands in for what a real host uses:
//! WireGuard, DTLS or QUIC, which also agree on keys and hide the payload.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use meshward::{Fragmenter, Link, LinkId, Millis, Misuse, Reassembler, ReassemblyConfig};
use parking_lot::Mutex;

/// What UDP over IPv6 carries at its least MTU of 1280, in bytes.
const DATAGRAM_LEN: usize = 1_232;
const MAC_AT: usize = 9;
/// Where the channel stands; the payload begins behind it.
const CHANNEL_AT: usize = 25;
/// Datagrams that wait to be looked at, from proven links and from claimed ones.
const QUEUES: (usize, usize) = (4_096, 512);

/// What a datagram carries: one of the library's packets, or a fragment of one.
pub(crate) const GOSSIP: u8 = 0;
/// What a datagram carries: a probe on its way.
pub(crate) const TRAFFIC: u8 = 1;

/// Where datagrams come in. Those of claimed links have a queue of their own, so a flood of them
/// takes no place from those of neighbours.
pub(crate) struct Inbox {
    pub(crate) proven: Receiver<Datagram>,
    pub(crate) claimed: Receiver<Datagram>,
}

/// A datagram as it arrived.
pub(crate) struct Datagram {
    pub(crate) link: Link,
    pub(crate) bytes: Vec<u8>,
}

impl Datagram {
    pub(crate) fn channel(&self) -> Option<u8> {
        self.bytes.get(CHANNEL_AT).copied()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(CHANNEL_AT + 1..).unwrap_or_default()
    }
}

/// The links of one node.
pub(crate) struct Links {
    me: u8,
    socket: UdpSocket,
    neighbours: BTreeMap<usize, Neighbour>,
    fragmenter: Fragmenter,
    reassembler: Reassembler,
    muted: AtomicBool,
    shed: AtomicU64,
}

struct Neighbour {
    key: [u8; 32],
    state: Mutex<State>,
}

struct State {
    address: Option<SocketAddr>,
    /// The counter of the next datagram to it.
    next: u64,
    /// The newest counter seen of it.
    newest: u64,
}

impl Links {
    /// Opens a socket on loopback. Counters begin with `start`, which grows with each start of the
    /// node, in their high half: so none is used twice.
    pub(crate) fn open(
        me: usize,
        (start, members): (u32, usize),
        keys: &BTreeMap<usize, [u8; 32]>,
    ) -> io::Result<Self> {
        let reassembler = Reassembler::new(ReassemblyConfig::of(members, keys.len()));
        let reassembler = reassembler.map_err(io::Error::other)?;
        for neighbour in keys.keys().filter_map(|node| u64::try_from(*node).ok()) {
            // However many strangers prove links, each neighbour keeps its part.
            reassembler.reserve(Link::Proven(LinkId(neighbour)), Millis(0));
        }
        let state = || State { address: None, next: u64::from(start) << 32, newest: 0 };
        let neighbour = |key: &[u8; 32]| Neighbour { key: *key, state: Mutex::new(state()) };
        Ok(Self {
            me: u8::try_from(me).map_err(io::Error::other)?,
            socket: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
            neighbours: keys.iter().map(|(node, key)| (*node, neighbour(key))).collect(),
            fragmenter: fragmenter().map_err(io::Error::other)?,
            reassembler,
            muted: AtomicBool::new(false),
            shed: AtomicU64::new(0),
        })
    }

    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    pub(crate) fn neighbours(&self) -> impl Iterator<Item = usize> {
        self.neighbours.keys().copied()
    }

    /// Takes note of where the nodes listen now.
    pub(crate) fn locate(&self, ports: &[u16]) {
        for (node, neighbour) in &self.neighbours {
            let address = ports.get(*node).map(|port| (Ipv4Addr::LOCALHOST, *port).into());
            neighbour.state.lock().address = address;
        }
    }

    /// Sends nothing from now on.
    pub(crate) fn mute(&self) {
        self.muted.store(true, Ordering::Relaxed);
    }

    /// How many datagrams of claimed links found their queue full.
    pub(crate) fn shed(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }

    /// Sends to a neighbour. What cannot be sent is lost, as on any network.
    pub(crate) fn send(&self, to: usize, channel: u8, payload: &[u8]) {
        let Some(neighbour) = self.neighbours.get(&to) else { return };
        if self.muted.load(Ordering::Relaxed) {
            return;
        }
        if channel != GOSSIP {
            return self.send_one(neighbour, channel, payload);
        }
        for datagram in self.fragmenter.split(payload).into_iter().flatten() {
            self.send_one(neighbour, channel, &datagram);
        }
    }

    fn send_one(&self, neighbour: &Neighbour, channel: u8, payload: &[u8]) {
        let mut state = neighbour.state.lock();
        let Some(address) = state.address else { return };
        state.next += 1;
        let counter = state.next.to_le_bytes();
        let mac = mac(&neighbour.key, &[self.me], &counter, channel, payload);
        let datagram = [&[self.me], counter.as_slice(), &mac, &[channel], payload].concat();
        // Sent under the lock, so that counters leave in their order.
        let _sent = self.socket.send_to(&datagram, address);
    }

    /// The packet that is whole with this datagram, if one is.
    pub(crate) fn whole<'a>(&self, datagram: &'a Datagram, now: Millis) -> Option<Cow<'a, [u8]>> {
        match self.reassembler.take(datagram.link, datagram.payload(), now) {
            Ok(whole) => whole,
            // The library counts it against the link, and refuses it.
            Err(_) => Some(Cow::Borrowed(datagram.payload())),
        }
    }

    /// Whether a datagram comes over a proven link, that is: from which neighbour.
    fn link_of(&self, bytes: &[u8], from: SocketAddr) -> Link {
        match self.prove(bytes) {
            Some(node) => Link::Proven(LinkId(u64::from(node))),
            None => {
                let hash = blake3::hash(from.to_string().as_bytes());
                let id = hash.as_bytes().first_chunk().map_or(0, |id| u64::from_le_bytes(*id));
                Link::Claimed(LinkId(id))
            }
        }
    }

    fn prove(&self, bytes: &[u8]) -> Option<u8> {
        let (head, rest) = bytes.split_at_checked(MAC_AT)?;
        let (sender, counter) = head.split_first()?;
        let (found, rest) = rest.split_at_checked(CHANNEL_AT - MAC_AT)?;
        let (channel, payload) = rest.split_first()?;
        let neighbour = self.neighbours.get(&usize::from(*sender))?;
        let counter: [u8; 8] = counter.try_into().ok()?;
        let right = mac(&neighbour.key, &[*sender], &counter, *channel, payload);
        // Compared as hashes, which takes the same time wherever they differ.
        if blake3::hash(found) != blake3::hash(&right) {
            return None;
        }
        let counter = u64::from_le_bytes(counter);
        let mut state = neighbour.state.lock();
        if counter <= state.newest {
            return None;
        }
        state.newest = counter;
        Some(*sender)
    }
}

/// Starts to listen, on a thread of its own: it is always about to read, so the kernel's small
/// buffer seldom overflows.
pub(crate) fn listen(links: std::sync::Arc<Links>) -> Inbox {
    let (proven_in, proven) = sync_channel(QUEUES.0);
    let (claimed_in, claimed) = sync_channel(QUEUES.1);
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        loop {
            let Ok((len, from)) = links.socket.recv_from(&mut buffer) else { continue };
            let bytes = buffer.get(..len).unwrap_or_default().to_vec();
            let link = links.link_of(&bytes, from);
            let queue: &SyncSender<Datagram> =
                if link.proven().is_some() { &proven_in } else { &claimed_in };
            match queue.try_send(Datagram { link, bytes }) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    links.shed.fetch_add(1, Ordering::Relaxed);
                }
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    });
    Inbox { proven, claimed }
}

fn mac(
    key: &[u8; 32],
    sender: &[u8; 1],
    counter: &[u8; 8],
    channel: u8,
    payload: &[u8],
) -> [u8; CHANNEL_AT - MAC_AT] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(sender).update(counter).update(&[channel]).update(payload);
    let mut mac = [0; CHANNEL_AT - MAC_AT];
    hasher.finalize_xof().fill(&mut mac);
    mac
}

/// A datagram that claims to come from `sender` and proves nothing: all that an outsider can make.
pub(crate) fn unproven(sender: u8, payload: &[u8]) -> Vec<u8> {
    let made_up = [u8::MAX; CHANNEL_AT - 1];
    [&[sender], made_up.as_slice(), &[GOSSIP], payload].concat()
}

/// Cuts packets so that they fit a datagram with its envelope.
pub(crate) fn fragmenter() -> Result<Fragmenter, Misuse> {
    Fragmenter::new(DATAGRAM_LEN - CHANNEL_AT - 1)
}

/// The packet, or the fragment of one, in a captured datagram.
pub(crate) fn packet_in(datagram: &[u8]) -> &[u8] {
    datagram.get(CHANNEL_AT + 1..).unwrap_or_default()
}
