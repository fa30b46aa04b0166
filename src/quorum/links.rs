//! Links between members: what their ends say of them, and how others make it known.
//!
//! Nobody but its two ends can see a link. So a `LinkDown` is one end's word, the *reporter's*, that it
//! misses the other, the *peer*; the other direction is a matter of its own. The rules, and what each
//! answers:
//!
//! * The reporter's host says that a link is down, since it alone knows which neighbour a link leads to,
//!   and the reporter states it at its mark of the peer. It keeps to that mark until it takes its word
//!   back, though it may hear the peer by other ways meanwhile: one outage is one event, whenever others
//!   learn of it (promise P7).
//! * Others confirm by themselves, and exactly the event that they hold the reporter's statement on. They
//!   say no more with it than that the reporter does, and no host knows more of a link that is not its
//!   own. Without the reporter's statement nothing is confirmed and nothing is certified, so f liars who
//!   are no ends of a link certify nothing about it (promise P6).
//! * No evidence travels beside it: the mark orders the reporter's own statements and is the reporter's
//!   word like the rest, so nothing has to converge. A false one makes nobody's statements look old but
//!   its author's (attack Q10).
//! * A newer statement of the reporter voids what it said before, and what others confirmed of that: a
//!   `LinkDown` at a higher mark, or a `LinkUp`, which it may state once it has heard something newer of
//!   the peer. So confirmations of two outages never add up (attack Q5), and a link that is up again does
//!   not stay down. Whoever still shows the old word is answered with the new one.
//! * Confirmations are made one of each reporter at a time, in turn, and a few in a resend interval:
//!   whoever reports without end delays others by a turn and makes nobody flood the mesh (attack Q3).
//! * A member that has been certified as failed has no link that is up. While it has not been heard since,
//!   nothing is confirmed or repeated about its links: its `NodeFailure` says it all. That it is merely
//!   silent is no such reason, or the few who still hear it could not certify a link.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::validator::State;
use super::votes::{Who, failure_mark};
use super::{Certificate, CriticalEvent, QuorumValidator, Slot};
use crate::id::{Mark, NodeId, Nonce};
use crate::keyring::Misuse;
use crate::membership::MemberIndex;
use crate::wire::Refusal;

/// What is remembered of links beside the statements and certificates on them.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Of those that are certified as down the ones that are up again, and the number of the
    /// reporter's statement that says so. No more than there are certificates.
    pub(super) up: BTreeMap<Slot, Nonce>,
    /// Whose report was confirmed last.
    turn: Option<NodeId>,
}

impl Links {
    /// A new certificate stands in these slots, or none any more.
    pub(super) fn settled(&mut self, slots: impl Iterator<Item = Slot>) {
        for slot in slots {
            self.up.remove(&slot);
        }
    }
}

/// The ends of the link that `slot` is about: who reports, and on whom.
const fn ends(slot: &Slot) -> Option<(NodeId, NodeId)> {
    match slot {
        Slot::Link { reporter, peer } => Some((*reporter, *peer)),
        _ => None,
    }
}

const fn link_mark(event: &CriticalEvent) -> Option<Mark> {
    match event {
        CriticalEvent::LinkDown { mark, .. } | CriticalEvent::LinkUp { mark, .. } => *mark,
        _ => None,
    }
}

const fn is_up(event: &CriticalEvent) -> bool {
    matches!(event, CriticalEvent::LinkUp { .. })
}

impl State {
    /// The certificate that a link is down, unless its reporter has said since that it is up.
    fn down(&self, slot: &Slot) -> Option<&Arc<Certificate>> {
        let is_up_again = self.links.up.contains_key(slot)
            || self.mine.get(slot).is_some_and(|mine| is_up(&mine.event));
        self.certified.get(slot).filter(|_| !is_up_again)
    }
}

impl QuorumValidator {
    /// The certificate that `reporter` misses `peer` on the link between them, unless `reporter` has
    /// said since that it hears it again.
    pub fn validate_link_down(&self, reporter: &NodeId, peer: &NodeId) -> Option<Arc<Certificate>> {
        let slot = Slot::Link { reporter: *reporter, peer: *peer };
        self.state.lock().down(&slot).map(Arc::clone)
    }

    /// Whether a statement on a link has been overtaken by what its reporter said.
    pub(super) fn look_at_link(
        &self,
        state: &State,
        (attestor, _, nonce): Who,
        event: &CriticalEvent,
    ) -> Result<(), Refusal> {
        let slot = event.slot();
        let Some(reporter) = self.reporter(&slot) else { return Ok(()) };
        let is_overtaken = if attestor == reporter {
            state.links.up.get(&slot).is_some_and(|up| nonce <= *up)
        } else {
            let word = state.votes.by(&slot, reporter).map(|word| &word.event);
            word.is_some_and(|word| word != event && link_mark(event) <= link_mark(word))
        };
        if is_overtaken { Err(Refusal::Outdated) } else { Ok(()) }
    }

    /// Whether a certificate on a link says what the reporter has not taken back.
    pub(super) fn link_is_news(
        &self,
        state: &State,
        certificate: &Certificate,
    ) -> Result<(), Refusal> {
        let slot = certificate.event().slot();
        let Some(reporter) = self.reporter(&slot) else { return Ok(()) };
        let said = certificate.nonce_of(reporter);
        let up = state.links.up.get(&slot).copied();
        let word = state.votes.by(&slot, reporter);
        let word = word.filter(|word| word.event != *certificate.event()).map(|word| word.nonce);
        if up.max(word) > said { Err(Refusal::Outdated) } else { Ok(()) }
    }

    /// A statement on a link was counted. If it is the reporter's, what others confirmed of an older
    /// one is void, this node's own confirmation first.
    pub(super) fn link_said(
        &self,
        state: &mut State,
        (attestor, _, nonce): Who,
        event: &CriticalEvent,
    ) {
        let slot = event.slot();
        if self.reporter(&slot) != Some(attestor) {
            return;
        }
        state.votes.void(slot, |held| {
            held.attestor != attestor
                && held.event != *event
                && link_mark(&held.event) <= link_mark(event)
        });
        if attestor != self.me && state.mine.get(&slot).is_some_and(|mine| mine.event != *event) {
            state.mine.remove(&slot);
        }
        if is_up(event) && state.certified.get(&slot).is_some() {
            state.links.up.insert(slot, nonce);
        }
    }

    /// Reports of others to confirm now: one of each reporter at a time, each in its turn.
    pub(crate) fn links_to_confirm(&self) -> Vec<CriticalEvent> {
        let mut state = self.state.lock();
        let (mut due, mut open) = (BTreeMap::new(), BTreeSet::new());
        for slot in state.votes.links() {
            let Some((reporter, _)) = ends(slot) else { continue };
            let word = self.reporter(slot).and_then(|member| state.votes.by(slot, member));
            let Some(word) = word.filter(|word| word.attestor != self.me) else { continue };
            if is_up(&word.event) || self.is_moot(&state, slot) {
                continue;
            }
            if state.mine.get(slot).is_some_and(|mine| mine.event == word.event) {
                open.insert(reporter);
                continue;
            }
            let first = due.entry(reporter).or_insert(word);
            if word.nonce < first.nonce {
                *first = word;
            }
        }
        due.retain(|reporter, _| !open.contains(reporter));
        let most = self.confirmations_at_once().saturating_sub(open.len());
        let most = most.min(self.confirmations_in_an_interval());
        let turn = state.links.turn;
        let (later, sooner): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|(reporter, _)| Some(*reporter) <= turn);
        let chosen: Vec<_> = sooner.into_iter().chain(later).take(most).collect();
        let last = chosen.last().map(|(reporter, _)| *reporter);
        let events = chosen.into_iter().map(|(_, word)| word.event.clone()).collect();
        state.links.turn = last.or(turn);
        events
    }

    /// Confirmations that are undecided at once. The others keep a few of this node's statements, and
    /// some are left for what it has to say itself.
    fn confirmations_at_once(&self) -> usize {
        let kept = self.config.slots_per_member;
        kept.saturating_sub(kept / 4)
    }

    /// Half of what the others take of one member.
    fn confirmations_in_an_interval(&self) -> usize {
        let per_second = u64::from(self.config.attestor_rate.per_second);
        let half = per_second.saturating_mul(self.config.resend_ms) / 2_000;
        usize::try_from(half).unwrap_or(usize::MAX).max(1)
    }

    /// What this node says of a link. Of its own it says what is known here, whatever mark the
    /// caller gives, and the same until it is taken back; of another it confirms what its reporter says.
    pub(super) fn checked_link(&self, event: CriticalEvent) -> Result<CriticalEvent, Misuse> {
        let slot = event.slot();
        let Some((reporter, peer)) = ends(&slot) else { return Ok(event) };
        let (Some(member), Some(other)) = (self.index(reporter), self.index(peer)) else {
            return Err(Misuse::UnknownSubject(peer));
        };
        let state = self.state.lock();
        if member != self.me {
            if let Some(why) =
                self.directory.view().member(self.me).and_then(|me| event.bars(&me.id))
            {
                return Err(Misuse::Nonsense(why));
            }
            let word = state.votes.by(&slot, member).map(|word| &word.event);
            let decided = state.down(&slot).map(|certificate| certificate.event());
            return match word == Some(&event) || decided == Some(&event) {
                true => Ok(event),
                false => {
                    Err(Misuse::Nonsense("the end of the link that it is about does not say so"))
                }
            };
        }
        let mine = state.mine.get(&slot).map(|mine| &mine.event);
        if let Some(mine) = mine.filter(|mine| is_up(mine) == is_up(&event)) {
            return Ok(mine.clone());
        }
        let mark = self.marks.newest(other);
        let decided = state.down(&slot).map(|certificate| certificate.event());
        if is_up(&event) {
            let before = mine.or(decided).map(link_mark);
            if mark.is_none() || before.is_some_and(|before| mark <= before) {
                return Err(Misuse::Nonsense(
                    "nothing newer was heard of the other end of the link",
                ));
            }
            return Ok(CriticalEvent::LinkUp { reporter, peer, mark });
        }
        if let Some(decided) = decided {
            return Ok(decided.clone());
        }
        let own = state.mine.iter().filter(|(slot, mine)| {
            ends(slot).is_some_and(|(one, _)| one == reporter) && !is_up(&mine.event)
        });
        if own.count() >= self.config.slots_per_member {
            return Err(Misuse::TooManyProposals);
        }
        Ok(CriticalEvent::LinkDown { reporter, peer, mark })
    }

    /// Whether an open statement of this node is to be sent again unasked.
    pub(super) fn is_to_repeat(&self, state: &State, event: &CriticalEvent) -> bool {
        !is_up(event) && !self.is_moot(state, &event.slot())
    }

    /// Whether an end of this link has been certified as failed, and not been heard since.
    fn is_moot(&self, state: &State, slot: &Slot) -> bool {
        let Some((reporter, peer)) = ends(slot) else { return false };
        [reporter, peer].into_iter().any(|end| {
            let newest = self.index(end).and_then(|member| self.marks.newest(member));
            let failed = state.certified.get(&Slot::Failure(end));
            failed.is_some_and(|failed| newest <= failure_mark(failed.event()))
        })
    }

    /// Whether `event` is what this node itself said of a link and has taken back since.
    pub(crate) fn is_taken_back(&self, event: &CriticalEvent) -> bool {
        let state = self.state.lock();
        let mine = state.mine.get(&event.slot()).map(|mine| &mine.event);
        mine.is_some_and(|mine| is_up(mine) && link_mark(event) <= link_mark(mine)) && !is_up(event)
    }

    /// Whether this node says of its link in `slot` that it is up again.
    pub(crate) fn says_up(&self, slot: &Slot) -> bool {
        self.state.lock().mine.get(slot).is_some_and(|mine| is_up(&mine.event))
    }

    /// What to show whoever does not know how the matter of `slot` ended: the certificate, or this node's
    /// word that its link is up again. Nothing if another's link is: its reporter tells.
    pub(crate) fn answer(&self, slot: &Slot) -> Option<Vec<u8>> {
        let state = self.state.lock();
        match state.mine.get(slot).filter(|mine| is_up(&mine.event)) {
            Some(mine) => Some(mine.bytes.to_vec()),
            None => state.down(slot).map(|certificate| certificate.as_bytes().to_vec()),
        }
    }

    /// The member whose word on a link all others confirm.
    fn reporter(&self, slot: &Slot) -> Option<MemberIndex> {
        ends(slot).and_then(|(reporter, _)| self.index(reporter))
    }
}
