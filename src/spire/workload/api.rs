//! One Workload API: how it is opened, and what it says.

use std::io;
use std::time::SystemTime;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use spiffe::transport::Endpoint;
use spiffe::{WorkloadApiClient, WorkloadApiError, X509Context};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tonic::transport::Channel;

use super::{SourceConfig, Trouble};
use crate::id::{SpiffeId, SpiffeIdError};
use crate::spire::channel::over;
use crate::spire::validity::Validity;

/// One that is open.
pub(super) struct Api {
    pub(super) channel: Channel,
    client: WorkloadApiClient,
}

/// What it says, until it ends.
pub(super) type Said = BoxStream<'static, Result<X509Context, Trouble>>;

impl Api {
    /// The one at place `at`, within the time for that.
    pub(super) async fn open(config: &SourceConfig, at: usize) -> Result<Self, Trouble> {
        let endpoint = config.endpoints.get(at).cloned().ok_or(Trouble::TimedOut)?;
        let channel = timeout(config.connect_timeout, connect(&endpoint)).await;
        let channel = channel.map_err(|_| Trouble::TimedOut)??;
        let client = WorkloadApiClient::new_with_channel(endpoint, channel.clone());
        Ok(Self { channel, client })
    }

    /// The first that it says, within the time for that, and what comes after.
    pub(super) async fn ask(&self, config: &SourceConfig) -> Result<(X509Context, Said), Trouble> {
        let first = timeout(config.answer_timeout, async {
            let said = self.client.stream_x509_contexts().await.map_err(|error| trouble(&error))?;
            let mut said = said.map_err(|error| trouble(&error)).boxed();
            let first = next(&mut said).await?;
            Ok((first, said))
        });
        first.await.map_err(|_| Trouble::TimedOut)?
    }
}

/// What it says next.
pub(super) async fn next(said: &mut Said) -> Result<X509Context, Trouble> {
    let next = said.next().await;
    next.unwrap_or_else(|| Err(Trouble::Ended("without an error".to_owned())))
}

/// Who this workload is by the first SVID of `context`, and how long that holds: not at all, if it does not now.
pub(super) fn own(context: &X509Context) -> Result<(SpiffeId, Validity), Trouble> {
    let svid = context.default_svid().ok_or(Trouble::Stale)?;
    let holds = Validity::of(svid.leaf().as_bytes());
    let holds = holds.filter(|holds| holds.contains(SystemTime::now())).ok_or(Trouble::Stale)?;
    let id = svid.spiffe_id().to_string().parse();
    Ok((id.map_err(|error: SpiffeIdError| Trouble::Malformed(error.to_string()))?, holds))
}

async fn connect(endpoint: &Endpoint) -> Result<Channel, Trouble> {
    let unreachable = |error: io::Error| Trouble::Unreachable(error.to_string());
    let channel = match endpoint {
        Endpoint::Unix(path) => over(UnixStream::connect(path).await.map_err(unreachable)?).await,
        Endpoint::Tcp { host, port } => {
            over(TcpStream::connect((*host, *port)).await.map_err(unreachable)?).await
        }
        _ => return Err(Trouble::Unreachable("of a kind that is not known".to_owned())),
    };
    channel.map_err(|error| Trouble::Unreachable(error.to_string()))
}

/// What `error` says of the API.
fn trouble(error: &WorkloadApiError) -> Trouble {
    match error {
        WorkloadApiError::NoIdentityIssued | WorkloadApiError::PermissionDenied(_) => {
            Trouble::Denied
        }
        WorkloadApiError::Transport(error) => Trouble::Ended(error.to_string()),
        WorkloadApiError::EmptyResponse => Trouble::Ended("without an answer".to_owned()),
        error => Trouble::Malformed(error.to_string()),
    }
}
