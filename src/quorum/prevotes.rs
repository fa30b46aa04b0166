//! Two thirds of prevotes for one content: what a lock stands on, and what a lock is left for.

use super::ballot::{Phase, VerifiedBallot};
use super::certificate::UncheckedCertificate;
use super::voter::Backed;
use super::{Certificate, CriticalEvent, Slot};
use crate::id::MeshId;
use crate::membership::{Directory, View};
use crate::wire::{Container, Packet, Refusal};

/// Checked prevotes of two thirds of the members for one content in one round. It has a certificate's
/// form and certifies nothing.
#[derive(Debug, Clone)]
pub(crate) struct Prevotes {
    agreed: Certificate,
    backed: Backed,
}

impl Prevotes {
    pub(super) fn assemble<'a>(
        event: &CriticalEvent,
        round: u32,
        ballots: impl Iterator<Item = &'a VerifiedBallot>,
        about: (MeshId, &View),
    ) -> Option<Self> {
        let at = (round, Phase::Prevote);
        Self::of(Certificate::assemble_ballots(event, at, ballots, about)?)
    }

    fn of(agreed: Certificate) -> Option<Self> {
        let (round, content) = (agreed.round()?, agreed.event().content()?);
        Some(Self { backed: Backed { round, content }, agreed })
    }

    /// Reads and checks what was stored.
    pub(super) fn verify(bytes: &[u8], directory: &Directory) -> Result<Self, Refusal> {
        match Packet::parse(bytes)? {
            Packet::Prevotes(container) if container.mesh() == directory.view().mesh() => {
                UncheckedPrevotes::read(container, directory.view())?.verify(directory)
            }
            _ => Err(Refusal::Nonsense("these are no prevotes of this mesh")),
        }
    }

    pub(crate) fn slot(&self) -> Slot {
        self.agreed.event().slot()
    }

    pub(crate) const fn event(&self) -> &CriticalEvent {
        self.agreed.event()
    }

    pub(super) const fn backed(&self) -> Backed {
        self.backed
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.agreed.as_bytes()
    }
}

/// Prevotes that have the right form and whose signatures have not been checked.
#[derive(Debug)]
pub(crate) struct UncheckedPrevotes<'a>(UncheckedCertificate<'a>);

impl<'a> UncheckedPrevotes<'a> {
    pub(crate) fn read(container: Container<'a>, view: &View) -> Result<Self, Refusal> {
        UncheckedCertificate::read(container, view, Phase::Prevote).map(Self)
    }

    pub(super) fn slot(&self) -> Slot {
        self.0.event().slot()
    }

    pub(super) const fn round(&self) -> Option<u32> {
        self.0.round()
    }

    pub(crate) fn checks(&self) -> u32 {
        self.0.checks()
    }

    pub(crate) fn verify(self, directory: &Directory) -> Result<Prevotes, Refusal> {
        let agreed = self.0.verify(directory)?;
        Prevotes::of(agreed).ok_or(Refusal::Nonsense("nobody prevotes on what is observed"))
    }
}
