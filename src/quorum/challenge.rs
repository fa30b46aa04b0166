//! What a challenge and its answer say.

use serde::{Deserialize, Serialize};

use crate::id::{Digest, Nonce, SentAt};
use crate::membership::{MemberIndex, View};
use crate::wire::{self, Refusal, Statement, WireError};

/// What a challenge and its echo have in common. Nobody can know it before it was asked.
pub(crate) type Riddle = [u8; 16];

/// The most that one answer echoes: what fits a statement with room to spare.
pub(crate) const MOST_ECHOES: usize = 384;
/// The most members that one challenge asks.
pub(crate) const MOST_SUBJECTS: usize = 1_024;

/// A member asks others whether they live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Challenge {
    pub(crate) view: Digest,
    /// Its place among the statements of who asks.
    pub(crate) nonce: Nonce,
    #[serde(with = "in_one_piece")]
    pub(crate) riddle: Riddle,
    /// Their places in the view, in order.
    pub(crate) subjects: Vec<MemberIndex>,
}

/// What somebody asked, given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Echo {
    /// Who asked.
    pub(crate) challenger: MemberIndex,
    #[serde(with = "in_one_piece")]
    pub(crate) riddle: Riddle,
}

/// A riddle as the number that a little-endian format writes as these bytes: one value to decode instead
/// of 16. There are hundreds in an answer, which has to be read before it is known for a duplicate.
mod in_one_piece {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Riddle;

    pub(super) fn serialize<S: Serializer>(riddle: &Riddle, to: S) -> Result<S::Ok, S::Error> {
        u128::from_le_bytes(*riddle).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Riddle, D::Error> {
        u128::deserialize(from).map(u128::to_le_bytes)
    }
}

/// A member lives, and says so to those who asked. Its newest signed header travels beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) view: Digest,
    /// Its place among the statements of who answers.
    pub(crate) nonce: Nonce,
    /// When it was said, on the same clock as frames.
    pub(crate) sent_at: SentAt,
    /// The sequence of the newest message that its author had numbered by then in the boot of `nonce`; 0
    /// before the first. Who asked because it has just started takes what lies above.
    pub(crate) newest: u32,
    /// Whom it answers, in the order of the view.
    pub(crate) echoes: Vec<Echo>,
}

impl Challenge {
    pub(crate) fn read(statement: &Statement<'_>, view: &View) -> Result<Self, Refusal> {
        if !statement.attachment().is_empty() {
            return Err(WireError::Trailing { extra: statement.attachment().len() }.into());
        }
        let read: Self = wire::decode("a challenge", statement.content())?;
        meant_for(read.view, view)?;
        in_order(read.subjects.iter(), MOST_SUBJECTS, view)?;
        Ok(read)
    }
}

impl Answer {
    pub(crate) fn read(statement: &Statement<'_>, view: &View) -> Result<Self, Refusal> {
        let read: Self = wire::decode("an answer", statement.content())?;
        meant_for(read.view, view)?;
        in_order(read.echoes.iter().map(|echo| &echo.challenger), MOST_ECHOES, view)?;
        Ok(read)
    }

    /// The number of the newest message of its author by then.
    pub(crate) const fn newest(&self) -> Nonce {
        Nonce { boot: self.nonce.boot, sequence: self.newest }
    }

    /// What it gives back to `challenger`.
    pub(crate) fn echo_to(&self, challenger: MemberIndex) -> Option<&Riddle> {
        let echo = self.echoes.iter().find(|echo| echo.challenger == challenger)?;
        Some(&echo.riddle)
    }
}

/// Places in one view are none in another.
fn meant_for(meant: Digest, view: &View) -> Result<(), Refusal> {
    match meant == view.digest() {
        true => Ok(()),
        false => Err(Refusal::Nonsense("it is meant for another view")),
    }
}

/// Whether it names members, each once and in order, one at least and not more than `most`.
fn in_order<'a>(
    places: impl Iterator<Item = &'a MemberIndex> + Clone,
    most: usize,
    view: &View,
) -> Result<(), Refusal> {
    let mut after = places.clone().skip(1);
    let ordered = places.clone().zip(&mut after).all(|(one, next)| one < next);
    let (count, last) = (places.clone().count(), places.last());
    let known = last.is_some_and(|last| last.place() < view.len());
    match ordered && known && count <= most {
        true => Ok(()),
        false => Err(Refusal::Nonsense("it does not name members of the view in their order")),
    }
}
