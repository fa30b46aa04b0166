//! What a proof shows, for people to read.

use super::proof::Content;
use super::{Ballot, EquivocationProof, UncheckedBallot};
use crate::membership::View;
use crate::wire::{self, Header, Packet, Refusal, SignedHeader};

/// The two things that one member signed although it may sign one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proven {
    /// Two headers of frames with one nonce.
    Headers(Box<[Header; 2]>),
    /// Two ballots in one phase of one round on an exclusive slot.
    Votes(Box<[Ballot; 2]>),
}

impl EquivocationProof {
    /// What the member signed twice, read again from the proof, which was checked against `view`.
    ///
    /// # Errors
    /// [`Refusal`] if it is not the view that the proof was checked against.
    pub fn proven(&self, view: &View) -> Result<Proven, Refusal> {
        let Packet::Proof(container) = Packet::parse(self.as_bytes())? else {
            return Err(Refusal::Nonsense("it is no proof"));
        };
        Ok(match wire::decode("a proof", container.payload())? {
            Content::Headers(first, second) => {
                Proven::Headers(Box::new([header(first)?, header(second)?]))
            }
            Content::Votes(first, second) => {
                Proven::Votes(Box::new([vote(first, view)?, vote(second, view)?]))
            }
        })
    }
}

fn header(bytes: &[u8]) -> Result<Header, Refusal> {
    Ok(SignedHeader::parse(bytes)?.header().clone())
}

fn vote(bytes: &[u8], view: &View) -> Result<Ballot, Refusal> {
    let Packet::Statement(statement) = Packet::parse(bytes)? else {
        return Err(Refusal::Nonsense("a vote is a statement"));
    };
    Ok(*UncheckedBallot::read(statement, view)?.ballot())
}
