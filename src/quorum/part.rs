//! This node's part in one exclusive slot: what binds it, and what is durable of that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ballot::{Ballot, Phase};
use super::prevotes::Prevotes;
use super::reports::signing_key;
use super::validator::State;
use super::voter::{Stage, Voter};
use super::{QuorumValidator, Slot};
use crate::id::{Digest, Millis, ViewNumber};
use crate::membership::Directory;
use crate::store::{Batch, Table};
use crate::wire::{self, WireError};

/// This node's part in one slot.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) voter: Voter,
    /// What the host accepts, in the order it said so.
    pub(super) accepted: Vec<Digest>,
    /// What the voter's newest valid content stands on.
    pub(super) prevotes: Option<Arc<Prevotes>>,
    /// Its ballots of this round as they were signed; none that was signed before a restart.
    pub(super) prevote: Option<Arc<[u8]>>,
    pub(super) precommit: Option<Arc<[u8]>>,
    /// A write is under way, and nothing else is done before it is durable.
    pub(super) is_writing: bool,
    /// What it waits for, and since when.
    pub(super) waits: Option<(Waits, Millis)>,
    pub(super) decided: bool,
    /// Its slot is the next view, and it has prevoted one: it votes on nothing else in this view.
    pub(super) hands_over: bool,
    /// The contents that others may know by their digests alone: the changes of the members that the host
    /// accepts; what the next views carry on that this node wrote itself and voted for.
    pub(super) written: Vec<Vec<u8>>,
    /// It says nothing more in its slot, in this view or a later one, since it does not know what it
    /// said there.
    pub(super) abstains: Option<Abstains>,
}

/// That a part abstains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abstains {
    /// The view in which it said what it has forgotten.
    pub(super) since: ViewNumber,
    /// Whether that is durable.
    pub(super) is_written: bool,
}

/// Contents that are kept: as many as a host may accept. Of next views a node writes another when it
/// learns of more, and only from members that have not begun to hand over.
const MOST_WRITTEN: usize = super::deciding::MOST_ACCEPTED;

/// What is durable of it.
#[derive(Serialize, Deserialize)]
struct Stored {
    voter: Voter,
    accepted: Vec<Digest>,
    prevotes: Option<Vec<u8>>,
    hands_over: bool,
    written: Vec<Vec<u8>>,
    abstains: Option<ViewNumber>,
}

/// Where a part is stored. What was said in a slot of one view never takes the place of what is said in
/// the next, however late it is written.
pub(super) fn key(at: (ViewNumber, Slot)) -> Result<Vec<u8>, WireError> {
    wire::encode("a slot", &at)
}

/// What a voter waits for, in which round.
pub(super) type Waits = (u32, Stage);

/// Whether it has waited for the same for `round_ms`; if it is another, the time counts from now.
pub(super) fn has_waited(
    waits: &mut Option<(Waits, Millis)>,
    waits_for: Option<Waits>,
    round_ms: u64,
    now: Millis,
) -> bool {
    if let Some((before, since)) = waits
        && Some(*before) == waits_for
        && now >= *since
    {
        return now.since(*since) >= round_ms;
    }
    *waits = waits_for.map(|waits_for| (waits_for, now));
    false
}

impl QuorumValidator {
    /// Takes back this node's part in a slot as it was stored in an earlier boot, if that was in this
    /// view.
    ///
    /// # Errors
    /// [`WireError`] when it cannot be read: what bound this node is not known then.
    pub(crate) fn restore_part(&self, place: &[u8], stored: &[u8]) -> Result<(), WireError> {
        let (view, slot): (ViewNumber, Slot) = wire::decode("a slot", place)?;
        if view != self.directory.view().number() {
            return Ok(());
        }
        let part = Part::restore(stored, &self.directory)?;
        let mut state = self.state.lock();
        state.handover.has_begun |= part.hands_over;
        if matches!(slot, Slot::Membership(_)) {
            state.handover.take_back_changes(&part.written);
        }
        state.parts.insert(slot, part);
        Ok(())
    }
}

impl State {
    pub(super) fn is_decided(&self, slot: &Slot) -> bool {
        self.certified.get(slot).is_some()
            || self.parts.get(slot).is_some_and(|part| part.decided)
            || self.handover.carried.closes(slot)
    }

    /// The slots in which this node has something to say yet.
    pub(super) fn open_parts(&self) -> impl Iterator<Item = (&Slot, &Part)> {
        self.parts.iter().filter(|(slot, _)| !self.is_decided(slot))
    }

    pub(super) fn wants_prevotes(&self, slot: &Slot, round: u32, most: usize) -> bool {
        match self.parts.get(slot) {
            Some(part) => part.voter.valid().is_none_or(|valid| valid.round < round),
            None => self.open_parts().count() < most,
        }
    }

    pub(super) fn learn(&mut self, prevotes: Prevotes) {
        let part = self.parts.entry(prevotes.slot()).or_default();
        part.voter.learn(prevotes.backed());
        part.prevotes = Some(Arc::new(prevotes));
    }
}

impl Part {
    /// Its slot is decided: what it said binds it for ever, and there is nothing more to say.
    pub(super) fn decided(&mut self) {
        self.decided = true;
        (self.prevote, self.precommit, self.prevotes) = (None, None, None);
    }

    /// Keeps its ballot in one phase of its round as it was signed.
    pub(super) fn signed(&mut self, phase: Phase, bytes: Arc<[u8]>) {
        match phase {
            Phase::Prevote => self.prevote = Some(bytes),
            Phase::Precommit => self.precommit = Some(bytes),
        }
    }

    /// Reads what was stored.
    pub(super) fn restore(stored: &[u8], directory: &Directory) -> Result<Self, WireError> {
        let Stored { voter, accepted, prevotes, hands_over, written, abstains } =
            wire::decode("a part in a slot", stored)?;
        let prevotes = prevotes.and_then(|bytes| {
            // Without them the lock holds all the same; others may still show them.
            let checked = Prevotes::verify(&bytes, directory);
            checked.inspect_err(|refusal| tracing::warn!(%refusal, "stored prevotes")).ok()
        });
        let prevotes = prevotes.map(Arc::new);
        let abstains = abstains.map(|since| Abstains { since, is_written: true });
        Ok(Self { voter, accepted, prevotes, hands_over, written, abstains, ..Self::default() })
    }

    /// Keeps a content that it votes for. If that is decided, nobody else may have it: a ballot gives a
    /// digest alone.
    pub(super) fn wrote(&mut self, content: Vec<u8>) {
        if self.written.contains(&content) {
            return;
        }
        if self.written.len() >= MOST_WRITTEN {
            self.written.remove(0);
        }
        self.written.push(content);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.voter == Voter::default() && self.accepted.is_empty() && self.abstains.is_none()
    }

    /// What is to be made durable before it goes on as `voter`, in the view of that number.
    pub(super) fn put(
        &self,
        batch: &mut Batch,
        at: (ViewNumber, Slot),
        voter: Voter,
    ) -> Result<(), WireError> {
        let prevotes = self.prevotes.as_ref().map(|prevotes| prevotes.as_bytes().to_vec());
        let (accepted, written) = (self.accepted.clone(), self.written.clone());
        let (hands_over, abstains) =
            (self.hands_over, self.abstains.map(|abstains| abstains.since));
        let stored = Stored { voter, accepted, prevotes, hands_over, written, abstains };
        let stored = wire::encode("a part in a slot", &stored)?;
        batch.put(Table::Vote, &key(at)?, &stored);
        Ok(())
    }

    /// Who leads shows what its proposal stands on, or those that are locked could not follow it; and
    /// everybody does when the view is handed over, or they would not write the same next one.
    pub(super) fn to_propose_again(&self, shows: bool) -> Option<Vec<u8>> {
        let prevotes = self.prevotes.as_ref().filter(|_| shows && self.abstains.is_none())?;
        Some(prevotes.as_bytes().to_vec())
    }

    /// What it said in its round.
    pub(super) fn said(&self, slot: Slot) -> Vec<Ballot> {
        let round = self.voter.round();
        let said =
            [(Phase::Prevote, self.voter.prevote()), (Phase::Precommit, self.voter.precommit())];
        let ballot = |(phase, choice): (Phase, Option<_>)| {
            choice.map(|choice| Ballot { slot, round, phase, choice })
        };
        said.into_iter().filter_map(ballot).collect()
    }

    pub(super) fn to_sign_anew(&self, slot: Slot, key: Digest) -> Vec<Ballot> {
        if self.abstains.is_some() {
            return Vec::new();
        }
        let mut said = self.said(slot);
        said.retain(|ballot| {
            let signed = match ballot.phase {
                Phase::Prevote => &self.prevote,
                Phase::Precommit => &self.precommit,
            };
            signed.as_ref().is_none_or(|bytes| signing_key(bytes) != Some(key))
        });
        said
    }
}
