//! A swarm for those that have none: TCP, noise and yamux, on tokio.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use libp2p::futures::future::{Either, select};
use libp2p::futures::{Stream, StreamExt};
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, noise, tcp, yamux};
use tokio::task::coop::consume_budget;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{Behaviour, Event};

/// How often neighbours that are gone are dialled again.
const REDIAL: Duration = Duration::from_secs(2);
/// How long a connection that nobody uses is kept. A neighbour outside gossipsub's mesh seems to be one.
const IDLE: Duration = Duration::from_secs(3_600);

/// A swarm of `behaviour` alone, over TCP. Noise proves each peer, so a link is a
/// [proven](crate::Link::Proven) one.
///
/// It can be made anywhere, and be used only inside of a tokio runtime with its I/O and its time enabled.
///
/// # Errors
/// If noise refuses the key.
///
/// # Panics
/// Not here. But libp2p and tokio panic if the swarm listens, dials or is polled outside of such a runtime: enter
/// it before, as the example of [this module](super) does.
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
///
/// # Panics
/// Outside of a tokio runtime with its I/O and its time enabled.
pub async fn run(
    mut swarm: Swarm<Behaviour>,
    neighbours: BTreeMap<PeerId, Multiaddr>,
    mut told: impl FnMut(&Behaviour, Event),
) -> Infallible {
    let mut redial = interval(REDIAL);
    redial.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        match next(&mut swarm, &mut redial).await {
            Next::Redial => {
                for (peer, address) in &neighbours {
                    dial(&mut swarm, *peer, address);
                }
            }
            Next::Event(Some(SwarmEvent::Behaviour(event))) => told(swarm.behaviour(), event),
            Next::Event(Some(other)) => tracing::trace!(event = ?other, "the swarm goes on"),
            // A swarm does not end.
            Next::Event(None) => std::future::pending().await,
        }
    }
}

/// What is due next.
#[derive(Debug, PartialEq, Eq)]
enum Next<T> {
    Redial,
    Event(Option<T>),
}

/// A neighbour that floods has an event ready at all times. Neither the neighbours that are gone wait for it, so
/// the redial comes first when it is due, nor do the other tasks of this thread.
async fn next<S: Stream + Unpin>(events: &mut S, redial: &mut Interval) -> Next<S::Item> {
    consume_budget().await;
    match select(pin!(redial.tick()), events.next()).await {
        Either::Left(_) => Next::Redial,
        Either::Right((event, _)) => Next::Event(event),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use libp2p::futures::stream;
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn a_swarm_that_is_never_idle_keeps_nobody_waiting() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let other_ran = Arc::new(AtomicBool::new(false));
            let runs = Arc::clone(&other_ran);
            tokio::spawn(async move { runs.store(true, Ordering::Relaxed) });
            // Due at once, which shows as soon as the runtime has looked at its timers.
            let (mut flood, mut redial) = (stream::repeat(()), interval(REDIAL));
            let mut is_redialled = false;
            for _ in 0..1_000_000 {
                is_redialled |= next(&mut flood, &mut redial).await == Next::Redial;
                if is_redialled && other_ran.load(Ordering::Relaxed) {
                    return;
                }
            }
            panic!("redialled: {is_redialled}, another task ran: {other_ran:?}");
        });
    }
}
