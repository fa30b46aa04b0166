//! The outsider: on the same network, with a key of its own that no view knows.
//!
//! Everything it sends goes to loopback ports of this run's own nodes, for a bounded time at a
//! bounded rate.

use std::borrow::Cow;
use std::net::{Ipv4Addr, UdpSocket};
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use meshward::id::{Epoch, Nonce, SentAt};
use meshward::suite::{Purpose, SigningKey};
use meshward::wire::{Header, MAX_BODY_LEN, seal_frame};
use meshward::{Fragmenter, Kind, Member, OsEntropy, Suite, View};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::links::{fragmenter, packet_in, unproven};

/// How every body that the outsider writes begins: must never be delivered.
pub(crate) const MARKER: &[u8] = b"written by the outsider";

/// How often a volley is sent.
const VOLLEY: Duration = Duration::from_millis(20);
/// Datagrams of garbage in one volley, over all nodes: 20 000 a second.
const GARBAGE: usize = 400;

/// What the outsider knows and whom it attacks.
pub(crate) struct Outsider {
    pub(crate) ports: Vec<u16>,
    pub(crate) view: View,
    /// The member in whose name it lies.
    pub(crate) framed: Member,
    /// Datagrams it saw on the wire.
    pub(crate) captured: Vec<Vec<u8>>,
    pub(crate) suite: Suite,
    pub(crate) seed: u64,
    pub(crate) duration: Duration,
}

/// Datagrams sent, by what they were.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    /// Frames in the framed node's name under the outsider's own key.
    pub(crate) forged: u64,
    /// Frames that name the framed node's real key, with a signature that does not hold.
    pub(crate) framing: u64,
    /// Real datagrams, word for word and in new envelopes.
    pub(crate) replayed: u64,
    /// Fragments of real packets in which it has altered something, to spoil them.
    pub(crate) spoiled: u64,
    /// Random bytes, some with the number of an honest neighbour in front.
    pub(crate) garbage: u64,
}

impl Sent {
    pub(crate) fn total(&self) -> u64 {
        self.forged + self.framing + self.replayed + self.spoiled + self.garbage
    }
}

impl Outsider {
    /// Attacks all nodes. Tells what it sent.
    ///
    /// # Errors
    /// When it cannot make its socket, its key or its forgeries.
    pub(crate) fn attack(&self) -> Result<Sent, String> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| e.to_string())?;
        let mut random = StdRng::seed_from_u64(self.seed);
        let forgeries = self.forgeries()?;
        let fragmenter = fragmenter().map_err(|e| e.to_string())?;
        let mut sent = Sent::default();
        let volleys = self.duration.as_millis() / VOLLEY.as_millis();
        let begin = Instant::now();
        for volley in 0..volleys {
            for port in &self.ports {
                let to = (Ipv4Addr::LOCALHOST, *port);
                let send = |count: &mut u64, bytes: &[u8]| {
                    // A lost datagram of the outsider is no loss.
                    count.add_assign(u64::from(socket.send_to(bytes, to).is_ok()));
                };
                for forgery in &forgeries {
                    for datagram in cut(&fragmenter, forgery)? {
                        send(&mut sent.forged, &unproven(random.random_range(0..24), &datagram));
                    }
                }
                for _ in 0..3 {
                    let framing = self.framing_frame(&mut random)?;
                    for datagram in cut(&fragmenter, &framing)? {
                        send(&mut sent.framing, &unproven(random.random_range(0..24), &datagram));
                    }
                }
                for captured in &self.captured {
                    send(&mut sent.replayed, captured);
                    send(&mut sent.replayed, &unproven(0, packet_in(captured)));
                    let mut altered = unproven(0, packet_in(captured));
                    altered.iter_mut().next_back().into_iter().for_each(|last| *last ^= 1);
                    send(&mut sent.spoiled, &altered);
                }
                for _ in 0..GARBAGE / self.ports.len().max(1) {
                    let mut bytes = vec![0; random.random_range(1..400)];
                    random.fill_bytes(&mut bytes);
                    if let Some(first) = bytes.first_mut().filter(|first| **first < 128) {
                        *first %= 24;
                    }
                    send(&mut sent.garbage, &bytes);
                }
            }
            let next = VOLLEY * u32::try_from(volley + 1).unwrap_or(u32::MAX);
            std::thread::sleep(next.saturating_sub(begin.elapsed()));
        }
        Ok(sent)
    }

    fn header(&self, sequence: u32, body: &[u8]) -> Header {
        Header {
            mesh: self.view.mesh(),
            suite: self.suite,
            view: self.view.number(),
            origin: self.framed.id,
            epoch: Epoch::FIRST,
            key: self.framed.key.key.digest(),
            nonce: Nonce { boot: 1, sequence },
            sent_at: SentAt(u64::from(sequence)),
            kind: Kind::Beacon,
            body_len: u32::try_from(body.len().min(MAX_BODY_LEN)).unwrap_or(0),
            body: Header::digest_body(body),
        }
    }

    /// Frames in the framed node's name, signed with the outsider's key: one that names that key,
    /// and one that names the framed node's.
    fn forgeries(&self) -> Result<Vec<Vec<u8>>, String> {
        let key = SigningKey::generate(self.suite, &OsEntropy).map_err(|e| e.to_string())?;
        let header = self.header(1_000_000, MARKER);
        let bytes = header.to_bytes().map_err(|e| e.to_string())?;
        let signature = key.sign(Purpose::Frame, &bytes, &OsEntropy).map_err(|e| e.to_string())?;
        let borrowed = [bytes.as_slice(), signature.as_bytes(), MARKER].concat();
        let own = seal_frame(header, MARKER, &key, &OsEntropy).map_err(|e| e.to_string())?;
        Ok(vec![own, borrowed])
    }

    /// A frame that costs its receiver a signature check, in the hope that it blames the origin.
    fn framing_frame(&self, random: &mut StdRng) -> Result<Vec<u8>, String> {
        let header = self.header(random.random_range(1..2_000_000), MARKER);
        let bytes = header.to_bytes().map_err(|e| e.to_string())?;
        let mut signature = vec![0; self.suite.signature_len()];
        random.fill_bytes(&mut signature);
        Ok([bytes.as_slice(), &signature, MARKER].concat())
    }
}

fn cut<'a>(fragmenter: &Fragmenter, packet: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, String> {
    fragmenter.split(packet).map_err(|error| error.to_string())
}
