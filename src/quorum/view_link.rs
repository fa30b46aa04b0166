//! The step from one view to the next, as it travels, and the chain of these steps.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::certificate::UncheckedCertificate;
use super::{Certificate, CriticalEvent, PendingCertificate};
use crate::id::{MAX_SPIFFE_ID_LEN, MeshId};
use crate::keyring::{HistoryError, KeyHistory};
use crate::membership::{Directory, MAX_CARRIED_LEN, View};
use crate::wire::{self, Container, Packet, Refusal, Tag, WireError};

/// The longest step of all, in bytes: what is decoded in one piece, with room for the lengths of its parts.
const MOST_LINK_LEN: usize = wire::DECODE_LIMIT - 8 * 1024 * 1024;

/// The longest step from a view of `members`, in bytes: the next view, its certificate, and the
/// rotations that lead to the keys it is signed with, four for each signer. At most 104 MiB.
pub const fn max_link_len(members: usize) -> usize {
    let len = members
        .saturating_mul(32 * 1024 + MAX_SPIFFE_ID_LEN)
        .saturating_add(256 * 1024 + MAX_CARRIED_LEN);
    if len < MOST_LINK_LEN { len } else { MOST_LINK_LEN }
}

/// What it is called where it cannot be read or written.
const WHAT: &str = "a step to the next view";

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    /// By which the keys of the signers follow from the view before, each member's oldest first.
    #[serde(borrow)]
    rotations: Vec<&'a [u8]>,
    certificate: &'a [u8],
    view: &'a [u8],
}

/// A step to the next view that two thirds of the members of the view before certified. Only a check
/// makes one.
#[derive(Debug, Clone)]
pub struct ViewLink {
    view: Arc<View>,
    bytes: Arc<[u8]>,
}

impl ViewLink {
    /// Puts a decided view, its certificate and the rotations by which the keys of the signers follow from
    /// those in the view `before` together. Where they make the step longer than
    /// [anybody takes](max_link_len), they stay away: whoever knows the keys needs none.
    pub(crate) fn assemble(
        before: &View,
        view: Arc<View>,
        certificate: &Certificate,
        rotations: &[Arc<[u8]>],
    ) -> Result<Self, WireError> {
        let written = view.to_bytes().map_err(|_| WireError::Encode { what: "a view" })?;
        let with = |rotations: &[Arc<[u8]>]| {
            Content {
                rotations: rotations.iter().map(AsRef::as_ref).collect(),
                certificate: certificate.as_bytes(),
                view: &written,
            }
            .to_bytes(view.mesh())
        };
        let mut bytes = with(rotations)?;
        if bytes.len() > max_link_len(before.len()) {
            let (found, rotations) = (bytes.len(), rotations.len());
            tracing::warn!(found, rotations, "too long a step: it goes without its rotations");
            bytes = with(&[])?;
        }
        Ok(Self { view, bytes: bytes.into() })
    }

    /// Takes back what this node stored itself, without checking a signature.
    pub(crate) fn restore(bytes: &[u8], before: &View) -> Result<Self, Refusal> {
        let link = UncheckedLink::parse(bytes, before.mesh())?;
        link.follows(before)?;
        Ok(Self { view: link.view, bytes: bytes.into() })
    }

    /// The view that it leads to.
    pub const fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// The step as it goes on the wire and into files.
    pub fn as_bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// The same without rotations, if it is longer than every transport carries in a mesh of `members`:
    /// whoever knows the keys can check that.
    pub(crate) fn shortened(&self, members: usize) -> Option<Vec<u8>> {
        if self.bytes.len() <= wire::max_packet_len(members) {
            return None;
        }
        let Ok(Packet::View(container)) = Packet::parse(&self.bytes) else { return None };
        let content: Content<'_> = wire::decode(WHAT, container.payload()).ok()?;
        Content { rotations: Vec::new(), ..content }.to_bytes(container.mesh()).ok()
    }
}

impl Content<'_> {
    fn to_bytes(&self, mesh: MeshId) -> Result<Vec<u8>, WireError> {
        Ok(Container::to_bytes(Tag::View, mesh, &wire::encode(WHAT, self)?))
    }
}

/// A step to the next view that has the right form and was not checked.
#[derive(Debug)]
pub(crate) struct UncheckedLink<'a> {
    view: Arc<View>,
    certificate: &'a [u8],
    rotations: Vec<&'a [u8]>,
}

impl<'a> UncheckedLink<'a> {
    pub(crate) fn read(container: Container<'a>) -> Result<Self, Refusal> {
        let content: Content<'a> = wire::decode(WHAT, container.payload())?;
        let view = View::from_bytes(content.view).map_err(|error| match error {
            crate::membership::ViewError::Wire(error) => Refusal::from(error),
            _ => Refusal::Nonsense("the view in it is none"),
        })?;
        if view.mesh() != container.mesh() {
            return Err(Refusal::OtherMesh(view.mesh()));
        }
        let Content { rotations, certificate, .. } = content;
        Ok(Self { view: Arc::new(view), certificate, rotations })
    }

    fn parse(bytes: &'a [u8], mesh: MeshId) -> Result<Self, Refusal> {
        match Packet::parse(bytes)? {
            Packet::View(container) if container.mesh() == mesh => Self::read(container),
            Packet::View(container) => Err(Refusal::OtherMesh(container.mesh())),
            _ => Err(Refusal::Nonsense("it is no step to a next view")),
        }
    }

    pub(crate) const fn view(&self) -> &Arc<View> {
        &self.view
    }

    pub(crate) fn rotations(&self) -> &[&'a [u8]] {
        &self.rotations
    }

    /// How many signature checks it costs against the view `before`.
    pub(crate) fn checks(&self, before: &View) -> Result<u32, Refusal> {
        let certificate = UncheckedCertificate::parse(self.certificate, before)?;
        let rotations = u32::try_from(self.rotations.len()).unwrap_or(u32::MAX);
        Ok(certificate.checks().saturating_add(rotations.saturating_mul(2)))
    }

    /// Whether it leads from `before`.
    pub(crate) fn follows(&self, before: &View) -> Result<(), Refusal> {
        let is_next = before.number().0.checked_add(1) == Some(self.view.number().0);
        let follows = is_next && self.view.previous() == Some(before.digest());
        follows
            .then_some(())
            .ok_or(Refusal::Nonsense("it does not lead on from the view known here"))
    }

    /// Whether this is the very certificate in it, which was checked before.
    pub(crate) fn is_certified_by(&self, certificate: &Certificate) -> bool {
        self.certificate == certificate.as_bytes() && self.is_what_says(certificate.event())
    }

    /// Its certificate before it is checked: by members' keys in `directory`, of the view before.
    pub(crate) fn pending<'d>(
        &'d self,
        directory: &'d Directory,
    ) -> Result<PendingCertificate<'d>, Refusal> {
        let pending = PendingCertificate::read(self.certificate, directory)?;
        match self.is_what_says(pending.event()) {
            true => Ok(pending),
            false => Err(Refusal::Nonsense("its certificate is for something else")),
        }
    }

    fn is_what_says(&self, event: &CriticalEvent) -> bool {
        let (view, digest) = (self.view.number(), self.view.digest());
        *event == CriticalEvent::ViewChange { view, digest }
    }

    /// Checks it by the view `before` and the rotations in it alone, whatever is known here: two signature
    /// checks for each rotation, one for each attestor. Rotations that lead nowhere are left behind: whoever
    /// knows the keys need not have looked at them, and passed them on. Gives the others.
    pub(crate) fn verify_alone(&self, before: &Arc<View>) -> Result<CheckedLink, Refusal> {
        self.follows(before)?;
        let mut history = KeyHistory::new(Arc::clone(before));
        let rotations = self.rotations.iter().filter(|rotation| history.add(rotation).is_ok());
        let rotations = rotations.map(|rotation| Arc::from(*rotation)).collect();
        let certificate = self.pending(history.directory())?.verify()?.into();
        Ok(CheckedLink { certificate, rotations: Some(rotations) })
    }
}

/// What a check of a step was about.
#[derive(Debug)]
pub(crate) struct CheckedLink {
    pub(crate) certificate: Arc<Certificate>,
    /// Those in it by which it was checked; `None` if it was by the keys that are known.
    pub(crate) rotations: Option<Vec<Arc<[u8]>>>,
}

/// Why a chain does not take a step.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The step is refused.
    #[error("the step to view {number}: {refusal}")]
    Link {
        /// The number of the view that was to come next.
        number: u64,
        /// What is wrong with it.
        refusal: Refusal,
    },
    /// A rotation in it is refused.
    #[error("the step to view {number}: {error}")]
    Rotation {
        /// The number of the view that was to come next.
        number: u64,
        /// What is wrong with it.
        error: HistoryError,
    },
}

/// The newest view that follows from one that is trusted, checked offline step by step.
///
/// It needs nothing but the steps, as they went over the wire: each brings the next view, its
/// certificate, and the rotations that lead to the keys of the signers.
#[derive(Debug)]
pub struct Chain {
    newest: Arc<View>,
    certificate: Option<Certificate>,
    /// Those in the newest step.
    rotations: Vec<Box<[u8]>>,
}

impl Chain {
    /// Begins at `trusted`: the genesis view of a mesh, or any later one whose digest is trusted.
    pub fn from_view(trusted: Arc<View>) -> Self {
        Self { newest: trusted, certificate: None, rotations: Vec::new() }
    }

    /// Takes the next step; one signature check for each attestor, two for each rotation in it.
    ///
    /// # Errors
    /// [`ChainError`] says what is wrong; the chain ends where it did before.
    pub fn extend(&mut self, link: &[u8]) -> Result<&Arc<View>, ChainError> {
        let before = Arc::clone(self.newest());
        let number = before.number().0.saturating_add(1);
        let refused = |refusal| ChainError::Link { number, refusal };
        let link = UncheckedLink::parse(link, before.mesh()).map_err(refused)?;
        link.follows(&before).map_err(refused)?;
        let mut history = KeyHistory::new(before);
        for rotation in link.rotations() {
            let added = history.add(rotation);
            added.map_err(|error| ChainError::Rotation { number, error })?;
        }
        let pending = link.pending(history.directory()).map_err(refused)?;
        let certificate = pending.verify().map_err(refused)?;
        self.rotations = link.rotations.iter().map(|rotation| Box::from(*rotation)).collect();
        (self.newest, self.certificate) = (link.view, Some(certificate));
        Ok(self.newest())
    }

    /// The newest view.
    pub const fn newest(&self) -> &Arc<View> {
        &self.newest
    }

    /// The newest view with the rotations in the step that led to it, as far as they go on from the keys
    /// that it gives: most of what was decided there can be checked with that. Two signature checks for
    /// each rotation.
    pub fn history(&self) -> KeyHistory {
        let mut history = KeyHistory::new(Arc::clone(&self.newest));
        for rotation in &self.rotations {
            // Those that lead to the keys that the view gives are left behind, and those of who left.
            let _followed = history.add(rotation);
        }
        history
    }

    /// By which the members of the view before decided on the newest one; `None` before the first step.
    /// Its attestors stand at their places in the view before.
    pub const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }
}
