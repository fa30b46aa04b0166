//! Members that are workloads with SPIFFE ids (feature `identity`).
//!
//! SPIRE says which workload a process is, in certificates of an hour under keys that a quantum computer
//! breaks. A mesh outlives both. So the two meet once, when a node is admitted: an [`Enrolment`] says which
//! post-quantum key a workload asks to speak for it, in which view, and is signed with both keys. Who
//! votes on admitting it checks that; from then on the view alone counts, which binds the node to
//! [one exact SPIFFE id](crate::Member::spiffe_id) and which two thirds of the members certified. A mesh whose
//! SPIRE servers are gone, all of them and for ever, goes on; it only admits nobody.
//!
//! | rule | the attack that it answers |
//! |---|---|
//! | An enrolment names the view that it is for by its digest, and with it the place in the order of views at which its node joins; in any other it is worth nothing. | K11: an old enrolment of an expelled member is played again. |
//! | An id is checked against the authorities of its own trust domain alone, never against those of another that is federated with it. | K6: a server of another trust domain answers. |
//! | No issuer between a workload and the authority is named for another trust domain. | K6: two trust domains share a root, and one issues for the other. |
//! | Both keys sign the same statement, which names the certificate. | One takes another's statement and puts a name or a key of its own to it. |
//! | An enrolment says when it was made, and of two for one view the later counts, as long as the view lasts. | An older one of the same workload, whose key it has given up, is played again. |
//! | The [record](crate::Member) that a change lets in is the very one that was enrolled: name, key and commitments. | K13 at the door: a sponsor puts in commitments of its own. |
//! | A key that takes the place of a lost one ([`Change::replace`](crate::Change::replace)) is enrolled by the workload that the view binds the node to. | K9: a member's host is talked into a key of somebody else's. |
//!
//! # How a node is admitted
//!
//! The library votes on no change by itself: a host that is told of one
//! ([`Event::ChangeProposed`](crate::Event::ChangeProposed)) accepts it by proposing it too. So this is where the
//! host asks its [`Admissions`]. An enrolment is bytes that the host carries. A joiner cannot speak in the
//! mesh yet: it hands them to one member, its sponsor, over whatever they share, and the sponsor hands
//! them on to all members as the body of a
//! [message](crate::MeshByzantineProtection::sign_message) before it proposes the change. They fit
//! ([`MAX_ENROLMENT_LEN`]), and they vouch for themselves, whoever passes them on.
//!
//! ```
//! # use std::time::SystemTime;
//! # use meshward::identity::*;
//! # use meshward::{Change, Identity, OsEntropy, View};
//! // The joiner: what the Workload API gave it, the view that it was given, the keys that it made.
//! fn ask(view: &View, identity: &Identity, svid: &Svid) -> Result<Vec<u8>, EnrolmentError> {
//!     Enrolment::seal(view, (identity, "north"), svid, &OsEntropy, SystemTime::now())?.to_bytes()
//! }
//!
//! // Every member: who may join is policy, and the policy is the same on all of them.
//! fn open() -> Result<Admissions, Box<dyn std::error::Error>> {
//!     let policy = JoinPolicy::default().allow_under("spiffe://example.org/router".parse()?);
//!     Ok(Admissions::new(policy, 64))
//! }
//!
//! // A message with an enrolment has come, at the sponsor from the joiner itself.
//! fn hear(
//!     desk: &Admissions,
//!     view: &View,
//!     bundles: &TrustBundles,
//!     bytes: &[u8],
//! ) -> Result<Change, EnrolmentError> {
//!     let member = desk.consider(&Enrolment::from_bytes(bytes)?, view, bundles, SystemTime::now())?;
//!     Ok(Change::of(view).join(member)) // the sponsor proposes it
//! }
//!
//! // A change was proposed: the host proposes it too, if this says so. If not, it asks again when it
//! // has taken another enrolment.
//! fn agrees(desk: &Admissions, view: &View, bundles: &TrustBundles, change: &Change) -> bool {
//!     desk.permits(view, change, bundles, SystemTime::now()).is_ok()
//! }
//! ```
//!
//! What a certificate has to be is what the [X.509-SVID][svid] specification says. The host's wall clock comes in
//! here and nowhere else in the library, and is the caller's to read.
//!
//! [svid]: https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md
//!
//! What this does not do: it asks nobody whether a certificate was revoked, as SPIFFE knows no revocation
//! but that certificates end soon; [`removed`] names the members whose registration has ended, for a host
//! to propose that they leave. Name constraints on URIs are refused, not read, by the library beneath
//! (`rustls-webpki`).

mod admissions;
mod bundles;
mod claim;
mod enrolment;
mod error;
mod held;
mod leaf;
pub(crate) mod path;
mod policy;
mod svid;

pub use admissions::{Admissions, removed};
pub use bundles::TrustBundles;
pub use enrolment::{Enrolment, MAX_ENROLMENT_LEN, VerifiedEnrolment};
pub use error::{BundleError, EnrolmentError, NotPermitted, SvidError};
pub use policy::JoinPolicy;
pub use svid::{MAX_CHAIN_LEN, Svid};
