//! The proofs of equivocation that this node holds: kept over restarts, offered to who lacks them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

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
    held: BTreeMap<Name, Arc<EquivocationProof>>,
    /// Those that differ from what the store holds, as far as is known, or are no longer held.
    unsaved: BTreeSet<Name>,
    /// Whose charge for one of them is yet to be made.
    uncharged: BTreeSet<NodeId>,
    /// Those to be offered before the next pause.
    round: VecDeque<Name>,
    wait: u32,
    next_wait: u32,
}

/// A name, with the proof that is held under it, or `None` if none is any more.
pub(super) type Unsaved = (Name, Option<Arc<EquivocationProof>>);

impl Proofs {
    pub(super) const fn new() -> Self {
        Self {
            held: BTreeMap::new(),
            unsaved: BTreeSet::new(),
            uncharged: BTreeSet::new(),
            round: VecDeque::new(),
            wait: 1,
            next_wait: 2,
        }
    }

    /// `pays` tells whether its member is about to be [charged](Self::charged) for it.
    pub(super) fn insert(&mut self, proof: Arc<EquivocationProof>, pays: bool) {
        let name = (proof.node(), proof.epoch(), proof.key());
        if pays {
            self.uncharged.insert(name.0);
        }
        self.held.insert(name, proof);
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

    /// Takes back what was written in an earlier boot.
    pub(super) fn take_back(&mut self, proof: EquivocationProof) {
        let name = (proof.node(), proof.epoch(), proof.key());
        self.insert(Arc::new(proof), false);
        self.unsaved.remove(&name);
    }

    /// Another view has followed. The proofs against those who left go, from the disk, too: nobody takes
    /// them any more, and there may be ever more who once were members.
    pub(super) fn succeed(&mut self, view: &View) {
        let is_here = |(node, ..): &Name| view.index_of(node).is_some();
        self.unsaved.extend(self.held.keys().filter(|name| !is_here(name)));
        self.held.retain(|name, _| is_here(name));
        self.round.retain(is_here);
        self.uncharged.retain(|node| view.index_of(node).is_some());
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
        self.held.get(&name).map(Arc::clone)
    }

    /// The charge for what was found of `node` has been made.
    pub(super) fn charged(&mut self, node: &NodeId) {
        self.uncharged.remove(node);
    }

    /// What has to be written, and is taken for written from now on. What is yet to be charged waits for
    /// that: a proof that is known after a crash is not charged again.
    pub(super) fn unsaved(&mut self) -> Vec<Unsaved> {
        let Self { held, unsaved, uncharged, .. } = self;
        let mut charged = Vec::new();
        unsaved.retain(|name| {
            let waits = uncharged.contains(&name.0);
            if !waits {
                charged.push((*name, held.get(name).map(Arc::clone)));
            }
            waits
        });
        charged
    }

    pub(super) fn has_unsaved(&self) -> bool {
        self.unsaved.iter().any(|(node, ..)| !self.uncharged.contains(node))
    }

    /// Nobody knows what of these reached the store, so they are to be written again.
    pub(super) fn write_failed(&mut self, names: Vec<Name>) {
        self.unsaved.extend(names);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<EquivocationProof>> {
        self.held.values()
    }
}

impl Core {
    /// The proofs of equivocation that are held here, by member and key epoch: at most one for each of
    /// the last 18 keys of a member. They were found or shown since the store was made.
    pub fn equivocation_proofs(&self) -> Vec<Arc<EquivocationProof>> {
        self.proofs.lock().all().map(Arc::clone).collect()
    }

    /// Keeps a proof that is news. `pays` tells whether its member is about to be charged for it.
    pub(super) fn remember_proof(
        &self,
        proof: Arc<EquivocationProof>,
        pays: bool,
        outputs: &mut Vec<Output>,
    ) {
        self.proofs.lock().insert(Arc::clone(&proof), pays);
        outputs.push(Output::Event(Event::Equivocation(proof)));
    }

    /// Charges `node` for what was found, and writes that down.
    pub(super) fn charge_for_proof(&self, node: NodeId, now: Millis, outputs: &mut Vec<Output>) {
        let mut proofs = self.proofs.lock();
        self.charge_member(node, Offence::Equivocation, now, outputs);
        proofs.charged(&node);
        drop(proofs);
        self.save_judgements(now, outputs);
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
