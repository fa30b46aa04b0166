//! What a behaviour refuses to be made of.

use std::sync::Arc;
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::identity::Keypair;
use libp2p::swarm::{ConnectionDenied, ConnectionId, NetworkBehaviour};
use libp2p::{Multiaddr, PeerId};
use meshward::libp2p::{Behaviour, InQuarantine, Router, Settings, SetupError, swarm};
use meshward::wire::VERSION;
use meshward::{
    Config, Host, Identity, Link, MemoryStore, MeshByzantineProtection, MeshRouter, OsEntropy,
    Refusal, Suite, View,
};

use crate::field::id;
use crate::node::{Monitor, clock};

/// One with `adapt`ed settings.
fn made(
    adapt: impl FnOnce(&mut Settings),
) -> Result<(Behaviour, Arc<MeshByzantineProtection>), SetupError> {
    let store = MemoryStore::new();
    let identity = Identity::create(&store, id(1), Suite::MlDsa65, &OsEntropy).unwrap();
    let view = Arc::new(View::genesis(vec![identity.member("one")]).unwrap());
    let mut settings = Settings::new(&view);
    adapt(&mut settings);
    let router = Router::new(1_000);
    let host = Host::new(store, router.clone(), Monitor);
    let mut config = Config::default();
    config.gossip.links = 2;
    let shield = Arc::new(MeshByzantineProtection::start(config, view, host, clock()).unwrap());
    Ok((Behaviour::new(settings, router, Arc::clone(&shield), clock)?, shield))
}

/// Why none can be made.
fn refused(adapt: impl FnOnce(&mut Settings)) -> Option<String> {
    made(adapt).err().map(|error| error.to_string())
}

#[test]
fn settings_out_of_their_range_are_named() {
    assert_eq!(refused(|_| {}), None);
    let says = |text: &str| Some(format!("configuration: {text}"));
    assert_eq!(refused(|it| it.members = 0), says("members is 0, it may be 1 to 10000"));
    let connections = refused(|it| it.connections = 65_537);
    assert_eq!(connections, says("connections is 65537, it may be 1 to 65536"));
    let heartbeat = refused(|it| it.heartbeat = Duration::from_millis(99));
    assert_eq!(heartbeat, says("heartbeat (ms) is 99, it may be 100 to 10000"));
    let topic = refused(|it| it.topic = "t".repeat(513));
    assert_eq!(topic, says("topic (bytes) is 513, it may be 1 to 512"));
    let silent_after = refused(|it| it.silent_after = Some(Duration::from_millis(4_999)));
    assert_eq!(silent_after, says("silent_after (ms) is 4999, it may be 5000 to 3600000"));
}

/// Each bound peer has a place of its own, of which there are as many as the configuration says.
#[test]
fn bound_peers_have_places() {
    let bind = |count: usize| {
        refused(|it| it.bindings = (0..count).map(|at| (id(at), PeerId::random())).collect())
    };
    assert_eq!(bind(2), None);
    assert!(bind(3).is_some());
}

/// Nobody carries packets away, and nobody waits for that.
#[test]
fn calls_never_wait() {
    let router = Router::new(100_000);
    for _ in 0..10_000 {
        router.broadcast(&[0; 1_000], None);
    }
    assert_eq!(router.packets_lost(), 10_000 - 100_000 / (1_000 + 128));
}

/// No connection is made with a peer whose link is in quarantine, in neither direction.
#[test]
fn who_is_in_quarantine_does_not_get_in() {
    let (mut behaviour, shield) = made(|_| {}).unwrap();
    let (hostile, other) = (PeerId::random(), PeerId::random());
    let link = Link::Proven(behaviour.link_of(&hostile));
    let malformed = || shield.handle_frame(link, &[VERSION, 1], clock()).unwrap_err();
    while malformed() != Refusal::LinkQuarantined {}
    let there: Multiaddr = "/memory/1".parse().unwrap();
    let mut is_denied = |peer: PeerId| {
        let id = ConnectionId::new_unchecked(1);
        let (role, port) = (Endpoint::Dialer, PortUse::New);
        let inbound = behaviour.handle_established_inbound_connection(id, peer, &there, &there);
        let inbound = inbound.err();
        let outbound =
            behaviour.handle_established_outbound_connection(id, peer, &there, role, port).err();
        let of_quarantine = |denied: ConnectionDenied| denied.downcast::<InQuarantine>().is_ok();
        [inbound, outbound].map(|denied| denied.is_some_and(of_quarantine))
    };
    assert_eq!(is_denied(hostile), [true, true]);
    assert_eq!(is_denied(other), [false, false]);
}

/// Strangers that have made all the connections they may leave room for a peer that is known.
#[test]
fn strangers_leave_room_for_those_that_are_known() {
    let known = PeerId::random();
    let bind = |settings: &mut Settings| {
        (settings.connections, settings.bindings) = (1, [(id(2), known)].into());
    };
    let (mut behaviour, _) = made(bind).unwrap();
    let there: Multiaddr = "/memory/1".parse().unwrap();
    let mut gets_in = |number: usize, peer: PeerId| {
        let id = ConnectionId::new_unchecked(number);
        behaviour.handle_pending_inbound_connection(id, &there, &there).unwrap();
        behaviour.handle_established_inbound_connection(id, peer, &there, &there).is_ok()
    };
    assert!(gets_in(1, PeerId::random()));
    assert!(!gets_in(2, PeerId::random()));
    assert!(gets_in(3, known));
}

/// Outside of a runtime a swarm is made; only what it does then needs one.
#[test]
fn a_swarm_is_made_anywhere() {
    let swarm = swarm(Keypair::generate_ed25519(), made(|_| {}).unwrap().0).unwrap();
    assert_eq!(swarm.listeners().count(), 0);
}
