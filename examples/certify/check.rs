//! The checks: what a third party does who has a view file and nothing else.

use std::sync::Arc;

use meshward::membership::MemberIndex;
use meshward::quorum::ChainError;
use meshward::quorum::{Proven, SignatureCheck};
use meshward::wire::{Tag, max_container_len};
use meshward::{
    Certificate, Epoch, EquivocationProof, KeyHistory, PendingCertificate, Refusal, Suite, View,
};

/// What one file turned out to be.
#[derive(Debug)]
pub(crate) enum Finding {
    /// A certificate that holds.
    Certificate(Certified),
    /// A proof that holds.
    Proof(Box<(EquivocationProof, Proven)>),
    /// A step to the next view that holds.
    Step(Step),
    /// Something that does not hold.
    Bad(Bad),
    /// It could not be read; a sentence.
    Unreadable(String),
}

/// A certificate that holds.
#[derive(Debug)]
pub(crate) struct Certified {
    pub(crate) certificate: Certificate,
    /// Who signed, in the order of the view.
    pub(crate) signers: Vec<Signer>,
}

/// A step to the next view.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) next: Arc<View>,
    /// Who decided on it, at their places in the view before.
    pub(crate) attestors: Vec<MemberIndex>,
}

/// A member that signed, and the key it signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) member: MemberIndex,
    pub(crate) epoch: Epoch,
    pub(crate) suite: Suite,
}

/// Something that does not hold.
#[derive(Debug)]
pub(crate) struct Bad {
    /// What it claims to be.
    pub(crate) kind: Option<Tag>,
    pub(crate) why: Why,
}

/// Why something does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It has a form that it may not have, or is not for this view.
    Refused(Refusal),
    /// The signatures of these do not hold.
    Signatures(Vec<Signer>),
    /// It is longer than anything to be checked in this mesh, which may have so many bytes.
    TooLong(usize),
    /// It is a packet of another kind.
    OtherPacket,
    /// It is a view file.
    ViewFile,
    /// It is a step that does not lead on from the newest view.
    Step(ChainError),
}

/// Checks one file against one view, a certificate on so many threads.
pub(crate) fn check(bytes: &[u8], history: &KeyHistory, threads: usize) -> Finding {
    let limit = max_container_len(history.view().len());
    let bad = |kind, why| Finding::Bad(Bad { kind, why });
    if bytes.starts_with(&KeyHistory::BEGINNING) {
        return bad(None, Why::ViewFile);
    }
    let tag = match Tag::of(bytes) {
        Ok(tag) => tag,
        Err(error) => return bad(None, Why::Refused(error.into())),
    };
    if bytes.len() > limit {
        return bad(Some(tag), Why::TooLong(limit));
    }
    let found = match tag {
        Tag::Certificate => certificate(bytes, history, threads),
        Tag::Proof => proof(bytes, history).map_err(Why::Refused),
        _ => Err(Why::OtherPacket),
    };
    found.unwrap_or_else(|why| bad(Some(tag), why))
}

fn certificate(bytes: &[u8], history: &KeyHistory, threads: usize) -> Result<Finding, Why> {
    let pending = PendingCertificate::read(bytes, history.directory()).map_err(Why::Refused)?;
    let checks: Vec<_> = pending.checks().collect();
    let mut results = vec![Ok(()); checks.len()];
    let part = checks.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        for (checks, results) in checks.chunks(part).zip(results.chunks_mut(part)) {
            scope.spawn(|| {
                for (check, result) in checks.iter().zip(results) {
                    *result = check.run();
                }
            });
        }
    });
    let signers: Vec<_> = checks.iter().map(signer).collect();
    let bad = signers.iter().zip(&results);
    let bad = bad.filter(|(_, result)| **result == Err(Refusal::BadSignature));
    let bad: Vec<_> = bad.map(|(signer, _)| *signer).collect();
    if !bad.is_empty() {
        return Err(Why::Signatures(bad));
    }
    // A suite that is not compiled in: run once more, for its words.
    let certificate = pending.verify().map_err(Why::Refused)?;
    Ok(Finding::Certificate(Certified { certificate, signers }))
}

fn signer(check: &SignatureCheck<'_>) -> Signer {
    let head = check.head();
    Signer { member: check.attestor(), epoch: head.epoch, suite: head.suite }
}

fn proof(bytes: &[u8], history: &KeyHistory) -> Result<Finding, Refusal> {
    let proof = EquivocationProof::verify(bytes, history.directory())?;
    let proven = proof.proven(history.view())?;
    Ok(Finding::Proof(Box::new((proof, proven))))
}
