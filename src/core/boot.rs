//! What the claim of a boot and a witness to it say.

use serde::{Deserialize, Serialize};

use crate::id::{Digest, ViewNumber};
use crate::membership::{MemberIndex, View};
use crate::wire::{self, Refusal, Statement, WireError};

/// Tells one start from another. Nobody can know it before it is claimed.
pub(super) type Riddle = [u8; 16];

/// The most claims that one statement witnesses: what fits with room to spare.
pub(super) const MOST_WITNESSED: usize = 256;

/// The number that a node claims for its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) view: Digest,
    /// The number of that view: who is ahead tells it how to go on.
    pub(super) number: ViewNumber,
    pub(super) riddle: Riddle,
    pub(super) boot: u32,
}

/// A claim that its witness has stored, or a boot that it has heard of and that is as high or higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Witnessed {
    pub(super) claimant: MemberIndex,
    pub(super) riddle: Riddle,
    pub(super) boot: u32,
}

/// What a member has stored. A header of the one claimant may travel beside it, as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Witness {
    pub(super) view: Digest,
    /// In the order of the view.
    pub(super) claims: Vec<Witnessed>,
}

impl Claim {
    /// Reads a claim, in whatever view it was made.
    pub(super) fn read(statement: &Statement<'_>) -> Result<Self, Refusal> {
        if !statement.attachment().is_empty() {
            return Err(WireError::Trailing { extra: statement.attachment().len() }.into());
        }
        Ok(wire::decode("a claim", statement.content())?)
    }
}

impl Witness {
    /// Reads what a member witnesses in `view`.
    pub(super) fn read(statement: &Statement<'_>, view: &View) -> Result<Self, Refusal> {
        let read: Self = wire::decode("a witness", statement.content())?;
        if read.view != view.digest() {
            return Err(Refusal::Nonsense("it is meant for another view"));
        }
        let in_order = read.claims.is_sorted_by(|one, next| one.claimant < next.claimant);
        let last = read.claims.last().map(|last| last.claimant.place());
        match in_order
            && last.is_some_and(|last| last < view.len())
            && read.claims.len() <= MOST_WITNESSED
        {
            true => Ok(read),
            false => Err(Refusal::Nonsense("it does not name claims in the order of the view")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the figures in the docs of the [rule](super::super::lease) rest on.
    #[test]
    fn encoded_sizes() {
        let (view, riddle) = (Digest::from_bytes([1; 32]), [2; 16]);
        let claim = Claim { view, number: ViewNumber(0), riddle, boot: 3 };
        assert_eq!(wire::encode("a claim", &claim).unwrap().len(), 60);
        for count in [1_u32, 256] {
            let claims = (0..count).map(MemberIndex);
            let claims = claims.map(|claimant| Witnessed { claimant, riddle, boot: 3 }).collect();
            let content = wire::encode("a witness", &Witness { view, claims }).unwrap();
            assert_eq!(content.len(), 40 + 24 * usize::try_from(count).unwrap());
            assert!(content.len() <= wire::MAX_CONTENT_LEN);
        }
    }
}
