//! Hostile peers: plain gossipsub, members of the mesh, and each with a manner of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use libp2p::futures::StreamExt;
use libp2p::gossipsub::{
    self, ConfigBuilder, IdentTopic, MessageAuthenticity, MessageId, ValidationMode,
};
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, noise, tcp, yamux};
use meshward::wire::{Frame, VERSION};
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::Outcome;

/// What a hostile peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Sends bytes that are no packets.
    Garbage,
    /// Sends frames in the names of others under signatures that do not hold.
    Forge,
    /// Sends headers of others with other bodies.
    Alter,
    /// Sends again what was said before.
    Replay,
    /// Sends as much as it can.
    Flood,
    /// Takes all and passes nothing on.
    Censor,
    /// Sends what it is told.
    #[allow(dead_code, reason = "only tests tell")]
    Told,
}

impl Manner {
    pub(crate) const ALL: [Self; 6] =
        [Self::Garbage, Self::Forge, Self::Alter, Self::Replay, Self::Flood, Self::Censor];

    pub(crate) const fn says(self) -> &'static str {
        match self {
            Self::Garbage => "sends garbage",
            Self::Forge => "forges signatures",
            Self::Alter => "alters bodies",
            Self::Replay => "replays old frames",
            Self::Flood => "floods",
            Self::Censor => "passes nothing on",
            Self::Told => "does what it is told",
        }
    }
}

/// What a hostile peer is told, and what it hears: each packet, and how often.
#[derive(Clone, Default)]
pub(crate) struct Strings {
    pub(crate) orders: Arc<Mutex<Vec<Vec<u8>>>>,
    pub(crate) heard: Arc<Mutex<BTreeMap<Vec<u8>, usize>>>,
}

/// How often it acts, and how much at once when it floods.
const ACTS: Duration = Duration::from_millis(100);
const FLOOD: usize = 100;
/// The age at which frames are old: gossipsub has forgotten them, so it is meshward that knows them.
const OLD: Duration = Duration::from_secs(5);
const KEPT: usize = 256;

pub(crate) struct Hostile {
    swarm: Swarm<gossipsub::Behaviour>,
    topic: IdentTopic,
    manner: Manner,
    neighbours: Vec<(PeerId, Multiaddr)>,
    /// What honest nodes said.
    frames: VecDeque<(Instant, Vec<u8>)>,
    acts: u64,
    pub(crate) strings: Strings,
}

impl Hostile {
    /// One that calls `neighbours` as soon as it runs. To be made inside of a runtime.
    pub(crate) fn new(
        keypair: Keypair,
        topic: &str,
        manner: Manner,
        neighbours: Vec<(PeerId, Multiaddr)>,
    ) -> Outcome<Self> {
        // Nothing is a duplicate to it.
        let number = AtomicU64::new(0);
        let config = ConfigBuilder::default()
            .validation_mode(ValidationMode::Anonymous)
            .validate_messages()
            .heartbeat_initial_delay(Duration::from_millis(100))
            .message_id_fn(move |_| {
                MessageId::from(number.fetch_add(1, Ordering::Relaxed).to_string())
            })
            .idontwant_message_size_threshold(usize::MAX)
            .build()?;
        let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config)?;
        let topic = IdentTopic::new(topic);
        gossip.subscribe(&topic)?;
        let swarm = SwarmBuilder::with_existing_identity(keypair)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
            .with_behaviour(|_| gossip)?
            .with_swarm_config(|config| {
                config.with_idle_connection_timeout(Duration::from_secs(600))
            })
            .build();
        Ok(Self {
            swarm,
            topic,
            manner,
            neighbours,
            frames: VecDeque::new(),
            acts: 0,
            strings: Strings::default(),
        })
    }

    pub(crate) async fn run(mut self) {
        for (peer, address) in &self.neighbours {
            let options = DialOpts::peer_id(*peer).addresses(vec![address.clone()]).build();
            // An honest neighbour that does not answer is missed in the result.
            let _ = self.swarm.dial(options);
        }
        let mut acts = interval(ACTS);
        acts.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = std::pin::pin!(acts.tick());
            match libp2p::futures::future::select(self.swarm.next(), next).await {
                libp2p::futures::future::Either::Left((event, _)) => self.hear(event),
                libp2p::futures::future::Either::Right(_) => self.act(),
            }
        }
    }

    fn hear(&mut self, event: Option<SwarmEvent<gossipsub::Event>>) {
        let Some(SwarmEvent::Behaviour(gossipsub::Event::Message {
            propagation_source,
            message_id,
            message,
        })) = event
        else {
            return;
        };
        let gossip = self.swarm.behaviour_mut();
        let ignored = gossipsub::MessageAcceptance::Ignore;
        gossip.report_message_validation_result(&message_id, &propagation_source, ignored);
        if self.manner == Manner::Told {
            let mut heard = self.strings.heard.lock();
            let times = heard.entry(message.data.clone()).or_default();
            *times = times.saturating_add(1);
        }
        if Frame::parse(&message.data).is_ok() {
            self.frames.push_back((Instant::now(), message.data));
            while self.frames.len() > KEPT {
                self.frames.pop_front();
            }
        }
    }

    fn act(&mut self) {
        self.acts = self.acts.wrapping_add(1);
        let number = self.acts.to_le_bytes();
        match self.manner {
            Manner::Garbage => {
                self.send([[VERSION, 1].as_slice(), &number].concat());
                // Of a later release, for all that anybody knows: nobody's fault.
                self.send([[VERSION.wrapping_add(1), 1].as_slice(), &number].concat());
            }
            Manner::Forge => self.forge(|body| body),
            Manner::Alter => self.forge(|mut body| {
                body.iter_mut().for_each(|byte| *byte ^= 1);
                body
            }),
            Manner::Replay => {
                let old: Vec<_> = self.frames.iter().filter(|(at, _)| at.elapsed() > OLD).collect();
                let old: Vec<_> =
                    old.into_iter().take(20).map(|(_, frame)| frame.clone()).collect();
                old.into_iter().for_each(|frame| self.send(frame));
            }
            Manner::Flood => {
                for round in 0..FLOOD {
                    let round = round.to_le_bytes();
                    self.send([[VERSION.wrapping_add(1), 1].as_slice(), &number, &round].concat());
                }
            }
            Manner::Censor => {}
            Manner::Told => {
                let told = std::mem::take(&mut *self.strings.orders.lock());
                told.into_iter().for_each(|packet| self.send(packet));
            }
        }
    }

    /// A header as an honest node may sign it next, with the signature of another one.
    fn forge(&mut self, body: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let Some((_, bytes)) = self.frames.back() else { return };
        let Ok(frame) = Frame::parse(bytes) else { return };
        let mut header = frame.header().clone();
        let ahead = u32::try_from(self.acts).unwrap_or(0).saturating_add(50);
        header.nonce.sequence = header.nonce.sequence.saturating_add(ahead);
        let Ok(signed) = header.to_bytes() else { return };
        let body = body(frame.body().to_vec());
        let forged = [&signed, frame.signed_header().signature(), &body].concat();
        self.send(forged);
    }

    fn send(&mut self, packet: Vec<u8>) {
        // Whoever has parted with it does not hear it.
        let _ = self.swarm.behaviour_mut().publish(self.topic.clone(), packet);
    }
}
