//! `SignedGossip`: what this node says is signed, what it hears is checked.

use std::sync::Arc;

use parking_lot::Mutex;

use super::admission::{Screened, Verified};
use super::cookies::Cookies;
use super::links::Links;
use super::opening::Opening;
use super::peer::Peer;
use super::retained::Retained;
use super::succession::peer;
use super::walk::Taking;
use super::{GossipConfig, Ledgers, Message};
use crate::id::{Digest, Epoch, Link, Millis, NodeId};
use crate::keyring::{Error, Keyring, Misuse, PreparedRotation};
use crate::membership::{Directory, MemberIndex};
use crate::suite::{Entropy, Suite, SuiteError};
use crate::wire::{Frame, Header, Kind, MAX_BODY_LEN, Refusal, SignedHeader, seal_frame};

/// Signs this node's messages and admits those of others, each at most once.
///
/// It reads no clock and does no I/O: the caller passes `now` and bytes in. It never punishes: what
/// a refusal costs whom is decided by [`Core`](crate::Core).
///
/// Replay windows live in memory. But for the [first start](Keyring::is_first_start) of a new identity
/// a receiver refuses the frames of each member as [`Refusal::Unproven`] until the member has answered a
/// challenge of it and said up to where it had numbered its messages: only what lies above is taken, so
/// no message is delivered twice across restarts of the receiver, whatever became of its disk. It is
/// [`Core`](crate::Core) that asks. An exception is a member that is faulty itself, by its word or
/// by a disk that was rolled back.
///
/// It hears the members of one view. When another follows, another is made, which shares
/// what is remembered of the frames of who stays.
#[derive(Debug)]
pub struct SignedGossip {
    pub(super) directory: Arc<Directory>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) ledgers: Arc<Ledgers>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) config: GossipConfig,
    pub(super) links: Links,
    pub(super) cookies: Arc<Cookies>,
    pub(super) peers: Vec<Arc<Mutex<Peer>>>,
    pub(super) retained: Retained,
    /// Keys the fingerprints by which a duplicate is told from an equivocation, so that nobody
    /// outside can aim for a collision.
    pub(super) fingerprint_key: [u8; 32],
}

/// A frame that was taken.
#[derive(Debug)]
pub struct Admitted<'a> {
    /// The member that signed it.
    pub member: MemberIndex,
    /// Its header and signature, as evidence that the member spoke.
    pub signed_header: SignedHeader<'a>,
    /// The message; `None` for a beacon of a member in quarantine, which is a sign of life and no
    /// more.
    pub message: Option<Message>,
}

/// A frame that was not taken.
#[derive(Debug)]
pub struct FrameRefused {
    /// Why.
    pub refusal: Refusal,
    /// The origin it names, as far as it could be read: proven by nothing but, for refusals that
    /// come after the signature check, its own valid signature.
    pub origin: Option<NodeId>,
    /// Two signed headers under one nonce, when that is what was found.
    pub contradiction: Option<[Box<[u8]>; 2]>,
}

impl FrameRefused {
    pub(super) fn of(refusal: Refusal, frame: &Frame<'_>) -> Self {
        Self { refusal, origin: Some(frame.header().origin), contradiction: None }
    }
}

impl SignedGossip {
    /// Puts gossip together from its parts.
    ///
    /// # Errors
    /// [`Misuse::Config`] for a value out of its range, or a fault of the entropy source.
    pub fn new(
        directory: Arc<Directory>,
        keyring: Arc<Keyring>,
        ledgers: Arc<Ledgers>,
        entropy: Arc<dyn Entropy>,
        config: GossipConfig,
    ) -> Result<Self, Error> {
        config.validate()?;
        let [mut fingerprint_key, mut cookie_secret] = [[0; 32]; 2];
        for secret in [&mut fingerprint_key, &mut cookie_secret] {
            entropy.fill(secret).map_err(SuiteError::from)?;
        }
        let opening = Opening::at_start(keyring.is_first_start());
        Ok(Self {
            peers: directory.view().indices().map(|_| peer(&config, opening)).collect(),
            links: Links::new(&config, directory.view()),
            retained: Retained::new(config.retained_bytes, directory.view().len()),
            cookies: Arc::new(Cookies::new(cookie_secret)),
            fingerprint_key,
            directory,
            keyring,
            ledgers,
            entropy,
            config,
        })
    }

    /// Signs a message of this node, as it goes on the wire.
    ///
    /// # Errors
    /// [`Misuse::BodyTooLong`] above [`MAX_BODY_LEN`] bytes, [`Misuse::RateExceeded`] beyond the
    /// rate that the others take, or a fault of the scheme.
    pub fn sign_message(&self, kind: Kind, body: &[u8], now: Millis) -> Result<Vec<u8>, Error> {
        if body.len() > MAX_BODY_LEN {
            // Before a nonce and a place in the rate are spent on it.
            return Err(Misuse::BodyTooLong { found: body.len(), limit: MAX_BODY_LEN }.into());
        }
        let ticket = self.keyring.draw(now)?;
        let key = &ticket.key.key;
        let header = Header {
            mesh: self.keyring.mesh(),
            suite: key.suite(),
            view: self.directory.view().number(),
            origin: self.keyring.node(),
            epoch: ticket.key.epoch,
            key: key.public_key().digest(),
            nonce: ticket.nonce,
            sent_at: ticket.sent_at,
            kind,
            body_len: 0,
            body: Header::digest_body(&[]),
        };
        let sealed = seal_frame(header, body, key, self.entropy.as_ref())?;
        if let Ok(frame) = Frame::parse(&sealed) {
            self.keyring.has_signed(ticket.nonce, frame.signed_header().signed());
        }
        Ok(sealed)
    }

    /// Prepares the rotation of this node's key: see [`Keyring::prepare_rotation`].
    ///
    /// # Errors
    /// As there.
    pub fn rotate_keys(&self, suite: Suite, compromised: bool) -> Result<PreparedRotation, Error> {
        self.keyring.prepare_rotation(suite, compromised, self.entropy.as_ref())
    }

    /// Admits a frame in one go: screen, verify, commit.
    ///
    /// # Errors
    /// [`FrameRefused`] says why, and what stands against whom.
    pub fn verify_message<'a>(
        &self,
        link: Link,
        bytes: &'a [u8],
        now: Millis,
    ) -> Result<Admitted<'a>, FrameRefused> {
        self.commit(self.screen(link, bytes, now)?.verify()?, now)
    }

    /// Everything that can be told about a frame without checking its signature, cheapest first.
    ///
    /// # Errors
    /// [`FrameRefused`] says why. Nothing has been remembered then, but for the budget of the link.
    pub fn screen<'a>(
        &self,
        link: Link,
        bytes: &'a [u8],
        now: Millis,
    ) -> Result<Screened<'a>, FrameRefused> {
        let frame = match Frame::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                let refusal = self.unreadable(&mut Taking, link, error, now);
                return Err(FrameRefused { refusal, origin: None, contradiction: None });
            }
        };
        match self.screen_parsed(&mut Taking, link, &frame, now) {
            Ok((record, tag)) => {
                let directory = Arc::clone(&self.directory);
                Ok(Screened { frame, link, record, directory, tag })
            }
            Err(refusal) => Err(FrameRefused::of(refusal, &frame)),
        }
    }

    /// Takes a verified frame, if it is still new: what may have changed since it was screened is
    /// looked at again, and its nonce is marked in the same step.
    ///
    /// # Errors
    /// [`FrameRefused`] says why, and what stands against whom.
    pub fn commit<'a>(
        &self,
        verified: Verified<'a>,
        now: Millis,
    ) -> Result<Admitted<'a>, FrameRefused> {
        let Verified(Screened { frame, link, tag, .. }) = verified;
        // It may have been screened in the view before, where its origin stood at another place.
        let member = match self.speaker(&mut Taking, frame.header()) {
            Ok(member) => member,
            Err(refusal) => return Err(FrameRefused::of(refusal, &frame)),
        };
        match self.mark(&frame, member, tag, now) {
            Ok(message) => {
                self.links.was_of_use(link, member, now);
                Ok(Admitted { member, signed_header: frame.signed_header().clone(), message })
            }
            Err(Refusal::Equivocation) => Err(self.contradiction(&frame, member)),
            Err(refusal) => Err(FrameRefused::of(refusal, &frame)),
        }
    }

    fn mark(
        &self,
        frame: &Frame<'_>,
        member: MemberIndex,
        tag: u32,
        now: Millis,
    ) -> Result<Option<Message>, Refusal> {
        let header = frame.header();
        let quarantined = self.is_muted(frame, member, now);
        // The member's lock comes first: a rotation between the look at its keys and the mark in
        // its window could otherwise drop a window that is still needed.
        let mut peer = self.peer(member)?.lock();
        self.mark_in(&mut Taking, &mut peer, (frame, member, quarantined), tag, now)?;
        // Under the member's lock: whoever finds this nonce used finds the first half of a proof.
        let place = (header.key, header.nonce);
        self.retained.keep(member, place, frame.signed_header().as_bytes());
        drop(peer);
        Ok((!quarantined).then(|| Message {
            origin: header.origin,
            kind: header.kind,
            mark: header.mark(),
            sent_at: header.sent_at,
            body: frame.body().to_vec(),
        }))
    }

    /// The two halves of a contradiction, when the first is still at hand and none was found
    /// before; otherwise it cannot be proven, and is a replay like any other.
    fn contradiction(&self, frame: &Frame<'_>, member: MemberIndex) -> FrameRefused {
        let header = frame.header();
        let first = self.retained.find(member, &(header.key, header.nonce));
        let Some(first) = first else { return FrameRefused::of(Refusal::Replay, frame) };
        let second = Box::from(frame.signed_header().as_bytes());
        match self.condemn(member, header.epoch, header.key) {
            true => FrameRefused {
                contradiction: Some([first, second]),
                ..FrameRefused::of(Refusal::Equivocation, frame)
            },
            false => FrameRefused::of(Refusal::Replay, frame),
        }
    }

    /// Notes that `member` contradicted itself under `key` of `epoch`; tells whether that is news.
    pub(crate) fn condemn(&self, member: MemberIndex, epoch: Epoch, key: Digest) -> bool {
        self.peer(member).is_ok_and(|peer| peer.lock().condemn(epoch, key))
    }

    /// Whether `member` is known to have contradicted itself under `key` of `epoch`.
    pub(crate) fn is_condemned(&self, member: MemberIndex, epoch: Epoch, key: &Digest) -> bool {
        self.peer(member).is_ok_and(|peer| peer.lock().is_condemned(epoch, key))
    }

    pub(super) fn peer(&self, member: MemberIndex) -> Result<&Mutex<Peer>, Refusal> {
        self.peers
            .get(member.place())
            .map(AsRef::as_ref)
            .ok_or(Refusal::Nonsense("it names a place that the view does not have"))
    }
}
