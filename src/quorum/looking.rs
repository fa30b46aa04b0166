//! What would become of a statement whose signature holds, for who looks on.

use super::{Answer, QuorumValidator};
use crate::id::Millis;
use crate::membership::MemberIndex;
use crate::wire::Refusal;

impl QuorumValidator {
    /// Why a checked challenge of `member` that was [screened](Self::screen_challenge) would not be taken.
    pub(crate) fn has_room_for_challenge(
        &self,
        member: MemberIndex,
        now: Millis,
    ) -> Result<(), Refusal> {
        self.asking.lock().taken(member)?.challenges.has_room(now)
    }

    /// Why a checked answer of `member` that was [screened](Self::screen_answer) would not be taken.
    pub(crate) fn has_room_for_answer(
        &self,
        (member, answer): (MemberIndex, &Answer),
        now: Millis,
    ) -> Result<(), Refusal> {
        match self.asked_at(member, answer) {
            Some(_) => Ok(()),
            None => self.asking.lock().taken(member)?.answers.has_room(now),
        }
    }
}
