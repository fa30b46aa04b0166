//! Why somebody is not admitted.

use thiserror::Error;

use super::enrolment::MAX_ENROLMENT_LEN;
use super::svid::MAX_CHAIN_LEN;
use crate::id::{Digest, MeshId, NodeId, SpiffeId, SpiffeIdError, ViewNumber};
use crate::membership::ViewError;
use crate::suite::{SuiteError, VerifyError};
use crate::wire::WireError;

/// Why a bundle, or one of its authorities, is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Its trust domain has a name that no SPIFFE id has.
    #[error("{0:?} is no trust domain: {1}")]
    TrustDomain(String, SpiffeIdError),
    /// One of its authorities is no certificate.
    #[error("authority {place} of {trust_domain} is no certificate")]
    Authority {
        /// Whose bundle it is.
        trust_domain: String,
        /// Which of its authorities, counted from 1.
        place: usize,
    },
}

/// Why a chain of certificates is no X.509-SVID, or none that is trusted here. Sections are those of the
/// X.509-SVID specification.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SvidError {
    /// There is no certificate.
    #[error("there is no certificate")]
    Empty,
    /// There are more than [`MAX_CHAIN_LEN`].
    #[error("{0} certificates, {MAX_CHAIN_LEN} are allowed")]
    TooMany(usize),
    /// A certificate cannot be read.
    #[error("certificate {0} cannot be read")]
    Unreadable(usize),
    /// The private key is none of those that SPIRE issues: ECDSA on P-256 or P-384, Ed25519, RSA of 2048 to
    /// 4096 bits, in PKCS#8.
    #[error("the private key cannot be used")]
    PrivateKey,
    /// The private key does not belong to the certificate.
    #[error("the private key is another than that of the certificate of {0}")]
    OtherKey(SpiffeId),
    /// The certificate does not name exactly one URI (section 2).
    #[error("the certificate names {0} URIs, an X.509-SVID names one")]
    Uris(usize),
    /// That URI is no SPIFFE id of a workload (section 3.1).
    #[error("{0:?} is no SPIFFE id of a workload: {1}")]
    SpiffeId(String, SpiffeIdError),
    /// The certificate is that of an authority (section 4.1).
    #[error("the certificate of {0} is that of an authority")]
    Authority(SpiffeId),
    /// It does not say what its key may be used for, or not that it may sign (section 4.3).
    #[error("the key of {0} is not for digital signatures")]
    NoDigitalSignature(SpiffeId),
    /// Its key may sign certificates or their revocation (section 4.3).
    #[error("the key of {0} may sign certificates or revocation lists")]
    SignsCertificates(SpiffeId),
    /// It says which protocols its key is for, and not both sides of TLS (section 4.4).
    #[error("the key of {0} is not for both a client and a server")]
    ExtendedKeyUsage(SpiffeId),
    /// A certificate after the first is none that may sign others: it is no authority's, its key is not for
    /// that, or it names a workload (section 3.2).
    #[error("certificate {0} is none that may sign others")]
    NotAnIssuer(usize),
    /// Two certificates after the first are of issuers of one name, so that there would be many paths to look
    /// for.
    #[error("certificates {0} and {1} are of issuers of one name")]
    SameName(usize, usize),
    /// No bundle of the trust domain is known here.
    #[error("there is no bundle of the trust domain {0}")]
    NoBundle(String),
    /// None of the authorities of the trust domain is in force at the time.
    #[error("no authority of the trust domain {0} is in force")]
    NoAuthority(String),
    /// A certificate of the chain has expired. Times are in seconds since 1970.
    #[error("a certificate ended at {not_after}, it is {at}")]
    Expired {
        /// When it ended.
        not_after: u64,
        /// The time that it was checked at.
        at: u64,
    },
    /// A certificate of the chain is not valid yet. Times are in seconds since 1970.
    #[error("a certificate begins at {not_before}, it is {at}")]
    NotYetValid {
        /// When it begins.
        not_before: u64,
        /// The time that it was checked at.
        at: u64,
    },
    /// The chain leads to none of the authorities of the trust domain.
    #[error("no authority of {0} issued the certificate")]
    UnknownIssuer(String),
    /// The chain leads to an authority of the trust domain, over one that is another trust domain's (sections 3.2
    /// and 5.2; attack K6).
    #[error("the chain to an authority of {0} goes over one of another trust domain")]
    OtherIssuer(String),
    /// Something else is wrong with the chain (RFC 5280, section 6), in the words of `rustls-webpki`.
    #[error("the chain does not hold: {0}")]
    Chain(String),
}

/// Why an enrolment is not made, not read, or not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnrolmentError {
    /// The bytes begin like something else.
    #[error("these bytes are no enrolment: they do not begin as one")]
    Beginning,
    /// Another version of the format.
    #[error("version {0} of the enrolment is not known here")]
    Version(u8),
    /// They are more than [`MAX_ENROLMENT_LEN`].
    #[error("an enrolment of {0} bytes, {MAX_ENROLMENT_LEN} are allowed")]
    TooLong(usize),
    /// They are none, or not in the one form.
    #[error("these bytes are no enrolment: {0}")]
    Wire(#[from] WireError),
    /// It binds its node to no workload.
    #[error("the enrolment of {0} names no SPIFFE id")]
    Unbound(NodeId),
    /// It is for another mesh.
    #[error("it is for the mesh {0}")]
    OtherMesh(MeshId),
    /// It is for another view than the current one: an older one, say, of which its node is no member any
    /// more (attack K11).
    #[error("it is for view {} ({digest}), which is not the current one", number.0)]
    OtherView {
        /// The number of the view that it is for.
        number: ViewNumber,
        /// Its digest.
        digest: Digest,
    },
    /// It names another view to join with than the one after the view that it is for.
    #[error("it is for joining with view {}, which is not the next", .0.0)]
    Slot(ViewNumber),
    /// The workload is bound to another member.
    #[error("{spiffe_id} is bound to {node}")]
    BoundElsewhere {
        /// The workload.
        spiffe_id: SpiffeId,
        /// The member that it is bound to.
        node: NodeId,
    },
    /// The node is a member and is bound to another workload, or to none.
    #[error("{node} is a member, and not bound to {spiffe_id}")]
    OtherWorkload {
        /// The node.
        node: NodeId,
        /// The workload that asks to be it.
        spiffe_id: SpiffeId,
    },
    /// No view can have the record beside the members of the current one.
    #[error("no view can have it: {0}")]
    View(#[from] ViewError),
    /// The policy lets this workload join under no name.
    #[error("the policy does not let {0} join")]
    Policy(SpiffeId),
    /// The policy lets this workload join as another node, or this node is another workload's.
    #[error("the policy does not let {spiffe_id} join as {node}")]
    PolicyNode {
        /// The workload.
        spiffe_id: SpiffeId,
        /// The node that it asks to be.
        node: NodeId,
    },
    /// The post-quantum key has not signed it, so who asks need not have it; or nothing can be said of the
    /// signature, for want of its suite.
    #[error("possession of the key is not shown: {0}")]
    Possession(VerifyError),
    /// The certificate is not the one that was named when it was signed.
    #[error("it was signed for another certificate")]
    OtherCertificate,
    /// The certificate is another workload's.
    #[error("it is for {claimed}, the certificate is that of {found}")]
    OtherIdentity {
        /// Whom the enrolment names.
        claimed: SpiffeId,
        /// Whom the certificate names.
        found: SpiffeId,
    },
    /// The key of the certificate has not signed it.
    #[error("the key of the certificate has not signed it")]
    SvidSignature,
    /// It says that it was made when its certificate was not in force yet, or not any more. In seconds since 1970.
    #[error("it says that it was made at {0}, when its certificate was not in force")]
    Made(u64),
    /// The certificates are no X.509-SVID, or none that is trusted here.
    #[error(transparent)]
    Svid(#[from] SvidError),
    /// One that this workload made later for the same view has been taken, or another of the same second: this
    /// one may have been played again by anybody.
    #[error("a later enrolment of {0} has been taken")]
    Superseded(SpiffeId),
    /// It was made no later than one that had to make room here since its certificate had ended, and of which
    /// workload that was is not known any more. Who asks is to ask anew. In seconds since 1970.
    #[error("it was made at {made}; what was made at {forgotten} or before is not taken any more")]
    TooOld {
        /// When it says that it was made.
        made: u64,
        /// When the last of those was made.
        forgotten: u64,
    },
    /// The host has [withdrawn](super::Admissions::withdraw) the workload.
    #[error("{0} was withdrawn")]
    Withdrawn(SpiffeId),
    /// There are as many enrolments of joiners for this view as are taken.
    #[error("{0} enrolments are pending, as many as there may be")]
    Full(usize),
    /// The post-quantum key cannot sign.
    #[error(transparent)]
    Suite(#[from] SuiteError),
}

/// Why a host is advised not to vote for a change.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotPermitted {
    /// It starts from another view.
    #[error("the change starts from another view")]
    OtherView,
    /// It admits a node, or gives it another key, that is bound to no workload, so nothing can be said of
    /// it here.
    #[error("{0} is bound to no SPIFFE id")]
    Unbound(NodeId),
    /// No enrolment of the workload for this view has been taken here.
    #[error("{spiffe_id} has not enrolled {node} here for this view")]
    NotEnrolled {
        /// The node that the change is about.
        node: NodeId,
        /// The workload that it is bound to.
        spiffe_id: SpiffeId,
    },
    /// What was enrolled is another node, name, key or commitment.
    #[error("{spiffe_id} has enrolled something else than what the change has of {node}")]
    OtherRecord {
        /// The node that the change is about.
        node: NodeId,
        /// The workload that it is bound to.
        spiffe_id: SpiffeId,
    },
    /// The certificates do not hold any more: the authority that vouched for them is trusted no longer, say.
    #[error("the certificates of {spiffe_id} do not hold any more: {error}")]
    Untrusted {
        /// The workload.
        spiffe_id: SpiffeId,
        /// What is wrong with them now.
        error: SvidError,
    },
    /// The certificate has ended since it was taken.
    #[error("the certificate of {0} has ended")]
    Expired(SpiffeId),
}
