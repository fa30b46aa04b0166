//! The subject's own signed header beside an accusation: how honest reports come to one mark.

use super::votes::failure_mark;
use super::{Attestation, QuorumValidator, Slot, proof};
use crate::id::Millis;
use crate::membership::MemberIndex;
use crate::wire::SignedHeader;

impl QuorumValidator {
    /// Learns from the evidence beside an attestation of a node's failure: the subject's own signed
    /// header at the attested mark, one signature check. Tells whether it was news; then this node,
    /// if it misses the subject too, states so again at that mark, and honest reports converge.
    pub fn learn(&self, attestation: &Attestation<'_>) -> bool {
        let Slot::Failure(subject) = attestation.event().slot() else { return false };
        let (Some(member), Ok(signed)) =
            (self.index(subject), SignedHeader::parse(attestation.evidence()))
        else {
            return false;
        };
        let mark = signed.header().mark();
        let is_evidence = signed.header().origin == subject
            && failure_mark(attestation.event()) == Some(mark)
            && self.marks.newest(member) < Some(mark);
        if !is_evidence || proof::verify_header(&signed, &self.directory) != Ok(member) {
            return false;
        }
        let news = self.marks.learn(member, mark, signed.as_bytes());
        if news {
            self.void_below(subject, mark);
        }
        news
    }

    /// Whether what travels beside an answer of `member` may be a header of it that is news, so that a
    /// check is worth it.
    pub(crate) fn wants_header(&self, member: MemberIndex, header: &[u8]) -> bool {
        let view = self.directory.view();
        let Ok(signed) = SignedHeader::parse(header) else { return false };
        view.index_of(&signed.header().origin) == Some(member)
            && self.marks.newest(member) < Some(signed.header().mark())
    }

    /// Takes the header beside an answer of `member`, one check. It is as good as a frame: what is late is
    /// late here, too. Tells whether the member is back with it, as [`heard`](Self::heard) does.
    pub(crate) fn heard_beside_answer(
        &self,
        member: MemberIndex,
        header: &[u8],
        now: Millis,
    ) -> bool {
        let Ok(signed) = SignedHeader::parse(header) else { return false };
        proof::verify_header(&signed, &self.directory) == Ok(member)
            && self.heard(member, &signed, now)
    }

    /// Whether the evidence beside an attestation would be news, so that a check is worth it.
    pub fn wants_evidence(&self, attestation: &Attestation<'_>) -> bool {
        let Slot::Failure(subject) = attestation.event().slot() else { return false };
        // An accused node knows better what it said, and does no work for its accusers (attack Q3).
        let member = self.index(subject).filter(|member| *member != self.me);
        let newest = member.map(|member| self.marks.newest(member));
        !attestation.evidence().is_empty()
            && newest.is_some_and(|newest| newest < failure_mark(attestation.event()))
    }
}
