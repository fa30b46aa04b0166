//! A certificate's signature checks, each on its own, so that any thread may run it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ballot::{self, Ballot};
use super::certificate::{Signed, UncheckedCertificate, tag};
use super::{Certificate, CriticalEvent, attestation};
use crate::id::Nonce;
use crate::membership::{Directory, KeyRecord, MemberIndex};
use crate::suite::Purpose;
use crate::wire::{Container, Refusal, StatementHead};

/// A certificate of the right form, under known keys, whose signatures are still to be checked. The
/// checks do not depend on each other; when all of them held, and not before, it becomes a
/// [`Certificate`].
///
/// ```
/// use meshward::{Certificate, Directory, PendingCertificate, Refusal};
///
/// fn on_four_threads(bytes: &[u8], directory: &Directory) -> Result<Certificate, Refusal> {
///     let pending = PendingCertificate::read(bytes, directory)?;
///     let checks: Vec<_> = pending.checks().collect();
///     std::thread::scope(|scope| {
///         for part in checks.chunks(checks.len().div_ceil(4)) {
///             scope.spawn(|| part.iter().all(|check| check.run().is_ok()));
///         }
///     });
///     pending.verify()
/// }
/// ```
#[derive(Debug)]
pub struct PendingCertificate<'a> {
    form: UncheckedCertificate<'a>,
    directory: &'a Directory,
    /// As many as there are signatures, in the same order.
    signers: Vec<Signer>,
}

#[derive(Debug)]
struct Signer {
    record: Arc<KeyRecord>,
    head: StatementHead,
    held: AtomicBool,
}

impl<'a> PendingCertificate<'a> {
    /// Reads a certificate as it goes on the wire and into files. No signature is checked.
    ///
    /// # Errors
    /// [`Refusal`] says what is wrong with its form, or which key is not known.
    pub fn read(bytes: &'a [u8], directory: &'a Directory) -> Result<Self, Refusal> {
        Self::new(UncheckedCertificate::parse(bytes, directory.view())?, directory)
    }

    /// Looks up all keys before a signature is checked: a certificate that cannot be checked yet is
    /// nobody's fault, even if a signature before the unknown key would not have held.
    pub(super) fn new(
        form: UncheckedCertificate<'a>,
        directory: &'a Directory,
    ) -> Result<Self, Refusal> {
        let view = directory.view();
        let signer = |one: &Signed<'_>| {
            let member = view.member(one.attestor).ok_or(Refusal::Refuted)?;
            let record = directory
                .key_ever(one.attestor, (one.epoch, one.key, one.suite))
                .ok_or(Refusal::UnknownKey { origin: member.id, epoch: one.epoch })?;
            let head = StatementHead::new(view.mesh(), member.id, record.epoch, &record.key);
            Ok(Signer { record, head, held: AtomicBool::new(false) })
        };
        let signers = form.content.signed.iter().map(signer).collect::<Result<_, Refusal>>()?;
        Ok(Self { form, directory, signers })
    }

    /// What it says was agreed, if its signatures hold.
    pub const fn event(&self) -> &CriticalEvent {
        &self.form.content.event
    }

    /// One check for each attestor, in the order of the view.
    pub fn checks(&self) -> impl Iterator<Item = SignatureCheck<'_>> {
        let signed = self.signers.iter().zip(&self.form.content.signed);
        signed.map(|(signer, signed)| SignatureCheck { pending: self, signer, signed })
    }

    /// Runs the checks that have not held yet, until one does not hold.
    ///
    /// # Errors
    /// [`Refusal::Refuted`] for a signature that does not hold: it voids the whole.
    pub fn verify(self) -> Result<Certificate, Refusal> {
        let open = self.checks().filter(|check| !check.signer.held.load(Ordering::Relaxed));
        for check in open {
            check.run().map_err(Refusal::of_the_whole)?;
        }
        let UncheckedCertificate { content, container, phase } = self.form;
        let bytes = Container::to_bytes(tag(phase), container.mesh(), container.payload());
        Ok(Certificate::of(content, bytes))
    }
}

/// The check of one attestor's signature in a [`PendingCertificate`].
#[derive(Debug, Clone, Copy)]
pub struct SignatureCheck<'p> {
    pending: &'p PendingCertificate<'p>,
    signer: &'p Signer,
    signed: &'p Signed<'p>,
}

impl<'p> SignatureCheck<'p> {
    /// Whose signature it is.
    pub const fn attestor(&self) -> MemberIndex {
        self.signed.attestor
    }

    /// Who attests, and under which key.
    pub const fn head(&self) -> &'p StatementHead {
        &self.signer.head
    }

    /// The place of the attestation among the statements of its attestor.
    pub const fn nonce(&self) -> Nonce {
        self.signed.nonce
    }

    /// Checks it, and remembers in the certificate that it held: one signature check.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`], or [`Refusal::SuiteUnavailable`] where nothing can be said.
    pub fn run(&self) -> Result<(), Refusal> {
        let PendingCertificate { form, directory, .. } = self.pending;
        let about = (form.content.view, self.signed.nonce);
        let (event, head) = (&form.content.event, &self.signer.head);
        let ballot = form.content.round.and_then(|at| Ballot::for_event(event, at, form.phase));
        let (purpose, message) = match &ballot {
            Some(ballot) => (Purpose::Ballot, ballot::signed_bytes(ballot, about, head)?),
            None => (Purpose::Attestation, attestation::signed_bytes(event, about, head)?),
        };
        let (record, signature) = (&self.signer.record, self.signed.signature);
        directory.verify(record, purpose, &message, signature)?;
        // No order is needed: who goes on to the certificate has waited for every other thread.
        self.signer.held.store(true, Ordering::Relaxed);
        Ok(())
    }
}
