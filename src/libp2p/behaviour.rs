//! `Behaviour`: what a swarm does for meshward.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, WhitelistSubscriptionFilter};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use thiserror::Error;

use super::direct::{Direct, PROTOCOL};
use super::ids::MessageIds;
use super::limits::Limits;
use super::one_topic::OneTopic;
use super::peers::Peers;
use super::{Event, Router, Settings, score};
use crate::host::MeshByzantineProtection;
use crate::id::{Link, LinkId, Millis};
use crate::keyring;
use crate::suite::{EntropyError, OsEntropy};

/// Streams with direct packets, in both directions, on one connection.
const STREAMS: usize = 8;

type Gossip = gossipsub::Behaviour<OneTopic, WhitelistSubscriptionFilter>;

/// What a swarm does for meshward: it carries packets both ways and lets gossipsub pass on what was taken. Put
/// it into a swarm, alone or among others.
///
/// Packets are [handed over](MeshByzantineProtection::handle_frame) while the swarm is polled, signature checks
/// and writes of the store included: poll it in a task or a thread of its own.
pub struct Behaviour {
    pub(super) inner: Inner,
    limits: Limits,
    pub(super) topic: IdentTopic,
    pub(super) ids: MessageIds,
    pub(super) peers: Peers,
    pub(super) router: Router,
    pub(super) shield: Arc<MeshByzantineProtection>,
    pub(super) clock: Box<dyn Fn() -> Millis + Send>,
    /// Peers in quarantine whose connections are to be closed.
    pub(super) to_close: BTreeSet<PeerId>,
    pub(super) rated_at: Option<Millis>,
}

/// The parts that libp2p has. Public by name alone: it stands in the type of the connections.
#[derive(NetworkBehaviour)]
pub struct Inner {
    pub(super) gossip: Gossip,
    pub(super) direct: request_response::Behaviour<Direct>,
}

/// Why there is no behaviour.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A setting is out of its range, or no place is left to reserve.
    #[error(transparent)]
    Meshward(#[from] keyring::Error),
    /// The operating system gave no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Gossipsub refuses its configuration.
    #[error("gossipsub: {0}")]
    Gossipsub(String),
}

/// The link of the peer is in quarantine, so no connection with it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the link of this peer is in quarantine")]
pub struct InQuarantine;

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour")
            .field("topic", &self.topic)
            .field("shield", &self.shield)
            .finish_non_exhaustive()
    }
}

impl Behaviour {
    /// Makes gossipsub carry the packets of `shield`, whose host has the other share of `router`, on the topic
    /// of `settings`. `clock` tells the host's monotonic milliseconds, as its other calls of `shield` do.
    ///
    /// The [`Host`](crate::Host) should not [relay](crate::Host::relay): gossipsub does.
    ///
    /// # Errors
    /// [`SetupError`]: a setting out of its range, or more [bindings](Settings::bindings) than places.
    pub fn new(
        settings: Settings,
        router: Router,
        shield: Arc<MeshByzantineProtection>,
        clock: impl Fn() -> Millis + Send + 'static,
    ) -> Result<Self, SetupError> {
        settings.validate().map_err(keyring::Error::from)?;
        let topic = IdentTopic::new(&settings.topic);
        let ids = MessageIds::new(settings.remembered());
        let refused = |error: &dyn fmt::Display| SetupError::Gossipsub(error.to_string());
        let config = settings.gossipsub(&ids).map_err(|error| refused(&error))?;
        let filter = WhitelistSubscriptionFilter([topic.hash()].into());
        let mut gossip = Gossip::new_with_subscription_filter_and_transform(
            MessageAuthenticity::Anonymous,
            config,
            filter,
            OneTopic(topic.hash()),
        )
        .map_err(|error| refused(&error))?;
        gossip
            .with_peer_score(
                score::params(topic.hash(), settings.silent_after),
                score::thresholds(),
            )
            .map_err(|error| refused(&error))?;
        gossip.subscribe(&topic).map_err(|error| refused(&error))?;
        let direct = request_response::Behaviour::with_codec(
            Direct::new(settings.longest_packet()),
            [(PROTOCOL, ProtocolSupport::Full)],
            request_response::Config::default().with_max_concurrent_streams(STREAMS),
        );
        let peers = Peers::new(&settings.bindings, &OsEntropy)?;
        for peer in settings.bindings.values() {
            shield.reserve_link(peers.link_of(peer), clock())?;
        }
        Ok(Self {
            inner: Inner { gossip, direct },
            limits: Limits::new(usize::try_from(settings.connections).unwrap_or(usize::MAX)),
            topic,
            ids,
            peers,
            router,
            shield,
            clock: Box::new(clock),
            to_close: BTreeSet::new(),
            rated_at: None,
        })
    }

    /// Gossipsub, to look at: its mesh, its peers and their scores.
    pub const fn gossipsub(&self) -> &Gossip {
        &self.inner.gossip
    }

    /// The link that meshward knows `peer` by, connected or not. It is another one after a start.
    pub fn link_of(&self, peer: &PeerId) -> LinkId {
        self.peers.link_of(peer)
    }

    pub(super) fn is_quarantined(&self, peer: &PeerId) -> bool {
        let link = Link::Proven(self.peers.link_of(peer));
        self.shield.core().is_link_quarantined(link, (self.clock)())
    }

    fn admit(&self, peer: &PeerId) -> Result<(), ConnectionDenied> {
        match self.is_quarantined(peer) {
            true => Err(ConnectionDenied::new(InQuarantine)),
            false => Ok(()),
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = THandler<Inner>;
    type ToSwarm = Event;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.limits.comes(id)?;
        self.inner.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(&peer)?;
        let is_stranger = self.peers.nodes_of(&peer).is_empty();
        self.limits.has_come(id, is_stranger, self.peers.connections_with(&peer))?;
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.limits.goes(id)?;
        self.inner.handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(&peer)?;
        self.limits.has_gone(id, self.peers.connections_with(&peer))?;
        self.inner.handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.inner.on_swarm_event(event);
        self.limits.note(&event);
        match event {
            FromSwarm::ConnectionEstablished(new) => {
                self.peers.connected(new.peer_id, new.other_established.saturating_add(1));
                if new.other_established == 0 {
                    self.rate(&new.peer_id);
                }
            }
            FromSwarm::ConnectionClosed(old) => {
                self.peers.disconnected(&old.peer_id, old.remaining_established);
                if old.remaining_established == 0 {
                    self.to_close.remove(&old.peer_id);
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.ids.arrives(Instant::now());
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        self.router.register(cx.waker());
        self.send_what_waits();
        // Gossipsub's heartbeat wakes the task.
        self.rate_all_in_time();
        if let Some(peer_id) = self.to_close.pop_first() {
            let connection = CloseConnection::All;
            return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection });
        }
        self.inner.poll(cx).map(|out| out.map_out(|event| self.happened(event)))
    }
}
