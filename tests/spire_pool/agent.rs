//! A Workload API.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, stream};
use spiffe::transport::Endpoint;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::machine::{Machine, serve};
use super::messages::{Nothing, X509Svid, X509SvidResponse};

/// What it tells: an SVID, or that there is no entry.
type Told = Option<X509Svid>;

pub(crate) struct Agent {
    path: PathBuf,
    told: Arc<watch::Sender<Told>>,
    machine: Option<Machine>,
}

impl Agent {
    pub(crate) fn new(directory: &Path, name: &str, told: Told) -> Self {
        let (path, told) = (directory.join(name), Arc::new(watch::Sender::new(told)));
        let mut agent = Self { path, told, machine: None };
        agent.start();
        agent
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.path.clone())
    }

    pub(crate) fn start(&mut self) {
        let (path, told) = (self.path.clone(), self.told.clone());
        let _ = std::fs::remove_file(&path);
        self.machine = Some(Machine::start(move || async move {
            let listener = UnixListener::bind(path).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let told = told.clone();
                tokio::spawn(serve(stream, move |request| {
                    let told = told.subscribe();
                    async move {
                        if request.uri().path() != "/SpiffeWorkloadAPI/FetchX509SVID" {
                            return Status::unimplemented("").into_http();
                        }
                        let header = request.headers().get("workload.spiffe.io");
                        assert_eq!(header.unwrap(), "true");
                        let codec = ProstCodec::<X509SvidResponse, Nothing>::default();
                        let mut grpc = tonic::server::Grpc::new(codec);
                        let service = service_fn(move |_: Request<Nothing>| {
                            let answer = answers(told.clone());
                            async move { Ok::<_, Status>(Response::new(answer)) }
                        });
                        grpc.server_streaming(service, request).await
                    }
                }));
            }
        }));
    }

    pub(crate) fn kill(&mut self) {
        self.machine = None;
    }

    pub(crate) fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().unwrap()
    }

    pub(crate) fn tell(&self, told: Told) {
        self.told.send_replace(told);
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<X509SvidResponse, Status>> + Send>>;

/// What it tells now, and again whenever that changes.
fn answers(told: watch::Receiver<Told>) -> Answers {
    Box::pin(stream::unfold((told, true), |(mut told, first)| async move {
        if !first {
            told.changed().await.ok()?;
        }
        let answer = match told.borrow_and_update().clone() {
            None => Err(Status::permission_denied("no identity issued")),
            Some(svid) => {
                Ok(X509SvidResponse { svids: vec![svid], federated_bundles: Default::default() })
            }
        };
        Some((answer, (told, false)))
    }))
}
