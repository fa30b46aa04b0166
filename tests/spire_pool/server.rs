//! A SPIRE server, as far as it is asked, and its health listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, crypto::ring};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::certs::{Authority, Svid};
use super::machine::{Machine, serve};
use super::messages::{Bundle, Entry, ListEntriesRequest, ListEntriesResponse, Nothing, SpiffeId};

/// How it is.
#[derive(Clone)]
pub(crate) struct Says {
    pub(crate) bundle: Bundle,
    pub(crate) entries: Vec<String>,
    pub(crate) ready: bool,
    /// It thinks for so long.
    pub(crate) slow: Duration,
    /// Its database is away.
    pub(crate) broken: bool,
    /// It lists no entries, and says so.
    pub(crate) refuses: Option<Code>,
    /// Calls that it was asked, and those of them that were for entries.
    pub(crate) asked: usize,
    pub(crate) listed: usize,
}

pub(crate) struct Server {
    pub(crate) api: SocketAddr,
    pub(crate) ready: SocketAddr,
    pub(crate) says: Arc<Mutex<Says>>,
    pub(crate) svid: Svid,
    /// Who vouches for its callers.
    callers: Vec<u8>,
    machine: Option<Machine>,
}

impl Server {
    pub(crate) fn new(svid: Svid, callers: &Authority, bundle: Bundle) -> Self {
        let address = || {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            listener.local_addr().unwrap()
        };
        let says = Says {
            bundle,
            entries: vec!["node".to_owned()],
            ready: true,
            slow: Duration::ZERO,
            broken: false,
            refuses: None,
            asked: 0,
            listed: 0,
        };
        let says = Arc::new(Mutex::new(says));
        let (api, ready, callers) = (address(), address(), callers.der());
        let mut server = Self { api, ready, says, svid, callers, machine: None };
        server.start();
        server
    }

    pub(crate) fn start(&mut self) {
        let (api, ready, says) = (self.api, self.ready, self.says.clone());
        let acceptor = acceptor(&self.svid, &self.callers);
        self.machine = Some(Machine::start(move || async move {
            let (api, ready) = (listen(api), listen(ready));
            loop {
                let says = says.clone();
                tokio::select! {
                    accepted = api.accept() => {
                        let stream = acceptor.accept(accepted.unwrap().0);
                        tokio::spawn(async move {
                            let Ok(stream) = stream.await else { return };
                            serve(stream, move |request| answer(request, says.clone())).await;
                        });
                    }
                    accepted = ready.accept() => {
                        let ready = says.lock().unwrap().ready;
                        tokio::spawn(health(accepted.unwrap().0, ready));
                    }
                }
            }
        }));
    }

    pub(crate) fn kill(&mut self) {
        self.machine = None;
    }

    pub(crate) fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().unwrap()
    }

    pub(crate) fn set(&self, set: impl FnOnce(&mut Says)) {
        set(&mut self.says.lock().unwrap());
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(64).unwrap()
}

/// Callers must have an SVID.
fn acceptor(svid: &Svid, callers: &[u8]) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(callers.to_vec())).unwrap();
    let callers = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let key = PrivatePkcs8KeyDer::from(svid.key.clone());
    let chain = [&svid.certificate].into_iter().chain(&svid.intermediates);
    let chain = chain.map(|certificate| certificate.clone().into()).collect();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(callers.build().unwrap())
        .with_single_cert(chain, key.into())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn health(mut stream: TcpStream, ready: bool) {
    let mut request = [0; 256];
    let _ = stream.read(&mut request).await;
    let status = if ready { "200 OK" } else { "503 Service Unavailable" };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

async fn answer(request: http::Request<Incoming>, says: Arc<Mutex<Says>>) -> http::Response<Body> {
    let now = {
        let mut says = says.lock().unwrap();
        says.asked += 1;
        says.listed += usize::from(request.uri().path().ends_with("/ListEntries"));
        says.clone()
    };
    tokio::time::sleep(now.slow).await;
    match request.uri().path() {
        "/spire.api.server.bundle.v1.Bundle/GetBundle" => {
            let service = service_fn(move |_: Request<Nothing>| {
                let broken = Err(Status::internal("failed to fetch bundle"));
                let answer = if now.broken { broken } else { Ok(now.bundle.clone()) };
                async move { answer.map(Response::new) }
            });
            let codec = ProstCodec::<Bundle, Nothing>::default();
            tonic::server::Grpc::new(codec).unary(service, request).await
        }
        "/spire.api.server.entry.v1.Entry/ListEntries" => {
            let service = service_fn(move |request: Request<ListEntriesRequest>| {
                let page = page(&now.entries, &request.into_inner());
                let refusal = now.refuses.map(|code| Status::new(code, "not for you"));
                async move { refusal.map_or(Ok(Response::new(page)), Err) }
            });
            let codec = ProstCodec::<ListEntriesResponse, ListEntriesRequest>::default();
            tonic::server::Grpc::new(codec).unary(service, request).await
        }
        path => panic!("{path} is not served"),
    }
}

/// At most two entries at once, whatever is asked for. One without a path has no id.
fn page(entries: &[String], request: &ListEntriesRequest) -> ListEntriesResponse {
    let from: usize = request.page_token.parse().unwrap_or(0);
    let to = entries.len().min(from + 2);
    let entry = |path: &String| Entry {
        id: path.clone(),
        spiffe_id: (!path.is_empty()).then(|| SpiffeId {
            trust_domain: super::certs::DOMAIN.to_owned(),
            path: format!("/{path}"),
        }),
    };
    let next_page_token = if to < entries.len() { to.to_string() } else { String::new() };
    ListEntriesResponse { entries: entries[from..to].iter().map(entry).collect(), next_page_token }
}
