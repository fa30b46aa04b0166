//! What this node itself says.

use super::asides::Hello;
use super::engine::Waiting;
use super::{Core, Event, Output, Step, WriteId};
use crate::id::{Millis, NodeId};
use crate::keyring::{Error, Misuse, PreparedRotation};
use crate::membership::RotatedKey;
use crate::quorum::{Cast, CriticalEvent, PartWrite, Report, Slot, Tally};
use crate::store::Batch;
use crate::suite::Suite;
use crate::wire::{self, Kind, Packet, Tag, seal_statement};

impl Core {
    /// Signs a message of this node. The caller hands the bytes to its neighbours.
    ///
    /// # Errors
    /// [`Misuse::BodyTooLong`] or [`Misuse::RateExceeded`]; [`Misuse::NotAMember`] once it has left the
    /// mesh; or a fault of the scheme.
    pub fn sign_message(&self, kind: Kind, body: &[u8], now: Millis) -> Result<Vec<u8>, Error> {
        self.may_speak()?;
        let bytes = self.gossip.sign_message(kind, body, now)?;
        if let Ok(Packet::Frame(frame)) = Packet::parse(&bytes) {
            self.quorum.said(frame.signed_header());
        }
        Ok(bytes)
    }

    /// Signs a beacon of this node. The caller hands the bytes to its neighbours.
    ///
    /// # Errors
    /// As for [`sign_message`](Self::sign_message).
    pub fn sign_beacon(&self, body: &[u8], now: Millis) -> Result<Vec<u8>, Error> {
        self.sign_message(Kind::Beacon, body, now)
    }

    /// States that `node` has failed: nothing was heard of it after the mark known here.
    ///
    /// # Errors
    /// [`Misuse::NotSilent`] before the suspicion time is over, [`Misuse::UnknownSubject`],
    /// [`Misuse::OwnFailure`]; or a fault of the scheme.
    pub fn report_node_failure(&self, node: NodeId, now: Millis) -> Result<Step<Tally>, Error> {
        let event = CriticalEvent::NodeFailure { subject: node, mark: None };
        self.report_critical_event(event, now)
    }

    /// States that `event` is so; or, where its slot is exclusive, that this node's host accepts it:
    /// the node then takes part in deciding the slot, and what it says there counts and leaves only
    /// after [`persisted`](Self::persisted). A host may accept several contents in one slot, up to 16;
    /// which of them is certified, if one is, the mesh decides.
    ///
    /// # Errors
    /// [`Misuse`]: an event that makes no sense, a member that was heard too recently, too many
    /// undecided proposals, a security incident without proof; or a fault of the scheme.
    pub fn report_critical_event(
        &self,
        event: CriticalEvent,
        now: Millis,
    ) -> Result<Step<Tally>, Error> {
        if let CriticalEvent::SecurityIncident { offender, key, .. } = &event {
            let proofs = self.proofs.lock();
            if !proofs.all().any(|proof| proof.node() == *offender && proof.key() == *key) {
                return Err(Misuse::Nonsense("no proof of that incident is known here").into());
            }
        }
        let entropy = self.entropy.as_ref();
        let mut outputs = Vec::new();
        self.may_speak()?;
        if matches!(event, CriticalEvent::ViewChange { .. }) {
            return Err(Misuse::Nonsense("no host decides when a view ends").into());
        }
        if let CriticalEvent::MembershipChange { change, .. } = &event
            && self.quorum.change(change).is_none()
        {
            return Err(Misuse::Nonsense("the change that it names is not known here").into());
        }
        if event.is_exclusive() {
            let write = self.quorum.accept_content(&event, (&self.keyring, entropy), now)?;
            outputs.extend(write.map(|write| self.persist_part(write)));
            return Ok(Step { result: self.quorum.standing(&event.slot()), outputs });
        }
        let report = self.quorum.report_critical_event(event, &self.keyring, entropy, now)?;
        let result = self.state(&report, now, &mut outputs);
        self.tell_of_a_link(&report);
        Ok(Step { result, outputs })
    }

    /// Says what is due in an exclusive slot, once that is durable.
    pub(super) fn vote(&self, slot: &Slot, now: Millis, outputs: &mut Vec<Output>) {
        if !self.keyring.is_confirmed() {
            return;
        }
        match self.quorum.next_write(*slot, (&self.keyring, self.entropy.as_ref()), now) {
            Ok(write) => outputs.extend(write.map(|write| self.persist_part(write))),
            Err(error) => tracing::warn!(%error, "a ballot could not be signed"),
        }
    }

    fn persist_part(&self, mut write: PartWrite) -> Output {
        self.persist(write.take_batch(), Waiting::Part(write))
    }

    fn part_written(&self, write: PartWrite, now: Millis, outputs: &mut Vec<Output>) {
        if write.view() != self.view().number() {
            // The view went by while it was written.
            return;
        }
        let slot = *write.slot();
        let before = self.quorum.settled(&slot).is_some();
        let Cast { packets, tally } = self.quorum.written(write, now);
        outputs.extend(packets.into_iter().map(Output::Send));
        if !before {
            self.tell(&tally, outputs);
        }
        self.vote(&slot, now, outputs);
    }

    /// Counts a report of this node and sends it out.
    pub(super) fn state(&self, report: &Report, now: Millis, outputs: &mut Vec<Output>) -> Tally {
        outputs.push(Output::Send(self.quorum.with_evidence(*report.slot(), &report.bytes)));
        match self.quorum.adopt(report, now) {
            Ok(tally) => {
                self.tell(&tally, outputs);
                tally
            }
            // Stated before, or overtaken by what others sent: where it stands is what counts.
            Err(_) => self.quorum.standing(report.slot()),
        }
    }

    /// The write of a rotation that failed before, once more.
    pub(super) fn persist_stalled(&self) -> Option<Output> {
        let rotation = self.writes.lock().stalled.take()?;
        Some(self.persist(rotation.batch.clone(), Waiting::Rotation(rotation)))
    }

    pub(super) fn persist(&self, batch: Batch, waiting: Waiting) -> Output {
        let mut writes = self.writes.lock();
        let write = WriteId(writes.next);
        writes.next = writes.next.saturating_add(1);
        writes.waiting.insert(write, waiting);
        Output::Persist { write, batch }
    }

    /// Replaces this node's key by the one of `suite` that it commits to. The old key signs until the
    /// new one is durable; then [`persisted`](Self::persisted) announces it. For a grace period the others
    /// take what was signed with the old key before, too.
    ///
    /// # Errors
    /// [`Misuse::RotationPending`] while one is under way, [`Misuse::Downgrade`], [`Misuse::Frozen`],
    /// [`Misuse::Superseded`]; or a fault of the scheme. The key in use is then the one before.
    pub fn rotate_keys(&self, suite: Suite) -> Result<Step<()>, Error> {
        self.rotate(suite, false, false)
    }

    /// The same for a key that may be in other hands: it ends at once. Nothing more is signed with it, and
    /// the others take nothing more under it as soon as they hear of this; what was on its way then is
    /// lost.
    ///
    /// It is enough if the key alone was stolen. Against a thief of all that is on the host, who has the
    /// next key, too, only [`Identity::recover`](crate::Identity::recover) helps.
    ///
    /// # Errors
    /// As for [`rotate_keys`](Self::rotate_keys).
    pub fn rotate_compromised_keys(&self, suite: Suite) -> Result<Step<()>, Error> {
        self.rotate(suite, true, false)
    }

    /// The same; `is_answer`: because somebody else signs with the key, which is noted with the next one.
    pub(super) fn rotate(
        &self,
        suite: Suite,
        compromised: bool,
        is_answer: bool,
    ) -> Result<Step<()>, Error> {
        self.may_speak()?;
        if self.directory.is_frozen(self.me) {
            return Err(Misuse::Frozen.into());
        }
        let wanted = (suite, compromised);
        let stalled = self.writes.lock().stalled.as_ref().map(|it| (it.suite(), it.compromised));
        if stalled.is_some_and(|stalled| stalled != wanted) {
            return Err(Misuse::RotationPending.into());
        }
        let output = match self.persist_stalled() {
            Some(output) => output,
            None => {
                let rotation = self.gossip.rotate_keys(suite, compromised)?;
                let rotation = if is_answer { rotation.into_answer()? } else { rotation };
                self.persist(rotation.batch.clone(), Waiting::Rotation(rotation))
            }
        };
        Ok(Step { result: (), outputs: vec![output] })
    }

    /// A write is durable: what waited for it takes effect and may leave.
    pub fn persisted(&self, write: WriteId, now: Millis) -> Vec<Output> {
        let waiting = self.writes.lock().waiting.remove(&write);
        let mut outputs = Vec::new();
        match waiting {
            // Nothing waits for a proof, it has been sent; nor for how others stand.
            None | Some(Waiting::Judgements(_) | Waiting::Usage) => {}
            Some(Waiting::View(step)) => self.stepped(step, &mut outputs),
            Some(Waiting::Part(write)) => self.part_written(write, now, &mut outputs),
            Some(Waiting::Rotation(rotation)) => self.rotated(rotation, now, &mut outputs),
            Some(Waiting::Boot(boot)) => self.boot_written(boot, now, &mut outputs),
            Some(Waiting::Claim(node, at)) => self.claims.lock().wrote(&node, at, true),
            Some(Waiting::Staged(write)) => self.staged_written(&write, now, &mut outputs),
        }
        outputs
    }

    /// A write failed. A ballot that waited for it is not cast, and is due again; what the host
    /// accepted with it is not accepted, and reporting the event again tries anew.
    /// A rotation is written again by the next [`tick`](Self::tick) or
    /// [`rotate_keys`](Self::rotate_keys), and not replaced by another: nobody knows whether it
    /// reached the disk. Proofs, standings, the step to a next view and the marks of a rollout are written
    /// again by the next tick; a stage of it does not begin.
    pub fn write_failed(&self, write: WriteId) {
        let mut writes = self.writes.lock();
        match writes.waiting.remove(&write) {
            Some(Waiting::Rotation(rotation)) => writes.stalled = Some(rotation),
            Some(Waiting::Judgements(judgements)) => {
                drop(writes);
                self.judgements_not_written(judgements);
            }
            Some(Waiting::View(_)) => self.past.lock().end_step(),
            Some(Waiting::Boot(_)) => self.boot_not_written(),
            Some(Waiting::Claim(node, at)) => self.claims.lock().wrote(&node, at, false),
            Some(Waiting::Staged(write)) => {
                drop(writes);
                self.staged_not_written(write);
            }
            Some(Waiting::Part(part)) if part.view() == self.view().number() => {
                self.quorum.not_written(&part);
            }
            Some(Waiting::Part(_) | Waiting::Usage) | None => {}
        }
    }

    fn rotated(&self, rotation: PreparedRotation, now: Millis, outputs: &mut Vec<Output>) {
        let from = self.keyring.active().epoch;
        let (statement, closing) = (rotation.statement.to_vec(), rotation.closing);
        let to = rotation.record().clone();
        let (epoch, suite) = (to.epoch, to.key.suite());
        let grace_ms = if rotation.compromised { 0 } else { self.config.grace_ms };
        self.keyring.commit_rotation(rotation);
        let grace_until = now.after(grace_ms);
        self.directory.rotate(self.me, from, RotatedKey { to, closing, grace_until });
        outputs.push(Output::Send(statement));
        outputs.push(Output::Event(Event::KeyRotated { node: self.node(), epoch, suite }));
    }

    /// A request to the others for what this node missed.
    pub(super) fn hello(&self, lacks: Option<NodeId>) -> Result<Vec<u8>, Error> {
        let nonce = self.keyring.draw_statement()?;
        let view = self.view().number();
        let lacks = lacks.and_then(|node| {
            Some((node, self.directory.current(self.view().index_of(&node)?)?.epoch))
        });
        let content = wire::encode("a Hello", &Hello { nonce, view, lacks })?;
        let (head, key) = self.keyring.statement_head();
        Ok(seal_statement(Tag::Hello, &head, &content, &key.key, self.entropy.as_ref())?)
    }
}
