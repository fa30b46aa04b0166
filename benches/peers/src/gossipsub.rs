//! libp2p's gossipsub: two whole swarms, one that publishes and one that subscribes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p_core::Multiaddr;
use libp2p_core::multiaddr::Protocol;
use libp2p_gossipsub::{
    Behaviour, ConfigBuilder, Event, IdentTopic, MessageAuthenticity, ValidationMode,
};
use libp2p_identity::{Keypair, PeerId};
use libp2p_swarm::dial_opts::DialOpts;
use libp2p_swarm::{Config, Swarm, SwarmEvent};

use crate::pipe::{self, End, Sent};
use crate::{MESSAGES, Outcome, Peer, Timed, payload};

/// Longer than a run: the heartbeat is upkeep, not the handling of a message.
const NEVER: Duration = Duration::from_secs(86_400);

/// A publisher and a subscriber with a [pipe] between them.
pub(crate) struct Gossipsub {
    publisher: Driven,
    subscriber: Driven,
    /// By the publisher.
    sent: Sent,
    published: usize,
    topic: IdentTopic,
}

impl Gossipsub {
    pub(crate) fn new() -> Outcome<Self> {
        let (one, other) = (Keypair::generate_ed25519(), Keypair::generate_ed25519());
        let (one_id, other_id) = (one.public().to_peer_id(), other.public().to_peer_id());
        let (one_end, other_end) = pipe::pair();
        let sent = one_end.sent();
        let mut publisher = Driven::new(one, one_end, other_id)?;
        let mut subscriber = Driven::new(other, other_end, one_id)?;
        let topic = IdentTopic::new("beacons");
        subscriber.swarm.behaviour_mut().subscribe(&topic)?;
        // Until both have said what they have to say at first.
        while publisher.swarm.behaviour().all_peers().all(|(_, topics)| topics.is_empty()) {
            subscriber.until_idle()?;
            publisher.until_idle()?;
        }
        subscriber.until_idle()?;
        Ok(Self { publisher, subscriber, sent, published: 0, topic })
    }

    /// Seconds that the subscriber takes to read all that was sent, if it delivers `messages` of it.
    fn take(&mut self, messages: usize) -> Outcome<f64> {
        let start = Instant::now();
        let delivered = self.subscriber.until_idle()?;
        let seconds = start.elapsed().as_secs_f64();
        if delivered != messages || self.sent.unread().iter().any(|unread| !unread.is_empty()) {
            return Err(format!("gossipsub delivered {delivered} instead of {messages}").into());
        }
        Ok(seconds)
    }
}

impl Peer for Gossipsub {
    fn round(&mut self) -> Outcome<Vec<Timed>> {
        for _ in 0..MESSAGES {
            self.published = self.published.saturating_add(1);
            let (topic, data) = (self.topic.clone(), payload(self.published));
            self.publisher.swarm.behaviour_mut().publish(topic, data)?;
        }
        self.publisher.until_idle()?;
        let copy = self.sent.unread();
        let bytes = copy.iter().map(Vec::len).sum::<usize>() / MESSAGES;

        let fresh = self.take(MESSAGES)?;
        self.sent.again(copy);
        let duplicate = self.take(0)?;

        let timed =
            |what, seconds| Timed { name: format!("libp2p gossipsub, {what}"), bytes, seconds };
        Ok(vec![timed("fresh message", fresh), timed("duplicate", duplicate)])
    }
}

/// A swarm that runs in this thread, and only when it is told to.
struct Driven {
    swarm: Swarm<Behaviour>,
    woken: Arc<Woken>,
}

/// Whether there is more to do.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Driven {
    fn new(keypair: Keypair, end: End, other: PeerId) -> Outcome<Self> {
        let local = keypair.public().to_peer_id();
        let config = ConfigBuilder::default()
            .validation_mode(ValidationMode::Strict)
            .heartbeat_initial_delay(NEVER)
            .heartbeat_interval(NEVER)
            .build()?;
        let behaviour = Behaviour::new(MessageAuthenticity::Signed(keypair), config)?;
        // Without an executor the swarm runs its connections itself.
        let config = Config::without_executor().with_idle_connection_timeout(NEVER);
        let mut swarm = Swarm::new(end.transport(other), behaviour, local, config);
        let address = Multiaddr::from(Protocol::Memory(1));
        swarm.dial(DialOpts::peer_id(other).addresses(vec![address]).build())?;
        Ok(Self { swarm, woken: Arc::new(Woken(AtomicBool::new(false))) })
    }

    /// Runs until there is nothing left to do, and says how many messages it delivered.
    fn until_idle(&mut self) -> Outcome<usize> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = Context::from_waker(&waker);
        let mut delivered = 0_usize;
        loop {
            match self.swarm.poll_next_unpin(&mut context) {
                Poll::Ready(Some(SwarmEvent::Behaviour(Event::Message { .. }))) => {
                    delivered = delivered.saturating_add(1);
                }
                Poll::Ready(Some(SwarmEvent::ConnectionClosed { cause, .. })) => {
                    return Err(format!("gossipsub lost its connection: {cause:?}").into());
                }
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => return Err("gossipsub has ended".into()),
                Poll::Pending if self.woken.0.swap(false, Ordering::AcqRel) => {}
                Poll::Pending => return Ok(delivered),
            }
        }
    }
}
