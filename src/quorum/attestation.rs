//! One member's signed statement that an event was observed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::CriticalEvent;
use crate::id::{Digest, Millis, Nonce};
use crate::membership::{Directory, KeyRecord, MemberIndex, View};
use crate::suite::{Entropy, Purpose, SigningKey};
use crate::wire::{self, Refusal, Statement, StatementHead, Tag, WireError, seal_statement};

#[derive(Serialize, Deserialize)]
struct Content {
    view: Digest,
    nonce: Nonce,
    event: CriticalEvent,
}

/// Signs an attestation of `event` in the view with digest `view`, as it goes on the wire. The
/// nonce orders the statements of one member, so that an old one played again replaces nothing.
///
/// It signs whatever it is told: hosts use
/// [`QuorumValidator::report_critical_event`](super::QuorumValidator::report_critical_event).
///
/// # Errors
/// What the scheme says.
pub fn seal_attestation(
    event: &CriticalEvent,
    (view, nonce): (Digest, Nonce),
    head: &StatementHead,
    key: &SigningKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, WireError> {
    seal_statement(Tag::Attestation, head, &content(event, view, nonce)?, key, entropy)
}

fn content(event: &CriticalEvent, view: Digest, nonce: Nonce) -> Result<Vec<u8>, WireError> {
    wire::encode("an attestation", &Content { view, nonce, event: event.clone() })
}

/// The bytes that `head`'s member signs to attest `event`. All but head and nonce is the same for
/// every attestor, so a certificate need not repeat it.
pub(super) fn signed_bytes(
    event: &CriticalEvent,
    (view, nonce): (Digest, Nonce),
    head: &StatementHead,
) -> Result<Vec<u8>, WireError> {
    head.signed_bytes(Tag::Attestation, &content(event, view, nonce)?)
}

/// An attestation as it was received, read and not yet checked.
#[derive(Debug, Clone)]
pub struct Attestation<'a> {
    statement: Statement<'a>,
    attestor: MemberIndex,
    nonce: Nonce,
    event: CriticalEvent,
}

impl<'a> Attestation<'a> {
    /// Reads an attestation by a member of `view`, in that view, of an event that makes sense.
    ///
    /// # Errors
    /// [`Refusal`] says what it is instead.
    pub fn read(statement: Statement<'a>, view: &View) -> Result<Self, Refusal> {
        let origin = statement.head().origin;
        let attestor = view.index_of(&origin).ok_or(Refusal::UnknownOrigin(origin))?;
        let content: Content = wire::decode("an attestation", statement.content())?;
        if content.view != view.digest() {
            return Err(Refusal::Nonsense("it is meant for another view"));
        }
        content.event.check(view).map_err(Refusal::Nonsense)?;
        if content.event.slot().is_exclusive() {
            return Err(Refusal::Nonsense("ballots decide an exclusive slot"));
        }
        if let Some(why) = content.event.bars(&origin) {
            return Err(Refusal::Nonsense(why));
        }
        Ok(Self { statement, attestor, nonce: content.nonce, event: content.event })
    }

    /// Who attests.
    pub const fn attestor(&self) -> MemberIndex {
        self.attestor
    }

    /// What is attested.
    pub const fn event(&self) -> &CriticalEvent {
        &self.event
    }

    /// Its place among the statements of its attestor.
    pub const fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// Who attests, and under which key.
    pub const fn head(&self) -> &StatementHead {
        self.statement.head()
    }

    /// What travels beside it: for a node failure, the subject's signed header at the mark.
    pub const fn evidence(&self) -> &'a [u8] {
        self.statement.attachment()
    }

    /// Its signature, not yet checked.
    pub(super) const fn signature(&self) -> &'a [u8] {
        self.statement.signature()
    }

    /// Checks the signature: one check.
    ///
    /// # Errors
    /// [`Refusal::UnknownKey`] or [`Refusal::BadSignature`].
    pub fn verify(
        self,
        directory: &Directory,
        now: Millis,
    ) -> Result<VerifiedAttestation, Refusal> {
        let head = self.statement.head();
        let key = directory
            .key(self.attestor, (head.epoch, head.key, head.suite), now)
            .ok_or(Refusal::UnknownKey { origin: head.origin, epoch: head.epoch })?;
        let (signed, signature) = (self.statement.signed(), self.statement.signature());
        directory.verify(&key.record, Purpose::Attestation, signed, signature)?;
        Ok(VerifiedAttestation {
            attestor: self.attestor,
            nonce: self.nonce,
            event: self.event,
            record: key.record,
            signature: Box::from(signature),
        })
    }
}

/// An attestation whose signature holds. Only [`Attestation::verify`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedAttestation {
    pub(super) attestor: MemberIndex,
    pub(super) nonce: Nonce,
    pub(super) event: CriticalEvent,
    pub(super) record: Arc<KeyRecord>,
    pub(super) signature: Box<[u8]>,
}

impl VerifiedAttestation {
    /// Who attests.
    pub const fn attestor(&self) -> MemberIndex {
        self.attestor
    }

    /// What is attested.
    pub const fn event(&self) -> &CriticalEvent {
        &self.event
    }
}
