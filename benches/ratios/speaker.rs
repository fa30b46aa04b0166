//! Who signs what a node receives.

use meshward::quorum::{Ballot, seal_attestation, seal_ballot};
use meshward::suite::{Purpose, SigningKey, VerifyingKey};
use meshward::wire::{HEADER_LEN, Header, Packet, StatementHead, Tag, seal_statement};
use meshward::{CriticalEvent, Epoch, Kind, Millis, NodeId, Nonce, OsEntropy, SentAt, View};

use crate::Outcome;
use crate::raw::RawKey;

/// Bytes in the body of a beacon: routes, or the digest of them.
pub(crate) const BODY_LEN: usize = 64;
/// How long a frame is that is to be refused, in bytes.
const REFUSED_LEN: usize = 3_686;
/// Time between two frames of one member, as fast as it may send, in milliseconds.
const INTERVAL_MS: u64 = 100;

/// A member and its key.
#[derive(Debug, Clone)]
pub(crate) struct Speaker<'k> {
    pub(crate) key: &'k SigningKey,
    head: StatementHead,
    view: (meshward::Digest, meshward::ViewNumber),
}

/// When the frame of that number is said, and arrives.
pub(crate) const fn at(number: u32) -> Millis {
    Millis(number as u64 * INTERVAL_MS)
}

impl<'k> Speaker<'k> {
    pub(crate) fn new(id: NodeId, key: &'k SigningKey, view: &View) -> Self {
        let head = StatementHead::new(view.mesh(), id, Epoch::FIRST, key.public_key());
        Self { key, head, view: (view.digest(), view.number()) }
    }

    pub(crate) const fn id(&self) -> NodeId {
        self.head.origin
    }

    /// The header of its frame of that number.
    pub(crate) fn header(&self, kind: Kind, number: u32) -> Header {
        Header {
            mesh: self.head.mesh,
            suite: self.head.suite,
            view: self.view.1,
            origin: self.head.origin,
            epoch: self.head.epoch,
            key: self.head.key,
            nonce: nonce(number),
            sent_at: SentAt(at(number).0),
            kind,
            body_len: 0,
            body: Header::digest_body(&[]),
        }
    }

    /// A frame under its signature, 3.6 KiB long, whatever the header says.
    pub(crate) fn seal(&self, header: Header) -> Outcome<Vec<u8>> {
        let rest = HEADER_LEN + self.key.suite().signature_len();
        self.seal_with(header, &vec![7; REFUSED_LEN.saturating_sub(rest)])
    }

    fn seal_with(&self, mut header: Header, body: &[u8]) -> Outcome<Vec<u8>> {
        header.body_len = u32::try_from(body.len())?;
        header.body = Header::digest_body(body);
        let signed = header.to_bytes()?;
        let signature = self.key.sign(Purpose::Frame, &signed, &OsEntropy)?;
        Ok([&signed, signature.as_bytes(), body].concat())
    }

    /// Its beacon of that number.
    pub(crate) fn beacon(&self, number: u32) -> Outcome<Vec<u8>> {
        self.seal_with(self.header(Kind::Beacon, number), &[7; BODY_LEN])
    }

    /// The same, 3.6 KiB long.
    pub(crate) fn long_beacon(&self, number: u32) -> Outcome<Vec<u8>> {
        self.seal(self.header(Kind::Beacon, number))
    }

    /// Its statement of that number: that it observed `event`.
    pub(crate) fn attest(&self, event: &CriticalEvent, number: u32) -> Outcome<Vec<u8>> {
        let about = (self.view.0, nonce(number));
        Ok(seal_attestation(event, about, &self.head, self.key, &OsEntropy)?)
    }

    /// Its statement of that number: a vote.
    pub(crate) fn vote(&self, ballot: &Ballot, number: u32) -> Outcome<Vec<u8>> {
        let about = (self.view.0, nonce(number));
        Ok(seal_ballot(ballot, about, &self.head, self.key, &OsEntropy)?)
    }

    /// Its answer to a challenge of the member at place 0: it has numbered its frames up to `newest`.
    pub(crate) fn answer(&self, challenge: &[u8], newest: u32) -> Outcome<Vec<u8>> {
        let Packet::Statement(challenge) = Packet::parse(challenge)? else {
            return Err("no challenge".into());
        };
        // Behind the digest of the view and the number.
        let riddle = challenge.content().get(40..56).ok_or("no riddle")?;
        let fields = [
            self.view.0.as_bytes().as_slice(),
            &[1_u32, 1_000_000].map(u32::to_le_bytes).concat(),
            &at(newest).0.to_le_bytes(),
            &newest.to_le_bytes(),
            // One echo.
            &1_u64.to_le_bytes(),
            &0_u32.to_le_bytes(),
            riddle,
        ];
        Ok(seal_statement(Tag::Answer, &self.head, &fields.concat(), self.key, &OsEntropy)?)
    }

    /// Its public key, ready for the bare checks of the crate beneath.
    pub(crate) fn raw_key(&self) -> Outcome<RawKey> {
        RawKey::new(self.key)
    }

    /// Its public key, ready for the library's own checks.
    pub(crate) fn prepared(&self) -> Outcome<VerifyingKey> {
        Ok(self.key.public_key().prepare()?)
    }
}

const fn nonce(number: u32) -> Nonce {
    Nonce { boot: 1, sequence: number }
}

/// What in a frame or statement is signed, for what, and the signature.
pub(crate) fn signed(bytes: &[u8]) -> Outcome<(Purpose, &[u8], &[u8])> {
    match Packet::parse(bytes)? {
        Packet::Frame(frame) => {
            let header = frame.signed_header();
            Ok((Purpose::Frame, header.signed(), header.signature()))
        }
        Packet::Statement(statement) => {
            let purpose = statement.tag().purpose().ok_or("it has no purpose")?;
            Ok((purpose, statement.signed(), statement.signature()))
        }
        _ => Err("it is not signed as a whole".into()),
    }
}
