//! What a Byzantine member does with its own valid key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use meshward::id::{Digest, Epoch, Mark, Nonce};
use meshward::keyring::ActiveKey;
use meshward::quorum::seal_attestation;
use meshward::wire::{Frame, StatementHead, seal_frame};
use meshward::{Core, CriticalEvent, Millis, NodeId, OsEntropy};

/// A liar's key, and what it overheard.
pub(crate) struct Liar {
    key: Arc<ActiveKey>,
    head: StatementHead,
    view: Digest,
    /// The newest signed header of each member: true evidence for false accusations.
    overheard: BTreeMap<NodeId, (Mark, Vec<u8>)>,
    accusing: Option<NodeId>,
    accusations: u32,
    said: AtomicU32,
}

impl Liar {
    pub(crate) fn new((head, key): (StatementHead, Arc<ActiveKey>), view: Digest) -> Self {
        let (overheard, said) = (BTreeMap::new(), AtomicU32::new(1));
        Self { key, head, view, overheard, accusing: None, accusations: 0, said }
    }

    /// Keeps the signed header of a frame that came by.
    pub(crate) fn overhear(&mut self, packet: &[u8]) {
        let Ok(frame) = Frame::parse(packet) else { return };
        let (origin, mark) = (frame.header().origin, frame.header().mark());
        let newer = self.overheard.get(&origin).is_none_or(|(known, _)| *known < mark);
        if newer {
            let evidence = frame.signed_header().as_bytes().to_vec();
            self.overheard.insert(origin, (mark, evidence));
        }
    }

    pub(crate) fn accuse(&mut self, node: NodeId) {
        self.accusing = Some(node);
    }

    pub(crate) fn fall_silent(&mut self) {
        self.accusing = None;
    }

    /// The next false attestation, if it is accusing: at first at the true newest mark with the
    /// subject's own header as evidence, then at marks that were never signed.
    pub(crate) fn next_accusation(&mut self) -> Option<Vec<u8>> {
        let subject = self.accusing?;
        let (newest, evidence) = self.overheard.get(&subject)?;
        self.accusations += 1;
        let mark = if self.accusations <= 5 {
            *newest
        } else {
            let nonce = Nonce { boot: u32::MAX, sequence: self.accusations };
            Mark { epoch: Epoch::FIRST, nonce }
        };
        let event = CriticalEvent::NodeFailure { subject, mark: Some(mark) };
        let mut packet = self.attest(&event)?;
        packet.extend_from_slice(evidence);
        Some(packet)
    }

    fn attest(&self, event: &CriticalEvent) -> Option<Vec<u8>> {
        // Each statement is newer than all before it.
        let sequence = self.said.fetch_add(1, Ordering::Relaxed);
        let about = (self.view, Nonce { boot: u32::MAX, sequence });
        seal_attestation(event, about, &self.head, &self.key.key, &OsEntropy).ok()
    }

    /// Two frames under one nonce.
    pub(crate) fn two_frames(&self, core: &Core, now: Millis) -> Option<[Vec<u8>; 2]> {
        let first = core.sign_beacon(b"this is what I say", now).ok()?;
        let header = Frame::parse(&first).ok()?.header().clone();
        let second = seal_frame(header, b"and this, too", &self.key.key, &OsEntropy).ok()?;
        Some([first, second])
    }

    /// Two votes in one exclusive slot.
    pub(crate) fn two_votes(&self) -> Option<[Vec<u8>; 2]> {
        let vote = |content: &[u8]| {
            self.attest(&CriticalEvent::GovernanceProposal {
                topic: Digest::of("failover_mesh 2026 topic", b"who leads"),
                sequence: 1,
                content: Digest::of("failover_mesh 2026 content", content),
            })
        };
        Some([vote(b"you")?, vote(b"your neighbour")?])
    }
}
