//! Signs of life.

use tokio::time::{sleep, timeout};
use tonic::Status;
use tonic::transport::Channel;

use super::{Keepalive, Trouble};
use crate::spire::channel::unary;

/// A method that no Workload API has. Whoever runs says so (`UNIMPLEMENTED`), and that costs an agent nothing: it
/// attests no workload, reads nothing and writes nothing to its log. A health check would do all three.
const NO_METHOD: &str = "/meshward.SignOfLife/Ask";

/// Asks for a sign of life again and again, until there is none in time.
pub(super) async fn lost(channel: Channel, keepalive: Keepalive) -> Trouble {
    loop {
        sleep(keepalive.interval).await;
        // Any answer is one. That the connection ended is noticed by whoever listens to it.
        let answer = unary(channel.clone(), NO_METHOD, ());
        let answer: Result<Result<(), Status>, _> = timeout(keepalive.timeout, answer).await;
        if answer.is_err() {
            return Trouble::TimedOut;
        }
    }
}
