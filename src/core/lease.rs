//! The number of a start, where the disk may have been rolled back: a quorum stores it before anything
//! is signed under it.
//!
//! A nonce is a boot and a sequence within it, and a boot is counted on the disk before it begins. A disk
//! that is rolled back counts the same boot once more (attack K14), and what is signed then repeats
//! nonces, which others take for equivocation. So where that is possible
//! ([`DiskTrust`](super::DiskTrust)) a node signs two things alone when it starts:
//!
//! | statement | says |
//! |---|---|
//! | claim, of the node | this start, told from others by a riddle, is to have that boot |
//! | witness, of a member | it has stored that claim, durably, and no higher one before |
//!
//! A member witnesses a claim that is above all that it has stored of that node, or the same again. Whom
//! it has a higher one of it sends that, and one of whom it heard a frame of that boot or a later one the
//! header: they are signed by the node itself, so f liars push no boot counter to its end (attack Q10),
//! and who has not lied is never told to go on. The node claims the boot after, with its own store written
//! first. With q witnesses to one claim, itself included, it begins.
//!
//! # Why no boot begins twice
//!
//! Two claims with q witnesses each have 2q − n > f in common, one honest and with a disk of its own that
//! kept what it stored. It stored the one before the other, and so the second is higher. That holds for
//! two starts one after the other and for two hosts at once, whose riddles differ. The node itself is
//! among the witnesses of both; if its disk was rolled back, it is one of the f. It holds within one
//! view: where members have left since the last start, those that stayed and heard the node's frames tell.
//!
//! # Why it ends
//!
//! Neither statement has a number, so members that start at the same time witness each other's claims
//! before they may sign anything else, and a mesh that restarts as a whole comes up. The claim is sent
//! again after 1, 2, 4, 8 … resend intervals, 16 at most, and is witnessed again each time.
//!
//! # What it costs
//!
//! A claim is 3 480 bytes and a witness 3 460 and 24 for each of up to 256 claims. One restart in a mesh
//! of 1 000: one write at each member, and 1 000 statements of 3.5 KB that reach everybody: 3.5 MB and
//! 1 000 checks. All 1 000 at once: each member signs one claim and, where all claims arrive together, four
//! witnesses of 9.6 KB at most; 41 MB and 5 000 checks reach everybody, 1 000 rows of 3.5 KB are written.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::boot::{Claim, Riddle, Witness};
use super::engine::Waiting;
use super::{Core, Event, Output};
use crate::id::{Link, Millis, ViewNumber};
use crate::keyring::{Error, Keyring};
use crate::membership::{MemberIndex, View};
use crate::suite::{Entropy, SuiteError};
use crate::wire::{self, Statement, Tag, seal_statement};

/// The longest pause between two claims, in resend intervals.
const LONGEST_PAUSE: u64 = 16;

/// A start that has yet to be confirmed.
#[derive(Debug)]
pub(super) struct Lease {
    riddle: Riddle,
    /// The highest boot that this node is known to have claimed or used before.
    used: u32,
    /// The next boot is being written.
    is_writing: bool,
    /// In this view the others have witnessed the boot that the keyring is in.
    view: ViewNumber,
    witnesses: BTreeSet<MemberIndex>,
    /// The claim of that boot in that view.
    packet: Option<(u32, Arc<[u8]>)>,
    last_claim: Option<Millis>,
    pause: u64,
}

impl Lease {
    /// # Errors
    /// A fault of the entropy source.
    pub(super) fn new(view: &View, entropy: &dyn Entropy) -> Result<Self, Error> {
        let mut riddle = Riddle::default();
        entropy.fill(&mut riddle).map_err(SuiteError::from)?;
        Ok(Self {
            riddle,
            used: 0,
            is_writing: false,
            view: view.number(),
            witnesses: BTreeSet::new(),
            packet: None,
            last_claim: None,
            pause: 1,
        })
    }

    /// Begins to collect witnesses anew.
    fn begin(&mut self, view: ViewNumber) {
        self.view = view;
        self.witnesses.clear();
        (self.packet, self.last_claim, self.pause) = (None, None, 1);
    }

    /// Whether `said` witnesses the claim of `boot` that `me` makes in `view`, and nobody of that place
    /// did before.
    fn awaits(&self, me: MemberIndex, boot: u32, member: MemberIndex, said: &Witness) -> bool {
        let ours = said.claims.iter().find(|claim| claim.claimant == me);
        let is_ours = ours.is_some_and(|claim| (claim.boot, claim.riddle) == (boot, self.riddle));
        is_ours && boot > self.used && !self.is_writing && !self.witnesses.contains(&member)
    }
}

impl Core {
    /// Whether this node may sign whatever it likes. Until then it claims the number of its start.
    pub fn is_boot_confirmed(&self) -> bool {
        self.keyring.is_confirmed()
    }

    /// Claims the number of this start, if it has yet to be confirmed and that is due.
    pub(super) fn claim_boot(&self, now: Millis, outputs: &mut Vec<Output>) {
        let (view, boot) = (self.view(), self.keyring.boot());
        let (riddle, packet) = {
            let mut held = self.lease.lock();
            let Some(lease) = held.as_mut() else { return };
            if lease.view != view.number() {
                lease.begin(view.number());
            }
            if lease.is_writing {
                return;
            }
            if boot <= lease.used {
                // It could not be written before.
                let used = lease.used;
                drop(held);
                return self.go_beyond(used, outputs);
            }
            let pause_ms = self.config.quorum.resend_ms.saturating_mul(lease.pause);
            if !super::tick::is_due(&mut lease.last_claim, pause_ms, now) {
                return;
            }
            if lease.packet.is_some() {
                lease.pause = lease.pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
            let packet = lease.packet.clone().filter(|(of, _)| *of == boot);
            (lease.riddle, packet.map(|(_, packet)| packet))
        };
        let packet = match packet.map_or_else(|| self.seal_claim(boot, riddle), Ok) {
            Ok(packet) => packet,
            Err(error) => return tracing::warn!(%error, "a claim could not be signed"),
        };
        if let Some(lease) = self.lease.lock().as_mut() {
            lease.packet = Some((boot, Arc::clone(&packet)));
        }
        outputs.push(Output::Send(packet.to_vec()));
        // In a mesh of one its own word is enough.
        self.confirm_if_witnessed(outputs);
    }

    fn seal_claim(&self, boot: u32, riddle: Riddle) -> Result<Arc<[u8]>, Error> {
        let (view, number) = (self.view().digest(), self.view().number());
        let content = wire::encode("a claim", &Claim { view, number, riddle, boot })?;
        let (head, key) = self.keyring.statement_head();
        let entropy = self.entropy.as_ref();
        Ok(Arc::from(seal_statement(Tag::Claim, &head, &content, &key.key, entropy)?))
    }

    /// Whether a witness is one that this node waits for.
    pub(super) fn awaits_witness(&self, member: MemberIndex, said: &Witness) -> bool {
        let held = self.lease.lock();
        let boot = self.keyring.boot();
        held.as_ref().is_some_and(|lease| {
            lease.view == self.view().number() && lease.awaits(self.me, boot, member, said)
        })
    }

    /// Counts a checked witness.
    pub(super) fn count_witness(
        &self,
        member: MemberIndex,
        said: &Witness,
        outputs: &mut Vec<Output>,
    ) {
        {
            let mut held = self.lease.lock();
            let boot = self.keyring.boot();
            let Some(lease) = held.as_mut().filter(|lease| lease.view == self.view().number())
            else {
                return;
            };
            if !lease.awaits(self.me, boot, member, said) {
                return;
            }
            lease.witnesses.insert(member);
        }
        self.confirm_if_witnessed(outputs);
    }

    fn confirm_if_witnessed(&self, outputs: &mut Vec<Output>) {
        let mut held = self.lease.lock();
        let Some(lease) = held.as_ref() else { return };
        let boot = self.keyring.boot();
        // It has written the boot itself before it claimed it.
        let witnesses = lease.witnesses.len().saturating_add(1);
        let is_ours = boot > lease.used && !lease.is_writing && lease.view == self.view().number();
        if !is_ours || witnesses < self.view().quorum() {
            return;
        }
        self.keyring.confirm();
        *held = None;
        tracing::info!(boot, witnesses, "the number of this start is confirmed");
        outputs.push(Output::Event(Event::BootConfirmed { boot }));
    }

    /// This node was shown, under its own signature, that it has claimed or used boot `used` before.
    pub(super) fn go_beyond(&self, used: u32, outputs: &mut Vec<Output>) {
        let mut held = self.lease.lock();
        let Some(lease) = held.as_mut() else { return };
        lease.used = lease.used.max(used);
        if lease.is_writing || self.keyring.boot() > lease.used {
            return;
        }
        match Keyring::boot_after(lease.used) {
            Ok((boot, batch)) => {
                lease.begin(lease.view);
                lease.is_writing = true;
                drop(held);
                tracing::info!(boot, used, "a boot that was used before: the next is claimed");
                outputs.push(self.persist(batch, Waiting::Boot(boot)));
            }
            Err(error) => tracing::error!(%error, "there is no boot left"),
        }
    }

    /// The next boot is durable, so it can be claimed.
    pub(super) fn boot_written(&self, boot: u32, now: Millis, outputs: &mut Vec<Output>) {
        if let Some(lease) = self.lease.lock().as_mut() {
            lease.is_writing = false;
            self.keyring.begin_boot(boot);
        }
        self.claim_boot(now, outputs);
    }

    /// It is not, or nobody knows. It is written again by the next tick.
    pub(super) fn boot_not_written(&self) {
        if let Some(lease) = self.lease.lock().as_mut() {
            lease.is_writing = false;
        }
    }

    /// A claim in the name of this node came back: of an earlier start, if it is not this one's.
    pub(super) fn look_at_own_claim(
        &self,
        link: Link,
        statement: &Statement<'_>,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        let Ok(claim) = Claim::read(statement) else { return };
        let is_above =
            self.lease.lock().as_ref().is_some_and(|lease| {
                claim.riddle != lease.riddle && self.is_above(lease, claim.boot)
            });
        if is_above && self.may_check_own(link, now) && self.has_said(statement) {
            self.go_beyond(claim.boot, outputs);
        }
    }

    pub(super) fn is_above(&self, lease: &Lease, boot: u32) -> bool {
        boot >= self.keyring.boot() && boot > lease.used
    }
}

#[cfg(test)]
mod tests {
    use crate::membership::{faults_tolerated, quorum_size};

    /// All sets of `size` of the first `n` members that the first is in.
    fn sets(n: usize, size: usize) -> Vec<u32> {
        let all = (0..1_u32 << n).filter(|set| set & 1 == 1);
        all.filter(|set| set.count_ones() as usize == size).collect()
    }

    /// Whether any two quorums of the node at the first place share a member outside `faulty` members,
    /// the node among them.
    fn are_told(n: usize, faulty: usize) -> bool {
        let (quorums, faulty) = (sets(n, quorum_size(n)), sets(n, faulty));
        quorums.iter().all(|one| {
            let honest = |other: &u32| faulty.iter().all(|faulty| one & other & !faulty != 0);
            quorums.iter().all(honest)
        })
    }

    /// The rule's arithmetic, set by set: whoever was in both quorums and forgot nothing tells the one
    /// start of the other. The node, whose disk was rolled back, is one of the f; beside f liars it
    /// would be one too many.
    #[test]
    fn two_quorums_share_one_that_has_not_forgotten() {
        for n in 4..=10 {
            let faults = faults_tolerated(n);
            assert!(are_told(n, faults), "n = {n}");
        }
        for n in [4, 7, 10] {
            assert!(!are_told(n, faults_tolerated(n) + 1), "n = {n} bears one more");
        }
        for n in 1..=2_000 {
            let (quorum, faults) = (quorum_size(n), faults_tolerated(n));
            assert!(2 * quorum - n > faults && n - faults >= quorum, "n = {n}");
        }
    }
}
