//! Statements of members on events, slots and each other.

use super::super::Core;
use crate::gossip::{Looking, Stage, Walk};
use crate::id::{Link, Millis};
use crate::membership::MemberIndex;
use crate::quorum::{
    Answer, Attestation, Challenge, Contradiction, EquivocationProof, UncheckedBallot,
};
use crate::suite::Purpose;
use crate::wire::{Refusal, Statement};

impl Core {
    pub(super) fn look_at_attestation(
        &self,
        walk: &mut Looking,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        let attestation = Attestation::read(statement.clone(), self.view())?;
        let member = Some(attestation.attestor());
        if self.quorum.wants_evidence(&attestation)
            && self.quorum.lacks_key_of(&attestation).is_none()
            && self.gossip.could_afford((link, member), 1, now)
        {
            // The header beside it is looked at first.
            walk.needs(1);
        }
        walk.enters(Stage::Seen);
        match self.quorum.screen(&attestation, now) {
            Err(Refusal::Duplicate) if self.quorum.repeats(&attestation, now) => return Ok(()),
            screened => screened?,
        }
        self.gossip.affords(walk, (link, member), 1, now)?;
        walk.enters(Stage::Signature);
        let verified = attestation.verify(walk.directory(&self.directory), now)?;
        walk.enters(Stage::Share);
        self.quorum.has_room_for(&verified, now)
    }

    pub(super) fn look_at_ballot(
        &self,
        walk: &mut Looking,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        let ballot = UncheckedBallot::read(statement.clone(), self.view())?;
        walk.enters(Stage::Seen);
        match self.quorum.screen_ballot(&ballot, now) {
            Err(Refusal::Duplicate) if self.quorum.repeats_ballot(&ballot, now) => return Ok(()),
            screened => screened?,
        }
        self.gossip.affords(walk, (link, Some(ballot.voter())), 1, now)?;
        walk.enters(Stage::Signature);
        let verified = ballot.verify(walk.directory(&self.directory), now)?;
        walk.enters(Stage::Contradiction);
        match self.quorum.would_count(&verified, now) {
            Err((_, Some(contradiction))) => Err(self.look_at_contradiction(&contradiction)),
            Err((refusal @ Refusal::ContradictoryVote, None)) => Err(refusal),
            counted => {
                walk.enters(Stage::Share);
                counted.map_err(|(refusal, _)| refusal)
            }
        }
    }

    /// Proven and charged once for a key is enough.
    fn look_at_contradiction(&self, Contradiction { first, second }: &Contradiction) -> Refusal {
        let sealed = EquivocationProof::seal_votes(self.mesh(), [first, second]);
        match sealed.is_ok_and(|proof| self.is_proven(&proof)) {
            true => Refusal::Duplicate,
            false => Refusal::ContradictoryVote,
        }
    }

    pub(super) fn look_at_challenge(
        &self,
        walk: &mut Looking,
        from: (Link, MemberIndex),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let member = from.1;
        walk.enters(Stage::Content);
        let challenge = Challenge::read(statement, self.view())?;
        walk.enters(Stage::Seen);
        self.quorum.screen_challenge((member, &challenge), now)?;
        self.look_at_check(walk, (from, Purpose::Challenge), statement, now)?;
        walk.enters(Stage::Share);
        self.quorum.has_room_for_challenge(member, now)
    }

    pub(super) fn look_at_answer(
        &self,
        walk: &mut Looking,
        (link, member): (Link, MemberIndex),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Content);
        let answer = Answer::read(statement, self.view())?;
        walk.enters(Stage::Seen);
        self.quorum.screen_answer((member, &answer), now)?;
        if !self.quorum.awaits(member, &answer, now) {
            self.gossip.affords(walk, (link, Some(member)), 1, now)?;
        }
        self.look_at_signature(walk, (member, Purpose::Answer), statement, now)?;
        walk.enters(Stage::Share);
        self.quorum.has_room_for_answer((member, &answer), now)
    }

    /// One check that the link pays for, and the signature.
    pub(super) fn look_at_check(
        &self,
        walk: &mut Looking,
        ((link, member), purpose): ((Link, MemberIndex), Purpose),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        self.gossip.affords(walk, (link, Some(member)), 1, now)?;
        self.look_at_signature(walk, (member, purpose), statement, now)
    }

    fn look_at_signature(
        &self,
        walk: &mut Looking,
        of: (MemberIndex, Purpose),
        statement: &Statement<'_>,
        now: Millis,
    ) -> Result<(), Refusal> {
        walk.enters(Stage::Signature);
        Self::check_in(walk.directory(&self.directory), statement, of, now)
    }
}
