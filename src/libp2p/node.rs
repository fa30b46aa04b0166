//! A swarm for those that have none: TCP, noise and yamux, on tokio.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use libp2p::futures::StreamExt;
use libp2p::futures::future::{Either, select};
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, noise, tcp, yamux};
use tokio::time::{MissedTickBehavior, interval};

use super::{Behaviour, Event};

/// How often neighbours that are gone are dialled again.
const REDIAL: Duration = Duration::from_secs(2);
/// How long a connection that nobody uses is kept. A neighbour outside gossipsub's mesh seems to be one.
const IDLE: Duration = Duration::from_secs(3_600);

/// A swarm of `behaviour` alone, over TCP. Noise proves each peer, so a link is a
/// [proven](crate::Link::Proven) one.
///
/// # Errors
/// If noise refuses the key.
pub fn swarm(keypair: Keypair, behaviour: Behaviour) -> Result<Swarm<Behaviour>, noise::Error> {
    let builder = SwarmBuilder::with_existing_identity(keypair).with_tokio().with_tcp(
        tcp::Config::default().nodelay(true),
        noise::Config::new,
        yamux::Config::default,
    )?;
    let Ok(builder) = builder.with_behaviour(|_| behaviour);
    Ok(builder.with_swarm_config(|config| config.with_idle_connection_timeout(IDLE)).build())
}

/// Runs `swarm`: keeps it connected with `neighbours`, and tells what happens. It never ends; whoever has
/// enough of it drops it. The health loop, [`tick`](crate::MeshByzantineProtection::tick) among others, stays
/// the host's.
pub async fn run(
    mut swarm: Swarm<Behaviour>,
    neighbours: BTreeMap<PeerId, Multiaddr>,
    mut told: impl FnMut(&Behaviour, Event),
) -> Infallible {
    let mut redial = interval(REDIAL);
    redial.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = match select(swarm.next(), pin!(redial.tick())).await {
            Either::Left((event, _)) => event,
            Either::Right(_) => {
                for (peer, address) in &neighbours {
                    dial(&mut swarm, *peer, address);
                }
                continue;
            }
        };
        match event {
            Some(SwarmEvent::Behaviour(event)) => told(swarm.behaviour(), event),
            Some(other) => tracing::trace!(event = ?other, "the swarm goes on"),
            // A swarm does not end.
            None => std::future::pending().await,
        }
    }
}

fn dial(swarm: &mut Swarm<Behaviour>, peer: PeerId, address: &Multiaddr) {
    use libp2p::swarm::dial_opts::DialOpts;
    if !swarm.is_connected(&peer) {
        let options = DialOpts::peer_id(peer).addresses(vec![address.clone()]).build();
        if let Err(error) = swarm.dial(options) {
            tracing::debug!(%peer, %error, "not dialled");
        }
    }
}
