//! What is asked of a frame, in its order: once for frames as they come, once for who looks on.

use std::sync::Arc;

use super::fingerprint::fingerprint;
use super::peer::Peer;
use super::walk::{Looking, Walk};
use super::{SignedGossip, Stage};
use crate::id::{Link, Millis};
use crate::membership::{KeyRecord, MemberIndex};
use crate::replay::Look;
use crate::wire::{Frame, Header, Kind, Refusal};

impl SignedGossip {
    pub(super) fn screen_parsed<W: Walk>(
        &self,
        walk: &mut W,
        link: Link,
        frame: &Frame<'_>,
        now: Millis,
    ) -> Result<(Arc<KeyRecord>, u32), Refusal> {
        let header = frame.header();
        walk.enters(Stage::Form);
        walk.enters(Stage::Mesh);
        if header.mesh != self.keyring.mesh() {
            return Err(Refusal::OtherMesh(header.mesh));
        }
        let member = self.directory.view().index_of(&header.origin);
        self.admit_packet(walk, (link, member), now)?;
        walk.enters(Stage::Origin);
        if header.origin == self.keyring.node() {
            return Err(Refusal::Own);
        }
        let member = self.speaker(walk, header)?;
        walk.enters(Stage::Key);
        let record = self.key_in_force(walk, member, header, now)?;
        let tag = fingerprint(&self.fingerprint_key, frame.signed_header());
        self.look(walk, member, frame, tag, now)?;
        walk.enters(Stage::Body);
        if !frame.body_matches() {
            return Err(Refusal::BodyMismatch);
        }
        self.affords(walk, (link, Some(member)), 1, now)?;
        Ok((record, tag))
    }

    /// The key that a frame names, if it speaks for the member and for that nonce.
    fn key_in_force<W: Walk>(
        &self,
        walk: &W,
        member: MemberIndex,
        header: &Header,
        now: Millis,
    ) -> Result<Arc<KeyRecord>, Refusal> {
        let key = walk
            .directory(&self.directory)
            .key(member, (header.epoch, header.key, header.suite), now)
            .ok_or(Refusal::UnknownKey { origin: header.origin, epoch: header.epoch })?;
        match key.closing.is_some_and(|closing| header.nonce > closing) {
            true => Err(Refusal::ClosedEpoch),
            false => Ok(key.record),
        }
    }

    fn look<W: Walk>(
        &self,
        walk: &mut W,
        member: MemberIndex,
        frame: &Frame<'_>,
        tag: u32,
        now: Millis,
    ) -> Result<(), Refusal> {
        let quarantined = self.is_muted(frame, member, now);
        let peer = self.peer(member)?.lock();
        self.look_at(walk, (&peer, quarantined), frame.header(), tag, now).map(drop)
    }

    /// Whether only beacons of its origin are taken, as signs of life: it is in quarantine for what it did,
    /// or its keys are frozen, so that nobody can say whether it or a thief speaks.
    pub(super) fn is_muted(&self, frame: &Frame<'_>, member: MemberIndex, now: Millis) -> bool {
        self.ledgers.members.is_quarantined(&frame.header().origin, now)
            || self.directory.is_frozen(member)
    }

    /// What is known of a nonce that goes on: a fresh one, or a used one with another content.
    fn look_at<W: Walk>(
        &self,
        walk: &mut W,
        (peer, quarantined): (&Peer, bool),
        header: &Header,
        tag: u32,
        now: Millis,
    ) -> Result<Look, Refusal> {
        walk.enters(Stage::Opening);
        if !peer.opening.takes(header.epoch, &header.key) {
            return Err(Refusal::Unproven);
        }
        walk.enters(Stage::Seen);
        let look = match peer.opening.may_be_known(header.epoch, header.nonce) {
            true => Look::Stale,
            false => peer.look(&header.key, header.nonce),
        };
        if look == Look::Used(Some(tag)) {
            return Err(Refusal::Duplicate);
        }
        walk.enters(Stage::OriginQuarantine);
        let place = (&header.key, header.nonce);
        let shows_life = header.kind == Kind::Beacon
            && peer.may_show_life(place, now, self.config.quarantine_beacon_ms);
        if quarantined && !shows_life {
            return Err(Refusal::OriginQuarantined);
        }
        walk.enters(Stage::Window);
        match look {
            Look::Fresh => Ok(look),
            // An equivocation if it is signed. Proven once it is not looked at again.
            Look::Used(Some(_)) if !peer.is_condemned(header.epoch, &header.key) => Ok(look),
            Look::Used(_) | Look::Stale => Err(Refusal::Replay),
        }
    }

    /// Marks a verified frame in `peer`, which is its origin's, or a copy of that for who looks on.
    pub(super) fn mark_in<W: Walk>(
        &self,
        walk: &mut W,
        peer: &mut Peer,
        (frame, member, quarantined): (&Frame<'_>, MemberIndex, bool),
        tag: u32,
        now: Millis,
    ) -> Result<(), Refusal> {
        let header = frame.header();
        walk.enters(Stage::Contradiction);
        self.key_in_force(walk, member, header, now)?;
        if self.look_at(walk, (peer, quarantined), header, tag, now)? != Look::Fresh {
            return Err(Refusal::Equivocation);
        }
        walk.enters(Stage::ClockLead);
        if !peer.is_in_time(header.epoch, (header.nonce, header.sent_at), now) {
            return Err(Refusal::OriginRate);
        }
        let known = self.directory.known_keys(member);
        if peer.commit(header.key, header.nonce, tag, known) != Look::Fresh {
            return Err(Refusal::Replay);
        }
        walk.enters(Stage::SentRate);
        // The nonce is marked first: one frame over the rate counts once, however often replayed.
        if !peer.within_rate(header.nonce, header.sent_at) {
            return Err(Refusal::OverRate);
        }
        if quarantined {
            peer.showed_life(now);
        }
        Ok(())
    }

    /// What [`verify_message`](Self::verify_message) would say of a frame. Nothing is remembered: what the
    /// frame would change is changed in copies. Costs a signature check if it comes to that.
    pub(crate) fn look_on(
        &self,
        walk: &mut Looking,
        link: Link,
        bytes: &[u8],
        now: Millis,
    ) -> Result<(), Refusal> {
        let frame = Frame::parse(bytes);
        let frame = frame.map_err(|error| self.unreadable(walk, link, error, now))?;
        let (record, tag) = self.screen_parsed(walk, link, &frame, now)?;
        walk.enters(Stage::Signature);
        let (header, signed) = (frame.header(), frame.signed_header());
        let (message, signature) = (signed.signed(), signed.signature());
        walk.directory(&self.directory).verify_message(&record, message, signature)?;
        let member = self.speaker(walk, header)?;
        let quarantined = self.is_muted(&frame, member, now);
        let mut peer = self.peer(member)?.lock().clone();
        let marked = self.mark_in(walk, &mut peer, (&frame, member, quarantined), tag, now);
        match marked {
            // Nobody can prove it without the first half, or a second time.
            Err(Refusal::Equivocation)
                if self.retained.find(member, &(header.key, header.nonce)).is_none()
                    || self.is_condemned(member, header.epoch, &header.key) =>
            {
                Err(Refusal::Replay)
            }
            marked => marked,
        }
    }
}
