//! What a signature is for.

/// What a statement is signed for. A signature holds for its own purpose only, so that a statement
/// of one kind can never be read as one of another (domain separation).
///
/// With ML-DSA the [tag](Self::tag) is the context string (FIPS 204, section 5.2). Dilithium3 has
/// none, so there the signed bytes are one byte with the tag's length, the tag, and the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The header of a gossip frame.
    Frame,
    /// One member's statement on one critical event.
    Attestation,
    /// One member's vote in one round on an exclusive slot.
    Ballot,
    /// The old key's statement that a new key follows it.
    Rotation,
    /// The new key's statement that its owner has it (proof of possession).
    Possession,
    /// The recovery key's statement that a new key takes the place of all before.
    Recovery,
    /// The challenge that a node gossips when it starts.
    Hello,
    /// The question whether members live.
    Challenge,
    /// A member's answer to it.
    Answer,
    /// The number that a node claims for its start.
    Claim,
    /// A member's word that it has stored such a claim.
    Witness,
    /// The statement that a workload's key asks to speak for it in a view.
    Enrolment,
}

impl Purpose {
    /// The tag bound into the signature: distinct, versioned, at most 255 bytes.
    pub const fn tag(self) -> &'static [u8] {
        match self {
            Self::Frame => b"meshward/1/frame",
            Self::Attestation => b"meshward/1/attestation",
            Self::Ballot => b"meshward/1/ballot",
            Self::Rotation => b"meshward/1/rotation",
            Self::Possession => b"meshward/1/possession",
            Self::Recovery => b"meshward/1/recovery",
            Self::Hello => b"meshward/1/hello",
            Self::Challenge => b"meshward/1/challenge",
            Self::Answer => b"meshward/1/answer",
            Self::Claim => b"meshward/1/boot-claim",
            Self::Witness => b"meshward/1/boot-witness",
            Self::Enrolment => b"meshward/1/enrolment",
        }
    }

    #[cfg(test)]
    pub(super) const ALL: [Self; 12] = [
        Self::Frame,
        Self::Attestation,
        Self::Ballot,
        Self::Rotation,
        Self::Possession,
        Self::Recovery,
        Self::Hello,
        Self::Challenge,
        Self::Answer,
        Self::Claim,
        Self::Witness,
        Self::Enrolment,
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tags_are_distinct_and_fit_a_context_string() {
        let tags: BTreeSet<_> = Purpose::ALL.iter().map(|purpose| purpose.tag()).collect();
        assert_eq!(tags.len(), Purpose::ALL.len());
        assert!(tags.iter().all(|tag| (1..=255).contains(&tag.len())));
    }
}
