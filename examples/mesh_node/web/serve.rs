//! Connections, and what they may cost.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Source;
use super::answer::answer;

/// Connections at once. More wait in the queue of the system until one of these ends.
const CONNECTIONS: usize = 32;

/// A request has to be here this long after its connection.
const READ: Duration = Duration::from_secs(3);

/// A connection ends this long after it began, answered or not.
const LIFE: Duration = Duration::from_secs(8);

/// What is begun when the server is stopped may take this long.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// Bytes of a request, its body left out; nobody reads the body.
const REQUEST_BYTES: usize = 8 * 1024;

/// Headers of a request.
const HEADERS: usize = 64;

/// Answers until it is told to stop, or whoever could tell it is gone.
pub(super) async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, source.clone()))),
                // No file descriptor is free, say: trying again at once would find none either.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Who takes longer is cut off, with the set of them.
    let _ = timeout(GRACE, ended).await;
}

/// Answers one request.
async fn connection(stream: TcpStream, source: Arc<dyn Source>) {
    let service =
        service_fn(|request| ready(Ok::<_, Infallible>(answer(&request, source.as_ref()))));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ)
        .max_buf_size(REQUEST_BYTES)
        .max_headers(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off, or breaks the protocol, has had its answer if there is one.
    let _ = timeout(LIFE, served).await;
}
