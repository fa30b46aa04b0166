//! Connections over which a peer that has stopped is noticed.

use std::io;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Channel, Endpoint, Error};
use tower::service_fn;

/// How often a peer is asked for a sign of life over an open connection, and how long it may take.
///
/// A process that is stopped (SIGSTOP, a frozen container, a host without power) leaves its connections
/// open: without this they look well until the kernel gives up, minutes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// The time between two HTTP/2 pings, 10 ms to 1 min.
    pub interval: Duration,
    /// How long the answer to one may take, 10 ms to 1 min.
    pub timeout: Duration,
}

impl Default for Keepalive {
    /// One second each, so a stopped peer is noticed after two.
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), timeout: Duration::from_secs(1) }
    }
}

impl Keepalive {
    pub(super) fn is_sound(&self) -> bool {
        let range = Duration::from_millis(10)..=Duration::from_secs(60);
        range.contains(&self.interval) && range.contains(&self.timeout)
    }
}

/// HTTP/2 over `stream`, once: when the connection ends, so does the channel. Whoever opened the stream knows
/// better than tonic whether, when and where to open another.
pub(super) async fn over<S>(stream: S, keepalive: Keepalive) -> Result<Channel, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = Mutex::new(Some(TokioIo::new(stream)));
    let connector = service_fn(move |_| {
        let stream = stream.lock().take();
        async move { stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    // The name is that of no host: it fills the pseudo-header `:authority`.
    Endpoint::from_static("http://localhost")
        .http2_keep_alive_interval(keepalive.interval)
        .keep_alive_timeout(keepalive.timeout)
        .keep_alive_while_idle(true)
        .connect_with_connector(connector)
        .await
}
