//! What the workloads are for: nodes of a mesh, which send beacons over UDP.

use std::collections::HashMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use meshward::{
    Accepted, Config, Event, Host, Link, LinkId, MapekMonitor, MemoryStore,
    MeshByzantineProtection, MeshRouter, Millis, NodeId, PeerHealth, View,
};

/// A node that was silent for so long is not heard. Beacons come five times a second.
const SILENT: Duration = Duration::from_secs(10);

/// A link is a port on this machine.
#[derive(Clone)]
struct Wire {
    socket: Arc<UdpSocket>,
    peers: Vec<u16>,
}

impl MeshRouter for Wire {
    fn broadcast(&self, packet: &[u8], except: Option<Link>) {
        let to = self.peers.iter().map(|port| link(*port));
        to.filter(|link| Some(*link) != except).for_each(|link| self.send_to(link, packet));
    }
    fn send_to(&self, link: Link, packet: &[u8]) {
        let (Link::Proven(LinkId(port)) | Link::Claimed(LinkId(port))) = link;
        let to = (Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap());
        let _ = self.socket.send_to(packet, to);
    }
    fn isolate(&self, _: NodeId) {}
    fn readmit(&self, _: NodeId) {}
}

impl MapekMonitor for Wire {
    fn check_peer_health(&self, _: NodeId) -> PeerHealth {
        PeerHealth::Unknown
    }
    fn on_event(&self, _: &Event) {}
}

fn link(port: u16) -> Link {
    Link::Proven(LinkId(port.into()))
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Millis(since.as_millis().try_into().unwrap())
}

/// Is the node whose keys are in `store`, for ever; says how many others it hears whenever that changes.
pub(crate) fn run(
    store: MemoryStore,
    view: View,
    socket: UdpSocket,
    peers: Vec<u16>,
    say: impl Fn(usize),
) {
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let wire = Wire { socket: Arc::new(socket), peers };
    let host = Host::new(store, wire.clone(), wire.clone());
    let guard =
        MeshByzantineProtection::start(Config::default(), Arc::new(view), host, now()).unwrap();
    let (mut heard, mut before) = (HashMap::new(), 0);
    let (mut spoken, mut datagram) = (Instant::now(), vec![0; 65_536]);
    loop {
        if let Ok((length, from)) = wire.socket.recv_from(&mut datagram) {
            let taken = guard.handle_frame(link(from.port()), &datagram[..length], now());
            if let Ok(Accepted::Message(message)) = taken {
                heard.insert(message.origin, Instant::now());
            }
        }
        if spoken.elapsed() >= Duration::from_millis(200) {
            spoken = Instant::now();
            let _rate = guard.sign_beacon(b"here", now());
            let _failed = guard.tick(now());
            heard.retain(|_, at| at.elapsed() < SILENT);
            if heard.len() != before {
                before = heard.len();
                say(before);
            }
        }
    }
}
