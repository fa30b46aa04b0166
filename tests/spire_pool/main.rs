//! Workload APIs and SPIRE servers that are lost, with servers built from their protos over real sockets: unix
//! sockets, and TCP with mutual TLS.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::expect_used, clippy::panic)]

mod agent;
mod certs;
mod entries;
mod machine;
mod messages;
mod pool;
mod server;
mod source;
mod trust;

use std::fmt::Debug;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout};

/// Generous: what is waited for takes three seconds at most, on a machine that does nothing else.
const LIMIT: Duration = Duration::from_secs(60);

const HOUR: i64 = 3600;

/// Passes over events until one that is `wanted`.
async fn hear<E: Debug>(events: &mut Receiver<E>, wanted: impl Fn(&E) -> bool) -> E {
    let mut before = Vec::new();
    let heard = timeout(LIMIT, async {
        loop {
            let event = events.recv().await.expect("it has not stopped");
            if wanted(&event) {
                return event;
            }
            before.push(event);
        }
    });
    heard.await.unwrap_or_else(|_| panic!("heard only {before:?}"))
}

/// Waits until `done`.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LIMIT, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}
