//! gRPC over connections that were opened elsewhere.

use std::io;

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Error};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// HTTP/2 over `stream`, once: when the connection ends, so does the channel. Whoever opened the stream knows
/// better than tonic whether, when and where to open another.
///
/// There are no HTTP/2 pings on it. Servers in Go, SPIRE's among them, end a connection on which they come more
/// often than every five minutes (`too_many_pings`: with one a second, after four seconds). What shows that a
/// peer lives is that it answers calls.
pub(super) async fn over<S>(stream: S) -> Result<Channel, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = Mutex::new(Some(TokioIo::new(stream)));
    let connector = service_fn(move |_| {
        let stream = stream.lock().take();
        async move { stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    // The name is that of no host: it fills the pseudo-header `:authority`.
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await
}

/// Calls the method at `path`. A status with a source is none that the peer gave.
pub(super) async fn unary<Q, A>(
    channel: Channel,
    path: &'static str,
    request: Q,
) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let codec = ProstCodec::<Q, A>::default();
    let answer = grpc.unary(Request::new(request), PathAndQuery::from_static(path), codec).await?;
    Ok(answer.into_inner())
}
