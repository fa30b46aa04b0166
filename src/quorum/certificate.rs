//! Enough attestations of one event, for anyone to check.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, Serializer};

use super::attestation::VerifiedAttestation;
use super::ballot::{Ballot, Phase, VerifiedBallot};
use super::{CriticalEvent, PendingCertificate};
use crate::id::{Digest, Epoch, MeshId, Nonce};
use crate::membership::{Directory, MemberIndex, View};
use crate::suite::Suite;
use crate::wire::{self, Container, Packet, Refusal, Tag, WireError};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Signed<'a> {
    pub(super) attestor: MemberIndex,
    pub(super) nonce: Nonce,
    pub(super) suite: Suite,
    pub(super) epoch: Epoch,
    pub(super) key: Digest,
    #[serde(serialize_with = "in_one_piece")]
    pub(super) signature: &'a [u8],
}

/// Written as it would be byte by byte, in a tenth of the time.
fn in_one_piece<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Content<'a> {
    pub(super) view: Digest,
    pub(super) event: CriticalEvent,
    /// In which it was decided, where its slot is exclusive.
    pub(super) round: Option<u32>,
    /// In the order of the view, each member once.
    #[serde(borrow)]
    pub(super) signed: Vec<Signed<'a>>,
}

/// A checked certificate: at least ⌈2n/3⌉ members of one view attested one event. Only a check, or
/// the assembly of checked attestations, makes one, so it need not be checked twice.
///
/// It says what was agreed then, not what holds now: a node that was certified as failed may have
/// come back since.
///
/// It is as long as its signatures: of a node's failure, as ⌈2n/3⌉ members attest it, in either
/// suite (`cargo test certificate_sizes` holds this table to the truth):
///
/// | members | attestors | bytes |
/// |---|---|---|
/// | 4 | 3 | 10238 |
/// | 10 | 7 | 23718 |
/// | 30 | 20 | 67528 |
/// | 100 | 67 | 225918 |
#[derive(Debug, Clone)]
pub struct Certificate {
    view: Digest,
    event: CriticalEvent,
    round: Option<u32>,
    attestors: Vec<MemberIndex>,
    /// The numbers of their statements, in the same order.
    nonces: Vec<Nonce>,
    bytes: Vec<u8>,
}

impl Certificate {
    /// Puts checked attestations of one event together, if they are enough.
    pub(super) fn assemble<'a>(
        event: &CriticalEvent,
        attestations: impl Iterator<Item = &'a VerifiedAttestation>,
        (mesh, view): (MeshId, &View),
    ) -> Option<Self> {
        let signed =
            attestations.filter(|attestation| attestation.event == *event).map(|attestation| {
                Signed {
                    attestor: attestation.attestor,
                    nonce: attestation.nonce,
                    suite: attestation.record.key.suite(),
                    epoch: attestation.record.epoch,
                    key: attestation.record.key.digest(),
                    signature: &attestation.signature,
                }
            });
        let content = Content::new(view, event, None, signed);
        Self::assembled(content, Tag::Certificate, (mesh, view))
    }

    /// Puts checked ballots of one phase and round for one event together, if they are enough.
    pub(super) fn assemble_ballots<'a>(
        event: &CriticalEvent,
        (round, phase): (u32, Phase),
        ballots: impl Iterator<Item = &'a VerifiedBallot>,
        (mesh, view): (MeshId, &View),
    ) -> Option<Self> {
        let wanted = Ballot::for_event(event, round, phase)?;
        let signed = ballots.filter(|ballot| ballot.ballot == wanted).map(|ballot| Signed {
            attestor: ballot.voter,
            nonce: ballot.nonce,
            suite: ballot.record.key.suite(),
            epoch: ballot.record.epoch,
            key: ballot.record.key.digest(),
            signature: &ballot.signature,
        });
        let content = Content::new(view, event, Some(round), signed);
        Self::assembled(content, tag(phase), (mesh, view))
    }

    fn assembled(content: Content<'_>, tag: Tag, (mesh, view): (MeshId, &View)) -> Option<Self> {
        check_shape(&content, view).ok()?;
        let payload = wire::encode("a certificate", &content).ok()?;
        Some(Self::of(content, Container::to_bytes(tag, mesh, &payload)))
    }

    pub(super) fn of(content: Content<'_>, bytes: Vec<u8>) -> Self {
        let attestors = content.signed.iter().map(|signed| signed.attestor).collect();
        let nonces = content.signed.iter().map(|signed| signed.nonce).collect();
        let Content { view, event, round, .. } = content;
        Self { view, event, round, attestors, nonces, bytes }
    }

    /// Checks a certificate offline, against the view and the keys of its members: one signature
    /// check for each attestor, and a single one that does not hold voids the whole.
    /// [`PendingCertificate`] does the same on several threads, and tells which one did not hold.
    ///
    /// # Errors
    /// [`Refusal`] says what is wrong with it.
    pub fn verify(bytes: &[u8], directory: &Directory) -> Result<Self, Refusal> {
        PendingCertificate::read(bytes, directory)?.verify()
    }

    /// What was agreed.
    pub const fn event(&self) -> &CriticalEvent {
        &self.event
    }

    /// The round it was decided in, where its slot is exclusive; all its attestors precommitted then.
    pub const fn round(&self) -> Option<u32> {
        self.round
    }

    /// The digest of the view it was agreed in.
    pub const fn view(&self) -> Digest {
        self.view
    }

    /// Who attested, in the order of the view.
    pub fn attestors(&self) -> &[MemberIndex] {
        &self.attestors
    }

    /// Who attested, each under which key, in the order of `view`, in which it was agreed.
    pub(crate) fn signers(&self, view: &View) -> Vec<(MemberIndex, Epoch, Digest)> {
        let form = UncheckedCertificate::parse(&self.bytes, view);
        let signed = form.map(|form| form.content.signed).unwrap_or_default();
        signed.iter().map(|one| (one.attestor, one.epoch, one.key)).collect()
    }

    /// The number of the statement of `member` in it.
    pub(super) fn nonce_of(&self, member: MemberIndex) -> Option<Nonce> {
        let place = self.attestors.binary_search(&member).ok()?;
        self.nonces.get(place).copied()
    }

    /// Whether more than `faults` members say something newer here than in `other`, so that at least
    /// one honest member does. An old certificate that is shown again is never newer.
    pub(super) fn is_newer_than(&self, other: &Self, faults: usize) -> bool {
        let newer = self.attestors.iter().filter(|member| {
            other.nonce_of(**member).is_some_and(|before| Some(before) < self.nonce_of(**member))
        });
        newer.count() > faults
    }

    /// The certificate as it goes on the wire and into files.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A certificate that has the right form and whose signatures have not been checked.
#[derive(Debug)]
pub(crate) struct UncheckedCertificate<'a> {
    pub(super) content: Content<'a>,
    pub(super) container: Container<'a>,
    pub(super) phase: Phase,
}

impl<'a> UncheckedCertificate<'a> {
    /// Reads one from a file, where nothing was looked at yet.
    pub(super) fn parse(bytes: &'a [u8], view: &View) -> Result<Self, Refusal> {
        let (found, limit) = (bytes.len(), wire::max_container_len(view.len()));
        if found > limit {
            return Err(WireError::TooLong { what: "a certificate", found, limit }.into());
        }
        match Packet::parse(bytes)? {
            Packet::Certificate(container) if container.mesh() == view.mesh() => {
                Self::read(container, view, Phase::Precommit)
            }
            Packet::Certificate(container) => Err(Refusal::OtherMesh(container.mesh())),
            _ => Err(Refusal::Nonsense("it is no certificate")),
        }
    }

    /// Reads a certificate, or, of the other phase, two thirds of prevotes.
    pub(crate) fn read(
        container: Container<'a>,
        view: &View,
        phase: Phase,
    ) -> Result<Self, Refusal> {
        let content: Content<'_> = wire::decode("a certificate", container.payload())?;
        if content.view != view.digest() {
            return Err(Refusal::Nonsense("it is meant for another view"));
        }
        content.event.check(view).map_err(Refusal::Nonsense)?;
        check_shape(&content, view).map_err(Refusal::CertificateShape)?;
        if phase == Phase::Prevote && content.round.is_none() {
            return Err(Refusal::Nonsense("nobody prevotes on what is observed"));
        }
        Ok(Self { content, container, phase })
    }

    pub(crate) const fn event(&self) -> &CriticalEvent {
        &self.content.event
    }

    pub(super) const fn round(&self) -> Option<u32> {
        self.content.round
    }

    /// How many signature checks it costs.
    pub(crate) fn checks(&self) -> u32 {
        u32::try_from(self.content.signed.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn verify(self, directory: &Directory) -> Result<Certificate, Refusal> {
        PendingCertificate::new(self, directory)?.verify()
    }
}

impl<'a> Content<'a> {
    fn new(
        view: &View,
        event: &CriticalEvent,
        round: Option<u32>,
        signed: impl Iterator<Item = Signed<'a>>,
    ) -> Self {
        let mut signed: Vec<_> = signed.collect();
        signed.sort_by_key(|signed| signed.attestor);
        Self { view: view.digest(), event: event.clone(), round, signed }
    }
}

pub(super) const fn tag(phase: Phase) -> Tag {
    match phase {
        Phase::Prevote => Tag::Prevotes,
        Phase::Precommit => Tag::Certificate,
    }
}

/// Everything about a certificate except its signatures.
fn check_shape(content: &Content<'_>, view: &View) -> Result<(), &'static str> {
    let Content { event, round, signed, .. } = content;
    if round.is_some() != event.slot().is_exclusive() {
        return Err("ballots decide exclusive slots, and those alone");
    }
    if !signed.is_sorted_by(|one, next| one.attestor < next.attestor) {
        return Err("its attestors are not in order, each once");
    }
    if signed.len() < view.quorum() {
        return Err("it has too few attestors");
    }
    let ids: Option<BTreeSet<_>> =
        signed.iter().map(|one| Some(view.member(one.attestor)?.id)).collect();
    let ids = ids.ok_or("an attestor is no member")?;
    if ids.iter().any(|attestor| event.bars(attestor).is_some()) {
        return Err(match event {
            CriticalEvent::NodeFailure { .. } => "the failed node is among its attestors",
            _ => "an attestor is one whose word on it does not count",
        });
    }
    if event.required_attestor().is_some_and(|required| !ids.contains(&required)) {
        return Err("the end of the link that misses the other is not among its attestors");
    }
    Ok(())
}
