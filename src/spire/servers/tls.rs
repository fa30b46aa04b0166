//! TLS with a SPIRE server.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, TrustAnchor, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme, version,
};
use spiffe::{SpiffeId, TrustDomain, X509Svid};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webpki::{EndEntityCert, KeyUsage};

use super::Fault;
use crate::identity::path::stays_within;

/// Connects to `address` as `svid`, and accepts nobody but a SPIRE server of `trust_domain` whose chain ends at
/// one of `authorities`.
pub(super) async fn connect(
    address: SocketAddr,
    svid: &X509Svid,
    trust_domain: &TrustDomain,
    authorities: Vec<TrustAnchor<'static>>,
) -> Result<TlsStream<TcpStream>, Fault> {
    let provider = Arc::new(ring::default_provider());
    let server = SpireServer {
        expected: format!("{}/spire/server", trust_domain.id_string()),
        domain: trust_domain.to_string(),
        authorities,
        provider: provider.clone(),
    };
    let chain = svid.cert_chain().iter();
    let chain = chain.map(|certificate| CertificateDer::from(certificate.as_bytes().to_vec()));
    let key = PrivatePkcs8KeyDer::from(svid.private_key().as_bytes().to_vec());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| Fault::Identity(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(server))
        .with_client_auth_cert(chain.collect(), key.into())
        .map_err(|error| Fault::Identity(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A session taken up again would be one whose certificate nobody looks at.
    config.resumption = rustls::client::Resumption::disabled();
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| Fault::Unreachable(error.to_string()))?;
    let name = ServerName::IpAddress(address.ip().into());
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    stream.map_err(|error| why_refused(&error))
}

/// What a failed handshake says of the server.
fn why_refused(error: &std::io::Error) -> Fault {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    let ours = match tls {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(ours)))) => ours,
        _ => return Fault::Unreachable(error.to_string()),
    };
    ours.downcast_ref().cloned().unwrap_or_else(|| Fault::Unreachable(error.to_string()))
}

/// Accepts `spiffe://<trust domain>/spire/server` and nobody else. A host name proves nothing here: SPIRE
/// servers have none in their certificates.
#[derive(Debug)]
struct SpireServer {
    expected: String,
    /// The name of the trust domain.
    domain: String,
    authorities: Vec<TrustAnchor<'static>>,
    provider: Arc<CryptoProvider>,
}

impl SpireServer {
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Fault> {
        // First whose it says that it is, for the sake of a clear error; then whether that is true.
        let found = spiffe::cert::spiffe_id_from_der(certificate)
            .map_err(|error| Fault::NoSpireServer(error.to_string()))?;
        if found.to_string() != self.expected {
            return Err(self.stranger(&found));
        }
        let untrusted = |error: webpki::Error| Fault::Untrusted(error.to_string());
        let certificate = EndEntityCert::try_from(certificate).map_err(untrusted)?;
        let path = certificate.verify_for_usage(
            self.provider.signature_verification_algorithms.all,
            &self.authorities,
            intermediates,
            now,
            KeyUsage::server_auth(),
            None,
            Some(&|path| stays_within(path, &self.domain)),
        );
        path.map(drop).map_err(untrusted)
    }

    fn stranger(&self, found: &SpiffeId) -> Fault {
        let expected = self.expected.clone();
        Fault::Stranger { expected, found: found.to_string() }
    }
}

impl ServerCertVerifier for SpireServer {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.check(certificate, intermediates, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(fault) => Err(CertificateError::Other(OtherError(Arc::new(fault))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
