//! One member's signed vote in one round on an exclusive slot.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Choice, CriticalEvent, Slot};
use crate::id::{Digest, MeshId, Millis, Nonce};
use crate::membership::{Directory, KeyRecord, MemberIndex, View};
use crate::suite::{Entropy, Purpose, SigningKey};
use crate::wire::{self, Refusal, Statement, StatementHead, Tag, WireError, seal_statement};

/// The two phases of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// What a member would have.
    Prevote,
    /// What a member holds itself to, since two thirds would have it.
    Precommit,
}

/// A vote in one round on an exclusive slot: for a content, or for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    pub(super) slot: Slot,
    pub(super) round: u32,
    pub(super) phase: Phase,
    pub(super) choice: Choice,
}

impl Ballot {
    /// A vote for `event`; `None` if its slot is not exclusive.
    pub fn for_event(event: &CriticalEvent, round: u32, phase: Phase) -> Option<Self> {
        let choice = Some(event.content()?);
        Some(Self { slot: event.slot(), round, phase, choice })
    }

    /// A vote for nothing in the slot of `event`; `None` if that is not exclusive.
    pub fn for_nothing(event: &CriticalEvent, round: u32, phase: Phase) -> Option<Self> {
        Some(Self { choice: None, ..Self::for_event(event, round, phase)? })
    }

    /// What it is for; `None` if for nothing.
    pub fn event(&self) -> Option<CriticalEvent> {
        self.slot.event(self.choice?)
    }

    pub(crate) const fn slot(&self) -> Slot {
        self.slot
    }

    /// The round.
    pub const fn round(&self) -> u32 {
        self.round
    }

    /// The phase.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it is for a slot of `view` that ballots decide.
    pub(super) fn check(&self, view: &View) -> Result<(), &'static str> {
        let any = self.choice.unwrap_or_else(|| Digest::from_bytes([0; 32]));
        self.slot.event(any).ok_or("ballots decide exclusive slots alone")?.check(view)
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    view: Digest,
    nonce: Nonce,
    ballot: Ballot,
}

/// Signs a ballot in the view with digest `view`, as it goes on the wire. The nonce orders the
/// statements of one member, as with attestations.
///
/// It signs whatever it is told: hosts use
/// [`Core::report_critical_event`](crate::core::Core::report_critical_event).
///
/// # Errors
/// What the scheme says.
pub fn seal_ballot(
    ballot: &Ballot,
    about: (Digest, Nonce),
    head: &StatementHead,
    key: &SigningKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, WireError> {
    seal_statement(Tag::Ballot, head, &content(ballot, about)?, key, entropy)
}

fn content(ballot: &Ballot, (view, nonce): (Digest, Nonce)) -> Result<Vec<u8>, WireError> {
    wire::encode("a ballot", &Content { view, nonce, ballot: *ballot })
}

/// The bytes that `head`'s member signs to cast `ballot`.
pub(super) fn signed_bytes(
    ballot: &Ballot,
    about: (Digest, Nonce),
    head: &StatementHead,
) -> Result<Vec<u8>, WireError> {
    head.signed_bytes(Tag::Ballot, &content(ballot, about)?)
}

/// A ballot as it was received, read and not yet checked.
#[derive(Debug, Clone)]
pub struct UncheckedBallot<'a> {
    statement: Statement<'a>,
    voter: MemberIndex,
    nonce: Nonce,
    ballot: Ballot,
}

impl<'a> UncheckedBallot<'a> {
    /// Reads a ballot by a member of `view`, in that view, on a slot that ballots decide.
    ///
    /// # Errors
    /// [`Refusal`] says what it is instead.
    pub fn read(statement: Statement<'a>, view: &View) -> Result<Self, Refusal> {
        let CastBallot { view: digest, ballot } = CastBallot::read(statement, view)?;
        if digest != view.digest() {
            return Err(Refusal::Nonsense("it is meant for another view"));
        }
        ballot.ballot.check(view).map_err(Refusal::Nonsense)?;
        Ok(ballot)
    }

    /// Who votes.
    pub const fn voter(&self) -> MemberIndex {
        self.voter
    }

    /// The vote.
    pub const fn ballot(&self) -> &Ballot {
        &self.ballot
    }

    /// Its place among the statements of its voter.
    pub const fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// Who votes, and under which key.
    pub const fn head(&self) -> &StatementHead {
        self.statement.head()
    }

    /// Whether it is, to the byte, what was checked before.
    pub(super) fn is(&self, verified: &VerifiedBallot) -> bool {
        let (head, record) = (self.head(), &verified.record);
        *verified.signature == *self.statement.signature()
            && (head.epoch, head.suite, head.key)
                == (record.epoch, record.key.suite(), record.key.digest())
            && (self.voter, self.nonce, self.ballot)
                == (verified.voter, verified.nonce, verified.ballot)
    }

    /// Checks the signature: one check.
    ///
    /// # Errors
    /// [`Refusal::UnknownKey`] or [`Refusal::BadSignature`].
    pub fn verify(self, directory: &Directory, now: Millis) -> Result<VerifiedBallot, Refusal> {
        let head = self.statement.head();
        let key = directory
            .key(self.voter, (head.epoch, head.key, head.suite), now)
            .ok_or(Refusal::UnknownKey { origin: head.origin, epoch: head.epoch })?;
        self.verify_under(key.record, directory)
    }

    /// Checks the signature, if any key that its voter ever had holds it: one check.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    pub(crate) fn verify_ever(&self, directory: &Directory) -> Result<(), Refusal> {
        let head = self.statement.head();
        let record = directory
            .key_ever(self.voter, (head.epoch, head.key, head.suite))
            .ok_or(Refusal::UnknownKey { origin: head.origin, epoch: head.epoch })?;
        let (signed, signature) = (self.statement.signed(), self.statement.signature());
        Ok(directory.verify(&record, Purpose::Ballot, signed, signature)?)
    }

    fn verify_under(
        self,
        record: Arc<KeyRecord>,
        directory: &Directory,
    ) -> Result<VerifiedBallot, Refusal> {
        let (signed, signature) = (self.statement.signed(), self.statement.signature());
        directory.verify(&record, Purpose::Ballot, signed, signature)?;
        Ok(VerifiedBallot {
            voter: self.voter,
            nonce: self.nonce,
            ballot: self.ballot,
            record,
            signature: Box::from(signature),
        })
    }
}

/// A ballot in whatever view it was cast: half of a proof, which counts nowhere. A proof outlives the
/// view that it is about, and there is no telling here what made sense in that.
#[derive(Debug)]
pub(super) struct CastBallot<'a> {
    view: Digest,
    ballot: UncheckedBallot<'a>,
}

impl<'a> CastBallot<'a> {
    /// Reads a ballot by a member of `now`, in any view, on a slot that ballots decide.
    pub(super) fn read(statement: Statement<'a>, now: &View) -> Result<Self, Refusal> {
        let origin = statement.head().origin;
        let voter = now.index_of(&origin).ok_or(Refusal::UnknownOrigin(origin))?;
        let Content { view, nonce, ballot } = wire::decode("a ballot", statement.content())?;
        if !ballot.slot.is_exclusive() {
            return Err(Refusal::Nonsense("ballots decide exclusive slots alone"));
        }
        if !statement.attachment().is_empty() {
            return Err(WireError::Trailing { extra: statement.attachment().len() }.into());
        }
        Ok(Self { view, ballot: UncheckedBallot { statement, voter, nonce, ballot } })
    }

    /// Where it counts: who voted, in which view and slot, round and phase. A member may cast one
    /// there.
    pub(super) const fn place(&self) -> (MemberIndex, Digest, Slot, u32, Phase) {
        let Ballot { slot, round, phase, .. } = self.ballot.ballot;
        (self.ballot.voter, self.view, slot, round, phase)
    }

    /// What it is for.
    pub(super) const fn choice(&self) -> Choice {
        self.ballot.ballot.choice
    }

    /// The vote.
    pub(super) const fn ballot(&self) -> Ballot {
        self.ballot.ballot
    }

    /// Who voted, and under which key.
    pub(super) const fn head(&self) -> &StatementHead {
        self.ballot.head()
    }

    /// Checks the signature of what may have been said long ago, under a key that is no more.
    pub(super) fn verify_ever(&self, directory: &Directory) -> Result<(), Refusal> {
        self.ballot.verify_ever(directory)
    }
}

/// A ballot whose signature holds. Only [`UncheckedBallot::verify`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedBallot {
    pub(super) voter: MemberIndex,
    pub(super) nonce: Nonce,
    pub(super) ballot: Ballot,
    pub(super) record: Arc<KeyRecord>,
    pub(super) signature: Box<[u8]>,
}

impl VerifiedBallot {
    /// Who votes.
    pub const fn voter(&self) -> MemberIndex {
        self.voter
    }

    /// The vote.
    pub const fn ballot(&self) -> &Ballot {
        &self.ballot
    }

    /// The statement as it goes on the wire.
    pub(super) fn to_bytes(&self, mesh: MeshId, view: &View) -> Result<Vec<u8>, WireError> {
        let unknown = WireError::Encode { what: "a ballot by no member" };
        let member = view.member(self.voter).ok_or(unknown)?;
        let head = StatementHead::new(mesh, member.id, self.record.epoch, &self.record.key);
        let mut bytes = signed_bytes(&self.ballot, (view.digest(), self.nonce), &head)?;
        bytes.extend_from_slice(&self.signature);
        Ok(bytes)
    }
}
