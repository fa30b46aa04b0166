//! The socket: packets cut into datagrams that fit the MTU, to peers and from anybody.
//!
//! | a datagram from | comes over |
//! |---|---|
//! | a peer with a secret, if its [envelope](super::envelope) proves it | that peer's proven link |
//! | a peer that is `authenticated` | that peer's proven link |
//! | a peer with neither | that peer's claimed link, which is answered |
//! | any other address | a claimed link, which is not answered: nobody else has business here |
//!
//! A peer is known by its address. All that is longer than what this node would send is dropped.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use meshward::{Entropy, Fragmenter, Link, LinkId, MeshId, NodeId, OsEntropy};
use metrics::{counter, describe_counter};
use parking_lot::Mutex;

use super::config::{PeerSettings, Proof, Settings};
use super::envelope::{ENVELOPE_LEN, Envelope, Opened};
use super::inbox::{Datagram, Inbox};

const RECEIVED: &str = "mesh_node_datagrams_received_total";
const SENT: &str = "mesh_node_datagrams_sent_total";
const DROPPED: &str = "mesh_node_datagrams_dropped_total";

/// Says what the metrics of this file mean.
pub(crate) fn describe() {
    describe_counter!(RECEIVED, "datagrams that came, by what is known of their sender");
    describe_counter!(SENT, "datagrams that were sent");
    describe_counter!(DROPPED, "datagrams that were not sent or not looked at, and why");
}

/// How often the reader looks whether it is to end.
const LOOK: Duration = Duration::from_millis(200);
/// What the socket cannot do now it cannot do at once either.
const AFTER_ERROR: Duration = Duration::from_millis(20);

/// Ids of links to other addresses have this bit, those of peers do not.
const STRANGER: u64 = 1 << 63;

pub(crate) struct Udp {
    socket: UdpSocket,
    /// An IPv4 address is written as one of IPv6 on such a socket.
    is_ipv6: bool,
    pub(crate) peers: Vec<Peer>,
    /// The longest datagram, in bytes.
    longest: usize,
    bare: Fragmenter,
    enveloped: Fragmenter,
    /// Names other addresses: nobody else can tell which two have one name.
    names: [u8; 32],
    stopped: AtomicBool,
}

/// A neighbour.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) node: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) link: Link,
    envelope: Option<Envelope>,
    /// When something came over its link last.
    came: Mutex<Option<Instant>>,
}

impl Peer {
    fn new(number: u64, of: PeerSettings, (mesh, me, start): (MeshId, NodeId, u64)) -> Self {
        let PeerSettings { name, node, address, proof, .. } = of;
        let (link, envelope) = match proof {
            Proof::None => (Link::Claimed(LinkId(number)), None),
            Proof::Network => (Link::Proven(LinkId(number)), None),
            Proof::Secret(secret) => {
                let envelope = Envelope::new(&secret, mesh, (me, node), start);
                (Link::Proven(LinkId(number)), Some(envelope))
            }
        };
        Self { name, node, address, link, envelope, came: Mutex::default() }
    }

    /// How many percent of what is sent to it arrives there.
    pub(crate) fn quality(&self) -> Option<u8> {
        self.envelope.as_ref()?.quality()
    }

    /// Whether something came over its link within that time.
    pub(crate) fn is_up(&self, within: Duration) -> bool {
        self.came.lock().is_some_and(|came| came.elapsed() < within)
    }
}

impl Udp {
    /// Opens the socket of a node.
    ///
    /// # Errors
    /// A sentence: the address cannot be had.
    pub(crate) fn open(
        settings: &mut Settings,
        (mesh, me): (MeshId, NodeId),
        start: u64,
    ) -> Result<Self, String> {
        let listen = settings.listen;
        let socket = UdpSocket::bind(listen).and_then(|socket| {
            socket.set_read_timeout(Some(LOOK))?;
            socket.set_write_timeout(Some(AFTER_ERROR))?;
            Ok(socket)
        });
        let socket = socket.map_err(|error| format!("{listen} cannot be listened at: {error}."))?;
        let mut names = [0; 32];
        OsEntropy.fill(&mut names).map_err(|error| format!("{error}."))?;
        let (longest, cut) = (settings.datagram, Fragmenter::new);
        let [bare, enveloped] = [longest, longest.saturating_sub(ENVELOPE_LEN)].map(cut);
        let peers = (0..).zip(settings.peers.drain(..));
        Ok(Self {
            socket,
            is_ipv6: listen.is_ipv6(),
            peers: peers.map(|(number, of)| Peer::new(number, of, (mesh, me, start))).collect(),
            longest,
            bare: bare.map_err(|error| format!("{error}."))?,
            enveloped: enveloped.map_err(|error| format!("{error}."))?,
            names,
            stopped: AtomicBool::new(false),
        })
    }

    /// The peer at the other end of a link, proven or not.
    pub(crate) fn peer(&self, link: LinkId) -> Option<&Peer> {
        self.peers.get(usize::try_from(link.0).ok()?)
    }

    /// Sends a packet. What cannot be sent is lost, as on any network.
    pub(crate) fn send(&self, peer: &Peer, packet: &[u8]) {
        let mut address = peer.address;
        if let (true, IpAddr::V4(ip)) = (self.is_ipv6, address.ip()) {
            address.set_ip(ip.to_ipv6_mapped().into());
        }
        let cut = if peer.envelope.is_some() { &self.enveloped } else { &self.bare };
        for datagram in cut.split(packet).into_iter().flatten() {
            let sent = match &peer.envelope {
                Some(envelope) => self.socket.send_to(&envelope.seal(&datagram), address),
                None => self.socket.send_to(&datagram, address),
            };
            match sent {
                Ok(_) => counter!(SENT).increment(1),
                Err(_) => dropped("not_sent"),
            }
        }
    }

    /// Reads datagrams into the inbox, until it is stopped.
    pub(crate) fn listen(&self, inbox: &Inbox) {
        let mut buffer = vec![0; 65_536];
        while !self.stopped.load(Ordering::Relaxed) {
            match self.socket.recv_from(&mut buffer) {
                Ok((len, from)) => {
                    self.take(inbox, buffer.get(..len).unwrap_or_default(), from);
                }
                // It is time to look; or it was asked to wait no more.
                Err(error) if is_nothing(&error) => {}
                Err(_) => thread::sleep(AFTER_ERROR),
            }
        }
    }

    /// Has the reader end, soon.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn take(&self, inbox: &Inbox, bytes: &[u8], from: SocketAddr) {
        if bytes.len() > self.longest {
            return dropped("too_long");
        }
        let from = canonical(from);
        let found = (0..).zip(&self.peers).find(|(_, peer)| is_same(peer.address, from));
        let (place, link, bytes) = match found {
            None => (None, self.stranger(from), bytes),
            Some((place, peer)) => match peer.envelope.as_ref().map(|one| one.open(bytes)) {
                None => (Some(place), peer.link, bytes),
                Some(Opened::Proven(payload)) => (Some(place), peer.link, payload),
                Some(Opened::Claimed(payload)) => (None, Link::Claimed(peer.link.id()), payload),
                Some(Opened::Forged) => return dropped("forged"),
                Some(Opened::Repeated) => return dropped("repeated"),
            },
        };
        if let (Some(_), Some((_, peer))) = (place, found) {
            *peer.came.lock() = Some(Instant::now());
        }
        let is_proven = link.proven().is_some();
        counter!(RECEIVED, "link" => if is_proven { "proven" } else { "claimed" }).increment(1);
        if !inbox.put(place, Datagram { link, bytes: bytes.to_vec() }) {
            dropped("queue_full");
        }
    }

    fn stranger(&self, from: SocketAddr) -> Link {
        let name = blake3::keyed_hash(&self.names, from.to_string().as_bytes());
        let name = name.as_bytes().first_chunk().map_or(0, |name| u64::from_le_bytes(*name));
        Link::Claimed(LinkId(name | STRANGER))
    }
}

fn dropped(reason: &'static str) {
    counter!(DROPPED, "reason" => reason).increment(1);
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// An IPv4 address that came over a socket of IPv6 is one of IPv4 again.
fn canonical(mut address: SocketAddr) -> SocketAddr {
    address.set_ip(address.ip().to_canonical());
    address
}

/// Whether both are one host and port. The scope counts where the configuration names one.
fn is_same(configured: SocketAddr, from: SocketAddr) -> bool {
    let scope = |address: SocketAddr| match address {
        SocketAddr::V6(address) => address.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    (configured.ip(), configured.port()) == (from.ip(), from.port())
        && (scope(configured) == 0 || scope(configured) == scope(from))
}
