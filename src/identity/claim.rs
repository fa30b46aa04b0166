//! What an enrolment says.

use serde::{Deserialize, Serialize};

use super::EnrolmentError;
use crate::id::{Digest, MeshId, SpiffeId, ViewNumber};
use crate::membership::{Change, KeyRecord, Member, View};
use crate::wire::{self, WireError};

/// How an enrolment begins, and no packet and no other file does.
pub(super) const BEGINNING: [u8; 8] = *b"mwenroll";

/// The version of the format.
pub(super) const VERSION: u8 = 2;

/// What the key of the certificate signs begins with this. TLS 1.3 signs what begins with 64 spaces (RFC
/// 8446, section 4.4.3), so neither signature can pass for the other.
const SVID_CONTEXT: &[u8] = b"meshward/1/enrolment of a workload\0";

/// What both keys sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) mesh: MeshId,
    /// The view that it is for, by number and digest.
    pub(super) number: ViewNumber,
    pub(super) view: Digest,
    /// Who asks to be admitted, or for another key: the whole record, with the view that it begins with.
    pub(super) member: Member,
    /// The certificate of the workload.
    pub(super) certificate: Digest,
    /// When it was made, in seconds since 1970 by the workload's clock.
    pub(super) made: u64,
}

impl Claim {
    /// The digest by which a claim names a certificate.
    pub(super) fn digest_of(certificate: &[u8]) -> Digest {
        Digest::of("meshward 2026 certificate of a workload", certificate)
    }

    /// The workload that it binds its node to.
    pub(super) fn spiffe_id(&self) -> Result<&SpiffeId, EnrolmentError> {
        self.member.spiffe_id.as_ref().ok_or(EnrolmentError::Unbound(self.member.id))
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, WireError> {
        wire::encode("an enrolment", self)
    }

    /// Whether it fits `view`: it is for it, and takes nothing that another has there.
    pub(super) fn fits(&self, view: &View) -> Result<(), EnrolmentError> {
        if self.mesh != view.mesh() {
            return Err(EnrolmentError::OtherMesh(self.mesh));
        }
        if (self.number, self.view) != (view.number(), view.digest()) {
            return Err(EnrolmentError::OtherView { number: self.number, digest: self.view });
        }
        let Member { id: node, joined, .. } = self.member;
        if view.number().0.checked_add(1) != Some(joined.0) {
            return Err(EnrolmentError::Slot(joined));
        }
        let spiffe_id = self.spiffe_id()?;
        let known = view.index_of(&node).and_then(|place| view.member(place));
        if known.is_some_and(|known| known.spiffe_id.as_ref() != Some(spiffe_id)) {
            let spiffe_id = spiffe_id.clone();
            return Err(EnrolmentError::OtherWorkload { node, spiffe_id });
        }
        match view.bound_to(spiffe_id) {
            Some(other) if other.id != node => {
                let spiffe_id = spiffe_id.clone();
                Err(EnrolmentError::BoundElsewhere { spiffe_id, node: other.id })
            }
            _ => Ok(()),
        }
    }

    /// Whether a view can have its record beside all who are members of `view`: one with too long a name, say,
    /// would hold a place here, and no change with it would be one.
    pub(super) fn stands(&self, view: &View) -> Result<(), EnrolmentError> {
        let Member { id: node, key, .. } = &self.member;
        let change = match view.index_of(node) {
            None => Change::of(view).join(self.member.clone()),
            Some(_) => Change::of(view).replace(*node, KeyRecord::clone(key)),
        };
        view.changed(&change, Vec::new())?;
        Ok(())
    }
}

/// What the post-quantum key signs of the claim with these bytes; its purpose is bound in by the scheme.
pub(super) fn by_key(claim: &[u8]) -> Vec<u8> {
    [BEGINNING.as_slice(), &[VERSION], claim].concat()
}

/// What the key of the certificate signs of it.
pub(super) fn by_svid(claim: &[u8]) -> Vec<u8> {
    [SVID_CONTEXT, &by_key(claim)].concat()
}
