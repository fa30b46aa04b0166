//! The proofs of equivocation that this node holds: kept over restarts, offered to who lacks them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::engine::Waiting;
use super::tick::is_due;
use super::{Core, Event, Output};
use crate::id::{Digest, Epoch, Millis, NodeId};
use crate::membership::{MOST_KEYS, View};
use crate::quorum::EquivocationProof;
use crate::reputation::{Charge, Offence};

/// Whom a proof is about, and the key that it condemns. In the order of the view, then of the keys.
pub(super) type Name = (NodeId, Epoch, Digest);

/// The longest pause between two rounds in which the proofs are offered, in resend intervals. They
/// are never given up: who was away for longer has nobody to ask.
const LONGEST_WAIT: u32 = 64;

/// One proof a condemned key: of each member those of its newest keys, as many as can be checked.
/// Memory and disk: up to 18 of 12 KiB for a member that lied, nothing for others.
///
/// They are offered to all neighbours one by one, one in a resend interval. After all of them comes a
/// pause, each twice as long as the one before; a proof that is new here and a member that asks for
/// what it missed make it short again.
///
/// All goes by the id of the member, so one of these serves two views at once.
#[derive(Debug)]
pub(super) struct Proofs {
    held: BTreeMap<Name, Held>,
    /// Those that differ from what the store holds, as far as is known, or are no longer held.
    unsaved: BTreeSet<Name>,
    /// Those to be offered before the next pause.
    round: VecDeque<Name>,
    wait: u32,
    next_wait: u32,
}

/// A name, with the proof and the sentence that are held under it, or `None` if nothing is any more.
pub(super) type Unsaved = (Name, Option<(Arc<EquivocationProof>, u64)>);

#[derive(Debug)]
struct Held {
    proof: Arc<EquivocationProof>,
    /// How much of the quarantine that it brought about is to be served after a restart, in
    /// milliseconds; `None` until the charge is made.
    sentence_ms: Option<u64>,
}

impl Proofs {
    pub(super) const fn new() -> Self {
        Self {
            held: BTreeMap::new(),
            unsaved: BTreeSet::new(),
            round: VecDeque::new(),
            wait: 1,
            next_wait: 2,
        }
    }

    fn insert(&mut self, proof: Arc<EquivocationProof>, sentence_ms: Option<u64>) {
        let name = (proof.node(), proof.epoch(), proof.key());
        self.held.insert(name, Held { proof, sentence_ms });
        self.unsaved.insert(name);
        self.round.push_front(name);
        self.offer();
        let of_member = self.of_member(name.0);
        if of_member.len() > MOST_KEYS
            && let Some(oldest) = of_member.first().copied()
        {
            self.held.remove(&oldest);
            self.unsaved.insert(oldest);
            self.round.retain(|offered| *offered != oldest);
        }
    }

    fn of_member(&self, node: NodeId) -> Vec<Name> {
        let first = (node, Epoch::FIRST, Digest::from_bytes([0; 32]));
        let names = self.held.range(first..).map(|(name, _)| *name);
        names.take_while(|(of, ..)| *of == node).collect()
    }

    /// Takes back what was written in an earlier boot. Of its sentence half is served in this one, and
    /// half of that in the next: a restart cannot know how long ago it was spoken, and in this way all
    /// restarts together prolong a quarantine by no more than its own length.
    pub(super) fn take_back(&mut self, proof: EquivocationProof, sentence_ms: u64) {
        let name = (proof.node(), proof.epoch(), proof.key());
        let half = sentence_ms / 2;
        let half = if half < SHORTEST_SENTENCE_MS { 0 } else { half };
        self.insert(Arc::new(proof), Some(half));
        if half == sentence_ms {
            self.unsaved.remove(&name);
        }
    }

    /// Another view has followed. The proofs against those who left go, from the disk, too: nobody takes
    /// them any more, and there may be ever more who once were members.
    pub(super) fn succeed(&mut self, view: &View) {
        let is_here = |(node, ..): &Name| view.index_of(node).is_some();
        self.unsaved.extend(self.held.keys().filter(|name| !is_here(name)));
        self.held.retain(|name, _| is_here(name));
        self.round.retain(is_here);
    }

    /// Offers all of them soon.
    pub(super) fn offer(&mut self) {
        (self.wait, self.next_wait) = (1, 2);
    }

    /// The proof that is to be offered in this resend interval.
    pub(super) fn due(&mut self) -> Option<Arc<EquivocationProof>> {
        if self.round.is_empty() {
            self.wait = self.wait.saturating_sub(1);
            if self.wait == 0 {
                self.round.extend(self.held.keys());
                self.wait = self.next_wait;
                self.next_wait = self.next_wait.saturating_mul(2).min(LONGEST_WAIT);
            }
        }
        let name = self.round.pop_front()?;
        self.held.get(&name).map(|held| Arc::clone(&held.proof))
    }

    /// The charge for what was found of `node` has been made, and its quarantine lasts `left_ms`.
    fn charged(&mut self, node: NodeId, left_ms: u64) {
        for name in self.of_member(node) {
            if let Some(held) = self.held.get_mut(&name) {
                held.sentence_ms.get_or_insert(left_ms);
            }
        }
    }

    /// The quarantine of `node` has ended, so nothing of it is left to be served.
    pub(super) fn released(&mut self, node: NodeId) {
        for name in self.of_member(node) {
            if let Some(Held { sentence_ms: Some(left_ms), .. }) = self.held.get_mut(&name)
                && std::mem::take(left_ms) > 0
            {
                self.unsaved.insert(name);
            }
        }
    }

    /// The longest sentence of each member that has one to serve.
    fn sentences(&self) -> BTreeMap<NodeId, u64> {
        let mut longest = BTreeMap::new();
        for ((node, ..), held) in &self.held {
            let left: &mut u64 = longest.entry(*node).or_default();
            *left = held.sentence_ms.unwrap_or(0).max(*left);
        }
        longest.retain(|_, left| *left > 0);
        longest
    }

    /// What has to be written, and is taken for written from now on. What has not been charged yet
    /// waits for that.
    pub(super) fn unsaved(&mut self) -> Vec<Unsaved> {
        let mut unsaved = Vec::new();
        self.unsaved.retain(|name| {
            let held = self.held.get(name);
            let sentence_ms = held.map_or(Some(0), |held| held.sentence_ms);
            let Some(sentence_ms) = sentence_ms else { return true };
            let held = held.map(|held| (Arc::clone(&held.proof), sentence_ms));
            unsaved.push((*name, held));
            false
        });
        unsaved
    }

    /// Nobody knows what of these reached the store, so they are to be written again.
    pub(super) fn write_failed(&mut self, names: Vec<Name>) {
        self.unsaved.extend(names);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<EquivocationProof>> {
        self.held.values().map(|held| &held.proof)
    }
}

/// What is shorter is not worth a write.
const SHORTEST_SENTENCE_MS: u64 = 1_000;

impl Core {
    /// The proofs of equivocation that are held here, by member and key epoch: at most one for each of
    /// the last 18 keys of a member. They were found or shown since the store was made.
    pub fn equivocation_proofs(&self) -> Vec<Arc<EquivocationProof>> {
        self.proofs.lock().all().map(Arc::clone).collect()
    }

    /// Keeps a proof that is news. `charged` tells whether the member pays for it.
    pub(super) fn remember_proof(
        &self,
        proof: Arc<EquivocationProof>,
        charged: bool,
        outputs: &mut Vec<Output>,
    ) {
        let sentence = if charged { None } else { Some(0) };
        self.proofs.lock().insert(Arc::clone(&proof), sentence);
        outputs.push(Output::Event(Event::Equivocation(proof)));
    }

    /// Charges `node` for what was found, and writes that down.
    pub(super) fn charge_for_proof(&self, node: NodeId, now: Millis, outputs: &mut Vec<Output>) {
        self.charge_member(node, Offence::Equivocation, now, outputs);
        let ends = self.ledgers.members.quarantine_ends(&node, now);
        self.proofs.lock().charged(node, ends.map_or(0, |ends| ends.since(now)));
        self.save_proofs(now, outputs);
    }

    /// Writes what is not in the store yet, once in a resend interval at most, or whoever burns key
    /// after key would keep the disk of everybody busy. Nothing waits for it: a proof binds others, and
    /// whoever forgets it is shown it again.
    pub(super) fn save_proofs(&self, now: Millis, outputs: &mut Vec<Output>) {
        let unsaved = {
            let mut proofs = self.proofs.lock();
            let interval_ms = self.config.quorum.resend_ms;
            let due = || is_due(&mut self.timers.lock().last_proof_write, interval_ms, now);
            if proofs.unsaved.is_empty() || !due() { Vec::new() } else { proofs.unsaved() }
        };
        if unsaved.is_empty() {
            return;
        }
        let names = unsaved.iter().map(|(name, _)| *name).collect();
        match super::stored_proofs::batch(&unsaved) {
            Ok(batch) => outputs.push(self.persist(batch, Waiting::Proofs(names))),
            Err(error) => tracing::error!(%error, "a proof cannot be written down"),
        }
    }

    /// Has gossip know all keys that proofs are held against, or each of them would be news, and cost its
    /// member, once more. To be done at the start, and in each view, for those who join it again.
    pub(super) fn condemn_proven(&self) {
        for proof in self.proofs.lock().all() {
            if let Some(member) = self.view().index_of(&proof.node()) {
                self.gossip.condemn(member, proof.epoch(), proof.key());
            }
        }
    }

    /// Puts those back into quarantine who have something left to serve.
    pub(super) fn resume_sentences(&self, now: Millis) {
        self.condemn_proven();
        let proofs = self.proofs.lock();
        let mut outputs = Vec::new();
        for (node, left_ms) in proofs.sentences() {
            let offence = Offence::Equivocation;
            let charge = self.ledgers.members.resume(node, offence, left_ms, now);
            tracing::warn!(%node, ?charge, "a member goes back into quarantine after the restart");
            outputs.extend(told(node, offence, charge));
        }
        self.timers.lock().since_start = outputs;
    }
}

/// What the host is told of a charge.
pub(super) fn told(node: NodeId, offence: Offence, charge: Charge) -> Option<Output> {
    match charge {
        Charge::Quarantined { until, .. } => {
            Some(Output::Event(Event::MemberQuarantined { node, offence, until }))
        }
        Charge::Withheld => Some(Output::Event(Event::QuarantineWithheld { node, offence })),
        Charge::Noted(_) | Charge::Already => None,
    }
}
