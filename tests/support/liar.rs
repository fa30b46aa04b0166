//! Whoever signs what no honest node would: a member that lies, a thief, an outsider.

use std::sync::atomic::{AtomicU32, Ordering};

use meshward::membership::View;
use meshward::quorum::seal_attestation;
use meshward::suite::{Purpose, SigningKey};
use meshward::wire::{Container, Header, Kind, Packet, StatementHead, Tag, seal_frame};
use meshward::{CriticalEvent, Epoch, NodeId, Nonce, OsEntropy, SentAt, Suite};

/// A key, and the name it is used under.
pub(crate) struct Liar {
    pub(crate) id: NodeId,
    pub(crate) epoch: Epoch,
    pub(crate) key: SigningKey,
    pub(crate) view: std::sync::Arc<View>,
}

impl Liar {
    /// Somebody with a key of its own who claims to be `id`.
    pub(crate) fn impostor(suite: Suite, id: NodeId, view: &std::sync::Arc<View>) -> Self {
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        Self { id, epoch: Epoch::FIRST, key, view: view.clone() }
    }

    /// The header that an honest node of this name would write: a message a second since the boot.
    pub(crate) fn header(&self, kind: Kind, nonce: Nonce) -> Header {
        Header {
            mesh: self.view.mesh(),
            suite: self.key.suite(),
            view: self.view.number(),
            origin: self.id,
            epoch: self.epoch,
            key: self.key.public_key().digest(),
            nonce,
            sent_at: SentAt(u64::from(nonce.sequence) * 1000),
            kind,
            body_len: 0,
            body: Header::digest_body(&[]),
        }
    }

    /// A frame under its own signature.
    pub(crate) fn frame(&self, header: Header, body: &[u8]) -> Vec<u8> {
        seal_frame(header, body, &self.key, &OsEntropy).unwrap()
    }

    /// A beacon under its own signature.
    pub(crate) fn beacon(&self, nonce: Nonce, body: &[u8]) -> Vec<u8> {
        self.frame(self.header(Kind::Beacon, nonce), body)
    }

    /// An attestation under its own signature.
    pub(crate) fn attest(&self, event: &CriticalEvent) -> Vec<u8> {
        // Each is newer than all before it.
        static SAID: AtomicU32 = AtomicU32::new(1);
        let nonce = Nonce { boot: 1_000, sequence: SAID.fetch_add(1, Ordering::Relaxed) };
        let about = (self.view.digest(), nonce);
        seal_attestation(event, about, &self.head(), &self.key, &OsEntropy).unwrap()
    }

    pub(crate) fn head(&self) -> StatementHead {
        StatementHead::new(self.view.mesh(), self.id, self.epoch, self.key.public_key())
    }

    /// A frame with a true header of `victim` and a signature that this liar made for `purpose`:
    /// everything about it is right but who signed.
    pub(crate) fn forge(&self, mut header: Header, body: &[u8], purpose: Purpose) -> Vec<u8> {
        header.body_len = u32::try_from(body.len()).unwrap();
        header.body = Header::digest_body(body);
        let signed = header.to_bytes().unwrap();
        let signature = self.key.sign(purpose, &signed, &OsEntropy).unwrap();
        [&signed, signature.as_bytes(), body].concat()
    }
}

/// A header with a signature that was made for something else. Costs its author nothing, and its
/// receiver a full check.
pub(crate) fn with_signature(mut header: Header, signature: &[u8], body: &[u8]) -> Vec<u8> {
    header.body_len = u32::try_from(body.len()).unwrap();
    header.body = Header::digest_body(body);
    [&header.to_bytes().unwrap(), signature, body].concat()
}

/// What an attestation says: digest of the view, nonce, event.
pub(crate) fn said(content: &[u8]) -> (&[u8], &[u8], &[u8]) {
    (&content[..32], &content[32..40], &content[40..])
}

/// A certificate written by hand from attestations as they go on the wire, each under the place in
/// the view that it is to stand for. What is agreed is what the first of them says.
pub(crate) fn certificate(view: &View, votes: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let read = |bytes| match Packet::parse(bytes).unwrap() {
        Packet::Statement(statement) => statement,
        other => panic!("no statement: {other:?}"),
    };
    let (view_digest, _, event) = said(read(&votes[0].1).content());
    let mut payload = [view_digest, event].concat();
    payload.extend((votes.len() as u64).to_le_bytes());
    for (place, vote) in votes {
        let vote = read(vote);
        let StatementHead { suite, epoch, key, .. } = vote.head();
        payload.extend(place.to_le_bytes());
        payload.extend(said(vote.content()).1);
        payload.push(suite.code());
        payload.extend(epoch.recovery.to_le_bytes());
        payload.extend(epoch.operational.to_le_bytes());
        payload.extend(key.as_bytes());
        payload.extend((vote.signature().len() as u64).to_le_bytes());
        payload.extend(vote.signature());
    }
    Container::to_bytes(Tag::Certificate, view.mesh(), &payload)
}
