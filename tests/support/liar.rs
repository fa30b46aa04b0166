//! Whoever signs what no honest node would: a member that lies, a thief, an outsider.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use meshward::keyring::{ActiveKey, RotationClaim, seal_rotation};
use meshward::membership::{KeyRecord, NextKeys, View};
use meshward::quorum::{Ballot, Phase, seal_attestation, seal_ballot};
use meshward::suite::{Entropy, Purpose, SigningKey};
use meshward::wire::{
    Container, Header, Kind, Packet, StatementHead, Tag, seal_frame, seal_statement,
};
use meshward::{CriticalEvent, Digest, Epoch, NodeId, Nonce, OsEntropy, SentAt, Suite};

use super::id;

/// A key, and the name it is used under.
pub(crate) struct Liar {
    pub(crate) id: NodeId,
    pub(crate) epoch: Epoch,
    pub(crate) key: SigningKey,
    /// What the key commits to.
    pub(crate) next: Vec<SigningKey>,
    /// The recovery key that its member commits to, by its digest.
    pub(crate) recovery: Digest,
    pub(crate) view: Arc<View>,
    pub(crate) chance: Chance,
}

/// Where a liar has its random bytes and its numbers from.
#[derive(Clone)]
pub(crate) struct Chance {
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The number of its last statement.
    pub(crate) said: Arc<AtomicU32>,
}

impl Default for Chance {
    /// The system's, and numbers that all liars of a process share, so that who takes the same key twice
    /// goes on counting.
    fn default() -> Self {
        static SAID: LazyLock<Arc<AtomicU32>> = LazyLock::new(Arc::default);
        Self { entropy: Arc::new(OsEntropy), said: Arc::clone(&SAID) }
    }
}

/// A key of each suite, as a node makes them to follow its own.
pub(crate) fn candidates() -> Vec<SigningKey> {
    Suite::available().map(|suite| SigningKey::generate(suite, &OsEntropy).unwrap()).collect()
}

pub(crate) fn names(keys: &[SigningKey]) -> NextKeys {
    NextKeys::of(keys.iter().map(SigningKey::public_key))
}

pub(crate) fn copy(key: &SigningKey) -> SigningKey {
    SigningKey::from_secret_bytes(key.suite(), &key.to_secret_bytes()).unwrap()
}

impl Liar {
    /// Somebody with a key of its own who claims to be `id`.
    pub(crate) fn impostor(suite: Suite, id: NodeId, view: &Arc<View>) -> Self {
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        let (next, recovery, epoch) = (candidates(), NextKeys::NONE, Epoch::FIRST);
        let (view, chance) = (Arc::clone(view), Chance::default());
        Self { id, epoch, key, next, recovery, view, chance }
    }

    /// The same liar once more.
    pub(crate) fn clone(&self) -> Self {
        let next = self.next.iter().map(copy).collect();
        let (id, epoch, recovery) = (self.id, self.epoch, self.recovery);
        let (view, chance) = (Arc::clone(&self.view), self.chance.clone());
        Self { id, epoch, key: copy(&self.key), next, recovery, view, chance }
    }

    /// Who it is after a rotation to the key of `suite` that its own commits to.
    pub(crate) fn after(&self, suite: Suite) -> Self {
        let to = self.next.iter().find(|key| key.suite() == suite).unwrap();
        let epoch = self.epoch.next_operational().unwrap();
        Self { epoch, key: copy(to), next: candidates(), ..self.clone() }
    }

    /// What a rotation from its key to that of `to` says.
    pub(crate) fn claim(&self, to: &Self, closing: Nonce) -> RotationClaim {
        let (next, recovery) = (names(&to.next).commitment(), to.recovery);
        let key = to.key.public_key().clone();
        let record = KeyRecord { epoch: to.epoch, key, next, recovery };
        RotationClaim { to: record, closing, opens: names(&self.next), compromised: false }
    }

    /// A rotation under its own signature, whatever it says.
    pub(crate) fn rotation(&self, to: &Self, claim: RotationClaim) -> Vec<u8> {
        let from = ActiveKey { epoch: self.epoch, key: copy(&self.key) };
        let name = (self.view.mesh(), self.id);
        seal_rotation(name, &from, &to.key, claim, self.entropy()).unwrap()
    }

    /// Rotates its key as an honest node would, with that nonce as the last: the statement, and who it is
    /// then.
    pub(crate) fn rotate(&self, suite: Suite, closing: Nonce) -> (Vec<u8>, Self) {
        let to = self.after(suite);
        (self.rotation(&to, self.claim(&to, closing)), to)
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
        seal_frame(header, body, &self.key, self.entropy()).unwrap()
    }

    /// A beacon under its own signature.
    pub(crate) fn beacon(&self, nonce: Nonce, body: &[u8]) -> Vec<u8> {
        self.frame(self.header(Kind::Beacon, nonce), body)
    }

    /// An attestation under its own signature; in an exclusive slot a precommit in the first round.
    pub(crate) fn attest(&self, event: &CriticalEvent) -> Vec<u8> {
        match Ballot::for_event(event, 0, Phase::Precommit) {
            Some(ballot) => self.vote(&ballot),
            None => self.attest_as(self.id, event),
        }
    }

    /// An attestation that says it is by `attestor`, under this liar's signature.
    pub(crate) fn attest_as(&self, attestor: NodeId, event: &CriticalEvent) -> Vec<u8> {
        let key = self.view.index_of(&attestor).and_then(|member| self.view.member(member));
        let key = key.filter(|_| attestor != self.id).map(|member| &member.key.key);
        let key = key.unwrap_or_else(|| self.key.public_key());
        let head = StatementHead::new(self.view.mesh(), attestor, self.epoch, key);
        seal_attestation(event, self.newest(), &head, &self.key, self.entropy()).unwrap()
    }

    /// A ballot under its own signature.
    pub(crate) fn vote(&self, ballot: &Ballot) -> Vec<u8> {
        seal_ballot(ballot, self.newest(), &self.head(), &self.key, self.entropy()).unwrap()
    }

    /// A bare statement under its own signature.
    pub(crate) fn say(&self, tag: Tag, content: &[u8]) -> Vec<u8> {
        seal_statement(tag, &self.head(), content, &self.key, self.entropy()).unwrap()
    }

    /// What it answers to the riddle of the node at `to`, when it has numbered its frames up to `newest` in
    /// its first boot.
    pub(crate) fn answer(&self, (to, riddle): (usize, [u8; 16]), newest: u32) -> Vec<u8> {
        let numbers = [1, u32::MAX].map(u32::to_le_bytes).concat();
        let place = self.view.index_of(&id(to)).unwrap().0.to_le_bytes();
        let (sent_at, one) = (0_u64.to_le_bytes(), 1_u64.to_le_bytes());
        let (newest, view) = (newest.to_le_bytes(), self.view.digest());
        let view = view.as_bytes().as_slice();
        self.say(Tag::Answer, &[view, &numbers, &sent_at, &newest, &one, &place, &riddle].concat())
    }

    fn entropy(&self) -> &dyn Entropy {
        self.chance.entropy.as_ref()
    }

    /// In its view, and newer than all that it said before.
    fn newest(&self) -> (Digest, Nonce) {
        let sequence = 1 + self.chance.said.fetch_add(1, Ordering::Relaxed);
        (self.view.digest(), Nonce { boot: 1_000, sequence })
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
        let signature = self.key.sign(purpose, &signed, self.entropy()).unwrap();
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

/// The riddle of a challenge.
pub(crate) fn riddle(bytes: &[u8]) -> Option<[u8; 16]> {
    match Packet::parse(bytes) {
        Ok(Packet::Statement(statement)) if statement.tag() == Tag::Challenge => {
            statement.content()[40..56].try_into().ok()
        }
        _ => None,
    }
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
    let first = read(&votes[0].1);
    let (view_digest, _, what) = said(first.content());
    let mut payload = view_digest.to_vec();
    match first.tag() {
        Tag::Ballot => {
            // Slot, round, phase, choice: the event is the slot and the content.
            let (what, content) = what.split_at(what.len() - 32);
            let (what, _choice) = what.split_at(what.len() - 1);
            let (slot, at) = what.split_at(what.len() - 8);
            payload.extend([slot, content, &[1], &at[..4]].concat());
        }
        _ => payload.extend([what, &[0]].concat()),
    }
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

/// A step to `view`, written by hand around a certificate.
pub(crate) fn step(view: &View, certificate: &[u8]) -> Vec<u8> {
    step_with(view, certificate, &[])
}

/// The same with rotations, or what is in the place of some.
pub(crate) fn step_with(view: &View, certificate: &[u8], rotations: &[&[u8]]) -> Vec<u8> {
    let mut payload = (rotations.len() as u64).to_le_bytes().to_vec();
    for part in rotations.iter().copied().chain([certificate, &view.to_bytes().unwrap()]) {
        payload.extend((part.len() as u64).to_le_bytes());
        payload.extend(part);
    }
    Container::to_bytes(Tag::View, view.mesh(), &payload)
}
