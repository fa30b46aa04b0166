//! What both sides have: a host, a clock, packets as lines of text.

use std::mem;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use meshward::{
    Config, Error, Event, Host, Link, LinkId, MapekMonitor, MeshByzantineProtection, MeshRouter,
    Millis, NodeId, PeerHealth, QuorumConfig, Store, View,
};
use parking_lot::Mutex;

pub(crate) fn id(place: u8) -> NodeId {
    NodeId::from_bytes([place; 32])
}

pub(crate) fn link(place: u64) -> Link {
    Link::Proven(LinkId(place))
}

/// One clock for all, which goes on while nobody lives. It runs ten times as fast as time, so that a short
/// life is long enough to vote in.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Millis(u64::try_from(since.as_millis()).unwrap() * 10)
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

pub(crate) fn start<H>(
    store: impl Store + 'static,
    view: &Arc<View>,
    host: &H,
) -> Result<MeshByzantineProtection, Error>
where
    H: MeshRouter + MapekMonitor + Clone + 'static,
{
    let host = Host::new(store, host.clone(), host.clone());
    // A life is short: whoever waits for a leader votes before it ends.
    let quorum = QuorumConfig { round_ms: 50, ..QuorumConfig::default() };
    let config = Config { quorum, ..Config::default() };
    MeshByzantineProtection::start(config, Arc::clone(view), host, now())
}

/// A host that keeps what it is to send and what it is told.
#[derive(Clone, Default)]
pub(crate) struct Collected {
    packets: Arc<Mutex<Vec<Vec<u8>>>>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Collected {
    pub(crate) fn take(&self) -> Vec<Vec<u8>> {
        mem::take(&mut self.packets.lock())
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().clone()
    }
}

impl MeshRouter for Collected {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        if except.is_none() {
            self.packets.lock().push(packet.to_vec());
        }
    }
    fn send_to(&self, _: Link, packet: &[u8]) {
        self.packets.lock().push(packet.to_vec());
    }
    fn isolate(&self, _: NodeId) {}
    fn readmit(&self, _: NodeId) {}
}

impl MapekMonitor for Collected {
    fn check_peer_health(&self, _: NodeId) -> PeerHealth {
        PeerHealth::Unknown
    }
    fn on_event(&self, event: &Event) {
        self.events.lock().push(event.clone());
    }
}
