//! Votes that their voter may have forgotten: what others show this node, and what it shows them.
//!
//! A node whose disk was rolled back cannot know what it voted in an exclusive slot (attack K14). So
//! whoever holds its votes shows them to it: all that are undecided when it says Hello, and one whenever
//! it votes as if another had never been. It compares what comes back under its own name with what it
//! remembers, and abstains where it has forgotten something.

use super::{Core, Event, Output};
use crate::id::{Link, Millis};
use crate::membership::MemberIndex;
use crate::quorum::{Ballot, EquivocationProof, UncheckedBallot};
use crate::wire::{Statement, Tag};

/// Votes in this node's name are checked for so many links in a resend interval, one for each. Its own
/// votes come back all the time, and cost nothing: only one that it does not remember is checked.
const MOST_OWN_CHECKS: usize = 16;
/// A member is shown what it may have forgotten over so many links in a resend interval, once over each:
/// whoever plays its old votes again does not get all of that to itself.
const MOST_SHOWN_ON: usize = 4;
/// Votes that a member is shown when it says Hello, of 3.5 KiB each.
const MOST_SHOWN: usize = 8;

impl Core {
    /// A statement in the name of this node came back. Nobody pays for it, and it counts nowhere; but a
    /// ballot may show that this node has forgotten what it voted.
    pub(super) fn look_at_own(
        &self,
        link: Link,
        statement: Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        match statement.tag() {
            Tag::Ballot => {}
            Tag::Claim => return self.look_at_own_claim(link, &statement, now, outputs),
            _ => return,
        }
        let Ok(ballot) = UncheckedBallot::read(statement, self.view()) else { return };
        if self.quorum.has_forgotten(&ballot)
            && self.may_check_own(link, now)
            && ballot.verify_ever(&self.directory).is_ok()
        {
            self.quorum.abstain(ballot.ballot().slot());
            self.abstains(*ballot.ballot(), now, outputs);
        }
    }

    pub(super) fn may_check_own(&self, link: Link, now: Millis) -> bool {
        let interval_ms = self.config.quorum.resend_ms;
        let mut timers = self.timers.lock();
        timers.own_checks.may(link, MOST_OWN_CHECKS, interval_ms, now)
            && self.gossip.take_checks(link, Some(self.me), 1, now).is_ok()
    }

    /// A proof shows that this node contradicted itself. If by two votes, it votes there no more; if by
    /// two headers, somebody else may sign with its key.
    pub(super) fn own_proof(
        &self,
        proof: &EquivocationProof,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        if let Some(ballot) = self.quorum.abstain_for(proof) {
            self.abstains(ballot, now, outputs);
        }
        self.look_at_own_proof(proof, outputs);
    }

    /// The same of what is in the store, in case the node stopped before it wrote the abstention down.
    pub(super) fn abstain_where_proven(&self) {
        let proofs = self.proofs.lock();
        for proof in proofs.all().filter(|proof| proof.node() == self.node()) {
            let _told_when_it_was_found = self.quorum.abstain_for(proof);
        }
    }

    fn abstains(&self, ballot: Ballot, now: Millis, outputs: &mut Vec<Output>) {
        tracing::error!(?ballot, "a vote of this node that it does not remember");
        // Writes it down.
        self.vote(&ballot.slot(), now, outputs);
        outputs.push(Output::Event(Event::Abstains { ballot }));
    }

    /// Shows a member, over the link that it was heard on, a vote of its own that goes beyond `ballot`:
    /// it may have forgotten that. At most one packet for one whose signature holds.
    pub(super) fn show_beyond(
        &self,
        link: Link,
        ballot: UncheckedBallot<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        let voter = ballot.voter();
        if let Some(packet) = self.quorum.beyond(&ballot)
            && self.may_show(link, voter, now)
            && self.gossip.take_checks(link, Some(voter), 1, now).is_ok()
            && ballot.verify(&self.directory, now).is_ok()
        {
            outputs.push(Output::SendTo { link, packet });
        }
    }

    /// Whether a statement in the name of this node was signed with a key that it has or had.
    pub(super) fn has_said(&self, statement: &Statement<'_>) -> bool {
        let (head, tag) = (statement.head(), statement.tag());
        let key = self.directory.key_ever(self.me, (head.epoch, head.key, head.suite));
        let (signed, signature) = (statement.signed(), statement.signature());
        key.zip(tag.purpose()).is_some_and(|(key, purpose)| {
            self.directory.verify(&key, purpose, signed, signature).is_ok()
        })
    }

    pub(super) fn may_show(&self, link: Link, member: MemberIndex, now: Millis) -> bool {
        let interval_ms = self.config.quorum.resend_ms;
        let mut asides = self.asides.lock();
        asides
            .get_mut(member.place())
            .is_some_and(|heard| heard.shown.may(link, MOST_SHOWN_ON, interval_ms, now))
    }

    /// A member that starts is shown what it votes in undecided slots, over the link that its checked
    /// Hello came over.
    pub(super) fn show_votes(&self, link: Link, member: MemberIndex, outputs: &mut Vec<Output>) {
        let votes = self.quorum.votes_of(member, MOST_SHOWN);
        outputs.extend(votes.into_iter().map(|packet| Output::SendTo { link, packet }));
    }
}
