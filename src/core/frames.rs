//! What arrives: one entry for any packet, and what a refusal costs whom.

use std::sync::Arc;

use super::proofs::told;
use super::{Accepted, Blame, Core, Event, Output, Step};
use crate::gossip::{FrameRefused, Message, Taking};
use crate::id::{Link, LinkId, Millis, NodeId};
use crate::quorum::{Contradiction, EquivocationProof, UncheckedProof};
use crate::reputation::{Charge, Offence};
use crate::wire::{Frame, Kind, Packet, Refusal, Tag, WireError};

impl Core {
    /// Takes whatever arrived over `link`: frame, attestation, rotation, Hello, certificate, proof.
    ///
    /// A packet that is accepted was checked and is news; most are worth
    /// [passing on](Accepted::is_for_others) to other neighbours.
    pub fn handle_frame(
        &self,
        link: Link,
        bytes: &[u8],
        now: Millis,
    ) -> Step<Result<Accepted, Refusal>> {
        let mut outputs = Vec::new();
        let result = match Tag::of(bytes) {
            Ok(Tag::Frame) => self.take_frame(link, bytes, now, &mut outputs),
            Ok(_) => self.take_bare(link, bytes, now, &mut outputs),
            Err(error) => Err(self.unreadable(link, error, now, &mut outputs)),
        };
        Step { result, outputs }
    }

    /// Takes a beacon that arrived over `link`, and nothing else.
    ///
    /// # Errors
    /// In the step: [`Refusal::NotABeacon`] for any other packet, which is then not looked at
    /// further.
    pub fn verify_beacon(
        &self,
        link: Link,
        bytes: &[u8],
        now: Millis,
    ) -> Step<Result<Message, Refusal>> {
        let Step { result, outputs } = self.take_beacon(link, bytes, now);
        Step { result: result.and_then(Accepted::into_beacon), outputs }
    }

    /// The same, with the sign of life of a member in quarantine told apart from a refusal: it is to
    /// be passed on.
    pub(crate) fn take_beacon(
        &self,
        link: Link,
        bytes: &[u8],
        now: Millis,
    ) -> Step<Result<Accepted, Refusal>> {
        let origin = match Packet::parse(bytes) {
            Ok(Packet::Frame(frame)) if frame.header().kind == Kind::Beacon => None,
            Ok(Packet::Frame(frame)) => Some(Some(frame.header().origin)),
            Ok(_) => Some(None),
            // What is no packet at all is refused as such.
            Err(_) => None,
        };
        let Some(origin) = origin else { return self.handle_frame(link, bytes, now) };
        let mut outputs = Vec::new();
        let refusal = self.refused(link, origin, Refusal::NotABeacon, now, &mut outputs);
        Step { result: Err(refusal), outputs }
    }

    fn take_frame(
        &self,
        link: Link,
        bytes: &[u8],
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Result<Accepted, Refusal> {
        let admitted = self.gossip.verify_message(link, bytes, now);
        let admitted = admitted.map_err(|refused| {
            self.note_missed_view(&refused.refusal, bytes);
            if refused.refusal == Refusal::OverRate {
                return self.excess_refused(link, bytes, refused, now, outputs);
            }
            if refused.refusal == Refusal::Own {
                self.look_at_own_frame(link, bytes, now, outputs);
            }
            self.frame_refused(link, refused, now, outputs)
        })?;
        let node = admitted.signed_header.header().origin;
        self.heard_signed(admitted.member, outputs);
        self.ask_for_an_echo(link, node, now, outputs);
        let (spoken_in, here) = (admitted.signed_header.header().view, self.view().number());
        if spoken_in < here {
            self.help_on(link, admitted.member, spoken_in, now, outputs);
        } else if spoken_in > here {
            self.timers.lock().missed_a_view = true;
        }
        if self.quorum.heard(admitted.member, &admitted.signed_header, now) {
            tracing::info!(%node, "a failed member is back");
            outputs.push(Output::Event(Event::NodeReturned { node }));
        }
        match admitted.message {
            Some(message) => {
                self.counters.delivered(message.kind);
                Ok(Accepted::Message(message))
            }
            None => {
                self.counters.taken(Some(Tag::Frame));
                Ok(Accepted::SignOfLife(node))
            }
        }
    }

    /// An excess costs its signer once, also if this node has restarted and took it for the first time.
    fn excess_refused(
        &self,
        link: Link,
        bytes: &[u8],
        mut refused: FrameRefused,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Refusal {
        // Held until it is charged: both are written down together.
        let mut excesses = self.excesses.lock();
        let is_new = match Packet::parse(bytes) {
            Ok(Packet::Frame(frame)) => {
                excesses.is_new(frame.header().origin, frame.header().mark())
            }
            _ => false,
        };
        if !is_new {
            refused.refusal = Refusal::Replay;
        }
        self.frame_refused(link, refused, now, outputs)
    }

    fn frame_refused(
        &self,
        link: Link,
        refused: FrameRefused,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Refusal {
        let FrameRefused { refusal, origin, contradiction } = refused;
        if let Some([first, second]) = contradiction {
            let sealed = EquivocationProof::seal_headers(self.mesh(), [&first, &second]);
            if let Some(proof) = self.prove(sealed) {
                self.publish(proof, outputs);
            }
        }
        self.note_missed_key(&refusal);
        self.refused(link, origin, refusal, now, outputs)
    }

    /// Asks for the step to a view in which a member speaks that is not heard here. Nobody answers there
    /// what is asked in this view: when all start anew, some from disks that know of a later view, they
    /// would not hear each other for good.
    fn note_missed_view(&self, refusal: &Refusal, bytes: &[u8]) {
        if matches!(refusal, Refusal::Unproven | Refusal::OtherView { .. })
            && let Ok(frame) = Frame::parse(bytes)
            && frame.header().view > self.view().number()
        {
            self.timers.lock().missed_a_view = true;
        }
    }

    /// Asks for what was missed, if something came under a key that is not known here.
    pub(super) fn note_missed_key(&self, refusal: &Refusal) {
        if let Refusal::UnknownKey { origin, .. } = refusal {
            self.note_missed_key_of(*origin);
        }
    }

    /// Two checked votes of one member contradict each other: writes the proof down, unless the key
    /// that it condemns was condemned before. Tells whether it was not.
    pub(super) fn votes_contradict(
        &self,
        Contradiction { first, second }: Contradiction,
        outputs: &mut Vec<Output>,
    ) -> bool {
        let sealed = EquivocationProof::seal_votes(self.mesh(), [&first, &second]);
        // A liar can vote in as many slots as it likes: once proven, it is not worth a check.
        if sealed.as_ref().is_ok_and(|bytes| self.is_proven(bytes)) {
            return false;
        }
        let Some(proof) = self.prove(sealed) else { return false };
        // The votes may stand under two keys: what counts is the one that the proof names, or the
        // proof, when it comes round, would be held against the member once more.
        let news = self.gossip.condemn(proof.offender(), proof.epoch(), proof.key());
        if news {
            self.publish(proof, outputs);
        }
        news
    }

    /// Whether the key that a proof condemns was condemned before.
    pub(super) fn is_proven(&self, proof: &[u8]) -> bool {
        UncheckedProof::read(proof, &self.directory).is_ok_and(|proof| {
            let (member, epoch, key) = proof.condemns();
            self.gossip.is_condemned(member, epoch, &key)
        })
    }

    /// Checked as anyone would, so that what goes out under our hand convinces everyone.
    fn prove(&self, sealed: Result<Vec<u8>, WireError>) -> Option<EquivocationProof> {
        let proof = sealed
            .map_err(Refusal::from)
            .and_then(|bytes| EquivocationProof::verify(&bytes, &self.directory));
        proof
            .inspect_err(|refusal| tracing::error!(%refusal, "a contradiction cannot be proven"))
            .ok()
    }

    fn publish(&self, proof: EquivocationProof, outputs: &mut Vec<Output>) {
        outputs.push(Output::Send(proof.as_bytes().to_vec()));
        self.remember_proof(Arc::new(proof), true, outputs);
    }

    fn unreadable(
        &self,
        link: Link,
        error: WireError,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Refusal {
        let refusal = self.gossip.unreadable(&mut Taking, link, error, now);
        self.refused(link, None, refusal, now, outputs)
    }

    /// Counts a refusal and charges whoever pays for it, by the one table there is.
    pub(super) fn refused(
        &self,
        link: Link,
        origin: Option<NodeId>,
        refusal: Refusal,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) -> Refusal {
        self.counters.refused(&refusal);
        self.note_muffled(origin, &refusal);
        let reason = refusal.reason();
        tracing::debug!(?link, ?origin, reason, "refused");
        if let (Refusal::LinkBudget | Refusal::CheckBudget, Some(node)) = (&refusal, origin) {
            self.ask_for_an_echo(link, node, now, outputs);
        }
        match (Blame::of(&refusal), link.proven(), origin) {
            (Blame::Link(offence), Some(id), _) => self.charge_link(id, offence, now, outputs),
            (Blame::Origin(Offence::Equivocation), _, Some(node)) => {
                self.charge_for_proof(node, now, outputs);
            }
            (Blame::Origin(offence), _, Some(node)) => {
                self.charge_member(node, offence, now, outputs);
            }
            _ => {}
        }
        refusal
    }

    /// Packets under the name of `node` come over a link that is only claimed, so they compete with
    /// everybody else's. Whoever echoes the cookie that is sent there gets them a budget of their own.
    fn ask_for_an_echo(&self, link: Link, node: NodeId, now: Millis, outputs: &mut Vec<Output>) {
        let cookie = self.gossip.cookie(link, node, now);
        outputs.extend(cookie.map(|packet| Output::SendTo { link, packet }));
    }

    fn charge_link(&self, link: LinkId, offence: Offence, now: Millis, outputs: &mut Vec<Output>) {
        let charge = self.ledgers.links.charge(link, offence, now);
        #[cfg(feature = "metrics")]
        self.counters.charged("link", offence);
        // Its packets come as fast as the network brings them: one line for each would be a flood.
        tracing::debug!(?link, offence = offence.name(), ?charge, "a link was charged");
        if let Charge::Quarantined { until, .. } = charge {
            tracing::info!(?link, offence = offence.name(), ?until, "a link is in quarantine");
            outputs.push(Output::Event(Event::LinkQuarantined { link, offence, until }));
        }
    }

    pub(super) fn charge_member(
        &self,
        node: NodeId,
        offence: Offence,
        now: Millis,
        outputs: &mut Vec<Output>,
    ) {
        let charge = self.ledgers.members.charge(node, offence, now);
        #[cfg(feature = "metrics")]
        self.counters.charged("member", offence);
        tracing::warn!(%node, offence = offence.name(), ?charge, "a member was charged");
        outputs.extend(told(node, offence, charge));
    }
}
